"""OpenID Connect: access tokens of an identity provider, verified with its public keys."""

import logging
from functools import lru_cache
from time import time
from typing import Annotated, Any

import jwt
from fastapi import Depends, HTTPException
from fastapi.requests import HTTPConnection
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from .oidc_keys import COOLDOWN, Keys, ProviderUnavailable
from .oidc_settings import OIDCSettings
from .principal import Principal, unauthenticated

logger = logging.getLogger(__name__)

LEEWAY = 10
"""Seconds by which the clocks of the provider and the service may differ."""
MAX_VERIFIED = 10_000
"""How many tokens a process remembers. One takes about two kilobytes."""
MAX_SUBJECT = 200
"""The length of a column for subjects, such as the actor in the audit log."""
REQUIRED = ["iss", "aud", "exp", "iat", "sub"]
# Claims of ID tokens, which tell a client who logged in, and are not meant for an API.
OF_ID_TOKENS = {"at_hash", "c_hash", "nonce"}

bearer = HTTPBearer(
    scheme_name="Access token", bearerFormat="JWT", description="Of the identity provider.", auto_error=False
)


class TokenVerifier:
    """Verifies access tokens. Each application has one, because it caches the keys of the provider."""

    def __init__(self, settings: OIDCSettings) -> None:
        self.settings = settings
        self.keys = Keys(settings.issuer, settings.algorithms)
        self.verified: dict[str, tuple[jwt.PyJWK, dict[str, Any]]] = {}

    async def verify(self, token: str) -> Principal:
        """Raises PyJWTError for a token that is not valid, and ProviderUnavailable if that is not known."""
        header = read_header(token.partition(".")[0])
        # RFC 9068: the type tells an access token from an ID token, which may have the same audience.
        if str(header.get("typ", "")).lower().removeprefix("application/") not in self.settings.token_types:
            raise jwt.InvalidTokenError("This type of token is not accepted.")
        key = await self.keys.find(header.get("kid", ""))
        if key is None:
            raise jwt.InvalidKeyError("The provider has no such key.")
        # A signature is verified once, until the keys are fetched again.
        verified_with, claims = self.verified.get(token, (None, {}))
        if verified_with is not key or int(claims["exp"]) <= time() - LEEWAY:
            claims = self.decode(token, key)
            if len(self.verified) >= MAX_VERIFIED:
                self.verified.clear()
            self.verified[token] = key, claims
        return Principal(claims["sub"], frozenset(self.scopes(claims)), dict(claims))

    def decode(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        """The claims, if they are valid. Raises PyJWTError."""
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=sorted(self.settings.algorithms),
            audience=self.settings.audience,
            issuer=self.settings.issuer,
            leeway=LEEWAY,
            options={"require": REQUIRED, "strict_aud": True, "enforce_minimum_key_length": True},
        )
        if not 0 < len(claims["sub"]) <= MAX_SUBJECT or OF_ID_TOKENS & claims.keys():
            raise jwt.InvalidTokenError("This is not an access token.")
        return claims

    def scopes(self, claims: dict[str, Any]) -> list[str]:
        """A text with spaces, as in RFC 9068, or a list. Raises InvalidTokenError."""
        scopes = claims.get(self.settings.scope_claim, "")
        scopes = scopes.split() if isinstance(scopes, str) else scopes
        if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
            raise jwt.InvalidTokenError("The scopes are not a text or a list.")
        return scopes


@lru_cache(maxsize=64)
def read_header(segment: str) -> dict[str, Any]:
    """The header, which all tokens of one key share. Raises PyJWTError."""
    return jwt.get_unverified_header(f"{segment}..")


async def get_principal(
    connection: HTTPConnection, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Principal:
    """The subject of the access token. Nothing is asked of the database, nor of the provider while its keys are known."""
    if credentials is None:
        raise unauthenticated("An access token is required: Authorization: Bearer ...", invalid=False)
    verifier: TokenVerifier = connection.app.state.token_verifier
    try:
        return await verifier.verify(credentials.credentials)
    except jwt.PyJWTError as error:
        logger.info("An access token was refused: %s", type(error).__name__)
        raise unauthenticated("The access token is not valid.") from None
    except ProviderUnavailable:
        detail = "The identity provider does not answer."
        raise HTTPException(503, detail, {"Retry-After": f"{COOLDOWN:g}"}) from None
