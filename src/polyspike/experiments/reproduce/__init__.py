"""The paper reproduced in five parts, and two beyond it. Each part is one file: plan, run, tables, claims.

A new part is one file and one row of ``PARTS``, and its figure one row of the command's table.
"""

from polyspike.experiments.reproduce.alignment import ALIGNMENT
from polyspike.experiments.reproduce.claims import Claim
from polyspike.experiments.reproduce.columns import Columns, to_csv
from polyspike.experiments.reproduce.convergence import CONVERGENCE
from polyspike.experiments.reproduce.errors import ERRORS
from polyspike.experiments.reproduce.folder import Folder
from polyspike.experiments.reproduce.inputs import INPUTS
from polyspike.experiments.reproduce.jobs import Facts, Job, Options, Part
from polyspike.experiments.reproduce.realdata import REALDATA
from polyspike.experiments.reproduce.report import Section, claim_line, fact_lines, render, summary
from polyspike.experiments.reproduce.reuse import REUSE
from polyspike.experiments.reproduce.runner import merge, run_jobs
from polyspike.experiments.reproduce.spectrum import SPECTRUM

__all__ = [
    "PARTS",
    "Claim",
    "Columns",
    "Facts",
    "Folder",
    "Job",
    "Options",
    "Part",
    "Section",
    "claim_line",
    "fact_lines",
    "merge",
    "render",
    "run_jobs",
    "summary",
    "to_csv",
]

PARTS: dict[str, Part] = {
    part.name: part for part in (SPECTRUM, ALIGNMENT, ERRORS, CONVERGENCE, REALDATA, REUSE, INPUTS)
}
"""The parts by name, in the order of the figures."""
