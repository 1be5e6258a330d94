"""A real browser for the tests of pages: headless Chromium, driven by playwright.

Neither comes with the package: playwright is of the extra 'dev', Chromium of the system. Where one of them is missing
the tests are skipped, and the summary says which.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
NO_PLAYWRIGHT = "playwright is not installed (extra 'dev')"
NO_CHROMIUM = f"no browser: none of {', '.join(NAMES)} is installed (Debian: apt-get install chromium)"

LOCAL_HOSTS = {"127.0.0.1", "localhost", "::1"}
# Whatever a page asks of another host is noted by the tests, and reaches nobody.
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
QUIET = ("--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")


@dataclass
class Watched:
    """An open page, and what it did that no page may do.

    Attributes
    ----------
    page : playwright Page
    errors : list of str
        What it wrote to the console as an error, and exceptions that nothing caught.
    outside : list of str
        Addresses on other hosts that it asked for.
    """

    page: "Page"
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note errors and requests from now on."""
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.context.on("request", lambda request: self._note_address(request.url))
        self.page.on("websocket", lambda socket: self._note_address(socket.url))

    def _note_console(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _note_address(self, address: str) -> None:
        if is_outside(address):
            self.outside.append(address)

    def check(self) -> None:
        """Fail if there was an error, or a request to another host."""
        assert self.errors == []
        assert self.outside == []


def is_outside(address: str) -> bool:
    """Whether an address names another host; files, data and blobs name none."""
    parts = urlsplit(address)
    return parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname not in LOCAL_HOSTS


OpenPage = Callable[..., Watched]


def why_no_browser() -> str | None:
    """What is missing for the tests of this folder; None where nothing is."""
    if find_spec("playwright") is None:
        return NO_PLAYWRIGHT
    return NO_CHROMIUM if chromium() is None else None


def chromium() -> str | None:
    """Path of the installed browser."""
    return next((path for name in NAMES if (path := shutil.which(name)) is not None), None)


# One for each module and not for the session: while playwright runs, its event loop counts as running in this thread,
# and tests of other folders that start one of their own would fail.
@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Headless Chromium without a network; the tests are skipped where it is not there."""
    reason = why_no_browser()
    if reason is not None:
        pytest.skip(reason)
    with import_module("playwright.sync_api").sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=[OFFLINE, *QUIET])
        yield started
        started.close()


@pytest.fixture
def open_page(browser: "Browser") -> Iterator[OpenPage]:
    """``open_page(url, width=1280, height=900, dark=False)``: a page in a profile of its own, watched.

    Further keywords are those of playwright's ``Browser.new_context``. The test fails at its end if a page had a
    console error or asked for anything on another host, unless it cleared the lists ``errors`` and ``outside``.
    """
    opened: list[Watched] = []

    def open_one(url: str, width: int = 1280, height: int = 900, dark: bool = False, **options: Any) -> Watched:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", **options
        )
        watched = Watched(context.new_page())
        opened.append(watched)
        watched.watch()
        watched.page.goto(url)
        return watched

    yield open_one
    for watched in opened:
        watched.page.context.close()
    for watched in opened:
        watched.check()
