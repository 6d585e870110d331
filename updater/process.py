"""Run git and other programs, without what a person's settings change about them."""

import os
import subprocess
from pathlib import Path

# What a person's settings must not change in their own repository. The rest counts: which files git ignores, how it
# ends lines, which folders it trusts.
OVERRIDES = {
    "advice.statusHints": "false",
    "color.ui": "never",
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.quotePath": "false",
    "core.safecrlf": "false",
    "diff.ignoreSubmodules": "none",
    "log.showSignature": "false",
    "protocol.version": "2",
    "status.branch": "false",
    "status.renames": "false",
    "status.showUntrackedFiles": "all",
}


class RefusedError(Exception):
    """Nothing was changed; the message says in a sentence what to do."""


def clean() -> dict[str, str]:
    """The environment without what points git at another repository, as it is set in a hook."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in KEPT}


# How git reaches a template that is not public.
KEPT = {"GIT_ASKPASS", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_NO_VERIFY", "GIT_PROXY_COMMAND"}


def isolated() -> dict[str, str]:
    """The environment for git outside of a person's repository: their settings play no part."""
    nobody = {f"GIT_{role}_{what}": "updater" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return clean() | nobody | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}


def inside() -> dict[str, str]:
    """The environment for git in a person's repository."""
    settings: dict[str, str] = {"GIT_CONFIG_COUNT": str(len(OVERRIDES)), "GIT_OPTIONAL_LOCKS": "0"}
    for number, (key, value) in enumerate(OVERRIDES.items()):
        settings |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return clean() | settings


def output(*command: str | Path, cwd: Path, env: dict[str, str], text: bytes | None = None) -> bytes:
    """What a command prints. Raises RefusedError with the last line of what it says on stderr."""
    try:
        process = subprocess.run(command, cwd=cwd, env=env, input=text, capture_output=True)
    except OSError as error:
        raise RefusedError(f"{command[0]} cannot be run: {error}.") from None
    if process.returncode:
        said = process.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise RefusedError(f"`{' '.join(map(str, command))}` failed: {said[-1]}")
    return process.stdout
