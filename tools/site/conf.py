"""Sphinx's settings for the website; `make site` calls it on what `stage.py` laid out."""

import os
from pathlib import Path

HERE = Path(__file__).parent

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
html_static_path = [str(HERE / "static"), str(HERE.parents[1] / "build" / "site-source" / "static")]
html_css_files = ["panel.css", "site.css"]
html_js_files = [("explorers.js", {"type": "module"})]
html_favicon = str(HERE / "static" / "icon.svg")
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
    }
mathjax_path = "mathjax/tex-svg.js"
