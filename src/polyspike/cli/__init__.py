"""The command line: ``polyspike --help``. One file a command."""

from polyspike.cli.app import app
from polyspike.cli.terminal import ended, prepare

__all__ = ["main"]


def main() -> None:
    """Run the command line with the arguments of the process, and end it with a documented exit code."""
    prepare()
    with ended():
        app(prog_name="polyspike")
