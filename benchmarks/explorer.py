"""How soon the explorer answers, in headless Chromium: ``python benchmarks/explorer.py``.

Prints a Markdown table: from the command to its address, and from a slider's move to the picture that is drawn anew,
over several moves of each slider. The clock wants a machine that does nothing else; the load is printed, too.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
from time import perf_counter
from typing import Any

from playwright.sync_api import sync_playwright

MOVES = 15

# Moves a slider to one of its places, and tells after how many milliseconds each picture was drawn anew.
MOVE = """([slider, place, figures]) => new Promise((resolve) => {
  const input = document.getElementById(slider);
  const found = {};
  const start = performance.now();
  for (const name of figures) {
    const watch = new MutationObserver(() => {
      watch.disconnect();
      requestAnimationFrame(() => {
        found[name] = performance.now() - start;
        if (Object.keys(found).length === figures.length) resolve(found);
      });
    });
    watch.observe(document.getElementById(`ps-figure-${name}`), { childList: true });
  }
  input.value = place;
  input.dispatchEvent(new Event("input"));
})"""

# Ten moves, 30 ms apart; milliseconds from the last of them until the page has come to one of some stages.
FAST = """([slider, first, stages]) => new Promise((resolve) => {
  const [input, page] = [document.getElementById(slider), document.getElementById("explorer")];
  let [moves, last] = [0, 0];
  const timer = setInterval(() => {
    input.value = first + moves;
    input.dispatchEvent(new Event("input"));
    last = performance.now();
    if (++moves === 10) { clearInterval(timer); wait(); }
  }, 30);
  const wait = () => stages.includes(page.dataset.stage) ? resolve(performance.now() - last) : setTimeout(wait, 2);
})"""

STAGES = {
    "first curve and spectrum": ["first", "curve and spectrum", "all"],
    "whole curve": ["curve and spectrum", "all"],
}
SLIDERS = {"step_exponent": ["errors", "spectrum"], "ridge": ["errors"], "noise": ["errors", "spectrum"]}
SIZES = {"n_samples": ["errors", "spectrum"], "input_dim": ["errors", "spectrum"], "width": ["errors", "spectrum"]}


def started() -> tuple["subprocess.Popen[str]", str, float]:
    """The explorer, its address, and the seconds from the command to it."""
    start = perf_counter()
    command = [sys.executable, "-m", "polyspike", "explore", "--no-browser", "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    text = "".join(process.stdout.readline() for _ in range(3))
    return process, str(json.loads(text)["address"]), perf_counter() - start


def ready(page: Any, stage: str = "[data-stage=all]") -> None:
    page.wait_for_selector(f"#explorer{stage}", timeout=120_000)


def moved(page: Any, slider: str, figures: list[str]) -> dict[str, list[float]]:
    """Milliseconds to each picture, over some moves to places that were not there before."""
    middle = int(page.locator(f"#ps-{slider}-slider").input_value())
    found: dict[str, list[float]] = {name: [] for name in figures}
    for k in range(1, MOVES + 1):
        times = page.evaluate(MOVE, [f"ps-{slider}-slider", str(middle - k), figures])
        for name, time in times.items():
            found[name].append(time)
        page.wait_for_timeout(150)
    page.evaluate(MOVE, [f"ps-{slider}-slider", str(middle), ["errors"]])
    ready(page)
    return found


def row(what: str, times: list[float]) -> str:
    return f"| {what} | {statistics.median(times):.0f} | {max(times):.0f} |"


def main() -> None:
    process, address, seconds = started()
    load = os.getloadavg()[0]
    print(f"Load of the machine before: {load:.1f} on {os.cpu_count()} cores.\n")
    print("| from a move to | median, ms | longest, ms |\n|---|---|---|")
    print(f"| (from the command to its address) | {1000 * seconds:.0f} | |")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        ready(page)
        for slider, figures in (SLIDERS | SIZES).items():
            for name, times in moved(page, slider, figures).items():
                print(row(f"{name}, {slider} moved", times))
        for k, (what, stages) in enumerate(STAGES.items()):
            fast = [page.evaluate(FAST, ["ps-noise-slider", first + k, stages]) for first in (0, 12, 24)]
            print(row(f"{what}, after the last of ten fast moves", fast))
        browser.close()
    process.terminate()
    print(f"\nLoad after: {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
