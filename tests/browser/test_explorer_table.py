"""The explorer on the pages of the documentation, as the page includes it: from the disk, without a server."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from polyspike import Problem, predict
from polyspike.results import Prediction

ROOT = Path(__file__).parents[2]
PATIENCE = 180_000


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with the block of docs/explorer.md, beside the files that Sphinx copies."""
    folder = tmp_path_factory.mktemp("pages")
    shutil.copytree(ROOT / "src" / "polyspike" / "explore" / "static", folder / "_static")
    shutil.copytree(ROOT / "docs" / "explorer", folder / "_static", dirs_exist_ok=True)
    text = (ROOT / "docs" / "explorer.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```\{raw\} html\n(.*?)```", text, flags=re.DOTALL)
    page = f"<!doctype html><meta charset='utf-8'><title>explorer</title>{block}"
    (folder / "page.html").write_text(page, encoding="utf-8")
    return (folder / "page.html").as_uri()


def error(page: Any, name: str) -> float:
    """What the picture of the errors says in words of the present step."""
    label = page.locator("#ps-figure-errors svg").get_attribute("aria-label")
    found = re.search(rf"{name} error is ([\d.]+)", label)
    assert found is not None, label
    return float(found[1])


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_sliders_move_without_a_server(open_page: Any, address: str, width: int, dark: bool) -> None:
    page = open_page(address, width=width, dark=dark).page
    page.wait_for_selector("#explorer[data-stage=all]", timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("slider", name="Step exponent").focus()
    page.keyboard.press("End")
    page.get_by_role("slider", name="Ridge").focus()
    page.keyboard.press("Home")
    page.locator("#ps-activation").select_option("tanh")
    page.wait_for_selector("#explorer[data-stage=all]", timeout=PATIENCE)
    expected = predict(Problem("tanh", "h1 + 0.5*h2", 2000, 500, 1000, step_exponent=0.5, ridge=1e-4, noise=0.5))
    assert isinstance(expected, Prediction)
    assert error(page, "test") == pytest.approx(expected.test_error, rel=6e-3)
    assert page.locator("#ps-figure-spectrum circle.spike").count() == len(expected.spectrum.spikes)
    assert page.get_by_role("button", name="Simulate").count() == 0


# The page hears of another address late, as it does where the machine is busy.
HEARD_LATE = """
    const listen = window.addEventListener.bind(window);
    window.addEventListener = (type, listener, ...rest) =>
        listen(type, type === "hashchange" ? () => setTimeout(listener, 400) : listener, ...rest);
"""


def test_an_address_given_beside_a_change_is_not_written_over(open_page: Any, address: str) -> None:
    page = open_page(address).page
    page.add_init_script(HEARD_LATE)
    page.reload()
    page.wait_for_selector("#explorer[data-stage=all]", timeout=PATIENCE)
    page.evaluate(
        """() => {
            const slider = document.querySelector("#ps-noise-slider");
            slider.value = slider.min;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
            location.hash = "teacher=h5";
        }"""
    )
    page.wait_for_timeout(300)
    assert "teacher=h5" in page.url
    page.wait_for_url("**teacher=h5&**", timeout=PATIENCE)


def test_what_was_not_computed_beforehand_is_said(open_page: Any, address: str) -> None:
    page = open_page(address).page
    page.wait_for_selector("#explorer[data-stage=all]", timeout=PATIENCE)
    page.get_by_role("slider", name="Noise").focus()
    page.keyboard.press("Home")
    page.wait_for_selector("text=Spectra were computed beforehand for noise 0.5", timeout=PATIENCE)
    page.goto(address + "#teacher=h5&ridge=7")
    page.reload()
    page.wait_for_selector("text=were computed beforehand >> visible=true", timeout=PATIENCE)
    assert "were computed beforehand" in page.locator("#ps-teacher-problem").inner_text()


def test_what_a_link_says_of_other_problems_is_said_to_be_left_out(open_page: Any, address: str) -> None:
    page = open_page(address + "#noise=0.1&inputs=power:0.5&samples=same&gradient=full").page
    page.wait_for_selector("#explorer[data-stage=all]", timeout=PATIENCE)
    said = page.locator(".ps-left-out")
    assert said.inner_text().startswith("Left out of the link: inputs=power:0.5, samples=same. ")
    assert "isotropic inputs and fresh samples only" in page.locator(".ps-controls").inner_text()
    page.locator("#ps-activation").select_option("tanh")
    assert said.text_content() == ""
    page.evaluate("location.hash = 'samples=same'")
    page.wait_for_selector(".ps-left-out:has-text('samples=same')", timeout=PATIENCE)


def test_a_spectrum_of_the_table_says_what_it_is_worth(open_page: Any, address: str) -> None:
    page = open_page(address + "#step_exponent=0.3").page
    page.wait_for_selector("#explorer[data-stage=all]", timeout=PATIENCE)
    expected = predict(Problem("relu", "h1 + 0.5*h2", 2000, 500, 1000, step_exponent=0.3, ridge=0.1, noise=0.5))
    assert isinstance(expected, Prediction)
    assert expected.spectrum.trusted
    caption = page.locator(".ps-spectrum .ps-caption").inner_text()
    assert "may be off these spikes by " in caption
    assert "not to be trusted" not in caption
