"""Functions known by a dotted name, ``"mypackage.mymodule.myfunction"``: imported, and written down by that name.

To import a module is to run it. A name is looked up only when it has a dot, and only where a user names a function of
their own: in Python, on the command line and in their own TOML files. Whoever takes names from strangers, a server say,
refuses them first with :func:`is_dotted` or ``Problem.from_dict(values, imports=False)``.
"""

import re
from functools import cache
from pkgutil import resolve_name
from typing import Any

from polyspike.errors import ArgumentError

__all__ = ["imported", "is_dotted"]

_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


def is_dotted(name: Any) -> bool:
    """Whether a text names something to be imported, with or without "uncentred " before it."""
    return isinstance(name, str) and _DOTTED.fullmatch(name.strip().split(" ")[-1]) is not None


@cache
def imported(argument: str, name: str) -> Any:
    """What a dotted name stands for: a function, or an Activation or Teacher made of one.

    Raises
    ------
    ArgumentError
        No such module, a module that cannot be imported, or one that has nothing of this name.
    """
    try:
        found = resolve_name(name)
    except (ImportError, AttributeError, SyntaxError) as error:
        remedy = f"it cannot be imported ({error}); a module is found in the folders of PYTHONPATH"
        raise ArgumentError(argument, name, remedy) from error
    if not callable(found):
        raise ArgumentError(argument, name, f"it is a {type(found).__name__}; name a function")
    return found
