"""The watch over pages sees what it is there for."""

from pathlib import Path
from typing import Any

import pytest

PAGE = "<!doctype html><title>{title}</title><body>{body}</body>"


def write(folder: Path, body: str) -> str:
    path = folder / "page.html"
    path.write_text(PAGE.format(title="a page", body=body), encoding="utf-8")
    return path.as_uri()


def test_a_quiet_page_passes(open_page: Any, tmp_path: Path) -> None:
    watched = open_page(write(tmp_path, "<p>nothing</p>"))
    assert watched.page.title() == "a page"
    watched.check()


@pytest.mark.parametrize(
    "script", ["console.error('a complaint')", "throw new Error('a complaint')", "Promise.reject('a complaint')"]
)
def test_errors_are_seen(open_page: Any, tmp_path: Path, script: str) -> None:
    watched = open_page(write(tmp_path, f"<script>{script}</script>"))
    watched.page.wait_for_timeout(100)
    assert any("a complaint" in error for error in watched.errors)
    watched.errors.clear()


def test_requests_to_other_hosts_are_seen_and_reach_nobody(open_page: Any, tmp_path: Path) -> None:
    watched = open_page(write(tmp_path, "<img src='http://example.org/picture.png' alt=''>"))
    assert watched.outside == ["http://example.org/picture.png"]
    assert any("ERR_NAME_NOT_RESOLVED" in error for error in watched.errors)
    watched.outside.clear()
    watched.errors.clear()
