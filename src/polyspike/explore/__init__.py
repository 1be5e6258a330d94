"""The explorer: a page on this machine that shows what a problem's step teaches, while its numbers are moved."""

from polyspike.explore.server import Explorer

__all__ = ["Explorer"]
