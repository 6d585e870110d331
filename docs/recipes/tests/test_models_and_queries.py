from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

import pytest
from recipes import (
    aggregates,
    association,
    audit,
    bulk,
    enums,
    filters,
    indexes,
    jsonb,
    loading,
    many_to_many,
    pages,
    query_counts,
    search,
)
from recipes.association import Membership, Person, Role, Team
from recipes.audit import Salary
from recipes.bulk import Product
from recipes.enums import Parcel, ParcelState
from recipes.indexes import Ticket
from recipes.jsonb import Device
from recipes.many_to_many import Label, Post
from recipes.one_to_many import Invoice, InvoiceLine
from recipes.pages import Event
from recipes.search import Note
from recipes.soft_deletes import Contact, ContactRepository
from shop.books.models import Author, Book
from shop.database import Database
from sqlalchemy import delete, func, select, text
from sqlalchemy.exc import IntegrityError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession

from .conftest import Serve, Trace

pytestmark = pytest.mark.postgres

T = TypeVar("T")


def in_read_scope(database: Database, work: Callable[..., Awaitable[T]], *args: object) -> Callable[[], Awaitable[T]]:
    async def run() -> T:
        async with database.read_scope() as db:
            return await work(db, *args)

    return run


def in_session(database: Database, work: Callable[..., Awaitable[T]], *args: object) -> Callable[[], Awaitable[T]]:
    async def run() -> T:
        async with database.session_scope() as db:
            return await work(db, *args)

    return run


async def plan(db: AsyncSession, statement: str) -> str:
    """How PostgreSQL would run it on a table that is large."""
    await db.execute(text("SET LOCAL enable_seqscan = off"))
    return "\n".join(await db.scalars(text(f"EXPLAIN {statement}")))


async def add_books(database: Database) -> None:
    async with database.session_scope() as db:
        le_guin, lem, nobody = Author(name="Le Guin"), Author(name="Lem"), Author(name="Nobody")
        db.add_all([le_guin, lem, nobody])
        for number, (author, title, length, year) in enumerate(
            [
                (le_guin, "The Dispossessed", 341, 1974),
                (le_guin, "A Wizard of Earthsea", 205, 1968),
                (lem, "Solaris", 204, 1961),
                (lem, "100% Lem", 512, None),
            ]
        ):
            published = date(year, 1, 1) if year else None
            db.add(Book(title=title, isbn=f"{number:013}", pages=length, published_on=published, author=author))


async def test_loading(database: Database, trace: Trace) -> None:
    await add_books(database)
    authors = await trace("authors_with_books", in_read_scope(database, loading.authors_with_books))
    assert {author.name: len(author.books) for author in authors} == {"Le Guin": 2, "Lem": 2, "Nobody": 0}
    book = await trace("book_with_author", in_read_scope(database, loading.book_with_author, 1))
    assert book.author.name == "Le Guin"
    nested = await trace(
        "books_with_their_authors_books", in_read_scope(database, loading.books_with_their_authors_books)
    )
    assert sum(len(book.author.books) for book in nested) == 8
    long = await trace("authors_with_long_books", in_read_scope(database, loading.authors_with_long_books, 300))
    assert {author.name: [book.pages for book in author.books] for author in long} == {"Le Guin": [341], "Lem": [512]}
    async with database.read_scope() as db:
        with pytest.raises(InvalidRequestError, match=r"'Book\.author' is not available due to lazy='raise'"):
            _ = (await db.get_one(Book, 1)).author


async def test_query_counts(database: Database, trace: Trace) -> None:
    await add_books(database)
    engine = database.engine.sync_engine

    async def one_by_one(db: AsyncSession) -> None:
        for author in (await db.scalars(select(Author))).all():
            (await db.scalars(select(Book).where(Book.author_id == author.id))).all()

    with query_counts.counted(engine) as statements:
        await trace("N+1, for 3 authors", in_read_scope(database, one_by_one), warm=False)
    assert len(statements) == 4
    with query_counts.counted(engine) as statements:
        await in_read_scope(database, loading.authors_with_books)()
    assert len(statements) == 2


