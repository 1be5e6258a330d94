"""The public names: what completion, ``dir`` and a star import see, and that nothing heavy is loaded for it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import polyspike as ps

SOURCE = Path(ps.__file__)
PUBLIC = set(ps.__all__)


def completed(prefix: str) -> list[str]:
    """What a fresh interpreter completes ``ps.`` to, by the standard library's completer, which reads ``dir``."""
    code = f"import polyspike as ps, rlcompleter; print(*rlcompleter.Completer({{'ps': ps}}).attr_matches({prefix!r}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return [word.rstrip("()") for word in done.stdout.split()]


def test_dir_has_every_public_name() -> None:
    assert set(dir(ps)) >= PUBLIC
    assert len(ps.__all__) == len(PUBLIC)


def test_what_a_type_checker_is_told_is_public_and_there() -> None:
    """The names under TYPE_CHECKING, the lazy ones and ``__all__`` are kept by hand, and must not drift apart."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    guard = next(node for node in tree.body if isinstance(node, ast.If))
    declared = {a.asname or a.name for line in guard.body if isinstance(line, ast.ImportFrom) for a in line.names}
    eager = {a.name for line in tree.body if isinstance(line, ast.ImportFrom) for a in line.names}
    assert declared == set(ps._LAZY)
    assert declared | (eager - {"import_module", "TYPE_CHECKING", "Any"}) == PUBLIC
    assert all(getattr(ps, name) is not None for name in PUBLIC)


def test_a_prefix_is_completed_before_anything_was_used() -> None:
    assert "ps.predict" in completed("ps.pre")
    assert {"ps.simulate", "ps.simulation"} <= set(completed("ps.sim"))


def test_a_star_import_brings_every_name() -> None:
    code = "from polyspike import *; import polyspike; print(*[n for n in polyspike.__all__ if n not in globals()])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("room", ["data", "plot", "theory"])
def test_a_room_is_reached_without_an_import_of_its_own(room: str) -> None:
    assert getattr(ps, room).__name__ == f"polyspike.{room}"


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'predikt'"):
        ps.predikt
