"""``python -m polyspike``: the command line."""

from polyspike.cli import main

if __name__ == "__main__":
    main()
