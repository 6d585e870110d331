"""Draw the trace of a request from what a service exported: `RECORD=1 pytest tests/test_telemetry.py -k spans_of`."""

import json
from html import escape
from pathlib import Path

from .diagram import THEMES

DOCS = Path(__file__).parents[1] / "docs"
TRACE = DOCS / "trace.json"
LEFT, RIGHT, ROW, WIDTH = 230, 90, 34, 840


def draw(theme: str) -> str:
    """A bar for each span of docs/trace.json, whose times are in milliseconds."""
    colours = THEMES[theme]
    spans = json.loads(TRACE.read_text())
    scale = (WIDTH - LEFT - RIGHT) / spans[0]["duration"]
    height = ROW * len(spans) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="The spans of {escape(spans[0]["name"])}" font-family="system-ui, sans-serif" font-size="13">'
    ]
    for number, span in enumerate(spans):
        y = 10 + ROW * number
        x, width = LEFT + span["start"] * scale, max(span["duration"] * scale, 2)
        fill = colours["good"] if number else colours["faint"]
        ink = colours["ink"]
        parts += [
            f'<text x="{8 + 16 * span["depth"]}" y="{y + 21}" fill="{ink}">{escape(span["name"])}</text>',
            f'<rect x="{x:.1f}" y="{y + 6}" width="{width:.1f}" height="22" rx="3" fill="{fill}"/>',
            f'<text x="{x + width + 6:.1f}" y="{y + 21}" fill="{ink}">{span["duration"]:.1f} ms</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def write() -> None:
    for theme in THEMES:
        (DOCS / f"trace-{theme}.svg").write_text(draw(theme))
