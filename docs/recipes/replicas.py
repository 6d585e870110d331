from fastapi import APIRouter
from shop.books.models import Author
from shop.database import Key
from shop.database.dependencies import DbSession, ReadSession
from sqlalchemy import func, select

router = APIRouter()


@router.get("/author-count")
async def count_authors(db: ReadSession) -> int:
    """Reads from DATABASE_READ_URL: rows that others committed a moment ago may be missing."""
    return await db.scalar(select(func.count()).select_from(Author)) or 0


@router.post("/authors/{author_id}/renames", status_code=201)
async def rename(author_id: Key, name: str, db: DbSession) -> str:
    """Code that writes also reads from the primary, because a replica may be out of date."""
    author = await db.get_one(Author, author_id)
    author.name = name
    return author.name
