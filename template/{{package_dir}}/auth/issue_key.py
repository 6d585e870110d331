"""Issue an API key without one, such as the first: `python -m <package>.auth.issue_key SUBJECT SCOPE...`."""

import asyncio
import sys
from argparse import ArgumentParser

from pydantic import ValidationError

from ..database import DatabaseSettings, DatabaseUnavailable, InvalidSettings, open_db
from .api_keys import ApiKeyRepository
from .api_keys_router import ApiKeyCreate


async def issue(values: ApiKeyCreate) -> str:
    async with open_db(DatabaseSettings()) as database, database.session_scope() as db:
        _, key = await ApiKeyRepository(db).issue(values.subject, values.scopes, values.expires_in_days)
        return key


def main() -> None:
    parser = ArgumentParser(description="Issue an API key. It is printed once and stored as a hash.")
    parser.add_argument("subject", help="whose key it is, such as billing")
    parser.add_argument("scopes", nargs="*", help="what it may do, such as api_keys:manage books:write")
    parser.add_argument("--days", type=int, help="how long it is valid. Without it, until it is revoked.")
    arguments = parser.parse_args()
    try:
        values = ApiKeyCreate(subject=arguments.subject, scopes=arguments.scopes, expires_in_days=arguments.days)
        print(asyncio.run(issue(values)))
    except ValidationError as error:
        parser.error(" ".join(f"{each['loc'][0]}: {each['msg']}." for each in error.errors(include_input=False)))
    except (DatabaseUnavailable, InvalidSettings) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
