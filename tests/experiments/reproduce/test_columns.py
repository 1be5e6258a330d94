"""Tables as columns, and their CSV files."""

import csv
import io
from typing import Any

from polyspike.experiments.reproduce.columns import to_columns, to_csv


def test_a_table_survives_its_csv_file() -> None:
    rows: list[dict[str, Any]] = [{"name": "a, b", "x": 0.1 + 0.2, "n": 3}, {"name": 'c"', "x": 1e-300, "n": -1}]
    names, *cells = csv.reader(io.StringIO(to_csv(to_columns(rows))))
    back = dict(zip(names, zip(*cells)))
    assert back["name"] == ("a, b", 'c"')
    assert [float(x) for x in back["x"]] == [0.1 + 0.2, 1e-300]
    assert to_csv(to_columns(rows)).splitlines()[1].endswith(",3")
