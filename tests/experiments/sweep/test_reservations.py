import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from experiments.sweep.test_store import environment
from polyspike import UnreadableError
from polyspike.experiments.sweep.reservations import Reservations

KEYS = [f"{k:064x}" for k in (1, 2 << 200, 3 << 210)]

OTHER = """
    import sys
    from pathlib import Path
    from polyspike.experiments.sweep.reservations import Reservations

    with Reservations(Path(sys.argv[1])) as reserved:
        print(" ".join(sorted(reserved.take(sys.argv[2:]))), flush=True)
        sys.stdin.readline()
        reserved.release(sys.argv[2:3])
        print("released", flush=True)
        sys.stdin.readline()
"""


class Other:
    """Another process that reserves rows, then lets go of the first, then of all."""

    def __init__(self, store: Path, keys: list[str]) -> None:
        arguments = [sys.executable, "-c", textwrap.dedent(OTHER), str(store), *keys]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(arguments, env=environment(), stdin=pipe, stdout=pipe, text=True)
        self.taken = set(self.read().split())

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> None:
        self.process.communicate("\n\n", timeout=60)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "results.db"


def test_a_row_is_reserved_once(store: Path) -> None:
    with Reservations(store) as mine:
        assert mine.take(KEYS[:2]) == set(KEYS[:2])
        assert mine.take(KEYS[:1]) == set(KEYS[:1])  # its own
        other = Other(store, KEYS)
        assert other.taken == {KEYS[2]}
        assert mine.take(KEYS) == set(KEYS[:2])
        other.end()
        assert mine.take(KEYS) == set(KEYS)


def test_what_is_released_is_free_and_the_rest_is_not(store: Path) -> None:
    other = Other(store, KEYS)
    assert other.taken == set(KEYS)
    with Reservations(store) as mine:
        assert mine.take(KEYS) == set()
        other.go_on()
        assert other.read() == "released\n"
        assert mine.take(KEYS) == {KEYS[0]}
        other.end()


def test_a_reservation_dies_with_its_owner(store: Path) -> None:
    other = Other(store, KEYS)
    with Reservations(store) as mine:
        assert mine.take(KEYS) == set()
        other.process.kill()
        other.process.communicate()
        assert mine.take(KEYS) == set(KEYS)
    assert list(store.parent.iterdir()) == []


def test_the_last_one_removes_the_file(store: Path) -> None:
    other = Other(store, KEYS[:1])
    with Reservations(store) as mine:
        assert mine.take(KEYS[1:]) == set(KEYS[1:])
    assert [path.name for path in store.parent.iterdir()] == ["results.db-reserved"]
    other.end()
    assert list(store.parent.iterdir()) == []


def test_a_file_that_was_removed_meanwhile_is_made_again(store: Path) -> None:
    """Whoever had it open does not go on with one that nobody else can find."""
    with Reservations(store) as mine:
        mine.take(KEYS[:1])
        mine.release(KEYS[:1])
        Other(store, KEYS[:1]).end()  # the last one for the moment
        assert list(store.parent.iterdir()) == []
        assert mine.take(KEYS[:1]) == {KEYS[0]}
        other = Other(store, KEYS)
        assert other.taken == set(KEYS[1:])
        other.end()


def test_a_store_in_memory_is_nobody_elses() -> None:
    with Reservations(None) as mine:
        assert mine.take(KEYS) == set(KEYS)
        mine.release(KEYS)


def test_a_place_that_cannot_be_locked_is_named(store: Path) -> None:
    message = r"results.db-reserved'.* cannot be locked"
    with Reservations(store.parent / "nowhere" / "results.db") as mine, pytest.raises(UnreadableError, match=message):
        mine.take(KEYS)
