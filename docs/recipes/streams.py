from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from shop.database import Base, Database, PrimaryKey
from shop.database.dependencies import CurrentDatabase
from sqlalchemy import select
from sqlalchemy.orm import Mapped

router = APIRouter()


class Measurement(Base):
    __tablename__ = "measurements"

    id: Mapped[PrimaryKey]
    value: Mapped[float]


async def csv_lines(database: Database) -> AsyncIterator[str]:
    # A server-side cursor needs a transaction, and the whole stream reads one snapshot.
    async with database.read_scope(isolation_level="REPEATABLE READ") as db:
        statement = select(Measurement.id, Measurement.value).order_by(Measurement.id)
        rows = await db.stream(statement, execution_options={"yield_per": 1000})
        async for batch in rows.partitions():
            yield "".join(f"{id_},{value}\n" for id_, value in batch)


@router.get("/measurements.csv")
async def export_measurements(database: CurrentDatabase) -> StreamingResponse:
    return StreamingResponse(csv_lines(database), media_type="text/csv")
