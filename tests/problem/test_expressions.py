"""Teacher expressions: read by a grammar, never evaluated, and written in one way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyspike import ACTIVATIONS, ArgumentError
from polyspike.problem.expressions import MAX_DEGREE, Factor, Term, expression_of, parse_expression

H1, H2 = Factor("h1"), Factor("h2")


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("h1", [Term(1.0, (H1,))]),
        (" h1 + 0.7*h2 ", [Term(1.0, (H1,)), Term(0.7, (H2,))]),
        ("H1 + 0.7*H2", [Term(1.0, (H1,)), Term(0.7, (H2,))]),
        ("0.7*h2 + h1", [Term(1.0, (H1,)), Term(0.7, (H2,))]),
        ("-h1", [Term(-1.0, (H1,))]),
        ("+h1 - -h2", [Term(1.0, (H1,)), Term(1.0, (H2,))]),
        ("h1 - h1", []),
        ("0", []),
        ("3", [Term(3.0)]),
        ("h0 + h1", [Term(1.0), Term(1.0, (H1,))]),
        ("h01", [Term(1.0, (H1,))]),
        ("h1/2", [Term(0.5, (H1,))]),
        ("(h1 + h2)/(1 + 1)", [Term(0.5, (H1,)), Term(0.5, (H2,))]),
        ("(h1 + 2)*(h1 - 2)", [Term(-4.0), Term(1.0, (H1, H1))]),
        ("h1[0]*h1[1]", [Term(1.0, (H1, Factor("h1", 1)))]),
        ("h1[1]*h1[0]", [Term(1.0, (H1, Factor("h1", 1)))]),
        ("1e-3*relu", [Term(1e-3, (Factor("relu"),))]),
        ("h1 # a comment", [Term(1.0, (H1,))]),
    ],
)
def test_what_an_expression_says(text: str, terms: list[Term]) -> None:
    assert parse_expression(text) == tuple(terms)


names = st.one_of(st.sampled_from(ACTIVATIONS), st.integers(1, MAX_DEGREE).map("h{}".format))
factors = st.builds(Factor, names, st.integers(0, 3))
coefficients = st.floats(-1e6, 1e6).filter(lambda c: c != 0)
expressions = st.lists(st.tuples(coefficients, st.lists(factors, max_size=3)), max_size=5)


@given(expressions)
def test_the_written_form_is_read_back_and_is_the_same_for_any_order(
    parts: list[tuple[float, list[Factor]]],
) -> None:
    def text(parts: list[tuple[float, list[Factor]]]) -> str:
        products = ["*".join([repr(c), *(f"{f.name}[{f.axis}]" for f in fs)]) for c, fs in parts]
        return " + ".join(f"({p})" for p in products) or "0"

    distinct = list({tuple(sorted(fs)): (c, fs) for c, fs in parts}.values())
    terms = parse_expression(text(distinct))
    assert parse_expression(expression_of(terms)) == terms
    assert parse_expression(text([(c, fs[::-1]) for c, fs in distinct[::-1]])) == terms
    assert sorted(t.coefficient for t in terms) == sorted(c for c, _ in distinct)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("0.7*h2+h1", "h1 + 0.7*h2"),
        ("-h1-2*h2", "-h1 - 2*h2"),
        ("h1 - 1", "-1 + h1"),
        ("h1-h1", "0"),
        ("tanh*2", "2*tanh"),
        ("h1[0]", "h1"),
        ("h1[1]*h1 + h1", "h1[0] + h1[0]*h1[1]"),
        ("relu + h10 + h2", "h2 + h10 + relu"),
    ],
)
def test_how_it_is_written(text: str, written: str) -> None:
    assert expression_of(parse_expression(text)) == written


BAD = {
    "": "cannot be parsed",
    "h1 +": "cannot be parsed",
    "2h1": "cannot be parsed",
    "h1\x00": "cannot be parsed",
    "uncentred relu": "cannot be parsed",
    "rleu": "did you mean 'relu'",
    "h1 + tahn": "did you mean 'tanh'",
    "x": "unknown name 'x'",
    "h31": "up to h30",
    "h1**2": r"only \+, -, \*",
    "h1^2": r"only \+, -, \*",
    "h1/h2": "division by a non-zero number",
    "h1/0": "division by a non-zero number",
    "h1/(1 - 1)": "division by a non-zero number",
    "h1[10]": "directions are numbered 0 to 9",
    "h1[-1]": "not understood",
    "h1[0.5]": "not understood",
    "h1[True]": "directions are numbered",
    "h1[0][1]": "not understood",
    "True*h1": "'True' is not understood",
    "1j*h1": "not understood",
    "'h1'": "not understood",
    "h1(2)": "not understood",
    "[0, 1]": "not understood",
    "~h1": "not understood",
    "1e999*h1": "must be finite",
    "1e300*h1*1e300": "must be finite",
    "1e999*h1 - 1e999*h1": "must be finite",
    "h1/1e-320": "must be finite",
    "1" + "0" * 400 + "*h1": "must be finite",
    "-" * 5000 + "h1": "too deeply nested",
    "(" * 500 + "h1" + ")" * 500: "cannot be parsed|too deeply nested",
    "+".join(["h1"] * 5000): "too deeply nested",
    "*".join(f"(1 + h1[{i}] + h2[{i}])" for i in range(10)): "more than 300 terms",
    "__import__('os').system('true')": "not understood",
    "(lambda: 1)()": "not understood",
    "().__class__": "not understood",
}


@pytest.mark.parametrize(("text", "match"), BAD.items(), ids=[text[:24].replace("\x00", "NUL") for text in BAD])
def test_anything_else_is_refused_with_an_example_or_a_limit(text: str, match: str) -> None:
    with pytest.raises(ArgumentError, match=match) as caught:
        parse_expression(text)
    assert caught.value.argument == "teacher"
    assert caught.value.value == text


def test_a_high_power_stays_small() -> None:
    """Equal products are added up on the way, so that 2^20 products never exist."""
    assert len(parse_expression("*".join(["(h1 + h2)"] * 20))) == 21
