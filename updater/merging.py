"""Merge one file three ways: what was rendered (base), what the user has (yours), what the release renders (theirs)."""

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import product, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

from .process import isolated

Format = Callable[[bytes], bytes]
Lines = list[str]
# From this line of the base to before that one stand these.
Edit = tuple[int, int, Lines]

# So long that no line of a file can be taken for one of git's.
LENGTH = 60
# A line that says which version of something is needed: a requirement, an action, a hook, an image.
NEEDS = re.compile(
    r"""\s*(?:-\s*)?(?:uses:|rev:|image:|FROM\s|COPY\s+--from=|requires-python\s*=|"[\w.-]+(?:\[[\w,-]+\])?\s*[<>=~!])"""
)
VERSION = re.compile(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{40}\b|\bv?\d+(?:\.\d+)+\b|(?<=[=<>~@:])v?\d+\b")

ANCHOR = re.compile(r"\s*# Yours?( \w+)*:")


@dataclass
class Merged:
    """The merged file. With conflicts, `marked` holds both sides and `content` only the user's."""

    content: bytes
    marked: bytes | None = None
    raised: list[tuple[str, str]] = field(default_factory=list)
    """Lines of the user's that gave way to the same line with a higher version."""


def merge(base: bytes, yours: bytes, theirs: bytes, format: Format) -> Merged:
    """Merge in the user's format, with the user's line endings."""
    crlf = yours.count(b"\r\n") * 2 > yours.count(b"\n")
    if crlf:
        yours = yours.replace(b"\r\n", b"\n")
    base, theirs = format(base), format(theirs)
    if yours == base:
        merged = Merged(theirs)
    elif theirs in (base, yours):
        merged = Merged(yours)
    else:
        merged = merge_changed(base, yours, theirs)
        if merged.marked is None:
            merged.content = format(merged.content)
    if crlf:
        merged.content = merged.content.replace(b"\n", b"\r\n")
        merged.marked = merged.marked and merged.marked.replace(b"\n", b"\r\n")
    return merged


def merge_changed(base: bytes, yours: bytes, theirs: bytes) -> Merged:
    sides = [text.decode("utf-8", "surrogateescape") for text in (base, yours, theirs)]
    if any("\0" in side for side in sides):
        return Merged(yours, theirs)
    kept: Lines = []
    marked: Lines = []
    merged = Merged(b"")
    conflict = False
    for hunk in hunks(*sides):
        if isinstance(hunk, str):
            chosen = [hunk]
        elif resolved := resolve(marked[-1] if marked else "", *hunk):
            chosen, raised = resolved
            merged.raised += raised
        else:
            conflict = True
            _, mine, release = hunk
            kept += mine
            before, mine, release, after = trim(mine, release)
            marked += before
            marked += ["<<<<<<< before updating\n", *whole(mine), "=======\n"]
            marked += [*whole(release), ">>>>>>> after updating\n"]
            marked += after
            continue
        kept += chosen
        marked += chosen
    merged.content = "".join(kept).encode("utf-8", "surrogateescape")
    merged.marked = "".join(marked).encode("utf-8", "surrogateescape") if conflict else None
    return merged


def hunks(base: str, yours: str, theirs: str) -> Iterator[str | tuple[Lines, Lines, Lines]]:
    """The lines on which git agrees, and (base, yours, theirs) where it finds a conflict."""
    with TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("yours", "base", "theirs")]
        for file, text in zip(files, (yours, base, theirs), strict=True):
            file.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")
        command = ["git", "merge-file", "-p", "--diff3", f"--marker-size={LENGTH}", *map(str, files)]
        # The status is the number of conflicts, at most 127; beyond that it is an error's.
        process = subprocess.run(command, capture_output=True, env=isolated())
    if process.returncode > 127:
        raise OSError(process.stderr.decode(errors="replace").strip())
    text = process.stdout.decode("utf-8", "surrogateescape")
    sections: dict[str, Lines] = {}
    current = ""
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        marker = line[:1] if line[:LENGTH] == line[:1] * LENGTH and line[:1] in "<|=>" else ""
        if marker == ">":
            yield sections["|"], sections["<"], sections["="]
            current, sections = "", {}
        elif marker:
            current = marker
            sections[marker] = []
        elif current:
            sections[current].append(line)
        else:
            yield line


