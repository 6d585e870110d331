"""Each combination: exactly the files that belong to it, whole, formatted, linted and typed by its own rules."""

import os
import re
from pathlib import Path
from tomllib import loads as parse_toml

import yaml

from testkit.combinations import SERVICES
from testkit.edits import package
from testkit.kustomize import build
from testkit.projects import ROOT, run, texts
from testkit.rendering import Render, load_module

FILES = """
.copier-answers.yml
.dockerignore
.env.example
.github/workflows/ci.yml
.gitignore
.pre-commit-config.yaml
AGENTS.md
Dockerfile
Makefile
README.md
alembic.ini
compose.yaml
pyproject.toml
scripts/__init__.py
scripts/api.py
scripts/database.py
scripts/domain/__main__.py
scripts/domain/entity.py
scripts/domain/files.py
scripts/domain/grammar.py
scripts/domain/kinds.py
scripts/domain/service.py
scripts/domain/templates/factories.py.mako
scripts/domain/templates/models.py.mako
scripts/domain/templates/repository.py.mako
scripts/domain/templates/router.py.mako
scripts/domain/templates/schemas.py.mako
scripts/domain/templates/test.py.mako
scripts/owners.py
scripts/roles.sql
scripts/seed.py
scripts/shell.py
scripts/update.py

PACKAGE/__init__.py
PACKAGE/__main__.py
PACKAGE/errors.py
PACKAGE/health.py
PACKAGE/logging.json
PACKAGE/logs.py
PACKAGE/main.py
PACKAGE/models.py
PACKAGE/py.typed
PACKAGE/settings.py
PACKAGE/shutdown.py
PACKAGE/telemetry.py

PACKAGE/middleware/__init__.py
PACKAGE/middleware/allowed_hosts.py
PACKAGE/middleware/cancel_on_disconnect.py
PACKAGE/middleware/default_headers.py
PACKAGE/middleware/request_body_limit.py
PACKAGE/middleware/request_log.py
PACKAGE/middleware/startup_error.py

PACKAGE/books/__init__.py
PACKAGE/books/models.py
PACKAGE/books/repository.py
PACKAGE/books/router.py
PACKAGE/books/schemas.py

PACKAGE/database/__init__.py
PACKAGE/database/__main__.py
PACKAGE/database/base.py
PACKAGE/database/deadlines.py
PACKAGE/database/dependencies.py
PACKAGE/database/devserver.py
PACKAGE/database/engine.py
PACKAGE/database/environment.py
PACKAGE/database/errors.py
PACKAGE/database/handlers.py
PACKAGE/database/keys.py
PACKAGE/database/migrate.py
PACKAGE/database/pagination.py
PACKAGE/database/problems.py
PACKAGE/database/connection_quota.py
PACKAGE/database/read_session.py
PACKAGE/database/read_your_writes.py
PACKAGE/database/redaction.py
PACKAGE/database/replicas.py
PACKAGE/database/repository.py
PACKAGE/database/retry.py
PACKAGE/database/session.py
PACKAGE/database/settings.py
PACKAGE/database/sqlstates.py
PACKAGE/database/startup.py
PACKAGE/database/url.py
PACKAGE/database/sqltext.py
PACKAGE/database/telemetry.py
PACKAGE/database/validators.py
PACKAGE/database/migrations/env.py
PACKAGE/database/migrations/script.py.mako
PACKAGE/database/migrations/versions/.gitkeep
PACKAGE/database/migrations/versions/2026_01_01_0001_authors_and_books.py

tests/__init__.py
tests/conftest.py
tests/errors.py
tests/plans.py
tests/test_health.py
tests/test_main.py

tests/books/__init__.py
tests/books/factories.py
tests/books/test_authors.py
tests/books/test_books.py

tests/database/__init__.py
tests/database/backends.py
tests/database/fixtures.py
tests/database/http.py
tests/database/models.py
tests/database/sqlite.py
tests/database/test_errors.py
tests/database/test_migrations.py
tests/database/test_repository.py
tests/database/test_requests.py
tests/database/test_sessions.py
"""


