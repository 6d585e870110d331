"""The routes that need no credentials. `create_app` refuses every other route that does not ask for a principal."""

PUBLIC_ROUTES = {
    "GET /livez",
    "GET /readyz",
    "GET /docs",
    "GET /docs/oauth2-redirect",
    "GET /openapi.json",
    "GET /redoc",
    # Yours:
}
