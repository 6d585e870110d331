"""The documentation site: it builds without a warning, leads nowhere wrong, and tells of the template as it is."""

import asyncio
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

import asyncpg
import pytest
import yaml

from testkit.projects import ROOT, run
from testkit.rendering import Render

pytestmark = pytest.mark.xdist_group("site")


class Page(HTMLParser):
    """What leads out of a page, what can be led to, and its text, each list item and cell in a line."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.words: list[str] = []
        self.feed(file.read_text())
        self.text = re.sub(r"[^\S\n]+", " ", "".join(self.words))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        if "id" in values:
            self.ids.add(values["id"])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag == "link" and values.get("rel") in ("stylesheet", "icon", "preload"):
            self.loaded.append(values["href"])
        elif "src" in values:
            self.loaded.append(values["src"])
        if tag in ("li", "tr", "dt", "dd", "p", "h1", "h2", "section"):
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        self.words.append(data.replace("\n", " "))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    flags = ("--fail-on-warning", "--keep-going", "--fresh-env", "--quiet")
    run(ROOT, "sphinx-build", *flags, "--doctree-dir", str(folder / "doctrees"), "docs", str(folder / "html"))
    return folder / "html"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    return {str(file.relative_to(site)): Page(file) for file in site.rglob("*.html") if "_static" not in file.parts}


@pytest.fixture(scope="module")
def service(render: Render) -> Path:
    return render()


def test_every_text_is_a_page(pages: dict[str, Page]) -> None:
    texts = {str(file.relative_to(ROOT / "docs").with_suffix(".html")) for file in (ROOT / "docs").rglob("*.md")}
    assert pages.keys() - {"search.html"} == texts


def test_links_lead_somewhere(pages: dict[str, Page], site: Path) -> None:
    wrong = [
        f"{name}: {link}"
        for name, page in pages.items()
        for link in page.links
        if not (is_address(link) if urlsplit(link).scheme else leads_somewhere(name, link, pages, site))
    ]
    assert wrong == []


def is_address(link: str) -> bool:
    return re.fullmatch(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(/\S*)?", link) is not None


def leads_somewhere(name: str, link: str, pages: dict[str, Page], site: Path) -> bool:
    path, anchor = urldefrag(link)
    file = (site / name).parent / unquote(path) if path else site / name
    target = str(file.resolve().relative_to(site))
    if target.startswith("_downloads/"):
        return file.is_file()
    return target in pages and (not anchor or unquote(anchor) in pages[target].ids)


def test_panels_lead_into_the_runbook(pages: dict[str, Page]) -> None:
    panels = json.loads((ROOT / "docs" / "dashboard.json").read_text())["panels"]
    links = [link["url"].removeprefix("${runbook:raw}#") for panel in panels for link in panel.get("links", [])]
    assert set(links) - pages["runbook.html"].ids == set()
    assert links


def test_links_of_texts_outside_of_the_site() -> None:
    for file in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        for link in re.findall(r"\]\(([^)]+)\)", (ROOT / file).read_text()):
            assert is_address(link) or (ROOT / link).exists(), f"{file}: {link}"


def test_loads_nothing_from_other_hosts(pages: dict[str, Page], site: Path) -> None:
    for name, page in pages.items():
        for address in page.loaded:
            path = urlsplit(address).path
            assert not urlsplit(address).netloc, f"{name}: {address}"
            assert ((site / name).parent / path).is_file(), f"{name}: {address}"
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", style.read_text()), style


def test_every_question_is_documented(pages: dict[str, Page]) -> None:
    told = sections(pages["questions.html"])
    asked = {name: question for name, question in template_questions() if question.get("when") is not False}
    assert list(told) == list(asked)
    for name, question in asked.items():
        assert " ".join(question["help"].split()) in told[name]
        known = question.get("choices", [])
        for label, choice in known.items() if isinstance(known, dict) else zip(known, known, strict=True):
            shown = label.removeprefix(f"{choice}: ")
            assert f"{choice} ({shown})" in told[name] or (shown.lower() == choice and choice in told[name])
        if "{" not in str(question["default"]):
            default = json.dumps(question["default"]).strip('"') or "empty"
            assert f"\nDefault: {default}\n" in told[name]


def test_every_question_says_whether_its_answer_can_change() -> None:
    silent = [
        name
        for name, question in template_questions()
        if "help" in question and not re.search(r"\b(later|cannot change|never)\b", question["help"], re.IGNORECASE)
    ]
    assert silent == []


def template_questions() -> list[tuple[str, dict[str, Any]]]:
    text = yaml.safe_load((ROOT / "copier.yml").read_text())
    return [(name, question) for name, question in text.items() if not name.startswith("_")]


def sections(page: Page) -> dict[str, str]:
    _, *parts = re.split(r"\n+([a-z_]+)¶", page.text)
    return {name: re.sub(r"\s*\n\s*", "\n", text) + "\n" for name, text in zip(parts[::2], parts[1::2], strict=True)}


# For each name in the environment, the settings that it sets, and their default.
SETTINGS = """
import json, os, sys
from my_service.settings import Settings

