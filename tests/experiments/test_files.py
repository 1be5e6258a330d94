"""Files that are written whole or not at all."""

from pathlib import Path

import pytest

from polyspike.errors import UnreadableError
from polyspike.experiments.files import write_whole


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "f.txt"
    write_whole(path, lambda p: p.write_text("old"))

    def half(temporary: Path) -> None:
        temporary.write_text("ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(UnreadableError, match="No space left"):
        write_whole(path, half)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_was_written_whole_is_like_any_other(tmp_path: Path) -> None:
    """Its permissions are those of open, and its name may be as long as a name can be."""
    path, plain = tmp_path / ("f" * 251 + ".txt"), tmp_path / "plain.txt"
    write_whole(path, lambda p: p.write_text(p.suffix))
    plain.write_text("")
    assert path.read_text() == ".txt"
    assert path.stat().st_mode == plain.stat().st_mode


def test_a_place_that_cannot_be_written_is_told_by_the_name_of_its_argument(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"^table = .*nowhere.*give another place"):
        write_whole(tmp_path / "nowhere" / "f.csv", lambda p: p.write_text(""), "table")
