"""A user's own files: what is read, what is recognised, and the one message that lists all that is wrong."""

import csv
import gzip
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from polyspike.data import Dataset, load, read_csv, read_parquet, read_table
from polyspike.errors import ArgumentError, MissingPackageError, UnreadableError

N = 8


def write(path: Path, text: str | bytes, encoding: str = "utf-8") -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def rows(line: str, n: int = N) -> str:
    """``n`` lines in which {i} counts, {m} is i mod 3 and {q} its square."""
    return "".join(line.format(i=i, m=i % 3, q=i * i) + "\n" for i in range(1, n + 1))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_csv_file_is_read(tmp_path: Path, separator: str) -> None:
    lines = [["a", "price", "b"], ["1", "2.5", "3"], ["4", "-1e3", "7"]]
    path = write(tmp_path / "t.csv", "\n".join(separator.join(line) for line in lines) + "\n\n")
    data = read_csv(path, "price")
    assert data.columns == ("a", "b")
    np.testing.assert_array_equal(data.inputs, [[1, 3], [4, 7]])
    np.testing.assert_array_equal(data.target, [2.5, -1000])


def check(data: Dataset) -> None:
    """Inputs 1 mod 3, 2 mod 3, ... in the last column, squares as the target."""
    count = np.arange(1, N + 1)
    np.testing.assert_array_equal(data.inputs[:, -1], count % 3)
    np.testing.assert_array_equal(data.target, count**2)
    assert data.rows_read == N


NASTY: dict[str, tuple[str | bytes, dict[str, Any]]] = {
    "line break in quotes": ('t,"a\nb",y\n' + rows('"x\r\n{m}",{m},{q}'), {"ignore": ["t"]}),
    "line separator U+2028": ("t,a,y\n" + rows("p\u2028{m},{m},{q}"), {"ignore": ["t"]}),
    "delimiters in quotes": ('"t;u",a,y\n' + rows('"x, {m}; z",{m},{q}'), {"ignore": "t;u"}),
    "doubled quotes": ("t,a,y\n" + rows('"say ""{m}""",{m},{q}'), {"ignore": ["t"]}),
    "a long cell": ("t,a,y\n" + rows(f'"{"z" * 200_000}",{{m}},{{q}}'), {"ignore": ["t"]}),
    "byte-order mark": (("a,y\n" + rows("{m},{q}")).encode("utf-8-sig"), {}),
    "UTF-16": (("a\ty\n" + rows("{m}\t{q}")).encode("utf-16"), {}),
    "Latin-1": (("a,Größe,y\n" + rows("{m},7,{q}")).encode("latin-1"), {"encoding": "latin-1"}),
    "gzipped": (gzip.compress(("a,y\n" + rows("{m},{q}")).encode(), mtime=0), {}),
    "old line ends": (("a,y\n" + rows("{m},{q}")).replace("\n", "\r"), {}),
    "decimal comma": ("b;a;y\r\n" + rows("1.{i}34,5;{m},0;{q}"), {}),
    "thousands in quotes": ("b,a,y\n" + rows('"1,{i}34.5",{m},{q}'), {}),
    "no-break spaces": ("b;a;y\n" + rows("1\u202f{i}34,5;{m};{q}"), {}),
    "minus sign": ("b,a,y\n" + rows("\u2212{i}.5,{m},{q}"), {}),
    "a row index without a name": (",a,y\n" + rows("{i},{m},{q}"), {}),
    "empty columns of a spreadsheet": ("a,y,,\n" + rows("{m},{q},,") + ",,,\n\n", {}),
    "sep= of a spreadsheet": ("sep=;\na;y\n" + rows("{m};{q}"), {}),
    "blanks around": ("a , y\n" + rows(' {m} , "{q}"'), {}),
}


@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_file_is_read(tmp_path: Path, name: str) -> None:
    text, options = NASTY[name]
    check(read_csv(write(tmp_path / "t.csv", text), "y", **options))


