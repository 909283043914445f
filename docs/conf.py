"""How Sphinx builds these pages: `python -m sphinx -W --keep-going -n docs build/docs` (extra `docs`)."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import sim

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
# Cells call `sim` as a reader would; of several installations it must be the one that builds the pages.
os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
os.environ["NO_COLOR"] = "1"
ipython = tempfile.TemporaryDirectory()
startup = Path(ipython.name, "profile_default", "startup")
startup.mkdir(parents=True)
shutil.copy(HERE / "cells.py", startup)
os.environ["IPYTHONDIR"] = ipython.name

project = "market-entry-sim"
author = "The authors of market-entry-sim"
copyright = "the authors of market-entry-sim, MIT"
version = release = sim.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "formulas",
    "sources",
]
exclude_patterns = ["_build"]

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

nb_execution_mode = "force"
nb_execution_timeout = 900
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_output_stderr = "remove"
nb_render_markdown_format = "gfm"
nb_code_prompt_show = "How this was made"
nb_code_prompt_hide = "How this was made"

autodoc_typehints = "none"  # the docstrings say types, in words
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
nitpicky = True
# Words of numpydoc such as "sequence of str" are no names, and the pages are built without a network.
nitpick_ignore_regex = [("py:class", ".*")]

html_theme = "furo"
html_title = f"market-entry-sim {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
pygments_style = "friendly"
