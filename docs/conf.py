import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts import pages

project = "copier-fastapi-postgres"
extensions = ["myst_parser"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 2
nitpicky = True
smartquotes = False  # a message that people search for keeps its quotes
html_theme = "furo"
html_title = project
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_use_index = False
html_show_copyright = False


def setup(app: Sphinx) -> None:
    def fill(_app: Sphinx, _page: str, source: list[str]) -> None:
        source[0] = pages.fill(source[0])

    app.connect("source-read", fill)
