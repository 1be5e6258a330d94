"""The constants of the scripts in examples, read without running them: a table measured there is held nowhere else."""

import ast
from pathlib import Path
from typing import Any

__all__ = ["constant"]

EXAMPLES = Path(__file__).parents[1] / "examples"


def constant(example: str, name: str) -> Any:
    """The literal that an example assigns to a name, which must be there once."""
    tree = ast.parse((EXAMPLES / f"{example}.py").read_text(encoding="utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    (found,) = (node.value for node in assigned if any(ast.unparse(target) == name for target in node.targets))
    return ast.literal_eval(found)