def test_the_limit_of_the_csv_module_is_left_as_it_was(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    read_csv(write(tmp_path / "t.csv", "a,y\n" + rows("{m},{q}")), "y")
    assert csv.field_size_limit() == before


def test_what_was_recognised_is_said(tmp_path: Path) -> None:
    data = read_csv(write(tmp_path / "t.csv", "b;a;y\n" + rows("1.{i}34,5;{m};{q}")), "y")
    assert data.inputs[0, 0] == 1134.5
    assert data.notes == ("numbers are written with a decimal comma", "numbers are written with '.' between thousands")


def test_columns_that_say_nothing_are_left_out_with_the_reason(tmp_path: Path) -> None:
    text = ",a,b,c,d,e,f,y\n" + rows("{i},{m},7,,x,{i},1000000000000000{m},{q}")
    data = read_csv(write(tmp_path / "t.csv", text), "y", ignore=["e"])
    assert data.columns == ("a",)
    assert data.dropped == {
        "column 1": "it has no name and counts the rows",
        "b": "constant: every value is 7",
        "c": "it has no value",
        "d": "every value is the same word",
        "e": "ignored, as asked",
        "f": "constant: every value is 1e+16",
    }


def test_categories_dates_and_missing_values_on_request(tmp_path: Path) -> None:
    text = (
        "colour,day,flag,mark,a,y\n"
        "red,2026-03-01,true,,1,no\n"
        "blue,2026-03-02,false,x,,yes\n"
        "green,1970-01-02,TRUE,,3,yes\n"
        "red,1970-01-03 12:00,false,,5,no\n"
    )
    path = write(tmp_path / "t.csv", text)
    data = read_csv(path, "y", categories="encode", dates="days", missing="drop")
    assert data.columns == ("colour=red", "day", "flag", "a")
    np.testing.assert_array_equal(data.inputs, [[1, 20513, 1, 1], [0, 1, 1, 3], [1, 2.5, 0, 5]])
    np.testing.assert_array_equal(data.target, [-1, 1, -1])
    assert (data.shape[0], data.rows_read) == (3, 4)
    assert data.dropped == {"mark": "every value is the same word"}
    assert "1 of 4 rows left out, with missing values in 'a' 1 (line 3)" in data.notes
    assert "target 'y': 'no' is -1, 'yes' is 1" in data.notes


def test_an_outlier_of_the_target_and_a_row_number_are_remarked(tmp_path: Path) -> None:
    data = read_csv(write(tmp_path / "t.csv", "id,a,y\n" + rows("{i},{m},{q}") + "9,1,999999\n"), "y")
    assert any("'id' counts the rows" in note for note in data.notes)
    assert any("one value of the target, in line 10" in note for note in data.notes)


EVERYTHING = (
    "id,id,city,when,day,a,b,c,d,y\n"
    + "".join(
        f"{i},{i},town {i},2026-01-0{i},0{i}/02/2026,{'' if i == 3 else i},{'NA' if i < 3 else i % 3},"
        f"{'n.d.' if i == 4 else i},{'1e999' if i == 2 else i},7\n"
        for i in range(1, N + 1)
    )
    + "1,2,3\n"
)


def test_one_message_lists_everything(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError) as caught:
        read_csv(write(tmp_path / "t.csv", EVERYTHING), "y", min_rows=200)
    said = str(caught.value)
    for part in (
        "10 things are wrong",
        "the header has 10 cells, line 10 has 3",
        "columns of the same name: 'id' (2 times)",
        "no numbers: 'city' (8 different, such as 'town 1', 'town 2')",
        "dates: 'when' ('2026-01-01', ...)",
        "dates of unclear order: 'day'",
        "'c': 'n.d.' (line 5)",
        "missing values: 'a' 1 (line 4), 'b' 2 (lines 2, 3): fill them, or missing=drop leaves out their 3 of 8 rows",
        "infinite or too large for a number: 'd' (line 3)",
        "it has 8 rows: give at least 200",
        "the target 'y' is constant",
    ):
        assert part in said


def test_the_message_is_bounded(tmp_path: Path) -> None:
    names = [f"{'name' * 30} {j}" for j in range(300)]
    text = (
        ",".join([*names, "y"])
        + "\n"
        + "".join(",".join(["word " * 50] * 299 + ["", str(i)]) + "\n" for i in range(40))
    )
    text += "".join("1,2\n" for _ in range(500))
    with pytest.raises(ArgumentError) as caught:
        read_csv(write(tmp_path / "t.csv", text), "z")
    assert 500 < len(str(caught.value)) < 4000


@pytest.mark.parametrize(
    ("text", "target", "options", "message"),
    [
        ("", "y", {}, "empty"),
        ("\n \n", "y", {}, "empty"),
        ("a,price\n1,2\n3,4", "prise", {}, "target 'prise': no such column; did you mean 'price'"),
        ("prize,PRICE\n1,2\n3,4", "price", {}, "target 'price': no such column; did you mean 'PRICE'"),
        ("a,y\n1,2\n,4", "y", {}, r"missing values: 'a' 1 \(line 3\)"),
        ("a,y\n1,2\nNaN,4", "y", {}, r"missing values: 'a' 1 \(line 3\)"),
        ("a,y\n1,2\ninf,4", "y", {}, r"infinite or too large for a number: 'a' \(line 3\)"),
        ("a,y\n1,2\n2,3\nred,4", "y", {}, r"cells that are no numbers among numbers: 'a': 'red' \(line 4\)"),
        ("a,y\n1,2\n2,3\n1_1,4", "y", {}, "'1_1'"),
        ("b,y\n7,2\n7,4", "y", {}, "no input column is left"),
        ("a,y\n1,2\n3,2", "y", {}, "the target 'y' is constant"),
        ("a,y\n1,2\n3,5e304", "y", {}, "out of range.*'y': change their unit"),
        ("a,y\n1,2e-300\n3,5e-300", "y", {}, "out of range.*'y': change their unit"),
        ("a,y\n1,2\n3\n4,5", "y", {}, "the header has 2 cells, line 3 has 1"),
        ("a,a,y\n1,2,3\n3,4,5", "y", {}, r"columns of the same name: 'a' \(2 times\)"),
        ("a,,y\n1,2,3\n3,5,5", "y", {}, "no name in the header: 'column 2'"),
        ("a,y\n1,2", "y", {}, "it has 1 rows: give at least 2"),
        ("y\n1\n2", "y", {}, "one input column"),
        ("A title\n\na,y\n1,2\n3,4", "y", {}, "the first line has one cell.*remove what stands before it"),
        ("a,y\n12%,2\n7 %,4\n3%,5", "y", {"categories": "encode"}, r"a sign beside: 'a' \('12%', ...\): remove"),
        ('a,y\n"$1,200",2\n$7,4\n3 €,5', "y", {"categories": "encode"}, "remove the sign"),
        ("1,2\n3,4\n5,6", "y", {}, "the first line holds numbers only"),
        ("a,b;c,y\n1,2;3,4\n5,6;7,8", "y", {}, "delimited by ',' or ';'"),
        ('a,y\n1,2\n"3,4\n5,6', "y", {}, "after line 2 the quotes are broken"),
        ('t,y\n"a \\"b\\"",2\n', "y", {}, "within quotes double them"),
        ("a,y\n1,2\n3,4", "y", {"ignore": ["b"]}, "ignore 'b': no such column"),
        ("a,y\n1,2\n3,4", "y", {"ignore": ["y"]}, "the target 'y' is to be ignored"),
        ("a,y\n1,x\n3,z\n5,w", "y", {"categories": "encode"}, "one of two categories"),
        ("a,y\n1,x\n3,z", "y", {}, "categories=encode makes -1 and 1 of it"),
        ("t,y\n" + rows("name {i},{q}", 40), "y", {"categories": "encode"}, "too many different words: 't'"),
        ("a,y\n,x\n3,z\n4,z\n", "y", {"categories": "encode", "missing": "drop"}, "the target 'y' is constant"),
        ("a,y\n1,2\n3,4", "y", {"missing": "fill"}, "missing = 'fill': give one of refuse, drop"),
        ("c=b,c,y\n1,a,2\n2,b,4", "y", {"categories": "encode"}, "same name after encoding: 'c=b'"),
        ("a,y\n1,2\n3,4", "y", {"min_rows": 1}, "min_rows = 1: give an integer >= 2"),
        ("a,y\n1,2\n3,4", "y", {"decimal": "x"}, "decimal = 'x'"),
        ("a,y\n1,2\n3,4", "y", {"decimal": ",", "thousands": ","}, "it is the decimal mark"),
        ("a,y\n1,2\n3,4", "y", {"delimiter": ",,"}, "give one character"),
        ("a,y\n1,2\n3,4", "y", {"encoding": "latin-99"}, "encoding = 'latin-99'"),
        ("a;y\n1,234;2\n3,567;4", "y", {}, "1234 with thousands=',' and 1.234 with decimal=','"),
    ],
)
def test_a_bad_csv_file_is_refused(
    tmp_path: Path, text: str, target: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        read_csv(write(tmp_path / "t.csv", text), target, **options)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "a,y\n1,2\n\xe9,4".encode("latin-1"),
            r"not a UTF-8 text \(byte 0xe9\).*name its encoding, such as encoding=.cp1252",
        ),
        ("a,y\n1,2\n".encode("utf-16-le"), "give encoding=.utf-16-le"),
        (b"PK\x03\x04 a workbook", "a zip file or a workbook"),
        (gzip.compress(b"a,y\n1,2\n", mtime=0)[:-6], "cannot be read"),
    ],
)
def test_an_unreadable_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(UnreadableError, match=message):
        read_csv(write(tmp_path / "t.csv", content), "y")


