"""Sphinx configuration; `make docs` builds with every warning an error."""

import re
import shutil
import warnings
from importlib import import_module
from importlib.metadata import version as installed_version
from pathlib import Path
from types import FunctionType
from typing import Any

import polyspike

DOCS = Path(__file__).parent
EXAMPLES = DOCS.parent / "examples"
SOURCE = DOCS.parent / "src"
PUBLIC_ROOMS = ("data", "plot")  # their names are used as polyspike.data.load, polyspike.plot.errors
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
EXPLORER = ("../src/polyspike/explore/static", "explorer")

# Formulas are rendered by the KaTeX in _static, so that no page asks for anything from outside. Sphinx's extension for
# MathJax writes them, and loads _static/formulas.js in its place.
html_static_path = ["_static", *EXPLORER]
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


def public_names() -> dict[str, str]:
    """From where each public name is defined to where a user finds it."""
    rooms = {"polyspike": polyspike, **{f"polyspike.{room}": getattr(polyspike, room) for room in PUBLIC_ROOMS}}
    names = {f"{room}.{name}": getattr(package, name) for room, package in rooms.items() for name in package.__all__}
    return {defined_at(value): name for name, value in reversed(names.items()) if defined_at(value)}


def defined_at(value: Any) -> str:
    """Dotted name of the place where a class or function is defined; empty for anything else."""
    return f"{value.__module__}.{value.__qualname__}" if isinstance(value, type | FunctionType) else ""


PUBLIC = public_names()


def point_to_public(app: Any, env: Any, node: Any, content: Any) -> Any:
    """A reference to the place where a public name is defined leads to the page of that name."""
    target = node.get("reftarget", "")
    old = next((old for old in PUBLIC if target == old or target.startswith(f"{old}.")), None)
    if node.get("refdomain") != "py" or old is None:
        return None
    name = PUBLIC[old] + target.removeprefix(old)
    domain = env.domains["py"]
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", name, node, content)


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("missing-reference", point_to_public)
    app.connect("autodoc-process-docstring", keep_names_together, priority=600)  # after napoleon


def keep_names_together(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Attributes that share a line, ``a, b : float``: without spaces, before which Sphinx would look for a type."""
    for k, line in enumerate(lines):
        if found := re.match(r":(ivar|vartype) ([\w*, ]+):", line):
            names = found[2].replace(", ", ",\N{ZERO WIDTH SPACE}")
            lines[k] = f":{found[1]} {names}:{line[found.end() :]}"


def write_reference(folder: Path) -> None:
    """A page for each public name, one for each room that is public as a whole, and the modules behind them."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "modules").mkdir(parents=True)
    for name in polyspike.__all__:
        if not name.startswith("__"):
            (folder / f"polyspike.{name}.rst").write_text(public_page(f"polyspike.{name}"), encoding="utf-8")
    for room in PUBLIC_ROOMS:
        (folder / f"polyspike.{room}.rst").write_text(room_page(f"polyspike.{room}"), encoding="utf-8")
    write_modules(folder / "modules")


def public_page(name: str) -> str:
    """The page of one name, as a user imports it."""
    return f"{name}\n{'=' * len(name)}\n\n{directive(name)}"


def room_page(name: str) -> str:
    """The page of a package of public names, all of them on it."""
    package = import_module(name)
    heading = f"{name}\n{'=' * len(name)}\n\n.. automodule:: {name}\n   :no-members:\n   :no-index:\n\n"
    return heading + "".join(directive(f"{name}.{public}") for public in package.__all__)


def directive(name: str) -> str:
    """What autodoc is asked to write about a name."""
    module, _, public = name.rpartition(".")
    value = getattr(import_module(module), public)
    kind = ("exception" if issubclass(value, Exception) else "class") if isinstance(value, type) else "function"
    kind = kind if callable(value) else "data"
    members = "   :members:\n   :show-inheritance:\n" if kind in ("class", "exception") else ""
    return f".. auto{kind}:: {name}\n{members}\n"


def module_name(path: Path) -> str:
    """Full name of the module in a file."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def section(path: Path, underline: str) -> str:
    """Heading and contents of one module; a package shows its text alone, its modules what has no page of its own."""
    name = module_name(path)
    public = ", ".join(bound for bound, value in vars(import_module(name)).items() if defined_at(value) in PUBLIC)
    members = ":no-members:" if path.name == "__init__.py" else ":members:\n   :show-inheritance:"
    members += "\n   :no-index:" if name in PUBLIC.values() else ""  # a function of the same name has the target
    members += f"\n   :exclude-members: {public}" if public and path.name != "__init__.py" else ""
    return f"{name}\n{underline * len(name)}\n\n.. automodule:: {name}\n   {members}\n\n"


def write_modules(folder: Path) -> None:
    """One page for each room of the package, a section for each of its modules."""
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
