from enum import StrEnum

from shop.database import Base, CreatedAt, Key, PrimaryKey
from sqlalchemy import Enum, ForeignKey, Index
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship, selectinload


class Role(StrEnum):
    member = "member"
    owner = "owner"


class Team(Base):
    __tablename__ = "teams"

    id: Mapped[PrimaryKey]
    name: Mapped[str]

    memberships: Mapped[list["Membership"]] = relationship(
        back_populates="team", lazy="raise", cascade="all, delete-orphan", passive_deletes=True
    )


class Person(Base):
    __tablename__ = "people"

    id: Mapped[PrimaryKey]
    name: Mapped[str]


class Membership(Base):
    """A person's membership of a team, with its own data."""

    __tablename__ = "memberships"
    __table_args__ = (Index(None, "person_id"),)

    team_id: Mapped[Key] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True)
    person_id: Mapped[Key] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[Role] = mapped_column(Enum(Role, native_enum=False, length=20))
    joined_at: Mapped[CreatedAt]

    team: Mapped[Team] = relationship(back_populates="memberships", lazy="raise")
    person: Mapped[Person] = relationship(lazy="raise")


async def team_with_people(db: AsyncSession, team_id: Key) -> Team:
    path = selectinload(Team.memberships).options(joinedload(Membership.person, innerjoin=True))
    return await db.get_one(Team, team_id, options=[path])
