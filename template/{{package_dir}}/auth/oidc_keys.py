"""The provider's public keys: fetched at most once for all requests, and kept while the provider is down."""

import asyncio
import json
import logging
from collections.abc import Collection
from contextlib import suppress
from http.client import HTTPException
from math import inf
from time import monotonic
from typing import Any
from urllib.request import HTTPRedirectHandler, build_opener

from jwt import PyJWK, PyJWTError

from .oidc_settings import require_https

logger = logging.getLogger(__name__)

# In seconds.
MAX_AGE = 600.0
"""The age at which keys are fetched again, so that one that the provider withdrew ends."""
COOLDOWN = 10.0
"""The time between two attempts, so that tokens with invented keys do not become requests to the provider."""
TIMEOUT = 5.0

MAX_SIZE = 1024 * 1024


class ProviderUnavailable(Exception):
    """The provider does not answer, and the key is not known."""


class Keys:
    """The keys of one issuer, by ID."""

    def __init__(self, issuer: str, algorithms: Collection[str]) -> None:
        self.issuer = issuer
        self.algorithms = algorithms
        self.known: dict[str, PyJWK] = {}
        self.attempted = self.succeeded = -inf
        self.attempt: asyncio.Task[None] | None = None

    async def find(self, key_id: str) -> PyJWK | None:
        """Return a known key at once, even if it is old. Wait only for a fetch that may bring an unknown one.

        Raises ProviderUnavailable if the key is unknown and the last fetch failed.
        """
        now = monotonic()
        wanted = key_id not in self.known or now - self.succeeded > MAX_AGE
        if wanted and now - self.attempted > COOLDOWN:
            self.attempted = now
            self.attempt = asyncio.create_task(self.fetch())
        if key_id not in self.known and self.attempt is not None:
            await asyncio.shield(self.attempt)  # others wait for the same fetch
        if key_id not in self.known and self.succeeded < self.attempted:
            raise ProviderUnavailable
        return self.known.get(key_id)

    async def fetch(self) -> None:
        try:
            async with asyncio.timeout(TIMEOUT):
                keys = await asyncio.to_thread(fetch_keys, self.issuer, self.algorithms)
        except (OSError, HTTPException, ValueError, RecursionError) as error:
            logger.error("The keys of %s could not be fetched: %r", self.issuer, error)
        else:
            self.known, self.succeeded = keys, monotonic()


def fetch_keys(issuer: str, algorithms: Collection[str]) -> dict[str, PyJWK]:
    """Discover and fetch the keys. Raises OSError, http.client.HTTPException or ValueError."""
    discovered = fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if discovered.get("issuer") != issuer:
        raise ValueError(f"the provider says that it is {discovered.get('issuer')!r}")
    entries = fetch(require_https(str(discovered.get("jwks_uri")))).get("keys")
    keys = {}
    for entry in entries if isinstance(entries, list) else []:
        # A key of a kind that is not supported, or for encryption, does not spoil the others.
        with suppress(PyJWTError, AttributeError, KeyError, TypeError, ValueError):
            key = PyJWK(entry)
            if entry.get("use", "sig") == "sig" and key.algorithm_name in algorithms:
                keys[str(entry["kid"])] = key
    if not keys:
        raise ValueError("the provider has no keys")
    return keys


class NoRedirects(HTTPRedirectHandler):
    """A redirect could lead to http, or into the network of the service."""

    def redirect_request(self, *_: Any) -> None:
        return None


opener = build_opener(NoRedirects)


def fetch(url: str) -> dict[str, Any]:
    with opener.open(url, timeout=TIMEOUT) as response:
        document = json.loads(response.read(MAX_SIZE))
    if not isinstance(document, dict):
        raise ValueError("the provider's answer is not an object")
    return document
