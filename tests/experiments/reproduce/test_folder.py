"""The folder of a reproduction."""

from pathlib import Path

import pytest

from polyspike.errors import UnreadableError
from polyspike.experiments.reproduce import Folder
from polyspike.experiments.reproduce.claims import above, every
from polyspike.results import Estimate

FOUND = Estimate(1.0, 0.01, 10)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnreadableError, match="give another folder"):
        Folder(tmp_path / "file" / "figures")


def test_claims_of_earlier_runs_are_kept(tmp_path: Path) -> None:
    claims = [every("p", "s", [1, 1], 1), above("p", "s", FOUND, 0.5)]
    Folder(tmp_path).keep_claims("p", "the command", claims)
    assert Folder(tmp_path).read_claims("p") == ("the command", claims)
    assert Folder(tmp_path).read_claims("q") is None
