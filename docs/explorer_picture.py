"""The explorer's picture on its page: ``python docs/explorer_picture.py`` (``make docs-explorer``).

It opens ``polyspike explore`` in headless Chromium, simulates, waits until all is drawn, and writes
docs/figures/explorer.png.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import sync_playwright

TARGET = Path(__file__).parent / "figures" / "explorer.png"
STATE = {"step_exponent": 0.4, "ridge": 0.01, "n_samples": 1600, "input_dim": 400, "width": 800}
PATIENCE = 600_000
"""Milliseconds that are waited for something at most: the machine may be busy."""


def pictured(address: str) -> None:
    """The whole page with this state, five networks at each step simulated."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{address}&{urlencode(STATE)}")
        page.wait_for_selector("#explorer[data-stage=all][aria-busy=false]", timeout=PATIENCE)
        page.get_by_role("button", name="Simulate").click()
        page.wait_for_selector(".ps-run[data-state=done]", timeout=PATIENCE)
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=TARGET, full_page=True)
        browser.close()


def main() -> None:
    command = [sys.executable, "-m", "polyspike", "explore", "--no-browser", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = json.loads("".join(process.stdout.readline() for _ in range(3)))["address"]
        try:
            pictured(address)
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
