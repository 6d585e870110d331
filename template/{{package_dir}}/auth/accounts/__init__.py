"""People with passwords and sessions, beside programs with API keys."""

from .credentials import get_principal

__all__ = ["get_principal"]
