"""``polyspike report``: one page, whole, escaped, with nothing to fetch; its numbers are those of the library."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import polyspike as ps
from cli.command import refusal, run, run_json
from polyspike.cli.page import figure, note, page, paragraph, pre, section, table

PROBLEM = ps.Problem("relu", "h1 + 0.5*h2", n_samples=400, input_dim=80, width=150, step_exponent=0.3)
FETCHED = re.compile(r"(?:src|href)\s*=\s*[\"'](?!#|data:)|url\((?!#)|@import", re.IGNORECASE)


class Page(HTMLParser):
    """Headings, texts and names of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names += [value for name, value in attrs if name == "id" and value]

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    PROBLEM.to_toml(path)
    return path


def made(file: Path, *arguments: Any) -> str:
    out = file.with_name("report.html")
    done = run("report", file, "--out", out, *arguments)
    assert done.exit_code == 0, done.output
    return out.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def predicted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page without any simulation."""
    path = tmp_path_factory.mktemp("predicted") / "mine.toml"
    PROBLEM.to_toml(path)
    return made(path)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page with three networks at every step."""
    path = tmp_path_factory.mktemp("simulated") / "mine.toml"
    PROBLEM.to_toml(path)
    return made(path, "--replicates", 3, "--seed", 5, "--n-test", 50)


def test_the_page_has_the_numbers_their_trust_and_every_figure(predicted: str) -> None:
    shown, found = Page(predicted), ps.predict(PROBLEM)
    assert isinstance(found, ps.Prediction)
    for heading in ("Problem", "Numbers", "Errors against the step", "Spectrum", "What each spike has learned"):
        assert heading in shown.words
    assert any(word.startswith(f"{found.test_error:.5g} ±") for word in shown.words)
    assert f"{found.limit().test_error:.5g}" in shown.words
    assert f"{found.spectrum.spikes[0].location:.5g}" in shown.words
    assert ps.__version__ in shown.words
    assert shown.tags.count("svg") == 3
    assert "none: nothing was simulated" in shown.words


def test_it_needs_nothing_else_and_no_name_stands_twice(predicted: str, simulated: str) -> None:
    for text in (predicted, simulated):
        shown = Page(text)
        assert FETCHED.search(text) is None
        assert "script" not in shown.tags
        assert len(shown.names) == len(set(shown.names)) > 50


def test_a_thing_to_fetch_would_be_found() -> None:
    for text in ('<img src="x.png">', '<link href="http://x/y.css">', "body { background: url(x.png) }"):
        assert FETCHED.search(text) is not None


def test_the_simulated_numbers_are_those_of_replicate(simulated: str) -> None:
    shown = Page(simulated)
    expected = ps.replicate(PROBLEM, replicates=3, seed=5, n_test=50)
    assert str(expected.test_error).replace("+/-", "±") in shown.words
    assert shown.tags.count("svg") == 4
    assert "(5, k), k = 0 .. 2; n_test = 50" in shown.words


def test_the_same_command_gives_the_same_page(file: Path, simulated: str) -> None:
    assert made(file, "--replicates", 3, "--seed", 5, "--n-test", 50) == simulated


def test_the_file_in_the_page_is_the_problem(predicted: str, tmp_path: Path) -> None:
    toml = next(word for word in Page(predicted).words if word.startswith("activation ="))
    again = tmp_path / "again.toml"
    again.write_text(toml, encoding="utf-8")
    assert ps.Problem.from_toml(again) == PROBLEM


def test_options_override_the_file_and_json_says_what_was_written(file: Path) -> None:
    out = file.with_name("other.html")
    found = run_json("report", file, "--ridge", 0.5, "--out", out)
    expected = ps.predict(PROBLEM.replace(ridge=0.5))
    assert found["predicted"]["test_error"] == expected.test_error
    assert (found["out"], found["simulated"]) == (str(out), None)


def test_without_a_limit_the_page_says_so(file: Path) -> None:
    """The limit theory refuses the full gradient with a constant readout."""
    shown = Page(made(file, "--readout", "constant"))
    assert any(word.startswith("There is no limit beside it:") for word in shown.words)
    assert any(word.startswith("No limit is drawn:") for word in shown.words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ("--inputs", "power:0.2; law=uniform"),
            ("80, power:0.2; law=uniform", "with Σβ*"),
        ),
        (
            ("--samples", "same", "--readout", "rademacher"),
            ("400, the same", "What each spike has learned"),
        ),
    ],
)
def test_other_inputs_and_reused_samples_have_their_page(
    file: Path, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    text = made(file, *options)
    assert "No limit is drawn" not in text
    for word in words:
        assert word in text


def test_what_is_not_trusted_is_said(file: Path) -> None:
    changes = ("--n-samples", 150, "--n-gradient", 400, "--ridge", 1e-6)
    found = ps.predict(PROBLEM.replace(n_samples=150, n_gradient=400, ridge=1e-6))
    assert not found.trusted
    assert any(word.startswith("Not to be trusted:") for word in Page(made(file, *changes)).words)


def test_every_kind_of_text_is_escaped() -> None:
    nasty = "<script>alert(1)</script>"
    parts = [paragraph(nasty), note(nasty), pre(nasty), table([nasty], [[nasty, nasty]]), figure("<svg/>", nasty)]
    found = Page(page(nasty, [section(nasty, *parts)]))
    assert "script" not in found.tags
    assert found.words.count(nasty) == 10


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--out", "report.pdf"), 2, "--out = 'report.pdf': give a name that ends in .html"),
        (("--out", "nowhere/report.html"), 4, "its folder is not there"),
        (("--replicates", 1), 2, "--replicates = 1"),
        (("--seed", -1), 2, "--seed = -1"),
        (("--n-test", 0), 2, "--n-test = 0"),
    ],
)
def test_refusals_come_before_the_work(file: Path, options: tuple[Any, ...], code: int, message: str) -> None:
    found, said = refusal("report", file, *options)
    assert found == code
    assert message in said


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    code, said = refusal("report", tmp_path / "nothing.toml")
    assert code == 4
    assert "nothing.toml" in said
