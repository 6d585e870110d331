from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI
from shop.database import Base, Database, DatabaseSettings, Key, PrimaryKey, open_db
from shop.database.dependencies import CurrentDatabase, DbSession
from shop.database.handlers import add_database_error_handlers
from sqlalchemy import ForeignKey, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column


class Model(Base):
    """The application's own base class: abstract now, so that all its models share the layer's metadata."""

    __abstract__ = True


class Favourite(Model):
    __tablename__ = "favourites"

    id: Mapped[PrimaryKey]
    author_id: Mapped[Key] = mapped_column(ForeignKey("authors.id", ondelete="CASCADE"))


async def get_session(db: DbSession) -> AsyncSession:
    """The application's own dependency: every route that uses it gets the layer's session at once."""
    return db


def create_existing_app(settings: DatabaseSettings) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # ... what the application opens already, and then:
        async with open_db(settings) as app.state.database:
            yield

    app = FastAPI(lifespan=lifespan)
    add_database_error_handlers(app)

    @app.post("/favourites", status_code=201)
    async def add_favourite(author_id: Key, session: Annotated[AsyncSession, Depends(get_session)]) -> Key:
        favourite = Favourite(author_id=author_id)
        session.add(favourite)
        await session.flush()  # returns the key; the commit follows the route
        return favourite.id

    @app.get("/names")
    async def names(database: CurrentDatabase) -> list[str]:
        """Old SQL moves as it is."""
        return await read_names(database)

    return app


async def read_names(database: Database) -> list[str]:
    async with database.read_scope() as db:
        return list(await db.scalars(text("SELECT name FROM authors ORDER BY name")))
