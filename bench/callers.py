"""What each kind of credentials costs per read, in rounds in which services take turns: `python -m bench.callers`."""

import argparse
import asyncio
import json
import time
from contextlib import ExitStack
from dataclasses import replace
from shutil import rmtree
from typing import Any

import copier
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from jwt.algorithms import RSAAlgorithm

from testkit.projects import ROOT, run
from testkit.rendering import administer, load_devserver, load_module

from .__main__ import make_template
from .operations import OPERATIONS
from .servers import LOG, serve
from .telemetry import ROWS, measure, show

FOLDER = ROOT / ".cache" / "bench-callers"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.callers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    template = make_template(FOLDER / "template")
    projects = {auth: FOLDER / auth for auth in ("none", "oidc", "api_keys")}
    for auth, project in projects.items():
        copier.run_copy(str(template), project, data={"auth": auth}, defaults=True, quiet=True)
    with ExitStack() as stack:
        url = stack.enter_context(load_devserver(projects["none"]).serve(FOLDER / "postgres", database="bench"))
        run(projects["api_keys"], "alembic", "upgrade", "head", DATABASE_URL=url)  # also has the tables of the others
        asyncio.run(administer(url, *ROWS))
        key = run(projects["api_keys"], "python", "-m", "my_service.auth.issue_key", "bench", DATABASE_URL=url)
        provider_module = load_module(projects["oidc"] / "tests" / "auth" / "provider.py")
        provider = stack.enter_context(provider_module.Provider(provider_module.new_key()))
        trust = {"OIDC_ISSUER": provider.issuer, "OIDC_AUDIENCE": provider_module.AUDIENCE}
        variants: dict[str, tuple[str, str]] = {
            "none": ("none", ""),
            "none, once more": ("none", ""),
            "oidc, RS256": ("oidc", f"Bearer {sign_with_rsa(provider)}"),
            "oidc, ES256": ("oidc", f"Bearer {provider.token()}"),
            "api_keys": ("api_keys", f"Bearer {key.strip()}"),
        }
        servers = {
            name: stack.enter_context(serve("service", projects[auth], url, *LOG, name=name, **trust))
            for name, (auth, _) in variants.items()
        }
        read = OPERATIONS["read"]
        operations = {name: replace(read, authorization=header) for name, (_, header) in variants.items()}
        show(measure(servers, operations, options.rounds), "none")


def sign_with_rsa(provider: Any) -> str:
    """A token of a key that most providers have: RSA with 2,048 bits. The provider publishes it beside its own."""
    key = generate_private_key(65537, 2048)
    own = json.loads(provider.answer("/keys")[2])["keys"]
    jwk = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "rsa", "use": "sig", "alg": "RS256"}
    provider.documents["/keys"] = {"keys": [*own, jwk]}
    claims = jwt.decode(provider.token(exp=int(time.time()) + 86400), options={"verify_signature": False})
    return jwt.encode(claims, key, "RS256", {"typ": "at+jwt", "kid": "rsa"})


if __name__ == "__main__":
    main()
