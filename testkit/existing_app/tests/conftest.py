import pytest
from app.items import items
from app.main import app
from httpx import ASGITransport, AsyncClient


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def client():
    items.clear()
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        yield client
