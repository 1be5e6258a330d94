"""The part of the spectra, at a small size."""

from experiments.reproduce.parts import finish
from polyspike.experiments.reproduce import Options, spectrum
from polyspike.experiments.reproduce.claims import HOLDS
from polyspike.experiments.reproduce.columns import select


def test_spectrum_part() -> None:
    shown = [
        p._replace(problem=p.problem.replace(n_samples=400, input_dim=100, width=200))
        for p in spectrum.panels(Options())
    ]
    rows = [spectrum.run_theory(shown), *(spectrum.run(shown, k) for k in range(2))]
    tables, claims = finish(spectrum.SPECTRUM, rows)
    assert tables["spectrum"]["expected"].tolist() == [0, 1, 1, 2, 3, 1]
    predicted = select(tables["spectrum_theory"], kind="spike")
    assert len(claims) == 8 + 6 + len(predicted["x"])
    assert len(select(predicted, panel="window 3")["x"]) == 3
    assert len(select(tables["spectrum_theory"], panel="initial", kind="density")["x"]) >= spectrum.CURVE_POINTS
    assert claims[0].verdict == HOLDS  # no spike before the step
    top = select(tables["spectrum"], panel="window 3")["top1"][0]
    assert top > 4 * select(tables["spectrum"], panel="initial")["top1"][0]
