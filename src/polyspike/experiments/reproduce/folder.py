"""The output folder: files that are written whole or not at all, and the finished jobs of an interrupted run."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from polyspike._version import __version__
from polyspike.errors import UnreadableError
from polyspike.experiments.files import write_whole
from polyspike.experiments.reproduce.claims import Claim
from polyspike.experiments.reproduce.jobs import Facts, Job, Rows

__all__ = ["Folder"]

FORMAT = 1
"""Version of the kept rows; raise it when their meaning changes."""


class Folder:
    """A folder of figures, tables and kept rows.

    Parameters
    ----------
    path : Path
        Made when absent.

    Raises
    ------
    UnreadableError
        If it cannot be made or written, before any work starts.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept = path / ".kept"
        try:
            self.kept.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.kept):
                pass
        except OSError as error:
            remedy = f"cannot be written ({error.strerror}); give another folder"
            raise UnreadableError(f"out = {str(path)!r}: {remedy}") from error

    def write_text(self, name: str, text: str) -> Path:
        """Write a text file of this name, whole or not at all."""
        path = self.path / name
        write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
        return path

    def read(self, job: Job) -> Rows | None:
        """The rows of a job that finished in an earlier run; None when there are none."""
        try:
            found = json.loads(self._file(job).read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return found["rows"] if found.get("key") == _key(job) else None

    def keep(self, job: Job, rows: Rows) -> None:
        """Keep the rows of a finished job for the next run."""
        text = json.dumps({"key": _key(job), "rows": rows}, allow_nan=False)
        write_whole(self._file(job), lambda temporary: temporary.write_text(text, encoding="utf-8"))

    def read_claims(self, part: str) -> tuple[str, list[Claim]] | None:
        """The claims of a part that was finished, maybe by an earlier run, and the command that made them."""
        try:
            found = json.loads((self.kept / f"claims-{part}.json").read_text(encoding="utf-8"))
            return found["command"], [Claim(**row) for row in found["claims"]]
        except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
            return None

    def keep_claims(self, part: str, command: str, claims: Sequence[Claim]) -> None:
        """Keep the claims of a finished part, so that a run of another part leaves them in the report."""
        text = json.dumps({"command": command, "claims": [asdict(c) for c in claims]}, allow_nan=False)
        path = self.kept / f"claims-{part}.json"
        write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))

    def keep_facts(self, part: str, facts: Facts) -> None:
        """Keep what the report says about a part beside its claims."""
        text = json.dumps(facts, allow_nan=False)
        write_whole(self._facts(part), lambda temporary: temporary.write_text(text, encoding="utf-8"))

    def read_facts(self, part: str) -> Facts:
        """What :meth:`keep_facts` kept; nothing when there is none."""
        try:
            found: Facts = json.loads(self._facts(part).read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return found

    def _facts(self, part: str) -> Path:
        return self.kept / f"facts-{part}.json"

    def forget(self) -> None:
        """Drop what earlier runs have kept, so that all is run again."""
        for path in self.kept.glob("*.json"):
            path.unlink()

    def _file(self, job: Job) -> Path:
        return self.kept / f"{sha256(_key(job).encode()).hexdigest()[:24]}.json"


def _key(job: Job) -> str:
    return f"polyspike {__version__}, format {FORMAT}: {job.key}"
