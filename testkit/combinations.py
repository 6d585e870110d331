"""The combinations of answers that the tests prove. A question that an entry does not name has its default answer.

Every pair of values of any two questions occurs in some entry; tests/test_combinations.py counts them. pytest takes
its ids from here, `python -m testkit.combinations` prints them for the CI matrix, and `make test-combination ID=...`
runs one.
"""

import json

Answers = dict[str, str | bool]

SERVICES: dict[str, Answers] = {
    "default": {},
    "everything": {
        "python_version": "3.14",
        "db_schema": "order",
        "primary_key": "uuid7",
        "soft_delete": True,
        "audit_log": True,
        "auth": "accounts",
        "kubernetes": True,
        "package_name": "a_package_whose_name_is_as_long_as_a_name_may_be_x",
    },
    "uuid7_bare": {
        "python_version": "3.12",
        "primary_key": "uuid7",
        "example": False,
        "kubernetes": True,
        "ci": "gitlab",
    },
    "mixins_bare": {
        "python_version": "3.13",
        "soft_delete": True,
        "audit_log": True,
        "example": False,
        "docker": False,
        "ci": "none",
    },
    "newest_python": {"python_version": "3.14", "db_schema": "user", "docker": False, "ci": "none"},
    "keys": {"python_version": "3.12", "audit_log": True, "auth": "api_keys", "docker": False},
    "schema_bare": {
        "db_schema": "group",
        "primary_key": "uuid7",
        "audit_log": True,
        "auth": "accounts",
        "example": False,
        "docker": False,
        "ci": "gitlab",
    },
    "schema_soft_delete": {
        "python_version": "3.13",
        "db_schema": "select",
        "soft_delete": True,
        "auth": "accounts",
        "kubernetes": True,
        "ci": "gitlab",
    },
    "schema_history": {
        "python_version": "3.12",
        "db_schema": "index",
        "soft_delete": True,
        "audit_log": True,
        "auth": "oidc",
        "docker": False,
    },
    "schema_uuid7": {
        "db_schema": "table",
        "primary_key": "uuid7",
        "soft_delete": True,
        "audit_log": True,
        "auth": "oidc",
        "kubernetes": True,
        "ci": "none",
    },
    "schema_uuid7_bare": {
        "python_version": "3.13",
        "db_schema": "catalog",
        "primary_key": "uuid7",
        "auth": "oidc",
        "example": False,
        "docker": False,
    },
    "uuid7_gitlab": {
        "python_version": "3.14",
        "primary_key": "uuid7",
        "auth": "oidc",
        "example": False,
        "docker": False,
        "ci": "gitlab",
    },
    "uuid7_history": {
        "python_version": "3.12",
        "primary_key": "uuid7",
        "soft_delete": True,
        "audit_log": True,
        "auth": "accounts",
        "docker": False,
        "ci": "none",
    },
}

# For testkit/existing_app. The questions about the service itself are not asked.
LAYERS: dict[str, Answers] = {
    "layer": {"scope": "database", "package_dir": "app"},
    "layer_in_src": {
        "scope": "database",
        "package_dir": "src/shop",
        "python_version": "3.12",
        "db_schema": "order",
        "soft_delete": True,
    },
    "layer_in_backend": {
        "scope": "database",
        "package_dir": "backend/app",
        "python_version": "3.13",
        "primary_key": "uuid7",
        "audit_log": True,
    },
    "layer_uuid7": {
        "scope": "database",
        "package_dir": "app",
        "python_version": "3.14",
        "primary_key": "uuid7",
        "db_schema": "user",
    },
}

if __name__ == "__main__":
    print(json.dumps([*SERVICES, *LAYERS]))
