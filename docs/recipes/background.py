from fastapi import APIRouter, BackgroundTasks
from shop.database import Base, CreatedAt, Database, Key, PrimaryKey
from shop.database.dependencies import CurrentDatabase, DbSession
from sqlalchemy.orm import Mapped, mapped_column

router = APIRouter()


class Signup(Base):
    __tablename__ = "signups"

    id: Mapped[PrimaryKey]
    email: Mapped[str]
    welcomed: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[CreatedAt]


@router.post("/signups", status_code=202)
async def sign_up(email: str, db: DbSession, database: CurrentDatabase, tasks: BackgroundTasks) -> Key:
    signup = Signup(email=email)
    db.add(signup)
    await db.flush()  # for its key
    tasks.add_task(welcome, database, signup.id)
    return signup.id


async def welcome(database: Database, signup_id: Key) -> None:
    """Run after the response. The request has committed by then, so the row exists."""
    async with database.session_scope() as db:
        signup = await db.get_one(Signup, signup_id)
        signup.welcomed = True
