"""Services with `auth`, as a person would use them."""

import json
import re
from pathlib import Path

import pytest

from scripts import demo
from testkit.make import TOOL, make, use_this_environment
from testkit.projects import BIN, ROOT, run
from testkit.rendering import Render


def command(beginning: str) -> str:
    """A line that docs/callers.md tells people to type."""
    lines = (ROOT / "docs" / "callers.md").read_text().splitlines()
    return next(line.strip() for line in lines if line.startswith(f"    {beginning}"))


@pytest.mark.slow
def test_the_first_key(render: Render, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shop = render(project_name="Shop", auth="api_keys")
    use_this_environment(shop)
    (shop / ".venv/bin/uvicorn").write_text(TOOL.format(tool=BIN / "uvicorn"))
    (shop / ".venv/bin/uvicorn").chmod(0o755)
    (shop / ".venv/ready").touch()
    monkeypatch.setattr(demo, "FOLDER", shop)
    monkeypatch.setattr(demo, "LOG", tmp_path / "log")
    monkeypatch.setenv("PYTHONPATH", str(shop / "src"))
    with demo.server() as url:
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
