from typing import Annotated

from fastapi import APIRouter, Header, HTTPException
from shop.database import Base, Key, PrimaryKey, Repository
from shop.database.dependencies import DbSession
from sqlalchemy.orm import Mapped, mapped_column

router = APIRouter()


class Article(Base):
    __tablename__ = "articles"

    id: Mapped[PrimaryKey]
    text: Mapped[str]
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version, "eager_defaults": True}  # noqa: RUF012


class ArticleRepository(Repository[Article]):
    model = Article


@router.put("/articles/{article_id}")
async def update_article(article_id: Key, text: str, if_match: Annotated[int, Header()], db: DbSession) -> int:
    """`If-Match` is the version that the client has read. The second writer gets a 412, or a 409."""
    articles = ArticleRepository(db)
    article = await articles.get(article_id)
    if article.version != if_match:
        raise HTTPException(412, "The article was changed since you read it.")
    return (await articles.update(article, {"text": text})).version