# What an answer that is not the default takes away, and what it brings.
WITHOUT: dict[tuple[str, str | bool], str] = {
    ("example", False): r"/books/|_authors_and_books\.py$",
    ("docker", False): r"^(\.dockerignore|Dockerfile|compose\.yaml|scripts/roles\.sql)$",
    ("ci", "gitlab"): r"^\.github/",
    ("ci", "none"): r"^\.github/",
}
API_KEYS = (
    "PACKAGE/auth/__init__.py PACKAGE/auth/api_keys.py PACKAGE/auth/api_keys_router.py PACKAGE/auth/dependencies.py"
    " PACKAGE/auth/guard.py PACKAGE/auth/issue_key.py PACKAGE/auth/principal.py PACKAGE/database/primary.py"
    " PACKAGE/database/migrations/versions/2026_01_01_0003_rate_limits.py PACKAGE/limits.py"
    " PACKAGE/database/migrations/versions/2026_01_01_0004_api_keys.py PACKAGE/public.py"
    " tests/auth/__init__.py tests/auth/login.py tests/auth/test_api_keys.py tests/auth/test_principal.py"
)
ACCOUNTS = """
PACKAGE/auth/accounts/__init__.py
PACKAGE/auth/accounts/authentication.py
PACKAGE/auth/accounts/cookies.py
PACKAGE/auth/accounts/credentials.py
PACKAGE/auth/accounts/csrf.py
PACKAGE/auth/accounts/dependencies.py
PACKAGE/auth/accounts/link_routes.py
PACKAGE/auth/accounts/links.py
PACKAGE/auth/accounts/login_routes.py
PACKAGE/auth/accounts/mail.py
PACKAGE/auth/accounts/passwords.py
PACKAGE/auth/accounts/schemas.py
PACKAGE/auth/accounts/sessions.py
PACKAGE/auth/accounts/set_password.py
PACKAGE/auth/accounts/settings.py
PACKAGE/auth/accounts/tokens.py
PACKAGE/auth/accounts/users.py
PACKAGE/database/migrations/versions/2026_01_01_0005_accounts.py

tests/auth/accounts/__init__.py
tests/auth/accounts/conftest.py
tests/auth/accounts/people.py
tests/auth/accounts/test_csrf.py
tests/auth/accounts/test_limits.py
tests/auth/accounts/test_links.py
tests/auth/accounts/test_passwords.py
tests/auth/accounts/test_sessions.py
"""
WITH: dict[tuple[str, str | bool], str] = {
    ("soft_delete", True): "PACKAGE/database/soft_delete.py tests/database/test_soft_delete.py",
    ("audit_log", True): (
        "PACKAGE/database/audit.py tests/database/test_audit.py"
        " PACKAGE/database/migrations/versions/2026_01_01_0002_audit_log.py"
    ),
    ("auth", "oidc"): (
        "PACKAGE/auth/__init__.py PACKAGE/auth/dependencies.py PACKAGE/auth/guard.py PACKAGE/auth/oidc.py"
        " PACKAGE/auth/oidc_keys.py PACKAGE/auth/oidc_settings.py PACKAGE/auth/principal.py PACKAGE/database/primary.py"
        " PACKAGE/database/migrations/versions/2026_01_01_0003_rate_limits.py PACKAGE/limits.py PACKAGE/public.py"
        " tests/auth/__init__.py tests/auth/login.py tests/auth/provider.py tests/auth/test_oidc.py"
        " tests/auth/test_principal.py"
    ),
    ("auth", "api_keys"): API_KEYS,
    ("auth", "accounts"): API_KEYS + ACCOUNTS,
    ("kubernetes", True): (
        "deploy/kubernetes/base/kustomization.yaml deploy/kubernetes/base/migration.yaml"
        " deploy/kubernetes/base/network-policies.yaml deploy/kubernetes/base/postgres.yaml"
        " deploy/kubernetes/base/service.yaml deploy/kubernetes/production/kustomization.yaml scripts/manifests.py"
    ),
    ("ci", "gitlab"): ".gitlab-ci.yml",
}


def expected_files(combination: str) -> list[str]:
    answers = SERVICES[combination]
    package = f"src/{answers.get('package_name', 'my_service')}"
    files = FILES.split()
    for answer in answers.items():
        files = [file for file in files if answer not in WITHOUT or not re.search(WITHOUT[answer], file)]
        files += WITH.get(answer, "").split()
    if answers.get("auth") and answers.get("audit_log"):
        files.append("PACKAGE/auth/subject.py")
    return sorted(file.replace("PACKAGE", package) for file in files)


def test_exactly_these_files(project: Path, combination: str) -> None:
    assert sorted(texts(project)) == expected_files(combination)


def test_the_trees_show_every_file(project: Path) -> None:
    """AGENTS.md has a line for each file of the layer, and README.md one for each file and folder of the package."""
    folder = package(project)
    for page, place in (("AGENTS.md", folder / "database"), ("README.md", folder)):
        tree = re.findall(r"^ +([\w.]+)/? {2,}\S", (project / page).read_text(), re.MULTILINE)
        files = {path.name for path in place.iterdir()} - {"__init__.py", "logging.json", "py.typed"}
        assert files - set(tree) == set(), page
    assert set(tree) - files == {"tests", "scripts", "Makefile"}