ATOMS = [
    "1",
    "2.5",
    "1,5",
    "1.234",
    "1,234",
    "1.234,5",
    "NA",
    "red",
    "2026-01-01",
    "01/02/2026",
    "inf",
    "1e999",
    '"',
    '""',
    ";",
    ",",
    "true",
    'x"y',
    "1_1",
    "é",
    "-",
    ".",
    "y",
]
ATOMS += ["", "\u2028", "\0", "\t", "\n", "\r\n", "\ufeff", "12 345"]


def outcome(path: Path, **options: str) -> Dataset | ArgumentError | UnreadableError:
    """What the reader makes of a file: a data set, or one of its two refusals; anything else is an error here."""
    try:
        return read_csv(path, "y", **options)  # type: ignore[arg-type]
    except (ArgumentError, UnreadableError) as error:
        return error


def test_whatever_the_file_it_is_read_or_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for _ in range(600):
        text = ",y\n" + "".join(rng.choice(ATOMS, rng.integers(60)).tolist())
        path = write(tmp_path / "t.csv", text, str(rng.choice(["utf-8", "utf-16", "utf-8-sig"])))
        choice = {"missing": "drop", "categories": "encode", "dates": "days"} if rng.random() < 0.5 else {}
        found = outcome(path, **choice)
        assert np.all(np.isfinite(found.inputs)) if isinstance(found, Dataset) else len(str(found)) < 4000


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for read in (read_csv, read_table):
        with pytest.raises(UnreadableError, match="check the name"):
            read(tmp_path / "nothing.csv", "y")
    with pytest.raises(UnreadableError, match="directory"):
        read_csv(tmp_path, "y")


