from typing import Annotated

from fastapi import APIRouter, FastAPI, Request, Response
from shop.database import Base, Key, PrimaryKey, Repository
from shop.database.dependencies import writes
from shop.database.errors import ErrorResponse
from shop.database.problems import problem
from sqlalchemy import select
from sqlalchemy.orm import Mapped

router = APIRouter()


class DomainError(Exception):
    """A rule of the service refuses the request. The text is for the client."""

    status = 409


class SeatTakenError(DomainError):
    pass


class Seat(Base):
    __tablename__ = "seats"

    id: Mapped[PrimaryKey]
    guest: Mapped[str | None]


class SeatRepository(Repository[Seat]):
    model = Seat

    async def reserve(self, seat_id: Key, guest: str) -> Seat:
        seat = await self.one(select(Seat).where(Seat.id == seat_id).with_for_update())
        if seat.guest is not None:
            raise SeatTakenError(f"Seat {seat_id} is taken.")
        return await self.update(seat, {"guest": guest})


Seats = Annotated[SeatRepository, writes(SeatRepository)]


@router.post("/seats/{seat_id}", status_code=204)
async def reserve_seat(seat_id: Key, guest: str, seats: Seats) -> None:
    await seats.reserve(seat_id, guest)


def add_domain_error_handler(app: FastAPI) -> None:
    """For `create_app`. One handler answers for all domains."""

    @app.exception_handler(DomainError)
    async def handle_domain_error(_: Request, error: DomainError) -> Response:
        return problem(ErrorResponse(error.status, str(error)))