async def test_one_to_many(database: Database, trace: Trace) -> None:
    async def add(db: AsyncSession) -> int:
        lines = [InvoiceLine(product=product) for product in ("pen", "ink", "paper")]
        invoice = Invoice(customer="Lem", lines=lines)
        db.add(invoice)
        await db.flush()
        return invoice.id

    async def remove(db: AsyncSession) -> None:
        await db.delete(await db.get_one(Invoice, next(keys)))

    last = await trace("an invoice with three lines", in_session(database, add))
    keys = iter([last - 1, last])
    await trace("its deletion", in_session(database, remove))
    async with database.session_scope() as db:
        assert await db.scalar(select(func.count()).select_from(InvoiceLine)) == 0
        invoice = Invoice(customer="Lem", lines=[InvoiceLine(product="pen")])
        db.add(invoice)
        await db.flush()
        invoice.lines.clear()
        await db.flush()
        assert await db.scalar(select(func.count()).select_from(InvoiceLine)) == 0
        assert "ix_invoice_lines_invoice_id" in await plan(db, "DELETE FROM invoice_lines WHERE invoice_id = 1")


async def test_many_to_many(database: Database, trace: Trace) -> None:
    async with database.session_scope() as db:
        a, b, c, d = labels = [Label(name=name) for name in "abcd"]
        db.add_all([*labels, Post(title="post", labels={a, b})])
    choices = iter([{b, c}, {c, d}])

    async def set_labels(db: AsyncSession) -> None:
        await many_to_many.set_labels(db, 1, {await db.merge(label, load=False) for label in next(choices)})

    await trace("set_labels, one out and one in", in_session(database, set_labels))
    async with database.read_scope() as db:
        names = select(Label.name).join(many_to_many.post_labels).order_by(Label.name)
        assert list(await db.scalars(names)) == ["c", "d"]


async def test_association(database: Database, trace: Trace) -> None:
    async with database.session_scope() as db:
        people = [Person(name="Ada"), Person(name="Bob")]
        memberships = [Membership(person=people[0], role=Role.owner), Membership(person=people[1], role=Role.member)]
        db.add(Team(name="team", memberships=memberships))
    team = await trace("team_with_people", in_read_scope(database, association.team_with_people, 1))
    assert {row.person.name: row.role for row in team.memberships} == {"Ada": Role.owner, "Bob": Role.member}
    assert all(row.joined_at for row in team.memberships)


async def test_filters(database: Database, serve: Serve, trace: Trace) -> None:
    await add_books(database)
    client = serve(filters.router)
    found = await trace("GET /search?title=a&order=-pages", lambda: client.get("/search?title=a&order=-pages"))
    assert [book["title"] for book in found.json()] == ["A Wizard of Earthsea", "Solaris"]
    assert [book["title"] for book in (await client.get("/search?title=%25")).json()] == ["100% Lem"]
    by_date = (await client.get("/search?order=-published")).json()
    assert [book["title"] for book in by_date][::3] == ["The Dispossessed", "100% Lem"]
    assert len((await client.get("/search?author_id=1&published_after=1970-01-01")).json()) == 1
    assert (await client.get("/search?order=isbn")).status_code == 422
    assert (await client.get("/search?titel=a")).status_code == 422


