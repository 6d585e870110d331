"""The table of combinations leaves out nothing that two answers could do to each other."""

from itertools import combinations as pairs_of
from typing import Any

import yaml

from testkit.combinations import LAYERS, SERVICES
from testkit.projects import ROOT

QUESTIONS = {
    name: question
    for name, question in yaml.safe_load((ROOT / "copier.yml").read_text()).items()
    if not name.startswith("_") and question.get("when") is not False
}
# Free text has no values to list. For a schema, what counts is whether there is one.
SOME_SCHEMA = "some"
TEXTS = {"project_name", "package_name", "package_dir", "description"}
# These are asked of services only.
FOR_SERVICES = {name for name, question in QUESTIONS.items() if "scope == 'service'" in str(question.get("when"))}

# A service with this answer has everything that one with the other has.
INCLUDES = {("auth", "accounts"): ("auth", "api_keys")}

Pair = frozenset[tuple[str, Any]]


def values(name: str) -> list[Any]:
    choices = QUESTIONS[name].get("choices")
    if QUESTIONS[name]["type"] == "bool":
        return [False, True]
    if name == "db_schema":
        return ["", SOME_SCHEMA]
    return list(choices.values() if isinstance(choices, dict) else choices)


def pairs(answers: dict[str, Any]) -> set[Pair]:
    items = [*answers.items(), *(other for item, other in INCLUDES.items() if item in answers.items())]
    return {frozenset(pair) for pair in pairs_of(items, 2)}


def complete(answers: dict[str, Any]) -> dict[str, Any]:
    """With the defaults of the questions that are asked."""
    asked = {name for name in QUESTIONS if answers["scope"] == "service" or name not in FOR_SERVICES}
    answers = answers | ({"db_schema": SOME_SCHEMA} if answers.get("db_schema") else {})
    return {name: answers.get(name, QUESTIONS[name]["default"]) for name in sorted(asked - TEXTS)}


def test_every_pair_of_values_occurs() -> None:
    wanted: set[Pair] = set()
    for one, other in pairs_of(sorted(set(QUESTIONS) - TEXTS), 2):
        wanted |= {frozenset({(one, first), (other, second)}) for first in values(one) for second in values(other)}
    impossible = {
        pair for pair in wanted if ("scope", "database") in pair and any(name in FOR_SERVICES for name, _ in pair)
    }
    impossible.add(frozenset({("docker", False), ("kubernetes", True)}))  # it is not asked
    proven = [{"scope": "service", **answers} for answers in SERVICES.values()] + list(LAYERS.values())
    covered = set().union(*(pairs(complete(answers)) for answers in proven))
    assert wanted - impossible - covered == set()
    assert len(wanted - impossible) > 150  # so that this cannot pass on nothing


def test_schemas_are_named_like_keywords_of_sql() -> None:
    """So that every statement of every suite has to quote them."""
    schemas = {answers["db_schema"] for answers in (*SERVICES.values(), *LAYERS.values()) if "db_schema" in answers}
    assert {"order", "user", "group", "select", "index", "table"} <= schemas
