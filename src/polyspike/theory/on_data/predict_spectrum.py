"""``DataPrediction.spectrum``: the kernels after the step are made again, in double precision."""

from polyspike.blas import one_blas_thread
from polyspike.spectra import Spectrum
from polyspike.theory.long_work import tell
from polyspike.theory.on_data.cost import spectrum_seconds
from polyspike.theory.on_data.curve import Step, kinds_of
from polyspike.theory.on_data.family import DOUBLE
from polyspike.theory.on_data.sizes import CurveAccuracy, Network, Sample
from polyspike.theory.on_data.spectrum import row_spectrum

__all__ = ["predict_data_spectrum"]


@one_blas_thread()
def predict_data_spectrum(
    network: Network, parts: tuple[Sample, Sample, Sample], step: float, accuracy: CurveAccuracy, normal: bool
) -> Spectrum:
    """The spectrum of ``F F'/N`` of the fit's rows; of the full gradient with the first of its initial outputs.

    Raises
    ------
    NumericalError
        A fixed point that is not found.
    """
    _, fit, test = parts
    tell(spectrum_seconds(len(fit.target)), "about %s for a spectrum")
    after = Step(network, kinds_of(network, parts, accuracy, normal, step), step, fit, test, accuracy, normal)
    plain = kinds_of(network, parts, accuracy, True, 0.0).moments[0]
    direction = plain.output + step * plain.drift if step > 0 else plain.drift
    return row_spectrum(after.family(DOUBLE)[0], network.width, fit.inputs @ direction)
