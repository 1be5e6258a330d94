"""Refusals in the words of the command line: an option is named as it was typed."""

import re
import shlex
from typing import Any

from polyspike.errors import ArgumentError, PolyspikeError, UnreadableError

__all__ = ["as_typed"]

_ARGUMENTS = re.compile(r"^([A-Za-z_]\w*(?:, [A-Za-z_]\w*)*) = ")
_SETTING = re.compile(r"""(?<![\w'])([a-z_]\w*)=('[^']*'|"[^"]*"|[\w.-]*)""")

_NAME = re.compile(r"(?<![\w-])[a-z]+_[a-z_]+\b")

_OPTION_OF = {"alignment_degree": "degree"}
"""Arguments of the library that another name sets on the command line."""


def as_typed(error: PolyspikeError, context: Any) -> str:
    """A refusal ``argument = value: remedy`` in the words of the command line.

    The argument becomes the option that the user typed; a value that came from a file keeps its name.
    In the remedy ``name=value`` becomes ``--name value``, and ``long_name`` becomes ``--long-name``.

    Parameters
    ----------
    error : PolyspikeError
    context : typer.Context
    """
    message, parameters = str(error), {p.name: p for p in context.command.params}
    if isinstance(error, ArgumentError):
        message = message.removesuffix(error.remedy) + _remedy(error.remedy, parameters)
    elif isinstance(error, UnreadableError):
        head, mark, remedy = message.partition("': ")
        message = head + mark + _remedy(remedy, parameters)
    start = _ARGUMENTS.match(message)
    if start is None:
        return message
    typed = {name: _spelt(p) for name, p in parameters.items() if _was_typed(name, context)}
    value = message[start.end() :]
    if value.startswith("None: "):  # what is asked for and was not given
        typed = {name: _spelt(p) for name, p in parameters.items()}
    names = [_name(name, value, typed, context.params) for name in start[1].split(", ")]
    return f"{', '.join(names)} = {value}"


def _name(name: str, value: str, typed: dict[str, str], given: dict[str, Any]) -> str:
    """The option of an argument: by its name, else by the text that it was given."""
    name = _OPTION_OF.get(name, name)
    if name in typed:
        return typed[name]
    same = (option for key, option in typed.items() if value.startswith(f"{str(given.get(key))!r}:"))
    return next(same, name)


def _remedy(text: str, parameters: dict[str, Any]) -> str:
    """The remedy with options where it names arguments: in ``name=value``, and where the name has an underscore."""
    text = _SETTING.sub(lambda found: _setting(found, parameters), text)
    return _NAME.sub(lambda found: _spelt(parameters[found[0]]) if found[0] in parameters else found[0], text)


def _setting(found: re.Match[str], parameters: dict[str, Any]) -> str:
    """``name=value`` as an option, where the command has it."""
    name, value = found.groups()
    parameter = parameters.get(_OPTION_OF.get(name, name))
    if parameter is None:
        return found[0]
    if value in ("True", "False"):
        return _spelt(parameter) if value == "True" else _spelt(parameter).replace("--", "--no-", 1)
    bare = value[1:-1] if value[:1] in ("'", '"') else value
    return f"{_spelt(parameter)} {shlex.quote(bare)}" if bare else _spelt(parameter)


def _was_typed(name: str, context: Any) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _spelt(parameter: Any) -> str:
    """The long option, or the name of an argument in the help."""
    options = [option for option in parameter.opts if option.startswith("--")]
    return str(options[0]) if options else str(parameter.name.upper())
