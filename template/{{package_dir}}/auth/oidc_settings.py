"""The settings of the identity provider.

`OIDC_ISSUER`, `OIDC_AUDIENCE`, `OIDC_ALGORITHMS`, `OIDC_TOKEN_TYPES` and `OIDC_SCOPE_CLAIM`.
"""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from ..database import EnvironmentSettings

# Those with a public key. With HS256 or none, everybody could sign.
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


def require_https(url: str) -> str:
    """Allow http only to this machine, for development. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")):
        raise ValueError("must begin with https://")
    return url


class OIDCSettings(EnvironmentSettings):
    """Raises InvalidSettings."""

    model_config = SettingsConfigDict(env_prefix="OIDC_")

    issuer: Annotated[str, AfterValidator(require_https)]
    """The provider's URL, exactly as in the claim `iss` of its tokens."""
    audience: str = Field(min_length=1)
    """The name of this service at the provider, which is the claim `aud`."""
    algorithms: frozenset[Algorithm] = frozenset({"RS256", "ES256"})
    """How tokens may be signed."""
    token_types: frozenset[str] = frozenset({"at+jwt"})
    """The header `typ` of access tokens, in lower case. Some providers send `jwt`."""
    scope_claim: str = "scope"
    """The claim with the scopes: a text with spaces, or a list. Some providers send `scp`."""
