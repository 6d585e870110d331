"""The combinations of answers that are proven. What an entry does not name has its default.

pytest takes its ids from here, `python -m tests.combinations` prints them for the CI matrix.
"""

import json

Answers = dict[str, str | bool]

COMBINATIONS: list[Answers] = [
    {},
    {"package_name": "shop", "python_version": "3.12"},
    {"python_version": "3.13"},
    {"python_version": "3.14"},
]


def name(answers: Answers) -> str:
    """An id that can stand in `pytest -k` and in a shell, such as python_version:3.14."""
    return "-".join(f"{question}:{answer}".lower() for question, answer in answers.items()) or "default"


BY_NAME = {name(answers): answers for answers in COMBINATIONS}

if __name__ == "__main__":
    print(json.dumps(list(BY_NAME)))
