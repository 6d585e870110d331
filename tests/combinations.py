"""The combinations of answers that are proven. What an entry does not name has its default.

Every two values of any two questions stand together in some entry: test_combinations.py counts. pytest takes its ids
from here, `python -m tests.combinations` prints them for the CI matrix, `make test-combination ID=...` runs one.
"""

import json

Answers = dict[str, str | bool]

SERVICES: list[Answers] = [
    {},
    {
        "python_version": "3.14",
        "db_schema": "catalog",
        "primary_key": "uuid7",
        "soft_delete": True,
        "audit_log": True,
        "package_name": "a_package_whose_name_is_as_long_as_a_name_may_be_x",
    },
    {"python_version": "3.12", "primary_key": "uuid7", "example": False, "ci": "gitlab"},
    {
        "python_version": "3.13",
        "soft_delete": True,
        "audit_log": True,
        "example": False,
        "docker": False,
        "ci": "none",
    },
    {"python_version": "3.14", "db_schema": "catalog", "docker": False, "ci": "none"},
    {
        "db_schema": "catalog",
        "primary_key": "uuid7",
        "audit_log": True,
        "example": False,
        "docker": False,
        "ci": "gitlab",
    },
    {"python_version": "3.13", "db_schema": "catalog", "soft_delete": True, "ci": "gitlab"},
    {"python_version": "3.12", "db_schema": "catalog", "soft_delete": True, "audit_log": True, "docker": False},
    {"db_schema": "catalog", "primary_key": "uuid7", "soft_delete": True, "audit_log": True, "ci": "none"},
    {
        "python_version": "3.13",
        "db_schema": "catalog",
        "primary_key": "uuid7",
        "example": False,
        "docker": False,
    },
    {"python_version": "3.14", "primary_key": "uuid7", "example": False, "docker": False, "ci": "gitlab"},
    {
        "python_version": "3.12",
        "primary_key": "uuid7",
        "soft_delete": True,
        "audit_log": True,
        "docker": False,
        "ci": "none",
    },
]

# For tests/existing_app, which has no question about what a service has.
LAYERS: list[Answers] = [
    {"package_dir": "app"},
    {"package_dir": "src/shop", "python_version": "3.12", "db_schema": "catalog", "soft_delete": True},
    {"package_dir": "backend/app", "python_version": "3.13", "primary_key": "uuid7", "audit_log": True},
    {"package_dir": "app", "python_version": "3.14", "primary_key": "uuid7", "db_schema": "catalog"},
]


def name(answers: Answers) -> str:
    """An id that can stand in `pytest -k` and in a shell, such as python_version:3.14."""
    return (
        "-".join(f"{question}:{answer}".lower().replace("/", ".") for question, answer in answers.items()) or "default"
    )


BY_NAME = {name(answers): answers for answers in SERVICES}
LAYERS_BY_NAME = {name(answers): {"scope": "database", **answers} for answers in LAYERS}

if __name__ == "__main__":
    print(json.dumps([*BY_NAME, *LAYERS_BY_NAME]))
