"""The limit: a bare ASGI application on an asyncpg pool. It validates nothing and maps no error."""

import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import date
from typing import Any

import asyncpg

BOOK = "id, title, isbn, pages, published_on, author_id, created_at, updated_at"
READ = f"SELECT {BOOK} FROM books WHERE id = $1"
PAGE = f"SELECT {BOOK} FROM books ORDER BY title, id LIMIT 20"
AUTHORS = "SELECT id, name, created_at, updated_at FROM authors ORDER BY name, id LIMIT 20"
BOOKS_OF = f"SELECT {BOOK} FROM books WHERE author_id = ANY($1)"
CREATE = f"INSERT INTO books (title, isbn, pages, author_id) VALUES ($1, $2, $3, $4) RETURNING {BOOK}"
PATCH = f"UPDATE books SET pages = $2, updated_at = now() WHERE id = $1 RETURNING {BOOK}"
DELETE = "DELETE FROM books WHERE id = $1"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

pool: Any  # of asyncpg


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    status, answer = await handle(scope["method"], scope["path"].split("/")[1:], receive)
    body = b"" if answer is None else json.dumps(answer, default=encode, separators=(",", ":")).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def handle(method: str, path: list[str], receive: Receive) -> tuple[int, Any]:
    match method, path:
        case "GET", ["books", key]:
            return 200, dict(await pool.fetchrow(READ, int(key)))
        case "GET", ["books"]:
            return 200, {"items": [dict(book) for book in await pool.fetch(PAGE)]}
        case "GET", ["authors"]:
            return 200, {"items": await authors_with_books()}
        case "POST", ["books"]:
            book = await read_json(receive)
            values = book["title"], book["isbn"], book["pages"], book["author_id"]
            return 201, dict(await pool.fetchrow(CREATE, *values))
        case "PATCH", ["books", key]:
            return 200, dict(await pool.fetchrow(PATCH, int(key), (await read_json(receive))["pages"]))
        case "DELETE", ["books", key]:
            await pool.execute(DELETE, int(key))
            return 204, None
        case _:
            await pool.fetchval("SELECT 1")
            return 200, {"status": "ready"}


async def authors_with_books() -> list[dict[str, Any]]:
    async with pool.acquire() as connection:
        authors = {author["id"]: {**author, "books": []} for author in await connection.fetch(AUTHORS)}
        for book in await connection.fetch(BOOKS_OF, list(authors)):
            authors[book["author_id"]]["books"].append(dict(book))
    return list(authors.values())


async def read_json(receive: Receive) -> Any:
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    return json.loads(body)


def encode(value: date) -> str:
    return value.isoformat().replace("+00:00", "Z")


async def lifespan(receive: Receive, send: Send) -> None:
    global pool
    await receive()

    async def reset(_: object) -> None:
        """asyncpg would ask the server to forget what the connection was told: one more round trip."""

    pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=10, max_size=10, reset=reset)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await pool.close()
    await send({"type": "lifespan.shutdown.complete"})


def create_app() -> Any:
    return app
