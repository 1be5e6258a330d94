import csv
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from experiments.fakes import fake_measurement, same
from polyspike import ArgumentError, NumericalError, Problem, Status, UnreadableError
from polyspike.errors import MissingPackageError
from polyspike.experiments.sweep.store import Row, Store, run_key

PROBLEM = Problem("relu", "h1 + 0.7*h2", 30, 20, 40, step_exponent=0.25, ridge=0.1)


def row(ridge: float = 0.1, seed: tuple[int, ...] = (0, 0), eigenvalues: int | None = 3) -> Row:
    problem = PROBLEM.replace(ridge=ridge)
    return Row(problem, seed, {"eigenvalues": eigenvalues}, fake_measurement(problem, seed, eigenvalues))


def rows(count: int) -> list[Row]:
    return [row(ridge=(k + 1) / 100) for k in range(count)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.db"


@pytest.fixture
def ordinary_user() -> Iterator[None]:
    """Root may write anything: permissions are tested as somebody else."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_what_is_stored_comes_back_bit_for_bit(path: Path) -> None:
    written = [row(), row(ridge=1 / 3, seed=(0, 1)), row(ridge=1e-300, eigenvalues=None)]
    with Store(path) as store:
        store.add(written)
    with Store(path) as store:
        read = store.get([r.key for r in written])
    assert all(same(a.measurement, b.measurement) for a, b in zip(written, read))
    assert [r.options for r in read] == [r.options for r in written]
    learned, expected = read[0].measurement, written[0].measurement
    assert learned is not None
    assert expected is not None
    assert learned.alignment is not None
    assert expected.alignment is not None
    np.testing.assert_array_equal(learned.alignment.overlaps, expected.alignment.overlaps)
    assert (learned.seconds, learned.dtype, learned.device) == (0.25, "float64", "cpu")


def test_a_store_without_a_path_is_in_memory() -> None:
    with Store() as store:
        store.add(rows(3))
        assert len(store) == 3


def test_a_failed_row_keeps_its_message(path: Path) -> None:
    failed = Row(PROBLEM, (1,), {}, None, Status.WORKER_FAILED, "it died")
    with Store(path) as store:
        store.add([failed])
        (read,) = store.rows()
        assert (read.measurement, read.status, read.message) == (None, Status.WORKER_FAILED, "it died")
        assert store.statuses([failed.key, row().key]) == {failed.key: Status.WORKER_FAILED}


def test_options_that_came_later_are_no_part_of_the_key_at_their_old_value() -> None:
    key = run_key(PROBLEM, (0, 1), {"n_test": 5})
    later = {"bulk_edge": None, "device": "cpu", "dtype": "float64", "streaming": None}
    assert key == run_key(PROBLEM, (0, 1), {"n_test": 5, **later})
    for name, value in {"bulk_edge": 2.0, "device": "cuda", "dtype": "float32", "streaming": True}.items():
        assert key != run_key(PROBLEM, (0, 1), {"n_test": 5, **later, name: value})


def test_the_key_is_the_content() -> None:
    key = run_key(PROBLEM, (0, 1), {"n_test": 5})
    assert key == run_key(Problem.from_dict(PROBLEM.to_dict()), (0, 1), {"n_test": 5})
    others = [
        run_key(PROBLEM.replace(ridge=np.nextafter(0.1, 1)), (0, 1), {"n_test": 5}),
        run_key(PROBLEM, (1, 0), {"n_test": 5}),
        run_key(PROBLEM, (0, 1), {"n_test": 6}),
    ]
    assert len({key, *others}) == 4


def test_what_cannot_be_written_is_refused_before_any_work() -> None:
    with pytest.raises(ArgumentError, match="a callable has no text form"):
        run_key(PROBLEM.replace(teacher=lambda t: t), (0,), {})
    with pytest.raises(ArgumentError, match=r"options = .*give strings, finite numbers or None"):
        run_key(PROBLEM, (0,), {"n_test": {1, 2}})
    with pytest.raises(ArgumentError, match="options"):
        run_key(PROBLEM, (0,), {"n_test": float("nan")})


def test_a_number_that_is_not_finite_never_enters(path: Path) -> None:
    bad = fake_measurement(PROBLEM, (0,))
    object.__setattr__(bad, "test_error", float("nan"))
    with Store(path) as store:
        with pytest.raises(NumericalError, match=r"test_error of Problem.* is not finite"):
            store.add([row(), Row(PROBLEM, (0,), {}, bad)])
        assert len(store) == 0


def test_rows_stay_as_they_are_unless_replaced(path: Path) -> None:
    first, failed = row(), Row(row().problem, (0, 0), {"eigenvalues": 3}, None, Status.SINGULAR, "no")
    with Store(path) as store:
        store.add([first])
        store.add([failed])
        assert store.statuses([first.key]) == {first.key: Status.OK}
        store.add([failed], replace=True)
        assert store.statuses([first.key]) == {first.key: Status.SINGULAR}
        store.add([first], replace=True)
        assert same(store.get([first.key])[0].measurement, first.measurement)


def test_the_order_of_work_leaves_no_trace(path: Path, tmp_path: Path) -> None:
    with Store(path) as one, Store(tmp_path / "other.db") as other:
        one.add(rows(5))
        for r in reversed(rows(5)):
            other.add([r])
        assert one.keys() == other.keys()
        assert [r.key for r in one.rows()] == one.keys()


def test_a_missing_row_is_named(path: Path) -> None:
    with Store(path) as store, pytest.raises(ArgumentError, match="1 such runs are not in the store"):
        store.get(["0"])


def test_many_rows(path: Path) -> None:
    many = [row(ridge=k / 1000, eigenvalues=None) for k in range(1, 1201)]
    with Store(path) as store:
        store.add(many)
        assert [r.problem.ridge for r in store.get([r.key for r in many])] == [r.problem.ridge for r in many]
        assert len(store.statuses(r.key for r in many)) == 1200


def test_others_may_read_a_store_as_they_may_any_other_file(path: Path, tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    with Store(path):
        assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_closed_store_is_one_file(path: Path) -> None:
    with Store(path) as store:
        store.add(rows(2))
    assert [p.name for p in path.parent.iterdir()] == ["results.db"]


# Tables


def test_tables(path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed (extra 'tables')")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra 'tables')")
    with Store(path) as store:
        store.add([*rows(3), Row(PROBLEM.replace(noise=0), (1,), {}, None, Status.SINGULAR, "no")])
        frame = store.to_pandas()
        store.to_csv(path.with_suffix(".csv"))
        store.to_parquet(path.with_suffix(".parquet"))
    assert len(frame) == 4
    assert set(frame.status) == {"ok", "singular"}
    done = frame[frame.status == "ok"]
    assert sorted(done.ridge) == [0.01, 0.02, 0.03]
    assert set(frame.n_samples) == {30}
    assert np.allclose(frame.step, 30**0.25, rtol=1e-15)
    pandas.testing.assert_frame_equal(pandas.read_parquet(path.with_suffix(".parquet")), frame, check_dtype=False)
    with path.with_suffix(".csv").open(newline="", encoding="utf-8") as file:
        read = [float(line["test_error"]) for line in csv.DictReader(file) if line["test_error"]]
    assert read == done.test_error.tolist()  # all digits


def test_a_table_that_cannot_be_written_is_an_error_and_keeps_the_old_one(path: Path) -> None:
    with Store() as store:
        with pytest.raises(UnreadableError, match=r"nowhere.*cannot be written"):
            store.to_csv(path.parent / "nowhere" / "table.csv")
        store.to_csv(path.with_suffix(".csv"))
    assert [p.name for p in path.parent.iterdir()] == ["results.csv"]


def test_seeds_are_numbers_in_tables() -> None:
    with Store() as store:
        store.add([row(seed=(0, 3)), row(seed=(7,))])
        records = store.records()
        assert {(r["seed"], r["replicate"]) for r in records} == {(0, 3), (7, None)}
        assert "seed_2" not in records[0]
        store.add([row(seed=(5, 6, 2))])
        assert {(r["seed"], r["seed_2"], r["replicate"]) for r in store.records()} == {
            (0, None, 3),
            (7, None, None),
            (5, 6, 2),
        }
        assert all(isinstance(r["seed"], int) for r in store.records())


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with Store() as store, pytest.raises(MissingPackageError, match=r"pip install 'polyspike\[tables\]'"):
        store.to_pandas()


# Files that are not what they should be


def test_a_newer_format_is_refused(path: Path) -> None:
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(UnreadableError, match="format 2, and this polyspike knows format 1; upgrade"):
        Store(path)


@pytest.mark.parametrize("content", [b"not a database, but long enough to be one" * 9, b"n,d\n1,2\n"])
def test_another_kind_of_file_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match="not a results store"):
        Store(path)
    assert path.read_bytes() == content


def test_another_database_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE runs (key TEXT)")
    connection.close()
    with pytest.raises(UnreadableError, match="a database, but no results store"):
        Store(path)


@pytest.mark.parametrize("kept", [0, 10, 99, 100, 4096, 0.4, 0.9, -1])
def test_a_truncated_store_is_refused(path: Path, kept: float) -> None:
    with Store(path) as store:
        store.add(rows(200))
    size = path.stat().st_size
    cut = int(kept * size) if isinstance(kept, float) else kept % size
    with path.open("r+b") as file:
        file.truncate(cut)
    with pytest.raises(UnreadableError, match="truncated"):
        Store(path)
    with pytest.raises(UnreadableError, match="truncated"):
        Store(path, read_only=True)
    assert path.stat().st_size == cut  # nothing was made worse


def test_a_damaged_page_is_refused(path: Path) -> None:
    with Store(path) as store:
        store.add(rows(200))
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(os.urandom(4096))
    with pytest.raises(UnreadableError, match="damaged"):
        Store(path)


def test_a_missing_folder_or_file_is_named(path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"nowhere.*cannot be made"):
        Store(path.parent / "nowhere" / "results.db")
    with pytest.raises(UnreadableError, match="there is no such file"):
        Store(path, read_only=True)
    with pytest.raises(UnreadableError, match="cannot be read"):
        Store(path.parent)


# Places that cannot be written


def test_a_read_only_store_can_be_read(path: Path) -> None:
    with Store(path) as store:
        store.add(rows(4))
    with Store(path, read_only=True) as store:
        assert len(store) == 4
        with pytest.raises(UnreadableError, match="read-only"):
            store.add([row(ridge=7)])
    with Store(path) as store:
        assert len(store) == 4


def test_a_store_that_may_not_be_written_is_found_at_opening(ordinary_user: None) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders belong to root
        path = Path(name) / "results.db"
        with Store(path) as store:
            store.add(rows(4))
        path.chmod(0o444)
        with pytest.raises(UnreadableError, match=r"read-only|cannot be opened"):
            Store(path)
        Path(name).chmod(0o555)
        with pytest.raises(UnreadableError, match="cannot be made"):
            Store(Path(name) / "other.db")
        with Store(path, read_only=True) as store:
            assert len(store) == 4
        Path(name).chmod(0o755)


def test_a_full_database_loses_nothing(path: Path) -> None:
    with Store(path) as store:
        store.add(rows(4))
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(UnreadableError, match="the disk is full; free some space"):
            store.add([row(ridge=k) for k in range(1, 300)])
        assert len(store) == 4
    with Store(path) as store:
        assert len(store) == 4
        store.add([row(ridge=k) for k in range(1, 300)])
        assert len(store) == 303


FILL = """
    import resource, signal, sys
    from pathlib import Path
    from experiments.sweep.test_store import row
    from polyspike import UnreadableError
    from polyspike.experiments.sweep.store import Store

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = Store(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
    stored = 0
    try:
        for k in range(1, 10_000):
            store.add([row(ridge=k)])
            stored = k
    except UnreadableError as error:
        print(stored)
        sys.exit(str(error))
"""


def test_a_file_that_may_not_grow_keeps_every_row_that_was_stored(path: Path) -> None:
    code = textwrap.dedent(FILL)
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, env=environment())
    assert "full" in done.stderr
    assert "Traceback" not in done.stderr
    with Store(path) as store:
        assert sorted(r.problem.ridge for r in store.rows()) == list(range(1, int(done.stdout) + 1))
    assert int(done.stdout) > 1


def environment() -> dict[str, str]:
    """For a fresh interpreter that runs from the source tree."""
    folders = [str(Path(__file__).parents[2]), *(p for p in sys.path if p)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}


WRITER = """
    import sys
    from experiments.sweep.test_store import row
    from polyspike.experiments.sweep.store import Store

    with Store(sys.argv[1]) as store:
        for k in range(100):
            store.add([row(ridge=k, seed=(int(sys.argv[2]),)), row(ridge=k, seed=(9,))])
"""


def test_processes_that_make_and_fill_one_store_at_once(path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(path)]
    writers = [subprocess.Popen([*command, str(k)], env=environment()) for k in range(3)]
    assert [w.wait(timeout=60) for w in writers] == [0, 0, 0]
    with Store(path) as store:
        assert len(store) == 400  # 100 of each and 100 that all three wrote
    assert [p.name for p in path.parent.iterdir()] == ["results.db"]


def test_a_crash_in_the_middle_of_a_transaction_leaves_nothing_of_it(path: Path) -> None:
    with Store(path) as store:
        store.add(rows(2))
    code = textwrap.dedent("""
        import os, signal, sys
        from experiments.sweep.test_store import row
        from polyspike.experiments.sweep.store import Store
        store = Store(sys.argv[1])
        store._connection.execute("BEGIN IMMEDIATE")
        store._connection.execute("DELETE FROM runs")
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    assert subprocess.run([sys.executable, "-c", code, str(path)], env=environment()).returncode == -9
    with Store(path) as store:
        assert len(store) == 2


def test_the_tables_are_readable_without_polyspike(path: Path) -> None:
    with Store(path) as store:
        store.add(rows(1))
    connection = sqlite3.connect(path)
    (problem, test_error) = connection.execute("SELECT problem, test_error FROM runs").fetchone()
    connection.close()
    assert json.loads(problem)["activation"] == "relu"
    assert test_error == fake_measurement(rows(1)[0].problem, (0, 0)).test_error


def test_a_table_of_mixed_inputs_has_a_column_for_them(tmp_path: Path) -> None:
    """Also where the first row has what it is without one."""
    problems = [PROBLEM, PROBLEM.replace(inputs="power:0.5")]
    with Store() as store:
        store.add(Row(p, (0, 0), {}, None, Status.WORKER_FAILED, "x") for p in problems)
        store.to_csv(tmp_path / "mixed.csv")
    lines = (tmp_path / "mixed.csv").read_text(encoding="utf-8").splitlines()
    place = lines[0].split(",").index("inputs")
    assert sorted(line.split(",")[place] for line in lines[1:]) == ["isotropic", "power:0.5"]
