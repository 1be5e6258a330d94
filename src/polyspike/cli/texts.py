"""Help texts as they are meant: square brackets are brackets and no markup, paragraphs fill the lines."""

from copy import copy
from inspect import Parameter, cleandoc
from typing import Annotated, Any, get_args, get_origin

from rich.markup import escape

__all__ = ["help_of", "literal"]


def help_of(function: Any) -> str:
    """The docstring of a command, each paragraph on one line."""
    paragraphs = cleandoc(function.__doc__ or "").split("\n\n")
    return escape("\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs))


def literal(parameter: Parameter) -> Parameter:
    """The same parameter of a command, its help without markup."""
    if get_origin(parameter.annotation) is not Annotated:
        return parameter
    kind, option, *others = get_args(parameter.annotation)
    if not getattr(option, "help", None):
        return parameter
    plain = copy(option)
    plain.help = escape(option.help)
    return parameter.replace(annotation=Annotated[(kind, plain, *others)])
