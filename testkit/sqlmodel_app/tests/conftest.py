from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session, SQLModel

from app.db import engine
from app.main import app
from app.models import Hero


@pytest.fixture(scope="session", autouse=True)
def db() -> Iterator[Session]:
    SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Hero(name="First"))
        session.commit()
        yield session
    SQLModel.metadata.drop_all(engine)


@pytest.fixture
def client() -> TestClient:
    return TestClient(app)
