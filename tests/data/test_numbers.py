"""How numbers are written: what proves a convention, what is ambiguous, what is no number."""

import pytest

from polyspike.data.numbers import Convention, Evidence, decide, form, reader_of


def evidence(*cells: str) -> Evidence:
    found = Evidence()
    found.add("a", enumerate(cells, 2))
    return found


@pytest.mark.parametrize(
    ("cells", "convention"),
    [
        (("1", "2.5"), Convention(".")),
        (("1", "1.234"), Convention(".")),
        (("1,5",), Convention(",")),
        (("0,123",), Convention(",")),
        (("1,234", "1,5"), Convention(",")),
        (("1.234,56",), Convention(",", ".")),
        (("1.234.567", "12"), Convention(",", ".")),
        (("1,234.5", "1,234"), Convention(".", ",")),
        (("1,234,567", "1,234"), Convention(".", ",")),
        (("1 234,5",), Convention(",", " ")),
        (("1'234.5",), Convention(".", "'")),
        (("-1e3", "+.5e-7", "7."), Convention(".")),
    ],
)
def test_cells_prove_a_convention(cells: tuple[str, ...], convention: Convention) -> None:
    assert decide(evidence(*cells), (None, None), ",") == (convention, [])


@pytest.mark.parametrize(
    ("cells", "delimiter", "message"),
    [
        (("12", "1,234"), ",", "'1,234' (column 'a', line 3) is 1234 with thousands=',' and 1.234 with decimal=','"),
        (("1.5", "1,234"), ",", "1234 with thousands=','"),
        (("1,5", "1.234"), ";", "'1.234' (column 'a', line 3) is 1234 with thousands='.' and 1.234 with decimal='.'"),
        (("1.234", "12"), ";", "1.234 with decimal='.'"),
        (("1,5", "1.5"), ",", "'1.5' (column 'a', line 3) and '1,5' (column 'a', line 2) are not written alike"),
        (("1,234,567", "1.234.567"), ",", "thousands="),
    ],
)
def test_what_is_ambiguous_is_refused_with_both_remedies(cells: tuple[str, ...], delimiter: str, message: str) -> None:
    assert message in " ".join(decide(evidence(*cells), (None, None), delimiter)[1])


@pytest.mark.parametrize(
    ("given", "value"), [((",", None), 1.234), ((None, ","), 1234.0), ((".", ","), 1234.0), ((",", "."), 1.234)]
)
def test_a_given_mark_decides(given: tuple[str | None, str | None], value: float) -> None:
    convention, problems = decide(evidence("1,234"), given, ";")
    assert problems == []
    assert reader_of(convention)("1,234") == value


@pytest.mark.parametrize(
    "cell", ["1_1", "0x10", "12 m", "1,23,4", "12,34,567.8", "1.2.3", "--1", "e5", "٣", "1e", "", "1 2"]
)
def test_what_is_no_number(cell: str) -> None:
    assert form(cell) is None
    for convention in (Convention("."), Convention(","), Convention(".", ","), Convention(",", ".")):
        assert reader_of(convention)(cell) is None


def test_overflow_is_infinite_and_not_hidden() -> None:
    assert reader_of(Convention())("1e999") == float("inf")
