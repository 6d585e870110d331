"""Edits that change tables: each brings its migration, as `make migration` would write it."""

import re
from pathlib import Path

MIGRATION = '''"""{slug}, mine

Revision: {revision}
Revises: {down_revision}
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "{revision}"
down_revision: str | None = {down_literal}
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    {upgrade}


def downgrade() -> None:
    {downgrade}
'''

MODEL = '''"""Orders, mine."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from ..database import Base, PrimaryKey


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[PrimaryKey]
    note: Mapped[str] = mapped_column(String(50))  # mine
'''

TEST = '''"""Orders, mine."""

from sqlalchemy.ext.asyncio import AsyncSession

from {package}.orders.models import Order


async def test_an_order_is_kept(db: AsyncSession) -> None:
    db.add(Order(note="mine"))
    await db.flush()
'''


ROUTER = '''"""Orders, mine."""

from typing import Annotated

from fastapi import APIRouter

from ..database import Key, Repository
from ..database.dependencies import reads, writes
from .models import Order

router = APIRouter()


class OrderRepository(Repository[Order]):
    model = Order


Orders = Annotated[OrderRepository, writes(OrderRepository)]
ReadOrders = Annotated[OrderRepository, reads(OrderRepository)]


@router.post("/orders", status_code=201)
async def create_order(orders: Orders) -> Key:
    return (await orders.add(Order(note="mine"))).id


@router.get("/orders/{order_id}")
async def read_order(order_id: Key, orders: ReadOrders) -> str:
    return (await orders.get(order_id)).note
'''

TEST_ROUTER = '''"""The routes of orders, mine."""

from httpx import AsyncClient


async def test_an_order_is_created(client: AsyncClient) -> None:
    key = (await client.post("/orders")).json()
    assert (await client.get(f"/orders/{key}")).json() == "mine"
'''


def write_migration(folder: Path, slug: str, upgrade: str, downgrade: str) -> None:
    versions = folder / "database" / "migrations" / "versions"
    found = [re.search(r'^revision: str = "(\w+)"', file.read_text(), re.MULTILINE) for file in versions.glob("*.py")]
    last = max((match[1] for match in found if match), default="")
    revision = f"{int(last or 0) + 1:04}"
    (versions / f"2026_02_02_{revision}_{slug}.py").write_text(
        MIGRATION.format(
            slug=slug,
            revision=revision,
            down_revision=last,
            down_literal=f'"{last}"' if last else None,
            upgrade=upgrade,
            downgrade=downgrade,
        )
    )


def add_domain(project: Path) -> None:
    """A second domain with a migration and tests. Since 2.0 it has a router, and `main.py` makes it known."""
    (main,) = project.glob("src/*/main.py")
    folder = main.parent
    for new in (folder / "orders", project / "tests" / "orders"):
        new.mkdir()
        (new / "__init__.py").touch()
    (folder / "orders" / "models.py").write_text(MODEL)
    (project / "tests" / "orders" / "test_orders.py").write_text(TEST.format(package=folder.name))
    text, models = main.read_text(), (folder / "models.py").read_text()
    if (imports := "# Your imports:\n# isort: split\n") in text:
        (folder / "orders" / "router.py").write_text(ROUTER)
        (project / "tests" / "orders" / "test_router.py").write_text(TEST_ROUTER)
        routers = "    # Your routers:\n"
        text = text.replace(imports, f"{imports}from .orders import router as orders  # mine\n")
        main.write_text(text.replace(routers, f"{routers}    app.include_router(orders.router)  # mine\n"))
    else:
        models = models.replace("__all__ = [\n", "from .orders import models as orders  # mine\n\n__all__ = [\n")
        models = models.replace("    # Yours:\n", '    # Yours:\n    "orders",  # mine\n')
        # As the linter wants it: no empty line between two imports.
        models = models.replace("as books\n\nfrom .orders", "as books\nfrom .orders")
        (folder / "models.py").write_text(models)
    columns = 'sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)'
    columns += ', sa.Column("note", sa.String(length=50), nullable=False)'
    create = f'op.create_table("orders", {columns}, sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")))  # mine'
    write_migration(folder, "orders", create, 'op.drop_table("orders")')


def change_example(project: Path) -> None:
    """A column more in the example's table. Where the example is gone, there is nothing to change."""
    (main,) = project.glob("src/*/main.py")
    folder = main.parent
    models = folder / "books" / "models.py"
    if not models.exists():
        return
    text = models.read_text()
    models.write_text(text.replace("    pages: ", "    subtitle: Mapped[str | None]  # mine\n    pages: "))
    column = 'op.add_column("books", sa.Column("subtitle", sa.String(), nullable=True))  # mine'
    write_migration(folder, "subtitle", column, 'op.drop_column("books", "subtitle")')
