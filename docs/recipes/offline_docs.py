from pathlib import Path

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

FILES = "/docs/files"


def serve_docs(app: FastAPI, folder: Path) -> None:
    """Call this in `create_app`, below `# Your routers:`, and pass `docs_url=None, redoc_url=None` to FastAPI."""
    openapi_url = app.openapi_url
    if openapi_url is None:  # DOCS_ENABLED is not set
        return
    app.mount(FILES, StaticFiles(directory=folder))

    @app.get("/docs", include_in_schema=False)
    async def show_docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url=openapi_url,
            title=app.title,
            swagger_js_url=f"{FILES}/swagger-ui-bundle.js",
            swagger_css_url=f"{FILES}/swagger-ui.css",
            swagger_favicon_url=f"{FILES}/favicon-32x32.png",
        )
