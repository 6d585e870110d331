"""What a test needs of the machine."""

import os
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """Skip the test with a sentence, or fail it in CI, where nobody reads what was skipped."""
    if "CI" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)