def read():
    values = Settings(_env_file=None).model_dump()
    return {**values.pop("database"), **values}

def find(name):
    for value in ("7", "true", "postgresql://other@host/name", "transaction", "https://host", "10.0.0.0/8"):
        os.environ[name] = value
        try:
            changed = [setting for setting, value in read().items() if value != defaults[setting]]
        except ValueError:
            continue
        finally:
            del os.environ[name]
        if changed:
            default = defaults[changed[0]]
            return changed, f"{default:g}" if isinstance(default, float) else str(default)

defaults = read()
print(json.dumps([list(defaults), {name: find(name) for name in sys.argv[1:]}]))
"""


def test_every_setting_is_documented(pages: dict[str, Page], service: Path) -> None:
    told: dict[str, str] = {}
    for names, what in entries(pages["operations.html"]):
        told |= dict.fromkeys(names, what)
    settings, effects = json.loads(run(service, "python", "-c", SETTINGS, *told))
    assert [name for name, effect in effects.items() if effect is None] == []
    assert {setting for changed, _ in effects.values() for setting in changed} == set(settings)
    for name, (_, default) in effects.items():
        assert f", default {default}. " in told[name] or (default in ("None", "[]") and "default" not in told[name])


def entries(page: Page) -> Iterator[tuple[list[str], str]]:
    settings = page.text.partition("\nError responses")[0]
    for names, what in re.findall(r"\n([A-Z_]+(?: or [A-Z_]+)*)\s*\n\s*(.+)", settings):
        yield names.split(" or "), what


ERROR_RESPONSES = """
import json
from my_service.database.errors import ERROR_RESPONSES

print(json.dumps({state: [fault.status, fault.detail] for state, fault in ERROR_RESPONSES.items()}))
"""


def test_every_error_is_documented(pages: dict[str, Page], service: Path) -> None:
    faults: dict[str, list[Any]] = json.loads(run(service, "python", "-c", ERROR_RESPONSES))
    rows = re.findall(r"\n\s*([0-9A-Z, ]+?)\s*\n\s*(\d{3})\s*\n\s*(.+)", pages["operations.html"].text)
    told = {state: (int(status), detail) for states, status, detail in rows for state in states.split(", ")}
    assert told.keys() == faults.keys()
    for state, (status, detail) in faults.items():
        assert told[state][0] == status
        assert told[state][1].startswith(detail)


def test_limits_go_on_a_role(postgres: str) -> None:
    """The statements of the page, for a role that is never there for others."""
    (statements,) = re.findall(r"```sql\n(.+?)```", (ROOT / "docs" / "operations.md").read_text(), re.DOTALL)
    limits = asyncio.run(set_limits(postgres, statements))
    assert limits == {
        "statement_timeout": "15s",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "30s",
        "client_connection_check_interval": "1s",
    }


async def set_limits(url: str, statements: str) -> dict[str, str]:
    connection = await asyncpg.connect(url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(f"CREATE ROLE shop; {statements}")
    settings = await connection.fetchval("SELECT rolconfig FROM pg_roles WHERE rolname = 'shop'")
    await transaction.rollback()
    await connection.close()
    return dict(setting.split("=") for setting in settings)


def test_every_fixture_is_documented(service: Path) -> None:
    files = (service / "tests" / name for name in ("conftest.py", "plans.py", "database/fixtures.py"))
    defined = set(re.findall(r"fixture.*\n(?:async )?def (\w+)", "".join(file.read_text() for file in files)))
    told = set(re.findall(r"`(\w+)`(?=.*\n: )", (ROOT / "docs" / "fixtures.md").read_text()))
    assert "client" in defined
    assert told == defined
