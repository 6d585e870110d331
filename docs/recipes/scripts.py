import asyncio

from shop.database import Base, CreatedAt, DatabaseSettings, PrimaryKey, open_db
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
    settings = settings.model_copy(update={"application_name": "cleanup", "pool_size": 1})
    async with open_db(settings) as database, database.session_scope() as db:
        return await delete_old_tokens(db)


if __name__ == "__main__":
    print(asyncio.run(main(DatabaseSettings())), "tokens deleted")
