"""Isolate these tests from the fixtures and the pytest settings of the application."""

import inspect
import re
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from . import fixtures
from .fixtures import (  # noqa: F401 - defined here, they take precedence over an application's of the same name
    connection,
    database,
    db,
    engine,
    postgres_url,
    real_database,
    template_url,
    worker_url,
)

HERE = Path(__file__).parent

# Without FastAPI, only the other tests run.
collect_ignore = [
    file.name
    for file in HERE.glob("test_*.py")
    if find_spec("fastapi") is None and re.search(r"^from (fastapi|\.http)\b", file.read_text(), re.MULTILINE)
]


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Load the plugin, unless the application's conftest.py does."""
    if not any(getattr(plugin, "__file__", None) == fixtures.__file__ for plugin in pluginmanager.get_plugins()):
        pluginmanager.register(fixtures, fixtures.__name__)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Module, name: str, obj: Any) -> None:
    # Independent of asyncio_mode and default loop scopes, because a pooled connection belongs to one event loop.
    if inspect.iscoroutinefunction(obj) and collector.istestfunction(obj, name):
        pytest.mark.asyncio(loop_scope="session")(obj)


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Remove the application's fixtures, including autouse ones and those that override pytest's own."""
    info = metafunc.definition._fixtureinfo
    theirs = set()
    for name, definitions in list(info.name2fixturedefs.items()):
        ours = [definition for definition in definitions if not is_of_application(definition)]
        if len(ours) < len(definitions):
            theirs.add(name)
            info.name2fixturedefs.pop(name)
        if ours:
            info.name2fixturedefs[name] = ours
    wanted = tuple(name for name in info.initialnames if name in info.argnames or name not in theirs)
    replace(info, initialnames=wanted).prune_dependency_tree()


def is_of_application(definition: pytest.FixtureDef[Any]) -> bool:
    """Whether a fixture comes from neither these tests nor an installed package."""
    file = Path(inspect.unwrap(definition.func).__code__.co_filename)
    return HERE not in file.parents and not {"site-packages", "dist-packages"} & set(file.parts)
