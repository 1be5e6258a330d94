"""Install each file of a folder in an empty environment, and try it there: ``python .ci/try_distributions.py dist``."""

import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

TRY = """
import polyspike as ps
problem = ps.Problem("relu", "h1 + 0.5*h2", n_samples=200, input_dim=50, width=100, step_exponent=0.3)
predicted, measured = ps.predict(problem), ps.replicate(problem, replicates=3, n_test=500)
assert abs(predicted.test_error / measured.test_error.mean - 1) < 0.5, (predicted, measured)
ps.plot.errors(predicted, measured=measured)
print(ps.__version__, ps.__file__)
"""


def main(folder: Path) -> int:
    """Exit code 1 when there is not one wheel and one source distribution; a failure in either ends with its own."""
    files = sorted(folder.iterdir())
    if [file.suffix for file in files] != [".whl", ".gz"]:
        print(f"{folder} should hold a wheel and a source distribution, not {[file.name for file in files]}")
        return 1
    for file in files:
        with TemporaryDirectory() as place:
            attempt(file.resolve(), Path(place))
        print(f"{file.name}: installs and works")
    return 0


def attempt(file: Path, place: Path) -> None:
    """Make an environment, install the file there, run the library, the command and its data files."""
    venv.create(place / "venv", with_pip=True)
    programs = place / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    run(place, programs / "python", "-m", "pip", "install", "--quiet", file)
    run(place, programs / "python", "-W", "error", "-c", TRY)
    run(place, programs / "polyspike", "predict", "--activation", "relu", "--step-exponent", "0.3", "--json")
    run(
        place, programs / "polyspike", "spectrum", "--activation", "relu", "--step-exponent", "0.3", "--figure", "s.png"
    )


def run(place: Path, *command: str | Path) -> None:
    """In the folder itself, where no source lies that could be imported instead."""
    subprocess.run([*map(str, command)], cwd=place, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
