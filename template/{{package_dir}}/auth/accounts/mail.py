"""The seam for mail. Nothing is mailed but links, and each works once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Mail:
    """`registered` is for somebody who registers, and has an account already."""

    kind: Literal["register", "registered", "reset"]
    address: str
    link: str = field(repr=False)

    @property
    def subject(self) -> str:
        return "Confirm your address" if self.kind == "register" else "Set a new password"

    @property
    def text(self) -> str:
        reasons = {
            "register": "To confirm your address and choose a password, open this link within a day:",
            "registered": "You already have an account. To set a new password, open this link within an hour:",
            "reset": "To set a new password, open this link within an hour:",
        }
        return f"{reasons[self.kind]}\n\n{self.link}\n\nIf you did not ask for this, ignore it.\n"


SendMail = Callable[[Mail], Awaitable[None]]
"""Sends a mail, or hands it to what sends it."""


async def print_mail(mail: Mail) -> None:
    """For development."""
    print(f"To: {mail.address}\nSubject: {mail.subject}\n\n{mail.text}", flush=True)
