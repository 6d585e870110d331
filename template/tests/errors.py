"""What an error looks like to a client. A service with another error format changes only this file of the tests."""

from httpx import Response

MEDIA_TYPE = "application/problem+json"


def assert_error(response: Response, status: int, constraint: str | None = None) -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == MEDIA_TYPE
    assert response.json()["status"] == status
    assert response.json().get("constraint") == constraint
