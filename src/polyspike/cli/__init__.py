"""The command line: ``polyspike --help``. One file a command."""

from polyspike.cli.app import app

__all__ = ["main"]


def main() -> None:
    """Run the command line with the arguments of the process."""
    app(prog_name="polyspike")
