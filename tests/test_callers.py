"""Services with `auth`, as a person would use them."""

import json
import os
import re
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from shutil import copy

import pytest

from scripts import demo
from testkit.combinations import SERVICES
from testkit.edits import replace
from testkit.make import TOOL, make, use_this_environment
from testkit.projects import BIN, PYTEST, ROOT, run, texts
from testkit.rendering import Render

CALLERS = ROOT / "docs" / "callers"


def command(beginning: str) -> str:
    """A line that docs/callers.md tells people to type."""
    lines = (ROOT / "docs" / "callers.md").read_text().splitlines()
    return next(line.strip() for line in lines if line.startswith(f"    {beginning}"))


Serve = Callable[[Path], AbstractContextManager[str]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Serve:
    """`make run` in a rendered service."""

    def serve(shop: Path) -> AbstractContextManager[str]:
        use_this_environment(shop)
        (shop / ".venv/bin/uvicorn").write_text(TOOL.format(tool=BIN / "uvicorn"))
        (shop / ".venv/bin/uvicorn").chmod(0o755)
        (shop / ".venv/ready").touch()
        monkeypatch.setattr(demo, "FOLDER", shop)
        monkeypatch.setattr(demo, "LOG", tmp_path / "log")
        monkeypatch.setenv("PYTHONPATH", f"{shop / 'src'}:{shop}")
        return demo.server()

    return serve


@pytest.mark.slow
def test_the_first_key(render: Render, serve: Serve) -> None:
    shop = render(project_name="Shop", auth="api_keys")
    with serve(shop) as url:
        key = run(shop, "sh", "-c", command("make api-key")).splitlines()[-1]
        assert re.fullmatch(r"shop_[0-9A-Za-z]{38}", key)
        curl = command("curl").replace("curl", "curl --fail-with-body --silent").replace("http://127.0.0.1:8000", url)
        (listed,) = json.loads(run(shop, "sh", "-c", curl, KEY=key))["items"]
        assert (listed["subject"], listed["scopes"], listed["hint"]) == ("me", ["api_keys:manage"], key[-4:])
    for arguments, message in {
        ("me", 'a"b'): "scopes: String should match",
        ("a b",): "subject: String should match",
        ("me", "--days=0"): "expires_in_days: Input should be greater",
    }.items():
        with pytest.raises(AssertionError, match=f"ended with 2:\nusage: .*\n.* error: {message}"):
            run(shop, "python", "-m", "shop.auth.issue_key", *arguments)
    assert "Name whose key it is" in make(shop, "api-key")[1]


@pytest.mark.slow
def test_a_token_for_local_work(render: Render, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = render(project_name="Shop", auth="oidc")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    monkeypatch.setenv("OIDC_PORT", port)
    with serve(shop) as url:
        token = run(shop, "sh", "-c", command("make token"), OIDC_PORT=port).splitlines()[-1]
        for header, status in ((f"Authorization: Bearer {token}", 200), ("Authorization: Bearer x", 401)):
            curl = ("curl", "--silent", "--output", os.devnull, "--write-out", "%{http_code}", "-H", header)
            assert run(shop, *curl, f"{url}/books") == str(status)
    assert (shop / ".data/identity-provider.pem").stat().st_mode & 0o077 == 0
    refused = make(shop, "run", OIDC_ISSUER="http://id.example.com", OIDC_AUDIENCE="shop")[1]
    assert "OIDC_ISSUER must begin with https://." in refused
    assert "Traceback" not in refused


def test_the_recipe_of_the_page(render: Render) -> None:
    """The modules of docs/callers.md, in a service as a user adds them."""
    shop = render(project_name="Shop", auth="oidc", audit_log=True)
    copy(CALLERS / "orders.py", shop / "src" / "shop")
    copy(CALLERS / "test_orders.py", shop / "tests")
    main = shop / "src" / "shop" / "main.py"
    replace(main, "# isort: split\n", "# isort: split\nfrom . import orders\n")
    replace(main, "    # Your routers:\n", "    # Your routers:\n    app.include_router(orders.router)\n")
    run(shop, *PYTEST, "tests/test_orders.py", "tests/auth/test_principal.py")
    run(shop, "ruff", "check", "--no-cache", "src")


def test_each_kind_has_a_diagram() -> None:
    page = (ROOT / "docs" / "callers.md").read_text()
    for kind in ("API keys", "OpenID Connect"):
        section = page.partition(f"\n## {kind}\n")[2].partition("\n## ")[0]
        assert re.search(r"```\{code-block\} text\n\| Client +\| Service +\| ", section), kind


def test_nothing_of_callers_without_auth(render: Render) -> None:
    """With the answer `none`, a service does not know the word, whatever the other answers are."""
    for combination in ("everything", "schema_bare"):
        project = render(**SERVICES[combination] | {"auth": "none"})
        words = re.compile(r"(?i)principal|api.?keys?\b|oidc|(?<!-)\bauth\b|rate.?limit|unlogged|on_primary|subject\b")
        for file, text in texts(project).items():
            if file != ".copier-answers.yml" and not file.startswith("scripts/domain/"):  # it writes for every answer
                assert [line for line in text.splitlines() if words.search(line)] == [], file


def test_the_attacks_are_listed(render: Render) -> None:
    tests = (render(project_name="Shop", auth="oidc") / "tests/auth/test_oidc.py").read_text()
    attacks = re.findall(r'^    "(.+?)": ', tests.partition("ATTACKS = {")[2].partition("\n}\n")[0], re.MULTILINE)
    page = (ROOT / "docs" / "callers.md").read_text().partition("These attacks are tests")[2]
    assert re.findall(r"^- (.+)$", page, re.MULTILINE) == attacks
    assert len(attacks) > 40


@pytest.mark.slow
def test_people(render: Render, serve: Serve) -> None:
    """docs/accounts.md from top to bottom."""
    page = (ROOT / "docs" / "accounts.md").read_text()
    steps = re.findall(r"^```sh\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    shop = render(project_name="Shop", auth="accounts", audit_log=True)
    variables = {"TOKEN": "", "SESSION": ""}
    answers: list[str] = []
    links = 0
    with serve(shop) as url:
        for step in steps:
            script = step.replace("curl ", "curl --fail-with-body --silent ").replace("http://127.0.0.1:8000", url)
            answers.append(run(shop, "sh", "-e", "-c", script, **variables))
            if "/registration -H" in step or "/reset -H" in step:
                links += 1
                variables["TOKEN"] = printed_link(links)
            if "/token -H" in step:
                variables["SESSION"] = json.loads(answers[-1])["token"]
        assert [answer for answer in answers if "me@example.com" in answer]
        make_user = next(line.strip() for line in page.splitlines() if line.startswith("    make user "))
        for said in ("User 2 was created.", "User 2 has a new password, and all of their sessions ended."):
            assert said in run(shop, "sh", "-c", f"echo correct horse battery | {make_user}")
        assert "A password needs at least 15 characters." in make(shop, "user", "email=me@example.com")[1]
        assert "Name the address" in make(shop, "user")[1]
    log = demo.LOG.read_text()
    assert "Chromium and curl keep the cookies" in log
    assert "Traceback" not in log
    refused = make(shop, "run", ACCOUNTS_PRINT_MAIL="false")[1]
    assert "ACCOUNTS_SEND_MAIL is not set: add ACCOUNTS_SEND_MAIL=... to the environment or .env." in refused
    assert "ACCOUNTS_WEB_URL is not set" in refused
    assert "Traceback" not in refused


def printed_link(number: int) -> str:
    """The token of a link that `make run` printed, the first of which is number 1."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if len(tokens := re.findall(r"#(shop_\w+)", demo.LOG.read_text())) >= number:
            return str(tokens[number - 1])
        time.sleep(0.05)
    raise AssertionError(demo.LOG.read_text())