def trim(yours: Lines, theirs: Lines) -> tuple[Lines, Lines, Lines, Lines]:
    """Take what both sides begin and end with out of the conflict."""
    start = 0
    while start < min(len(yours), len(theirs)) and yours[start] == theirs[start]:
        start += 1
    end = 0
    while end < min(len(yours), len(theirs)) - start and yours[-1 - end] == theirs[-1 - end]:
        end += 1
    stop = len(yours) - end
    return yours[:start], yours[start:stop], theirs[start : len(theirs) - end], yours[stop:]


def whole(lines: Lines) -> Lines:
    """A marker needs a line of its own, also after a file's last line that has no end."""
    return [line if line.endswith("\n") else f"{line}\n" for line in lines]


def resolve(above: str, base: Lines, yours: Lines, theirs: Lines) -> tuple[Lines, list[tuple[str, str]]] | None:
    """Resolve what is no conflict.

    That is: neighbouring lines that one side each changed, versions that both raised, and what both added below an
    anchor such as `# Yours:`, where the user's lines come first. `above` is the line before the hunk.
    """
    if len(base) == len(yours) == len(theirs):
        pairs = [(number, number) for number in range(len(base))]
        edits: list[Edit] = []
    else:
        blocks, edits = align(base, yours)
        blocks_of_release, edits_of_release = align(base, theirs)
        anchors = {at for at, line in enumerate([above, *base]) if ANCHOR.fullmatch(line.rstrip("\n"))}
        if any(not apart(mine, release, anchors) for mine, release in product(edits, edits_of_release)):
            return None
        edits = edits_of_release + edits
        pairs = [(blocks.get(number, -1), blocks_of_release.get(number, -1)) for number in range(len(base))]
    result: Lines = []
    raised: list[tuple[str, str]] = []
    for line, (mine, release) in zip(base, pairs, strict=True):
        # Where one side has replaced a line, the other must have left it as it was.
        sides = [side[at] if at >= 0 else line for side, at in ((yours, mine), (theirs, release))]
        if (picked := pick(line, *sides)) is None or (min(mine, release) < 0 and picked != line):
            return None
        result.append(picked)
        if sides[0] not in (line, picked):
            raised.append((sides[0].strip(" ,\n"), picked.strip(" ,\n")))
    # From the end, so that the numbers stay true. Of two at one place the last comes first in the file.
    for start, stop, lines in sorted(edits, key=lambda edit: (-edit[0], -edit[1])):
        result[start:stop] = lines
    return result, raised


def align(base: Lines, side: Lines) -> tuple[dict[int, int], list[Edit]]:
    """Which line of the base is which line of the side, but for the version that it needs, and the edits between."""
    matcher = SequenceMatcher(None, [mask(line) for line in base], [mask(line) for line in side], autojunk=False)
    same: dict[int, int] = {}
    edits: list[Edit] = []
    for tag, start, stop, first, last in matcher.get_opcodes():
        if tag == "equal":
            same |= dict(zip(range(start, stop), range(first, last), strict=True))
        else:
            edits.append((start, stop, side[first:last]))
    return same, edits


def mask(line: str) -> str:
    return VERSION.sub("", line) if NEEDS.match(line) else line


def apart(one: Edit, other: Edit, anchors: set[int]) -> bool:
    """Whether two edits touch different lines. Where both insert, only an anchor above says in which order."""
    if one[:2] == other[:2]:
        return one[0] == one[1] and one[0] in anchors
    return one[1] <= other[0] or other[1] <= one[0]


def pick(base: str, yours: str, theirs: str) -> str | None:
    if yours in (theirs, base):
        return theirs
    if theirs == base:
        return yours
    if not NEEDS.match(base) or len({mask(line) for line in (base, yours, theirs)}) > 1:
        return None
    mine, release = versions(yours), versions(theirs)
    if all(a >= b for a, b in zip_longest(mine, release, fillvalue=())):
        return yours
    if all(a <= b for a, b in zip_longest(mine, release, fillvalue=())):
        return theirs
    return None


def versions(line: str) -> list[tuple[int, ...]]:
    found = [match for match in VERSION.findall(line) if len(match) not in (40, 64)]
    return [tuple(int(part) for part in version.lstrip("v").split(".")) for version in found]
