"""All benchmarks, and docs/performance.md made of what they print: ``make bench`` or ``python benchmarks/report.py``.

Every script prints one Markdown table; it replaces what stands in docs/performance.md between ``<!-- begin: NAME -->``
and ``<!-- end: NAME -->``. The words around the blocks stay as they are. ``--only sweep outliers`` runs some of them,
and what follows ``--`` is handed to the scripts. The clock wants a machine that does nothing else, with no limit on the
threads of BLAS in the environment.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import numpy
import scipy
from report_tables import table
from threadpoolctl import threadpool_info

import polyspike

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"

SCRIPTS = (
    "sweep",
    "simulation",
    "prediction",
    "same_samples",
    "inputs",
    "own_data",
    "outliers",
    "streaming",
    "scaling",
    "precision",
    "gpu",
)
"""Each a file of this folder and a block of the page."""

MACHINE = "machine"


def replaced(page: str, name: str, content: str) -> str:
    """The page with other content in the block of this name.

    Raises
    ------
    ValueError
        If the page has no such block, or more than one.
    """
    pattern = re.compile(rf"(<!-- begin: {name} -->\n).*?(<!-- end: {name} -->)", re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise ValueError(
            f"the page must have one block {name!r}, between <!-- begin: {name} --> and <!-- end: {name} -->"
        )
    return pattern.sub(lambda match: f"{match[1]}{content.strip()}\n{match[2]}", page)


def blocks(page: str) -> dict[str, str]:
    """What stands in each block."""
    return dict(re.findall(r"<!-- begin: (\w+) -->\n(.*?)<!-- end: \1 -->", page, re.DOTALL))


def machine() -> str:
    """The machine and the versions, as a table."""
    for library in ("scipy.linalg", "numpy.linalg"):
        import_module(library)  # both bring a BLAS of their own
    blas = {
        f"{i['internal_api']} {i['version']} ({i.get('architecture', '?')}, {i['num_threads']} threads)": None
        for i in threadpool_info()
        if i["user_api"] == "blas"
    }
    versions = f"polyspike {polyspike.__version__}, Python {platform.python_version()}"
    rows = [
        ("date", f"{datetime.now(UTC):%Y-%m-%d}"),
        ("load in the minute before", f"{os.getloadavg()[0]:.1f} (other programs, when above 0)"),
        ("processor", f"{processor()}, {os.cpu_count()} cores"),
        ("memory", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"),
        ("BLAS", "; ".join(blas)),
        ("versions", f"{versions}, NumPy {numpy.__version__}, SciPy {scipy.__version__}"),
    ]
    return table(("what", "here"), rows)


def processor() -> str:
    """Its name, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else []
    return names[0] if names else platform.processor() or platform.machine()


def run(name: str, arguments: list[str]) -> str:
    """What a script prints."""
    command = [sys.executable, str(HERE / f"{name}.py"), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=(MACHINE, *SCRIPTS), default=(MACHINE, *SCRIPTS))
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("arguments", nargs="*", help="for the scripts, after --")
    arguments = parser.parse_args()
    failed = []
    for name in arguments.only:
        print(f"== {name}", file=sys.stderr, flush=True)
        try:
            content = machine() if name == MACHINE else run(name, arguments.arguments)
        except subprocess.CalledProcessError as error:  # its block stays as it was, the others are worth having
            failed.append(f"{name} ({error.returncode})")
            continue
        arguments.page.write_text(replaced(arguments.page.read_text("utf-8"), name, content), "utf-8")
        print(content, flush=True)
    if failed:
        sys.exit(f"failed, and left as they were: {', '.join(failed)}")


if __name__ == "__main__":
    main()
