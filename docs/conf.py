"""Sphinx configuration; `make docs` builds with every warning an error."""

import warnings
from importlib.metadata import version as installed_version
from pathlib import Path

DOCS = Path(__file__).parent
EXAMPLES = DOCS.parent / "examples"
SOURCE = DOCS.parent / "src"
UNDOCUMENTED = {"_version", "cli"}  # the command line documents itself: polyspike --help

project = "polyspike"
author = "polyspike authors"
copyright = "2026, polyspike authors"
version = release = installed_version("polyspike")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_static", "gallery/*.ipynb", "gallery/*.py"]
html_theme = "pydata_sphinx_theme"
html_title = f"polyspike {release}"
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False}
html_show_sourcelink = False
html_context = {"default_mode": "auto"}
# The explorer of `polyspike explore`, and the table from which it answers without a server.
html_static_path = ["../src/polyspike/explore/static", "explorer"]

# Formulas are rendered by the KaTeX in _static, so that no page asks for anything from outside. Sphinx's extension for
# MathJax writes them, and loads _static/formulas.js in its place.
html_static_path = ["_static"]
html_css_files = ["katex/katex.min.css", "polyspike.css"]
html_js_files = [("katex/katex.min.js", {"defer": "defer", "priority": 400})]  # before formulas.js, which has 500
mathjax_path = "formulas.js"
myst_update_mathjax = False

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

sphinx_gallery_conf = {
    "examples_dirs": str(EXAMPLES),
    "gallery_dirs": "gallery",
    "filename_pattern": r"[\\/]plot_",
    "ignore_pattern": r"[\\/](?!plot_)[^\\/]*\.py$",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,  # that page would load scripts from outside
}

# The examples run while the pages are built; a warning of the package is as fatal there as in its tests.
warnings.filterwarnings("error", module="polyspike")


def module_name(path: Path) -> str:
    """Full name of the module in a file."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def section(path: Path, underline: str) -> str:
    """Heading and contents of one module; a package shows its text alone, its modules their members."""
    name = module_name(path)
    members = ":no-members:" if path.name == "__init__.py" else ":members:\n   :show-inheritance:"
    return f"{name}\n{underline * len(name)}\n\n.. automodule:: {name}\n   {members}\n\n"


def write_reference(folder: Path) -> None:
    """One page for each room of the package, a section for each of its modules."""
    folder.mkdir(exist_ok=True)
    package = SOURCE / "polyspike"
    rooms = [path for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    for room in rooms:
        if room.stem in UNDOCUMENTED | {"__init__"}:
            continue
        first, *others = sorted(room.rglob("*.py"), key=_packages_first) if room.is_dir() else [room]
        text = section(first, "=") + "".join(section(path, "-") for path in others)
        (folder / f"{room.stem}.rst").write_text(text, encoding="utf-8")


def _packages_first(path: Path) -> tuple[str, ...]:
    return tuple("" if part == "__init__.py" else part for part in path.parts)


write_reference(DOCS / "generated")
