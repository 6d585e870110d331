"""A setting that is missing or invalid ends every command with a sentence about it."""

import json
import subprocess
from pathlib import Path

import pytest

from testkit.make import use_this_environment
from testkit.projects import PYTEST, clean_environment, outcome, run
from testkit.rendering import Render

pytestmark = pytest.mark.slow

USERS = """
    api_key: str = Field(min_length=8)
    retries: int = 3
    tags: list[str] = []
    level: Literal["low", "high"] = "low"
    billing_url: HttpUrl | None = None
    smtp: Smtp = Smtp()
    # Yours:
"""
SMTP = """
class Smtp(BaseModel):
    port: int = 25

    @field_validator("port")
    @classmethod
    def check(cls, port: int) -> int:
        if port == 1:
            raise ValueError("must not be 1")
        return port


class Settings(EnvironmentSettings):
    model_config = SettingsConfigDict(env_nested_delimiter="__")
"""

EXAMPLE = "write postgresql://user:password@host:5432/name"
NETWORKS = "addresses or networks, such as 10.0.0.0/8 but not 10.0.0.1/8; separate several with commas"
INVALID = [
    ({}, "API_KEY is not set: add API_KEY=... to the environment or .env."),
    ({"API_KEY": "s3cret"}, "API_KEY must have at least 8 characters."),
    ({"RETRIES": "s3cret"}, "RETRIES must be a valid integer."),
    ({"TAGS": "s3cret"}, "TAGS must be JSON."),
    ({"LEVEL": "s3cret"}, "LEVEL must be 'low' or 'high'."),
    ({"BILLING_URL": "s3cret"}, "BILLING_URL must be a valid URL, relative URL without a base."),
    ({"SMTP__PORT": "s3cret"}, "SMTP__PORT must be a valid integer."),
    ({"SMTP__PORT": "1"}, "SMTP__PORT must not be 1."),
    ({"MAX_BODY_SIZE": "-1"}, "MAX_BODY_SIZE must be greater than or equal to 0."),
    (
        {"ALLOWED_HOSTS": "api.example.com, https://example.com"},
        "ALLOWED_HOSTS must be a host such as api.example.com or *.example.com, without a port;"
        " separate several with commas.",
    ),
    (
        {"CORS_ORIGINS": "https://app.example.com/"},
        "CORS_ORIGINS must be an origin such as https://app.example.com, without a path, or *;"
        " separate several with commas.",
    ),
    (
        {"CORS_ORIGINS": "https://app.example.com, *", "CORS_CREDENTIALS": "true"},
        "CORS_CREDENTIALS cannot be true while CORS_ORIGINS is *, because every website could then act as your users.",
    ),
    ({"DATABASE_POOL_TIMEOUT": "inf"}, "DATABASE_POOL_TIMEOUT must be less than or equal to 2147483."),
    ({"DATABASE_POOLER": "s3cret"}, "DATABASE_POOLER must be 'none', 'transaction' or 'pgbouncer'."),
    ({"WEB_CONCURRENCY": "s3cret"}, "DATABASE_PROCESSES or WEB_CONCURRENCY must be a valid integer."),
    ({"FORWARDED_ALLOW_IPS": "*"}, f"FORWARDED_ALLOW_IPS must be {NETWORKS}."),
    ({"FORWARDED_ALLOW_IPS": "127.0.0.1, 10.0.0.1/8"}, f"FORWARDED_ALLOW_IPS must be {NETWORKS}."),
    ({"DATABASE_PROCESSES": "s3cret"}, "DATABASE_PROCESSES or WEB_CONCURRENCY must be a valid integer."),
    (
        {"DATABASE_URL": "postgresql://ann:pass@s3cret@db/d"},
        "DATABASE_URL contains an @ that is not escaped; write %40 instead.",
    ),
    ({"DATABASE_READ_URL": "s3cret"}, f"DATABASE_READ_URL is not the URL of a PostgreSQL database; {EXAMPLE}."),
]
MODULE = "my_service.main"


