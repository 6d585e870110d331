"""What the ecosystem's commands and guides ask a service for by name."""

from pathlib import Path

import pytest

from testkit.projects import run
from testkit.rendering import Render

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def service(render: Render) -> Path:
    return render()


def test_importing_main_reads_no_settings(service: Path) -> None:
    run(service, "python", "-c", "import my_service.main", DATABASE_URL="not a URL")


WITHOUT_FASTAPI = """
import sys

sys.modules["fastapi"] = None
from my_service.database import Base, DatabaseSettings, init_db

assert not hasattr(sys.modules["my_service.database"], "SessionLocal")
try:
    from my_service.database import get_db
except ModuleNotFoundError as error:
    print(error)
"""


def test_the_layer_needs_fastapi_for_its_dependencies_alone(service: Path) -> None:
    assert "fastapi" in run(service, "python", "-c", WITHOUT_FASTAPI)


NAMES = """
from my_service.database import DatabaseSettings, DbSession, ReadSession, get_db
from my_service.main import app, creat_app
from my_service.database import SessionLocal

DatabaseSettings(url="postgresql://db/shop", pool_size=3)
reveal_type(app)
"""


@pytest.mark.parametrize("plugins", ['["pydantic.mypy"]', "[]"])
def test_types_of_names_imported_on_first_use(service: Path, tmp_path: Path, plugins: str) -> None:
    (tmp_path / "names.py").write_text(NAMES)
    (tmp_path / "mypy.toml").write_text(f"[tool.mypy]\nstrict = true\nplugins = {plugins}\n")
    command = ("mypy", "--cache-dir", str(tmp_path), "--config-file", str(tmp_path / "mypy.toml"))
    with pytest.raises(AssertionError) as caught:
        run(service, *command, str(tmp_path / "names.py"))
    errors = [line for line in str(caught.value).splitlines() if ": error: " in line and "names.py" in line]
    assert len(errors) == 2
    assert 'Module "my_service.main" has no attribute "creat_app"' in errors[0]
    assert 'Module "my_service.database" has no attribute "SessionLocal"' in errors[1]
    assert 'Revealed type is "fastapi.applications.FastAPI"' in str(caught.value)
