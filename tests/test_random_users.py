"""Random users lose no line: see testkit/random_users.py, which plays as many of them as one likes."""

import pytest

from testkit.random_users import play
from testkit.updates import case

pytestmark = [pytest.mark.slow, pytest.mark.updates]


@pytest.mark.parametrize("seed", [case(seed, sample=seed < 4) for seed in range(20)])
def test_a_random_user(seed: int) -> None:
    assert play(seed)["violations"] == []
