"""Help texts are shown as they are meant."""

import inspect
import re
from typing import Any, get_args

import pytest

from cli.command import run
from polyspike.cli import sweep
from polyspike.cli.app import COMMANDS
from polyspike.cli.texts import help_of


def words(text: str) -> str:
    """Without the frame and the breaks of lines."""
    return " ".join(re.sub(r"[│╭╮╰╯─|]", " ", text).split())


def test_square_brackets_are_no_markup() -> None:
    shown = words(run("sweep", "--help").output)
    assert "[base], [axes], [[together]], replicates, seed, [options]" in shown
    assert shown.count("as [options] says when absent") == 3


@pytest.mark.parametrize("name", COMMANDS)
def test_every_bracket_of_a_help_text_is_shown(name: str) -> None:
    module: Any = __import__(f"polyspike.cli.{name}", fromlist=["command"])
    shown = words(run(name, "--help").output)
    hints = inspect.get_annotations(module.command, eval_str=True).values()
    texts = [option.help for hint in hints for option in get_args(hint) if getattr(option, "help", None)]
    for text in [*texts, module.command.__doc__]:
        for bracketed in re.findall(r"\[+[^\]]*\]+", text or ""):
            assert bracketed in shown


def test_a_paragraph_is_one_line_until_the_terminal_breaks_it() -> None:
    paragraphs = help_of(sweep.command).split("\n\n")
    assert len(paragraphs) == 2
    assert "\n" not in paragraphs[1]
