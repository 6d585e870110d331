"""A job that shares a pooler with another of its kind, for tests/test_pooler.py: `python pooled.py NUMBER`.

It runs 1,000 statements whose results tell whose they are, and prints how many were right, and what else there was.
"""

# mypy: ignore-errors
# It runs beside a rendered package: that is where the import leads.

import asyncio
import json
import random
import sys
from collections import Counter

from my_service.database import DatabaseSettings, close_db
from my_service.database.startup import create_database
from sqlalchemy import text

TASKS = 10
STATEMENTS = 1000
READ = "SELECT value * {} FROM numbers WHERE id = :id"
WRITE = "UPDATE numbers SET written = written + 1 WHERE id = :id RETURNING value * {}"


async def main(job: int) -> Counter[str]:
    # Each job prepares the same statements in an order of its own: one's third is the other's tenth.
    factors = list(range(2, 32))
    random.Random(job).shuffle(factors)  # noqa: S311
    results: Counter[str] = Counter()
    database = create_database(DatabaseSettings())

    async def ask(db, statement: str, number: int) -> None:
        factor = factors[number % len(factors)]
        row = job * STATEMENTS + number
        result = await db.scalar(text(statement.format(factor)), {"id": row})
        results["right" if result == row * factor else "wrong"] += 1

    async def work(task: int) -> None:
        for number in range(2 * task, STATEMENTS, 2 * TASKS):
            in_transaction = number % 4 == 0
            try:
                async with database.session_scope() if in_transaction else database.read_scope() as db:
                    await ask(db, WRITE if in_transaction else READ, number)
                    await ask(db, READ, number + 1)
            except Exception as error:
                results[type(error).__name__] += 1

    await asyncio.gather(*(work(task) for task in range(TASKS)))
    await close_db(database)
    return results


print(json.dumps(asyncio.run(main(int(sys.argv[1])))))
