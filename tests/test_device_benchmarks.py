"""The benchmarks of devices and precision run at small sizes, and print one table each."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def table(script: str, *arguments: str) -> list[list[str]]:
    """The cells of the Markdown table that a benchmark prints, without the header; its lines where it prints none."""
    command = [sys.executable, str(ROOT / "benchmarks" / script), *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    text = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return lines[2:] or [[text.strip()]]


@pytest.mark.parametrize("device", ["cpu", "torch:cpu"])
def test_the_gpu_benchmark_runs_without_a_gpu(device: str) -> None:
    rows = table("gpu.py", "--device", device, "--sizes", "60", "80", "--n-test", "200")
    if device == "torch:cpu" and find_spec("torch") is None:
        assert rows == [["Not run: torch is not installed."]]
        return
    assert [row[:2] for row in rows] == [[n, dtype] for n in ("60", "80") for dtype in ("float64", "float32")]
    assert all(float(row[-1]) < (1e-10 if row[1] == "float64" else 1e-3) for row in rows)


@pytest.mark.gpu
def test_the_gpu_benchmark_agrees_with_numpy() -> None:
    rows = table("gpu.py", "--sizes", "1000", "--n-test", "1000")
    assert float(rows[0][-1]) < 1e-10


def test_without_a_gpu_the_benchmark_says_so() -> None:
    if find_spec("torch") is not None:
        pytest.skip("torch is installed, and may find a GPU")
    assert table("gpu.py") == [["Not run: torch is not installed."]]


def test_the_precision_benchmark_measures_what_float32_changes() -> None:
    rows = table("precision.py", "--n", "60", "--n-test", "200", "--seeds", "1")
    assert len(rows) == 8
    for name, loss, _, _, eigenvalue, bound, _ in rows:
        assert 0 < float(loss) < 8 * float(bound), name  # 2 units for each of 4 roundings
        assert float(eigenvalue) < 1e-5, name
