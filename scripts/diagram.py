"""Draw the path of a request for the README and the site: `python -m scripts.diagram`."""

from html import escape
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
THEMES = {
    "light": {"ink": "#1f2328", "faint": "#8c959f", "fill": "#f6f8fa", "good": "#1a7f37", "bad": "#cf222e"},
    "dark": {"ink": "#e6edf3", "faint": "#7d8590", "fill": "#161b22", "good": "#3fb950", "bad": "#f85149"},
}
# Each participant, and the centre of its lifeline in pixels.
PARTICIPANTS = {"client": 80, "router": 300, "session": 520, "PostgreSQL": 740}
NAMES = {"client": "Client", "router": "Route and schemas", "session": "DbSession", "PostgreSQL": "PostgreSQL"}
# From, to, what is sent, and the colour. An arrow from a participant to itself is a remark.
STEPS = [
    ("client", "router", "POST /books", "ink"),
    ("router", "router", "validate the body", "faint"),
    ("router", "session", "books.add(book)", "ink"),
    ("session", "PostgreSQL", "BEGIN, INSERT … RETURNING", "ink"),
    ("router", "router", "validate the response", "faint"),
    ("session", "PostgreSQL", "COMMIT", "good"),
    ("router", "client", "201, after the commit", "good"),
    ("PostgreSQL", "session", "or 23505 unique violation", "bad"),
    ("session", "PostgreSQL", "ROLLBACK", "bad"),
    ("router", "client", "409 problem document", "bad"),
]
WIDTH, TOP, STEP = 840, 70, 34


def draw(theme: str) -> str:
    colours = THEMES[theme]
    height = TOP + STEP * len(STEPS) + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="A request commits before its response" font-family="system-ui, sans-serif" font-size="13">'
    ]
    parts += [
        f'<marker id="{colour}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        f'orient="auto"><path d="M0 0 8 4 0 8z" fill="{colours[colour]}"/></marker>'
        for colour in ("ink", "good", "bad")
    ]
    for name, x in PARTICIPANTS.items():
        parts += [
            f'<line x1="{x}" y1="44" x2="{x}" y2="{height - 10}" stroke="{colours["faint"]}" stroke-dasharray="3 4"/>',
            f'<rect x="{x - 75}" y="10" width="150" height="34" rx="6" fill="{colours["fill"]}" '
            f'stroke="{colours["faint"]}"/>',
            label(x, 32, NAMES[name], colours["ink"]),
        ]
    for number, (start, end, text, colour) in enumerate(STEPS):
        y, x1, x2 = TOP + STEP * number + 16, PARTICIPANTS[start], PARTICIPANTS[end]
        if x1 == x2:
            parts.append(label(x1 + 8, y, text, colours[colour], anchor="start"))
            continue
        parts += [
            f'<line x1="{x1}" y1="{y}" x2="{x2}" y2="{y}" stroke="{colours[colour]}" stroke-width="1.5" '
            f'marker-end="url(#{colour})"/>',
            label((x1 + x2) / 2, y - 6, text, colours[colour]),
        ]
    return "\n".join([*parts, "</svg>", ""])


def label(x: float, y: float, text: str, colour: str, anchor: str = "middle") -> str:
    return f'<text x="{x:g}" y="{y:g}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'


if __name__ == "__main__":
    for theme in THEMES:
        (DOCS / f"request-{theme}.svg").write_text(draw(theme))
