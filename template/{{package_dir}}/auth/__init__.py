"""Who is calling, and what they may do."""

from .dependencies import CurrentPrincipal, allows, get_principal
from .guard import refuse_open_routes
from .principal import Principal

__all__ = ["CurrentPrincipal", "Principal", "allows", "get_principal", "refuse_open_routes"]
