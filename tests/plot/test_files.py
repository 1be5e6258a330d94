"""Figures as files and as text."""

from pathlib import Path
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import pytest

import polyspike as ps
from plot.cases import SPIKED, predictions


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_same_figure_gives_the_same_bytes(ending: str, tmp_path: Path) -> None:
    written = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.{ending}"
        ps.plot.save(ps.plot.errors(predictions()), path)
        written.append(path.read_bytes())
    assert written[0] == written[1]


def test_a_dark_figure_is_saved_dark(tmp_path: Path) -> None:
    with ps.plot.style("dark"):
        ax = ps.plot.errors(predictions())
    ps.plot.save(ax, tmp_path / "dark.png")
    corner = plt.imread(tmp_path / "dark.png")[0, 0]
    assert corner[:3].max() < 0.2


def test_an_svg_stands_in_a_page_and_shares_no_names() -> None:
    figure = ps.plot.spectrum(theory=ps.predict(SPIKED)).get_figure()
    assert figure is not None
    texts = [ps.plot.svg(figure, prefix) for prefix in ("a-", "b-")]
    names = []
    for text in texts:
        assert text.startswith("<svg")
        root = ElementTree.fromstring(text)
        names.append({element.get("id") for element in root.iter()} - {None})
        used = {value for element in root.iter() for key, value in element.items() if key.endswith("href")}
        assert {f"#{name}" for name in names[-1]} >= {value for value in used if value.startswith("#")}
    assert names[0].isdisjoint(names[1])
