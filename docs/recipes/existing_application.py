from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from shop.database import Base, Database, DatabaseSettings, Key, PrimaryKey, close_db, init_db
from shop.database.dependencies import CurrentDatabase, DbSession
from shop.database.handlers import add_database_error_handlers
from sqlalchemy import ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column


class Favourite(Base):
    """A new table beside those that exist; it may point at one that has no model here."""

    __tablename__ = "favourites"

    id: Mapped[PrimaryKey]
    author_id: Mapped[Key] = mapped_column(ForeignKey("authors.id", ondelete="CASCADE"))


def create_existing_app(settings: DatabaseSettings) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # ... what the application opens already, and then:
        app.state.database = await init_db(settings)
        yield
        await close_db(app.state.database)

    app = FastAPI(lifespan=lifespan)
    add_database_error_handlers(app)

    @app.post("/favourites", status_code=201)
    async def add_favourite(author_id: Key, db: DbSession) -> Key:
        favourite = Favourite(author_id=author_id)
        db.add(favourite)
        await db.flush()  # for its key
        return favourite.id

    @app.get("/names")
    async def names(database: CurrentDatabase) -> list[str]:
        """Old SQL moves as it is."""
        return await read_names(database)

    return app


async def read_names(database: Database) -> list[str]:
    async with database.read_scope() as db:
        return list(await db.scalars(text("SELECT name FROM authors ORDER BY name")))
