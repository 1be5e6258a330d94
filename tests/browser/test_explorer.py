"""The explorer's page in a real browser: what it shows is what the library says, and nobody else can drive it."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest

from cli.process import environment
from explore.serving import serving
from polyspike import ACTIVATIONS, Problem, best_step, phase_map, predict, replicate, simulate
from polyspike.edge import fit_edge
from polyspike.explore import Explorer
from polyspike.explore.runs import N_TEST
from polyspike.results import Prediction

PATIENCE = 180_000
"""Milliseconds that are waited for something at most: the machine may be busy."""

HERE: dict[str, Any] = {
    "step_exponent": 0.3,
    "activation": "relu",
    "teacher": "h1 + 0.5*h2",
    "ridge": 0.01,
    "noise": 0.5,
    "n_samples": 800,
    "input_dim": 200,
    "width": 400,
    "gradient": "full",
    "readout": "gaussian",
}
FIGURES = ("errors", "spectrum", "learned", "phase")


@pytest.fixture(scope="module")
def explorer() -> Iterator[Explorer]:
    with serving() as found:
        yield found


def address(explorer: Explorer, **changes: Any) -> str:
    """With the token, and the values in the address."""
    return f"{explorer.address}&{urlencode(HERE | changes)}"


def problem(**changes: Any) -> Problem:
    return Problem(**(HERE | changes))


def predicted(**changes: Any) -> Prediction:
    found = predict(problem(**changes))
    assert isinstance(found, Prediction)
    return found


def settled(page: Any) -> None:
    """Wait until everything that belongs to the present values is computed."""
    page.wait_for_selector("#explorer[data-stage=all][aria-busy=false]", timeout=PATIENCE)


def drawn(page: Any) -> None:
    """Wait until the curve and the spectrum are there; means, the map and the best steps come later."""
    page.wait_for_selector("#explorer:is([data-stage=all], [data-stage='curve and spectrum'])", timeout=PATIENCE)


def rows(page: Any, figure: str) -> list[dict[str, str]]:
    """The numbers of a figure, as its CSV file has them."""
    with page.expect_download(timeout=PATIENCE) as download:
        page.locator(f".ps-{figure}").get_by_role("button", name="save as CSV").click()
    assert download.value.suggested_filename == f"{figure}.csv"
    return list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))


def check_curve(page: Any, least: int = 41, **changes: Any) -> None:
    """The curve is that of `predict`, at each of its steps; its rows say of which problem."""
    found = rows(page, "errors")
    steps = [float(row["step_exponent"]) for row in found]
    assert len(steps) >= least
    assert found[0]["teacher"] == HERE["teacher"]
    for name in ("inputs", "samples"):
        assert {row[name] for row in found} == {str(getattr(problem(**changes), name))}
    assert steps == sorted(set(steps))
    everywhere = predict([problem(**(changes | {"step_exponent": step})) for step in steps])
    # Of reused samples a solution in a batch starts from its neighbour, and ends where the equations hold to some 1e-8.
    accuracy = 1e-7 if changes.get("samples") == "same" else 1e-8
    for row, expected in zip(found, everywhere, strict=True):
        assert isinstance(expected, Prediction)
        for name in ("test_error", "train_error", "error_estimate"):
            assert float(row[name]) == pytest.approx(getattr(expected, name), rel=accuracy)
        assert row["trusted"] == str(expected.trusted).lower()


# In one call: a picture may be drawn anew at any time.
MEASURED = """selector => {
  const picture = document.querySelector(selector);
  const box = picture.getBoundingClientRect();
  return [picture.getAttribute("aria-label"), box.left, box.right];
}"""


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_shows_everything_without_errors(
    open_page: Any, explorer: Explorer, width: int, height: int, dark: bool
) -> None:
    page = open_page(address(explorer), width, height, dark).page
    page.wait_for_selector("#ps-figure-phase rect.cell", timeout=PATIENCE)
    for name in FIGURES:
        label, left, right = page.evaluate(MEASURED, f"#ps-figure-{name} svg[role=img]")
        assert label
        assert 0 <= left < right <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper = page.evaluate("getComputedStyle(document.querySelector('.ps-card')).backgroundColor")
    assert paper == ("rgb(27, 33, 43)" if dark else "rgb(255, 255, 255)")


def test_the_words_hold_the_numbers(open_page: Any, explorer: Explorer) -> None:
    page = open_page(address(explorer)).page
    settled(page)
    words = page.locator(".ps-words").inner_text()
    here, before = predicted(), predicted(step_exponent=None, step_size=0.0)
    assert f"removes {100 * (1 - here.test_error / before.test_error):.0f} % of the test error" in words
    assert "One spike stands out of the bulk: linear." in words
    assert "Still inside: quadratic, quartic and sextic." in words
    assert "Trusted." in words
    assert f"{here.spike_cosine:.3g}" != f"{here.cosine:.3g}"
    assert f"The first spike's direction b has cosine {here.spike_cosine:.3g} with β*" in words
    assert f"the learned direction β, of the gradient alone, has {here.cosine:.3g}." in words
    caption = page.locator(".ps-spectrum .ps-caption").inner_text()
    assert here.spectrum.error_estimate is not None
    percent = f"{100 * here.spectrum.error_estimate:.2g}"
    assert f"may be off these spikes by {percent} % (its own estimate)." in caption
    assert "not to be trusted" not in caption
    assert f"{best_step(problem()).test_error:.3g}" in words
    assert page.locator("#explorer [role=status]").first.inner_text() != ""


def test_a_spectrum_that_is_not_trusted_says_why(open_page: Any, explorer: Explorer) -> None:
    page = open_page(address(explorer, inputs="power:1")).page
    drawn(page)
    expected = predicted(inputs="power:1").spectrum
    assert not expected.trusted
    caption = page.locator(".ps-spectrum .ps-caption").inner_text()
    assert f"The spectrum is not to be trusted: {expected.trust_reason}." in caption


def check_bars_fit(page: Any, label: str, other: bool) -> None:
    """Every bar of what the spikes have learned ends inside its picture, whose axis has this name."""
    picture = page.locator("#ps-figure-learned svg")
    assert label in picture.text_content()
    assert ("other" in picture.text_content()) is other
    ends = picture.locator("rect").evaluate_all("all => all.map(r => r.x.baseVal.value + r.width.baseVal.value)")
    assert max(ends) <= picture.evaluate("svg => svg.viewBox.baseVal.width")


def test_what_a_spike_has_learned_is_a_share_of_fresh_samples_only(open_page: Any, explorer: Explorer) -> None:
    changes = {"gradient": "target", "step_exponent": 0.45}
    spikes = predicted(samples="same", **changes).spectrum.spikes
    assert max(spike.overlaps.sum() for spike in spikes) > 1
    page = open_page(address(explorer, samples="same", **changes)).page
    drawn(page)
    check_bars_fit(page, "squared overlap with the spike's singular vector", other=False)
    assert "may add up to more than 100 %" in page.locator(".ps-learned .ps-caption").inner_text()
    page.locator("#ps-samples").select_option("fresh")
    drawn(page)
    check_bars_fit(page, "share of the spike's singular vector", other=True)
    assert "100 %" not in page.locator(".ps-learned .ps-caption").inner_text()


def test_what_is_not_trusted_says_why(open_page: Any, explorer: Explorer) -> None:
    changes: dict[str, Any] = {"width": 800, "ridge": 1e-6}
    reason = predicted(**changes).trust_reason
    assert reason
    page = open_page(address(explorer, **changes)).page
    page.wait_for_selector(".ps-untrusted", timeout=PATIENCE)
    assert f"Not trusted, because of this: {reason}." in page.locator(".ps-words").inner_text()
    page.wait_for_selector("#ps-figure-errors path[stroke-dasharray='3 4']", state="attached", timeout=PATIENCE)


def test_a_moved_slider_changes_the_curve_to_what_predict_gives(open_page: Any, explorer: Explorer) -> None:
    page = open_page(address(explorer)).page
    drawn(page)
    check_curve(page)
    slider = page.get_by_role("slider", name="Ridge λ, slider")
    slider.focus()
    before = float(page.locator("#ps-ridge").input_value())
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    drawn(page)
    ridge = float(page.locator("#ps-ridge").input_value())
    assert ridge > before
    assert slider.get_attribute("aria-valuetext") == page.locator("#ps-ridge").input_value()
    check_curve(page, ridge=ridge)


def asked(page: Any, move: Any) -> list[tuple[str, Any]]:
    """The questions that a move leads to until the page is settled."""
    found: list[tuple[str, Any]] = []

    def note(request: Any) -> None:
        if "/api/" in request.url:
            found.append((request.url.rpartition("/")[2], json.loads(request.post_data)))

    page.on("request", note)
    move()
    settled(page)
    page.remove_listener("request", note)
    return found


def test_moving_the_step_costs_one_prediction_and_one_spectrum(open_page: Any, explorer: Explorer) -> None:
    page = open_page(address(explorer)).page
    settled(page)
    page.get_by_role("slider", name="Step exponent").focus()
    questions = asked(page, lambda: page.keyboard.press("ArrowRight"))
    assert [name for name, _ in questions] == ["predictions", "spectrum", "means"]
    assert questions[0][1]["changes"] == [{"step_exponent": 0.305}]


def test_moving_the_ridge_costs_no_spectrum_and_coming_back_costs_nothing(open_page: Any, explorer: Explorer) -> None:
    page = open_page(address(explorer, ridge=0.1)).page
    settled(page)
    page.get_by_role("slider", name="Ridge").focus()
    questions = asked(page, lambda: page.keyboard.press("ArrowRight"))
    assert {name for name, _ in questions} in (
        {"predictions", "more", "limits", "best"},
        {"predictions", "limits", "best"},
    )
    page.locator("#ps-ridge").focus()
    assert asked(page, lambda: page.locator("#ps-ridge").fill("0.1")) == []


def test_the_last_of_many_fast_moves_is_shown(open_page: Any, explorer: Explorer) -> None:
    page = open_page(address(explorer)).page
    drawn(page)
    page.get_by_role("slider", name="Noise").focus()
    page.keyboard.press("Home")
    questions = asked(page, lambda: [page.keyboard.press("ArrowRight") for _ in range(10)])
    assert page.locator("#ps-noise").input_value() == "0.5"
    noises = [question["problem"]["noise"] for name, question in questions if name == "spectrum"]
    assert len(noises) < 10  # what is out of date is not asked for
    check_curve(page, noise=0.5)


def test_a_bad_value_is_answered_beside_its_field_and_the_figures_stay(open_page: Any, explorer: Explorer) -> None:
    page = open_page(address(explorer)).page
    drawn(page)
    label = page.locator("#ps-figure-errors svg").get_attribute("aria-label")
    for name, text, message in (
        ("ridge", "-1", "give a number >= 0"),
        ("ridge", "much", "give a finite number"),
        ("n_samples", "", "give an integer >= 2"),
        ("teacher", "h1 + (2, 3)", "is not understood"),
        ("teacher", "<img src=x onerror=alert(1)>", "cannot be parsed"),
        ("teacher", "os.system", "nothing is imported here"),
    ):
        field = page.locator(f"#ps-{name}")
        before = field.input_value()
        field.fill(text)
        page.wait_for_selector(f"#ps-{name}[aria-invalid=true]", timeout=PATIENCE)
        assert message in page.locator(f"#ps-{name}-problem").inner_text()
        assert field.get_attribute("aria-describedby") == f"ps-{name}-problem"
        assert page.locator("#ps-figure-errors svg").get_attribute("aria-label") == label
        field.fill(before)
        page.wait_for_selector(f"#ps-{name}[aria-invalid=false]", timeout=PATIENCE)
    assert page.locator("img").count() == 0


def check_simulated_spectrum(page: Any) -> None:
    """The eigenvalues of the first replicate at the present step, as bars and rings."""
    expected = simulate(problem(), seed=(0, 0), n_test=2, eigenvalues="all").eigenvalues
    assert expected is not None
    found = [row for row in rows(page, "spectrum") if row["kind"].startswith("simulated")]
    values = [float(row["eigenvalue"]) for row in found]
    assert values == pytest.approx(expected[: HERE["width"]], rel=1e-5)
    spikes = fit_edge(np.array(values)).n_spikes
    assert spikes > 0
    assert [row["kind"] for row in found].count("simulated spike") == spikes
    assert page.locator("#ps-figure-spectrum circle.outlier").count() == spikes
    assert page.locator("#ps-figure-spectrum rect.bar").count() > 10
    assert "eigenvalues of one simulated network" in page.locator(".ps-spectrum .ps-caption").inner_text()


def shown_code(page: Any) -> str:
    """Of the page, which writes it when its part is opened, in an event of its own."""
    page.get_by_text("Show the code").click()
    return str(page.locator("pre.ps-source:not(:empty)").inner_text(timeout=PATIENCE))


def check_code_with_dots(page: Any, folder: Path) -> None:
    """The code that is shown runs, and asks for the replicates that were simulated."""
    code = shown_code(page)
    assert "replicates=3, n_test=5000" in code
    assert run_code(code, folder).returncode == 0


def test_a_simulation_ends_with_its_dots(open_page: Any, explorer: Explorer, tmp_path: Path) -> None:
    page = open_page(address(explorer)).page
    page.get_by_label("networks at each step").fill("3")
    page.get_by_role("button", name="Simulate").click()
    page.wait_for_selector(".ps-run[data-state=done]", timeout=PATIENCE)
    assert page.locator("#ps-figure-errors circle.dot").count() == 2 * 6
    assert page.locator("progress").evaluate("bar => bar.value") == 1
    found = [row for row in rows(page, "errors") if row["kind"] == "simulated"]
    assert [float(row["step_exponent"]) for row in found] == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    mean, standard_error = replicate(problem(step_exponent=0.4), replicates=3, n_test=N_TEST).test_error
    assert float(found[4]["test_error"]) == pytest.approx(mean)
    assert float(found[4]["test_error_se"]) == pytest.approx(standard_error)
    check_simulated_spectrum(page)
    check_code_with_dots(page, tmp_path)
    page.locator("#ps-ridge").fill("0.02")  # the dots belong to other values
    page.wait_for_selector("#ps-figure-errors svg:not(:has(circle.dot))", timeout=PATIENCE)
    assert page.locator("#ps-figure-spectrum rect.bar").count() > 10  # the spectrum does not depend on the ridge


def test_a_simulation_can_be_cancelled(open_page: Any, explorer: Explorer) -> None:
    page = open_page(address(explorer, n_samples=4000, input_dim=1000, width=2000)).page
    page.get_by_label("networks at each step").fill("100")
    page.get_by_role("button", name="Simulate").click()
    page.wait_for_selector(".ps-run[data-state=running]", timeout=PATIENCE)
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_selector(".ps-run[data-state=cancelled]", timeout=PATIENCE)
    assert page.get_by_role("button", name="Simulate").is_enabled()
    page.get_by_label("networks at each step").fill("1")
    page.get_by_role("button", name="Simulate").click()
    page.wait_for_selector(".ps-run[data-state=failed]", timeout=PATIENCE)
    assert "replicates = 1: give an integer >= 2" in page.locator("#ps-run-problem").inner_text()


def test_pictures_are_saved(open_page: Any, explorer: Explorer) -> None:
    page = open_page(address(explorer)).page
    page.wait_for_selector("#ps-figure-phase rect.cell", timeout=PATIENCE)
    for name in FIGURES:
        for kind, beginning in (("SVG", b"<svg "), ("PNG", b"\x89PNG\r\n")):
            with page.expect_download(timeout=PATIENCE) as download:
                page.locator(f".ps-{name}").get_by_role("button", name=f"save as {kind}").click()
            content = Path(download.value.path()).read_bytes()
            assert download.value.suggested_filename == f"{name}.{kind.lower()}"
            assert content.startswith(beginning)
            assert len(content) > 500


def test_the_tables_hold_the_numbers(open_page: Any, explorer: Explorer) -> None:
    page = open_page(address(explorer)).page
    settled(page)
    spectrum = predicted().spectrum
    spikes = [float(row["eigenvalue"]) for row in rows(page, "spectrum") if row["kind"] == "spike"]
    assert spikes == pytest.approx([spike.location for spike in spectrum.spikes])
    [learned] = rows(page, "learned")
    assert float(learned["h1"]) == pytest.approx(spectrum.spikes[0].overlaps[1])
    assert float(learned["mean"]) == pytest.approx(spectrum.means[0])
    cells = [row for row in rows(page, "phase") if row["kind"] == "cell"]
    assert page.locator("#ps-figure-phase line.region").count() == 2 * 4  # dark and light, at each edge
    check_spike_counts(page, cells)
    assert len(cells) == 21 * len({row["ridge"] for row in cells})
    for cell in cells[::40]:
        values = {"ridge": float(cell["ridge"]), "step_exponent": float(cell["step_exponent"])}
        assert float(cell["test_error"]) == pytest.approx(predicted(**values).test_error, rel=1e-6)


def check_spike_counts(page: Any, cells: list[dict[str, str]]) -> None:
    """Those of the phase map, with a line wherever they change, and in the words of the picture."""
    steps = sorted({float(cell["step_exponent"]) for cell in cells})
    expected = {row["step_exponent"]: row["spikes"] for row in phase_map(problem(), steps, [0.1]).cells}
    assert {float(cell["step_exponent"]): int(cell["spikes"]) for cell in cells} == expected
    changes = sum(expected[a] != expected[b] for a, b in pairwise(steps))
    assert changes > 0
    assert page.locator("#ps-figure-phase line.spikes").count() == 2 * changes
    assert "Spikes above the bulk: 0 from 0, 1 from" in page.locator("#ps-figure-phase svg").get_attribute("aria-label")


def test_every_state_has_a_link(open_page: Any, explorer: Explorer) -> None:
    watched = open_page(address(explorer, teacher="h1 - 0.2*h3", gradient="target", n_gradient=1600))
    page = watched.page
    assert "token" not in page.url
    assert page.locator("#ps-teacher").input_value() == "h1 - 0.2*h3"
    assert page.locator("#ps-gradient").input_value() == "target"
    assert page.locator("#ps-n_gradient").input_value() == "1600"
    page.locator("#ps-noise").fill("0.25")
    page.wait_for_url("**noise=0.25**", timeout=PATIENCE)
    other = page.context.new_page()  # of the same browser, which knows the token
    other.goto(page.url)
    assert other.locator("#ps-noise").input_value() == "0.25"
    assert other.locator("#ps-n_gradient").input_value() == "1600"
    other.wait_for_selector("circle.here-test_error", timeout=PATIENCE)


def check_menu(page: Any, folder: Path, name: str, value: str) -> None:
    """A choice of a menu is drawn through fewer steps, and goes into the words, the link and the code."""
    page.locator(f"#ps-{name}").select_option(value)
    drawn(page)
    check_curve(page, least=11, **{name: value})
    assert len(rows(page, "errors")) == 11
    page.wait_for_url(f"**{urlencode({name: value})}**", timeout=PATIENCE)
    code = shown_code(page)
    assert f'    {name}="{value}",' in code
    done = run_code(code, folder)
    assert done.returncode == 0, done.stderr
    assert f"test error {predicted(**{name: value}).test_error:.6g}" in done.stdout


def test_correlated_inputs_are_a_menu(open_page: Any, explorer: Explorer, tmp_path: Path) -> None:
    page = open_page(address(explorer)).page
    drawn(page)
    check_menu(page, tmp_path, "inputs", "power:0.5")
    words = page.locator(".ps-words").inner_text()
    here = predicted(inputs="power:0.5")
    assert f"The learned direction β has cosine {here.biased_cosine:.3g} with Σβ*" in words
    assert f"b has cosine {here.spike_cosine:.3g} with β*; the learned direction β, of the gradient" in words
    assert f"of the gradient alone, has {here.cosine:.3g}." in words
    page.wait_for_selector("#ps-figure-spectrum circle.spike", timeout=PATIENCE)
    assert page.locator("#ps-figure-spectrum circle.spike").count() == len(here.spectrum.spikes)
    assert "limit of infinite size" in page.locator("#ps-figure-errors").inner_text()


def test_reused_samples_are_a_menu_and_are_simulated(open_page: Any, explorer: Explorer, tmp_path: Path) -> None:
    page = open_page(address(explorer)).page
    drawn(page)
    check_menu(page, tmp_path, "samples", "same")
    caption = page.locator(".ps-spectrum .ps-caption")
    page.wait_for_selector("#ps-figure-spectrum circle.spike", timeout=PATIENCE)
    assert page.locator("#ps-figure-spectrum circle.spike").count() == len(predicted(samples="same").spectrum.spikes)
    page.get_by_label("networks at each step").fill("2")
    page.get_by_role("button", name="Simulate").click()
    page.wait_for_selector(".ps-run[data-state=done]", timeout=PATIENCE)
    dot = next(row for row in rows(page, "errors") if row["kind"] == "simulated" and row["step_exponent"] == "0.4")
    assert dot["samples"] == "same"
    expected = replicate(problem(samples="same", step_exponent=0.4), replicates=2, n_test=N_TEST)
    assert float(dot["test_error"]) == pytest.approx(expected.test_error.mean)
    assert page.locator("#ps-figure-spectrum rect.bar").count() > 10
    assert "eigenvalues of one simulated network" in caption.inner_text()


def test_a_share_of_the_samples_is_reused(open_page: Any, explorer: Explorer, tmp_path: Path) -> None:
    page = open_page(address(explorer)).page
    share = page.locator("#ps-overlap")
    drawn(page)
    assert not share.is_visible()
    page.locator("#ps-samples").select_option("same")
    assert share.input_value() == "1"
    assert not share.is_enabled()
    page.get_by_label("all", exact=True).uncheck()
    share.fill("0.4")
    page.wait_for_url("**overlap=0.4**", timeout=PATIENCE)
    drawn(page)
    check_curve(page, least=11, samples="same", overlap=0.4)
    done = run_code(shown_code(page), tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"test error {predicted(samples='same', overlap=0.4).test_error:.6g}" in done.stdout
    share.fill("1.4")
    page.wait_for_selector("#ps-overlap-problem:has-text('give a number in [0, 1]')", timeout=PATIENCE)
    page.locator("#ps-samples").select_option("fresh")
    drawn(page)
    assert not share.is_visible()
    check_curve(page)
    page.wait_for_url(lambda url: "samples=fresh" in url and "overlap" not in url, timeout=PATIENCE)


def test_a_share_of_fresh_samples_is_refused_where_it_is_seen(open_page: Any, explorer: Explorer) -> None:
    page = open_page(address(explorer, overlap=0.4)).page
    page.wait_for_selector(".ps-controls > .ps-problem:has-text('fresh')", timeout=PATIENCE)


def test_a_slow_theory_gives_way_to_a_quick_one(open_page: Any, explorer: Explorer) -> None:
    page = open_page(address(explorer, samples="same")).page
    page.wait_for_selector("circle.here-test_error", timeout=PATIENCE)
    page.locator("#ps-samples").select_option("fresh")
    drawn(page)
    check_curve(page)
    assert page.locator("#ps-figure-spectrum circle.spike").count() == len(predicted().spectrum.spikes)


def test_what_no_theory_is_of_is_said_and_the_page_goes_on(open_page: Any, explorer: Explorer) -> None:
    page = open_page(address(explorer, samples="same", inputs="power:0.3; law=uniform")).page
    settled(page)
    assert page.locator("#ps-inputs").input_value() == "power:0.3; law=uniform"
    assert "There is no prediction here: samples = 'same'" in page.locator(".ps-words").inner_text()
    assert "no prediction at these places" in page.locator("#ps-figure-phase").inner_text()
    page.locator("#ps-inputs").select_option("isotropic")
    page.wait_for_selector("circle.here-test_error", timeout=PATIENCE)


def run_code(code: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, cwd=folder, env=environment(MPLBACKEND="Agg"), capture_output=True, text=True)


def test_the_code_makes_the_same_numbers(open_page: Any, explorer: Explorer, tmp_path: Path) -> None:
    page = open_page(address(explorer)).page
    page.wait_for_selector("circle.here-test_error", timeout=PATIENCE)
    code = shown_code(page)
    done = run_code(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"test error {predicted().test_error:.6g}" in done.stdout
    assert (tmp_path / "errors.png").read_bytes().startswith(b"\x89PNG")


def test_a_click_on_the_map_goes_there(open_page: Any, explorer: Explorer) -> None:
    page = open_page(address(explorer)).page
    settled(page)  # until then the picture is drawn anew
    picture = page.locator("#ps-figure-phase svg")
    box = picture.bounding_box()
    picture.click(position={"x": 60, "y": box["height"] / 2})
    assert float(page.locator("#ps-step_exponent").input_value()) < 0.05
    assert page.locator("#ps-ridge").input_value() != "0.01"


def test_everything_is_reached_by_keyboard_and_has_a_name(open_page: Any, explorer: Explorer) -> None:
    page = open_page(address(explorer)).page
    page.wait_for_selector("circle.here-test_error", timeout=PATIENCE)
    controls = page.locator("#explorer").locator("input, select, button, summary, pre, progress")
    names = controls.evaluate_all(
        "all => all.map(e => e.getAttribute('aria-label') || (e.labels && [...e.labels].map(l => l.textContent).join())"
        " || e.textContent)"
    )
    assert all(name and name.strip() for name in names), names
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    for field in (*HERE, "inputs", "samples"):
        assert f"ps-{field}" in reached
    assert {"ps-ridge-slider", "Simulate", "Show the code", "CSV", "ps-log"} <= reached


def test_the_menus_are_those_of_the_library(open_page: Any, explorer: Explorer) -> None:
    page = open_page(address(explorer)).page
    named = {name for name in ACTIVATIONS if not name.startswith("h")}
    shown = set(page.locator("#ps-activation option").evaluate_all("all => all.map(option => option.value)"))
    assert named <= shown <= set(ACTIVATIONS)


def test_without_the_token_nothing_is_answered_and_the_page_says_so(open_page: Any, explorer: Explorer) -> None:
    watched = open_page(explorer.address.partition("#")[0])
    watched.page.wait_for_selector("text=open the address that the command printed", timeout=PATIENCE)
    assert watched.page.locator("circle").count() == 0
    assert all("403" in error for error in watched.errors)
    watched.errors.clear()


ATTACK = """<!doctype html><title>waiting</title><script>
const target = "http://127.0.0.1:PORT";
const body = JSON.stringify({problem: {step_exponent: 0.3}, steps: [0.3], replicates: 2});
const headers = {"Content-Type": "application/json", "X-Polyspike-Token": "TOKEN"};
const attempts = [
  fetch(target + "/api/simulate", {method: "POST", body}),
  fetch(target + "/api/simulate", {method: "POST", body, mode: "no-cors"}),
  fetch(target + "/api/simulate", {method: "POST", body, headers}),
  fetch(target + "/"),
];
Promise.allSettled(attempts).then((all) => {
  document.title = all.map((one) => one.value ? one.value.type : "refused").join();
});
</script>"""


@pytest.fixture
def other_site(explorer: Explorer) -> Iterator[str]:
    """A page on another port that tries to drive the explorer, even with a token that it should not know."""
    page = ATTACK.replace("PORT", str(explorer.server_port)).replace("TOKEN", explorer.gate.token).encode()

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Site) as site:
        thread = Thread(target=site.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{site.server_port}/"
        site.shutdown()
        thread.join()


def test_a_page_of_another_origin_cannot_drive_it(open_page: Any, explorer: Explorer, other_site: str) -> None:
    before = explorer.runs._number
    watched = open_page(other_site)
    for _ in range(400):
        if watched.page.title() != "waiting":
            break
        watched.page.wait_for_timeout(50)
    assert watched.page.title() == "refused,refused,refused,refused"
    assert explorer.runs._number == before
    assert watched.errors
    watched.errors.clear()
