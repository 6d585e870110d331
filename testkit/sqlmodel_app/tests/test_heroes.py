from fastapi.testclient import TestClient


def test_heroes(client: TestClient) -> None:
    assert client.post("/heroes", json={"name": "Second"}).status_code == 201
    names = [hero["name"] for hero in client.get("/heroes").json()]
    assert names == ["First", "Second"]
