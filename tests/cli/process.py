"""The command line in a process of its own, for what depends on the terminal, the environment or the disk."""

import os
import subprocess
import sys
from typing import Any

__all__ = ["SMALL", "environment", "polyspike"]

SMALL = ("--n-samples", 400, "--input-dim", 40, "--width", 80)


def environment(**changes: str) -> dict[str, str]:
    """That of the tests, with changes."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **changes}


def polyspike(*arguments: Any, env: dict[str, str] | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """``polyspike ARGUMENTS`` without a terminal."""
    command = [sys.executable, "-m", "polyspike", *map(str, arguments)]
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.run(command, env=env or environment(), text=True, timeout=120, **(pipes | options))