@pytest.fixture(scope="module")
def service(render: Render) -> Path:
    """With settings of the user's own, one of them required."""
    project = render()
    settings = project / "src" / "my_service" / "settings.py"
    text = settings.read_text()
    text = text.replace("\n    # Yours:\n", USERS, 1).replace("class Settings(EnvironmentSettings):\n", SMTP, 1)
    text = text.replace("from pydantic import ", "from pydantic import BaseModel, HttpUrl, field_validator, ")
    text = text.replace("import Annotated, cast", "import Annotated, Literal, cast")
    settings.write_text(
        text.replace("\nfrom .database", "from pydantic_settings import SettingsConfigDict\n\nfrom .database", 1)
    )
    conftest = project / "tests" / "conftest.py"
    conftest.write_text(
        conftest.read_text().replace("    # Yours:\n", '    "API_KEY": "long enough",\n    # Yours:\n', 1)
    )
    use_this_environment(project)
    return project


def fail(service: Path, *command: str, **environment: str) -> str:
    """The output of a command that fails, by itself and without a traceback."""
    process = subprocess.run(
        command,
        cwd=service,
        env=clean_environment() | {"PYTHONPATH": f"{service / 'src'}"} | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert process.returncode != 0
    assert "Traceback" not in process.stdout
    return process.stdout


READ = """
import json, os, sys
from my_service.settings import InvalidSettings, Settings

for environment in json.loads(sys.argv[1]):
    os.environ.update(environment)
    try:
        Settings()
    except InvalidSettings as error:
        print(json.dumps(str(error)))
    for name in environment:
        del os.environ[name]
"""


def test_an_invalid_setting_is_one_sentence(service: Path) -> None:
    environments = [({"API_KEY": "long enough"} if invalid else {}) | invalid for invalid, _ in INVALID]
    said = [json.loads(line) for line in run(service, "python", "-c", READ, json.dumps(environments)).splitlines()]
    assert said == [sentence for _, sentence in INVALID]
    assert not [sentence for sentence in said if "s3cret" in sentence]


@pytest.mark.parametrize(
    "command",
    [
        ("uvicorn", f"{MODULE}:create_app", "--factory", "--port", "0"),
        ("uvicorn", f"{MODULE}:app", "--port", "0"),
        ("fastapi", "run", "--port", "0"),
        ("fastapi", "dev", "--no-reload", "--port", "0", "src/my_service/main.py"),
        ("make", "run", "PORT=0"),
        ("python", "-m", "my_service"),
        ("env", "WEB_CONCURRENCY=2", "python", "-m", "my_service"),
    ],
    ids=" ".join,
)
def test_the_service_does_not_start(service: Path, command: tuple[str, ...]) -> None:
    assert "API_KEY is not set: add " in fail(service, *command)


def test_workers_are_not_restarted(service: Path) -> None:
    command = ("uvicorn", f"{MODULE}:app", "--port", "0", "--workers", "2")
    output = run(service, "timeout", "60", *command)
    assert "API_KEY is not set: add " in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    "command",
    [("python", "-m", "my_service.database"), ("alembic", "upgrade", "head"), ("make", "run"), ("make", "migrate")],
    ids=" ".join,
)
def test_the_layer_says_the_same(service: Path, command: tuple[str, ...]) -> None:
    output = fail(service, *command, API_KEY="long enough", DATABASE_URL="postgresql://ann:pass@s3cret@db/d")
    assert "DATABASE_URL contains an @ that is not escaped; write %40 instead." in output
    assert "s3cret" not in output


def test_several_are_several_sentences(service: Path) -> None:
    output = fail(service, "python", "-m", "my_service.settings", RETRIES="x", LEVEL="y")
    assert [line.split()[0] for line in output.splitlines()] == ["API_KEY", "RETRIES", "LEVEL"]


def test_the_suite_needs_the_value_of_a_required_setting_in_one_place(service: Path) -> None:
    assert outcome(run(service, *PYTEST)).keys() == {"passed", "deselected"}
    script = "import subprocess, sys; subprocess.run([sys.executable, '-m', 'my_service.settings'], check=True)"
    (service / "tests" / "test_subprocess.py").write_text(f"def test_subprocess() -> None:\n    {script}\n")
    assert outcome(run(service, *PYTEST, "tests/test_subprocess.py")) == {"passed": 1}
