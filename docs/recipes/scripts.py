import asyncio

from shop.database import Base, CreatedAt, DatabaseSettings, PrimaryKey, close_db, init_db
from sqlalchemy import delete, func, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped


class LoginToken(Base):
    __tablename__ = "login_tokens"

    id: Mapped[PrimaryKey]
    created_at: Mapped[CreatedAt]


async def delete_old_tokens(db: AsyncSession) -> int:
    old = LoginToken.created_at < func.now() - text("interval '30 days'")
    return len((await db.scalars(delete(LoginToken).where(old).returning(LoginToken.id))).all())


async def main(settings: DatabaseSettings) -> int:
    database = await init_db(settings.model_copy(update={"application_name": "cleanup", "pool_size": 1}))
    try:
        async with database.session_scope() as db:
            return await delete_old_tokens(db)
    finally:
        await close_db(database)


if __name__ == "__main__":
    print(asyncio.run(main(DatabaseSettings())), "tokens deleted")