async def test_pages(database: Database, serve: Serve, trace: Trace) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    async with database.session_scope() as db:
        db.add_all(Event(created_at=moment + timedelta(days=number // 3)) for number in range(10))
    client = serve(pages.router)
    keys, cursor = [], ""
    while cursor is not None:
        page = (await client.get(f"/events?limit=3{cursor and f'&cursor={cursor}'}")).json()
        keys += [event["id"] for event in page["items"]]
        second, cursor = cursor, page["next_cursor"]
    assert keys == list(range(10, 0, -1))  # each once, though days are shared across pages
    await trace("GET /events?cursor=...&limit=3", lambda: client.get(f"/events?limit=3&cursor={second}"))
    async with database.session_scope() as db:
        later = "SELECT * FROM events WHERE (created_at, id) < (now(), 5) ORDER BY created_at DESC, id DESC LIMIT 4"
        found = await plan(db, later)
        assert "Scan Backward using ix_events_created_at_id" in found
        assert "Sort" not in found


async def test_aggregates(database: Database, trace: Trace) -> None:
    await add_books(database)
    totals = await trace("author_totals", in_read_scope(database, aggregates.author_totals))
    assert totals == [("Le Guin", 2, 546), ("Lem", 2, 716), ("Nobody", 0, 0)]
    longest = await trace("longest_of_each_author", in_read_scope(database, aggregates.longest_of_each_author))
    assert longest == [("Le Guin", "The Dispossessed"), ("Lem", "100% Lem")]
    assert await trace("authors_without_books", in_read_scope(database, aggregates.authors_without_books)) == ["Nobody"]


async def test_bulk(database: Database, trace: Trace) -> None:
    def values(prefix: str, price: int, count: int = 1000) -> list[bulk.ProductValues]:
        return [{"code": f"{prefix}{number}", "price": Decimal(price)} for number in range(count)]

    prefixes = iter("ab")
    keys = await trace(
        "add_products, 1000 rows",
        lambda: in_session(database, bulk.add_products, values(next(prefixes), 1))(),
    )
    assert list(keys) == list(range(1001, 2001))
    prices = {key: Decimal(2) for key in keys}
    await trace("set_prices, 1000 rows", in_session(database, bulk.set_prices, prices))
    raised = await trace(
        "raise_prices, 1000 rows", in_session(database, bulk.raise_prices, Product.price == 2, Decimal(1))
    )
    assert len(raised) == 1000
    few = values("a", 1, 2) + values("c", 3, 1)
    await in_session(database, bulk.import_products, few)()
    changed = await trace(
        "import_products, 3 rows of which one changes",
        in_session(database, bulk.import_products, [few[0], {"code": "a1", "price": Decimal(9)}, few[2]]),
        warm=False,
    )
    assert [(product.code, product.price) for product in changed] == [("a1", Decimal(9))]


async def test_jsonb(database: Database, trace: Trace) -> None:
    async with database.session_scope() as db:
        db.add(Device(details={"room": "hall", "floor": 1}, tags=["old", "red"]))
        db.add(Device())
    assert len(await trace("in_room", in_read_scope(database, jsonb.in_room, "hall"))) == 1
    assert len(await trace("with_all_tags", in_read_scope(database, jsonb.with_all_tags, ["red"]))) == 1
    await trace("move", in_session(database, jsonb.move, 1, "attic"))
    async with database.session_scope() as db:
        device = await db.get_one(Device, 1)
        assert device.details == {"room": "attic", "floor": 1}
        device.details["room"] = "cellar"
        device.tags.append("new")
    async with database.session_scope() as db:
        device = await db.get_one(Device, 1)
        assert (device.details["room"], device.tags) == ("cellar", ["old", "red", "new"])
        contained = """SELECT * FROM devices WHERE details @> '{"room": "hall"}'"""
        assert "ix_devices_details" in await plan(db, contained)
        assert "ix_devices_tags" in await plan(db, "SELECT * FROM devices WHERE tags @> '{red}'")
        assert "ix_devices_details" not in await plan(db, "SELECT * FROM devices WHERE details ->> 'room' = 'hall'")


async def test_search(database: Database, trace: Trace) -> None:
    async with database.session_scope() as db:
        db.add(Note(title="Shopping", body="Bread, and a book on databases"))
        db.add(Note(title="Databases", body="They hold what we know"))
        db.add(Note(title="Garden", body="Roses"))
    found = await trace("find", in_read_scope(database, search.find, "database"))
    assert [note.title for note in found] == ["Databases", "Shopping"]
    async with database.session_scope() as db:
        assert [note.title for note in await search.find(db, '"we know" or -databases')] == ["Databases", "Garden"]
        assert await search.find(db, "!! & (") == []  # whatever a person types
        query = "SELECT * FROM notes WHERE search @@ websearch_to_tsquery('english', 'roses')"
        assert "ix_notes_search" in await plan(db, query)
        note = await db.get_one(Note, 3)
        note.body = "Databases too"
        await db.flush()
        assert len(await search.find(db, "database")) == 3


async def test_indexes(database: Database, trace: Trace) -> None:
    async with database.session_scope() as db:
        db.add(Ticket(owner="Ada", subject="Broken", closed_at=datetime.now(UTC)))
        db.add(Ticket(owner="Ada", subject="broken"))
    open_tickets = await trace("open_tickets", in_read_scope(database, indexes.open_tickets, "Ada"))
    assert [subject for subject, _ in open_tickets] == ["broken"]
    async with database.session_scope() as db:
        query = "SELECT subject, created_at FROM tickets WHERE owner = 'Ada' AND closed_at IS NULL ORDER BY created_at"
        await db.execute(text("SET LOCAL enable_bitmapscan = off"))
        assert "Index Only Scan using ix_tickets_open" in await plan(db, query)
        db.add(Ticket(owner="Ada", subject="BROKEN"))
        with pytest.raises(IntegrityError, match="uq_tickets_open_subject"):
            await db.flush()
        await db.rollback()


async def test_enums(database: Database, trace: Trace) -> None:
    async with database.session_scope() as db:
        db.add_all([Parcel(), Parcel(state=ParcelState.sent)])
    parcels = await trace("on_their_way", in_read_scope(database, enums.on_their_way))
    assert [parcel.state for parcel in parcels] == [ParcelState.sent]
    async with database.session_scope() as db:
        (check,) = (str(table.sqltext) for table in Parcel.__table__.constraints if hasattr(table, "sqltext"))  # type: ignore[attr-defined]
        assert all(f"'{state}'" in check for state in ParcelState)
        with pytest.raises(IntegrityError, match="ck_parcels_state_known"):
            await db.execute(text("UPDATE parcels SET state = 'lost'"))
        await db.rollback()


async def test_soft_deletes(database: Database, trace: Trace) -> None:
    async def add(db: AsyncSession) -> Contact:
        return await ContactRepository(db).add(Contact(email="ada@example.com"))

    async def remove(db: AsyncSession) -> None:
        contacts = ContactRepository(db)
        await contacts.delete(await contacts.get(next(keys)))

    keys = iter([1, 2])
    await in_session(database, add)()
    await in_session(database, remove)()
    await in_session(database, add)()  # the address is free again
    await trace("the deletion of a contact", in_session(database, remove), warm=False)
    everyone = in_read_scope(database, lambda db: db.scalar(select(func.count()).select_from(Contact)))
    assert await trace("how many there are", everyone) == 0
    restored = await in_session(database, lambda db: ContactRepository(db).restore(2))()
    assert restored.deleted_at is None
    assert await everyone() == 1
    with pytest.raises(InvalidRequestError, match="This would delete rows permanently"):
        await in_session(database, lambda db: db.execute(delete(Contact)))()


async def test_audit(database: Database, serve: Serve, trace: Trace) -> None:
    async with database.session_scope() as db:
        db.add(Salary(amount=1000))
    client = serve(audit.router)
    amounts = iter([2000, 3000])
    await trace(
        "PUT /salaries/1",
        lambda: client.put(f"/salaries/1?amount={next(amounts)}", headers={"X-User": "ada"}),
    )
    entries = await in_read_scope(database, audit.history, 1)()
    assert [(entry.actor, entry.action, entry.changes.get("amount")) for entry in entries] == [
        (None, "insert", [None, 1000]),
        ("ada", "update", [1000, 2000]),
        ("ada", "update", [2000, 3000]),
    ]
    with pytest.raises(InvalidRequestError, match="The audit log cannot record this statement"):
        await in_session(database, lambda db: db.execute(delete(Salary)))()