@pytest.mark.parametrize("name", ["diabetes", "breast_cancer"])
def test_a_set_survives_its_csv_file(tmp_path: Path, name: str) -> None:
    data = load(name)
    path = tmp_path / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([*data.columns, "goal"])
        table.writerows(np.column_stack([data.inputs, data.target]).tolist())
    back = read_csv(path, "goal")
    assert back.columns == data.columns
    np.testing.assert_array_equal(back.inputs, data.inputs)
    np.testing.assert_array_equal(back.target, data.target)


def test_parquet_is_read_like_csv(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    count = np.arange(1, N + 1)
    frame = pandas.DataFrame(
        {
            "colour": ["red", "blue"] * (N // 2),
            "day": pandas.date_range("2026-01-01", periods=N),
            "flag": count % 2 == 0,
            "gap": [1.0, None, *range(N - 2)],
            "list": [[1]] * N,
            "a": count % 3,
            "y": count**2,
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    options: dict[str, Any] = {"categories": "encode", "dates": "days", "missing": "drop", "ignore": ["list"]}
    data = read_table(tmp_path / "t.parquet", "y", **options)
    assert data.columns == ("colour=red", "day", "flag", "gap", "a")
    assert (data.shape[0], data.rows_read) == (N - 1, N)
    assert data.inputs[:2, 1].tolist() == [20454, 20456]
    with pytest.raises(ArgumentError) as caught:
        read_parquet(tmp_path / "t.parquet", "y")
    for part in (
        "lists or structures: 'list'",
        "no numbers: 'colour'",
        "dates: 'day'",
        "missing values: 'gap' 1 (row 2)",
    ):
        assert part in str(caught.value)
    with pytest.raises(ArgumentError, match="a Parquet file has no such thing"):
        read_table(tmp_path / "t.parquet", "y", decimal=",")
    with pytest.raises(UnreadableError, match="cannot be read as Parquet"):
        read_parquet(write(tmp_path / "bad.parquet", b"a,y"), "y")


def test_parquet_without_its_library_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'polyspike\[tables\]'"):
        read_parquet(tmp_path / "t.parquet", "y")
