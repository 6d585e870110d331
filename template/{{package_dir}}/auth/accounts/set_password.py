"""Create a user, such as the first, or set a new password: `python -m <package>.auth.accounts.set_password EMAIL [SCOPE...]`."""

import asyncio
import sys
from argparse import ArgumentParser
from getpass import getpass

from fastapi import HTTPException
from pydantic import ValidationError

from ...database import DatabaseSettings, DatabaseUnavailable, InvalidSettings, open_db
from .passwords import hash_password
from .schemas import Login
from .settings import AccountsSettings
from .users import User, UserRepository


async def save(login: Login, scopes: list[str]) -> str:
    min_length = AccountsSettings(print_mail=True).password_min_length  # no mail is sent
    password_hash = await hash_password(login.password, min_length)
    async with open_db(DatabaseSettings()) as database, database.session_scope() as db:
        users = UserRepository(db)
        user = await users.find(login.email)
        if user is None:
            user = await users.add(User(email=login.email, password_hash=password_hash, scopes=scopes))
            return f"User {user.id} was created."
        await users.set_password(user, password_hash)
        if scopes:
            await users.update(user, {"scopes": scopes})
        return f"User {user.id} has a new password, and all of their sessions ended."


def read_password() -> str:
    """From the terminal, or a line from a pipe. Not an argument, which other processes and the shell's history see."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass("New password: ")
    if password != getpass("The same again: "):
        sys.exit("The passwords differ.")
    return password


def main() -> None:
    parser = ArgumentParser(description="Create a user, or set a new password. It is read from the terminal or a pipe.")
    parser.add_argument("email")
    parser.add_argument("scopes", nargs="*", help="what the user may do, such as api_keys:manage. Default: as before.")
    arguments = parser.parse_args()
    try:
        login = Login(email=arguments.email, password=read_password())
        print(asyncio.run(save(login, sorted(set(arguments.scopes)))))
    except ValidationError as error:
        parser.error(" ".join(f"{each['loc'][0]}: {each['msg']}." for each in error.errors(include_input=False)))
    except HTTPException as error:
        sys.exit(error.detail)
    except (DatabaseUnavailable, InvalidSettings) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
