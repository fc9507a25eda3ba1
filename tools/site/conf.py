"""Sphinx's settings for the website; `stage.py` puts them beside the pages that it lays out."""

import os
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

project = "inception-edu"
author = "The inception-edu authors"
copyright = "the inception-edu authors. Text and drawings: CC BY 4.0; code: MIT"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3

html_theme = "sphinx_book_theme"
html_title = "inception-edu"
html_static_path = ["../static"]
html_css_files = ["panel.css", "site.css"]
html_js_files = [("explorers.js", {"type": "module"})]
html_favicon = "../static/icon.svg"
html_copy_source = True
html_theme_options = {
    "use_download_button": True,
    "use_fullscreen_button": False,
    "home_page_in_toc": True,
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "navbar_persistent": [],  # the search field is in the side bar already
}
html_context = {"default_mode": "auto"}
# Only GitHub knows the address of its copy: the workflow passes it, and pages get links to edit them.
if repository := os.environ.get("SITE_REPOSITORY"):
    html_theme_options |= {
        "repository_url": repository,
        "repository_branch": "main",
        "use_repository_button": True,
        "use_edit_page_button": True,
        "use_issues_button": True,
        "launch_buttons": {"notebook_interface": "jupyterlab", "binderhub_url": "https://mybinder.org"},
    }
mathjax_path = "mathjax/tex-svg.js"

# The theme names some of its buttons otherwise than they read, or not at all, which a screen reader stumbles over.
SPOKEN = {
    '<summary aria-label="Toggle hidden content">': "<summary>",
    '<summary><span class="toctree-toggle"': '<summary aria-label="Show the pages below"><span class="toctree-toggle"',
    'search-button-field search-button__button pst-js-only" title="Search" aria-label="Search"': (
        'search-button-field search-button__button pst-js-only"'
    ),
    'data-mode="light" title="Light"': 'data-mode="light"',
    'data-mode="dark"  title="Dark"': 'data-mode="dark"',
    'data-mode="auto"  title="System Settings"': 'data-mode="auto"',
}


def respoken(app: Sphinx, error: Exception | None) -> None:
    """Puts the names right in every page; fails where the theme no longer has one of them."""
    pages = list(Path(app.outdir).glob("**/*.html"))
    texts = {page: page.read_text(encoding="utf-8") for page in pages}
    for theirs, ours in SPOKEN.items():
        if not error and not any(theirs in text or ours in text for text in texts.values()):
            raise ValueError(f"the theme no longer writes {theirs!r}: look whether it still has to be put right")
        texts = {page: text.replace(theirs, ours) for page, text in texts.items()}
    for page, text in texts.items():
        page.write_text(text, encoding="utf-8")


def edited_elsewhere(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Pages made from the package, and exercises without their solutions, have no source to edit or to run."""
    if page.startswith(("chapters/", "assets/")):
        return
    buttons = [each for each in context.get("header_buttons", []) if each.get("label") != "launch-buttons"]
    for each in buttons:
        if "buttons" in each:
            each["buttons"] = [one for one in each["buttons"] if one.get("label") != "source-edit-button"]
    context["header_buttons"] = buttons


def setup(app: Sphinx) -> None:
    """Sphinx calls this first."""
    app.connect("html-page-context", edited_elsewhere, priority=900)
    app.connect("build-finished", respoken)
