from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from shop.database import Audited, AuditEntry, Base, Key, PrimaryKey, Repository
from shop.database.dependencies import DbSession
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped

router = APIRouter()


class Salary(Audited, Base):
    __tablename__ = "salaries"

    id: Mapped[PrimaryKey]
    amount: Mapped[int]


class SalaryRepository(Repository[Salary]):
    model = Salary


async def salaries(db: DbSession, x_user: Annotated[str, Header()]) -> SalaryRepository:
    db.info["actor"] = x_user  # in your service: who is logged in
    return SalaryRepository(db)


@router.put("/salaries/{salary_id}", status_code=204)
async def set_salary(salary_id: Key, amount: int, salaries: Annotated[SalaryRepository, Depends(salaries)]) -> None:
    await salaries.update(await salaries.get(salary_id), {"amount": amount})


async def history(db: AsyncSession, salary_id: Key) -> Sequence[AuditEntry]:
    mine = AuditEntry.table_name == Salary.__tablename__, AuditEntry.row_key == str(salary_id)
    return (await db.scalars(select(AuditEntry).where(*mine).order_by(AuditEntry.id))).all()
