"""Tables and claims of a part of the reproduction, for its tests."""

from typing import Any

from polyspike.experiments.reproduce.claims import Claim


def finish(part: Any, rows: list[dict[str, Any]]) -> tuple[Any, list[Claim]]:
    """Tables and claims of the rows of a few jobs."""
    names = {name for r in rows for name in r}
    tables = part.tables({name: [row for r in rows for row in r.get(name, [])] for name in names})
    return tables, part.claims(tables)
