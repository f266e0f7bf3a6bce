"""The site's configuration, for Sphinx: ``make site``. What comes from code and results is written by pages/."""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # for pages/

from pages import kept  # noqa: E402

project = "minirad"
author = "The minirad authors"
copyright = author
version = release = re.findall(r'__version__ = "(.+)"', (HERE.parent / "minirad/__init__.py").read_text())[0]
language = "en"

extensions = [
    "myst_nb",  # the chapters, with what their cells print
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx.ext.mathjax",
    "sphinx.ext.githubpages",
    "sphinxcontrib.bibtex",
    "pages",
]
exclude_patterns = ["_build", "README.md", "**.ipynb_checkpoints", "pages"]

# ---- chapters
# A cell runs once; its output is kept under _build/ until a cell, the library or a result changes (pages/execute.py).
# `make drafts` says "off" instead, and shows the cells without outputs.
nb_execution_mode = "cache"
nb_execution_cache_path = str(kept.folder(HERE.parent, HERE / "_build") / "cells")
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_execution_in_temp = True
nb_merge_streams = True
nb_render_markdown_format = "myst"  # a cell that displays Markdown may have formulas in it
nb_number_source_lines = False
nb_mime_priority_overrides = [("html", "text/markdown", 0)]
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4

bibtex_bibfiles = ["references.bib"]

# ---- the reference
autodoc_typehints = "none"  # the texts give shapes and meanings
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
add_module_names = False
toc_object_entries_show_parents = "hide"
viewcode_line_numbers = True

# ---- formulas: MathJax from the page's own host, so that they are set without a network
mathjax_path = "mathjax/tex-svg-full.js"
mathjax3_config = {"options": {"menuOptions": {"settings": {"inTabOrder": False}}}}

# ---- looks
html_theme = "furo"
html_title = "minirad"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_favicon = "_static/icon.svg"
html_copy_source = False
html_show_sphinx = False
html_last_updated_fmt = None
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
html_theme_options = {
    "navigation_with_keys": True,
    "top_of_page_buttons": [],
}