def test_no_callers_without_auth(project: Path, combination: str) -> None:
    """The answer `none` leaves nothing behind, except in `make domain`, which is the same everywhere."""
    files = {file: text for file, text in texts(project).items() if not file.startswith("scripts/domain/")}
    mentions = [file for file, text in files.items() if re.search(r"(?i)principal|api.keys", text)]
    assert (mentions == []) == ("auth" not in SERVICES[combination]), mentions


def test_no_empty_folder_and_no_empty_file(project: Path) -> None:
    assert [path for path in project.rglob("*") if path.is_dir() and not any(path.iterdir())] == []
    assert {Path(file).name for file, text in texts(project).items() if not text} <= {
        "__init__.py",
        "py.typed",
        ".gitkeep",
    }


def test_nothing_of_jinja_is_left(project: Path) -> None:
    for file, text in texts(project).items():
        # ${{ ... }} belongs to GitHub.
        assert re.findall(r"(?<!\$)\{\{.*|\{%.*|\{#.*", text) == [], file
        assert not file.endswith(".jinja")


def test_no_white_space_is_left_where_jinja_was(project: Path) -> None:
    for file, text in texts(project).items():
        assert re.findall(r".*[ \t]+\n", text) == [], file
        assert not text.startswith("\n"), file
        assert not text or re.search(r"[^\n]\n\Z", text), f"{file} ends with no newline, or with many"
        assert file.endswith((".py", ".mako")) or "\n\n\n" not in text, file


def test_formatted(proven: Path) -> None:
    run(proven, "ruff", "format", "--check", "--no-cache")


def test_linted(proven: Path) -> None:
    run(proven, "ruff", "check", "--no-cache")


def test_typed(proven: Path) -> None:
    # Kept between runs, and one for each process: mypy reads the libraries once, which takes most of its time.
    cache = ROOT / ".cache" / "mypy" / os.environ.get("PYTEST_XDIST_WORKER", "main")
    run(proven, "mypy", "--cache-dir", str(cache))


def test_toml_and_yaml_can_be_read(project: Path) -> None:
    for file, text in texts(project).items():
        if file.endswith(".toml"):
            parse_toml(text)
        elif file.endswith((".yml", ".yaml")):
            assert all(yaml.safe_load_all(text)), file


def test_the_dependencies_are_pinned_here(project: Path) -> None:
    """What the tests install is what the service names: see `make constraints`."""
    pinned = re.findall(r"^([a-z0-9.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    pyproject = parse_toml((project / "pyproject.toml").read_text())
    named = pyproject["project"]["dependencies"] + pyproject["dependency-groups"]["dev"]
    named += [each for extra in pyproject["project"]["optional-dependencies"].values() for each in extra]
    assert {re.split(r"[^\w.-]", requirement)[0] for requirement in named} - set(pinned) == set()


def test_workflows_are_valid_and_safe(project: Path) -> None:
    workflows = [str(file) for file in (project / ".github" / "workflows").glob("*")]
    if workflows:
        run(project, "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
        # Among others: actions pinned by commit, and no more permissions than needed.
        run(project, "zizmor", "--offline", "--no-progress", *workflows)
    if (project / ".gitlab-ci.yml").exists():
        run(project, "check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", ".gitlab-ci.yml")


def test_container_files_are_valid(project: Path) -> None:
    if (project / "Dockerfile").exists():
        run(project, "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")
        run(project, "hadolint", "Dockerfile")


def test_manifests_are_valid(project: Path) -> None:
    """More of them is proven for one combination, in test_kubernetes.py."""
    if (project / "deploy").exists():
        resources = build(project / "deploy" / "kubernetes" / "production")
        assert load_module(project / "scripts" / "manifests.py").find_problems(resources, "1.35") == []


LIMITS = """
from my_service.database import startup
from my_service.settings import Settings
from my_service.telemetry import STOP_TIMEOUT

settings = Settings()
print(settings.drain_time, settings.graceful_timeout, startup.CLOSE_TIMEOUT, STOP_TIMEOUT)
"""


def test_compose_waits_until_the_service_has_stopped(render: Render) -> None:
    project = render()
    (drain_time,) = re.findall(r" DRAIN_TIME=(\d+)", (project / "Dockerfile").read_text())
    limits = run(project, "python", "-c", LIMITS, DRAIN_TIME=drain_time).split()
    compose = yaml.safe_load((project / "compose.yaml").read_text())
    assert sum(map(float, limits)) < int(compose["services"]["service"]["stop_grace_period"].removesuffix("s"))
