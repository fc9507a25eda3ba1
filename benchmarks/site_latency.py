"""How quickly the website's explorers answer: key to pixels in Chromium, as it is and slowed four times, as a phone.

`make site`, then `python benchmarks/site_latency.py` prints a table, and with `--markdown` keeps it in
benchmarks/RESULTS.md. The clock starts at the browser's own time stamp of the key and stops after the frame in which
the answer was drawn, as in `explorer_latency.py`. Python runs in a worker of the page; it has started before the keys.
"""

import subprocess
import sys
import time
from typing import Any

from explorer_latency import block, summary
from playwright.sync_api import Browser, Page, sync_playwright
from tqdm import tqdm

from tools.jupyterlab import ARGUMENTS, CHROMIUM, ROOT, free_port
from tools.results import publish, setting, table

SITE = ROOT / "build" / "site"
SLOWER = (1, 4)
FIRST = "chapters/03_one_by_one.html"
FIRST_MOVE = """() => new Promise((done) => {
  const slider = document.querySelector(".ie-moves input[type=range]");
  const view = document.querySelector(".ie-moves section");
  const watch = new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => done(performance.now()))));
  watch.observe(view, { childList: true, subtree: true });
  slider.focus();
  slider.stepUp(200);  // far enough to reach the next place of the table
  slider.dispatchEvent(new Event("input", { bubbles: true }));
})"""


def opened(browser: Browser, address: str, slower: int) -> Page:
    """A page at phone width in a browser that has nothing in its cache."""
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
    page.goto(address, wait_until="commit")
    return page


def ready(page: Page) -> float:
    """Seconds from the first touch until Python answers in the page."""
    start = time.perf_counter()
    page.locator(".ie-moves input").first.focus()
    page.wait_for_function("document.body.dataset.python === 'ready'", timeout=120_000)
    return time.perf_counter() - start


def weight(browser: Browser, address: str) -> tuple[int, int]:
    """Bytes that a chapter loads before anything is touched, and those that Python adds; nothing is compressed."""
    sizes: list[int] = []
    page = browser.new_context().new_page()
    page.context.on("response", lambda response: sizes.append(_length(response)))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    before = sum(sizes)
    ready(page)
    return before, sum(sizes) - before


def _length(response: Any) -> int:
    return int(response.headers.get("content-length", 0))


def measured(browser: Browser, address: str) -> str:
    """Markdown: weight and first moves, then a row for each explorer."""
    before, python = weight(browser, f"{address}/{FIRST}")
    loaded = f"The page of chapter 03 loads {before / 1e6:.1f} MB before anything is touched"
    lines = [f"{loaded}, and {python / 1e6:.1f} MB for Python at the first touch; neither is compressed."]
    for slower in SLOWER:
        page = opened(browser, f"{address}/{FIRST}", slower)
        page.locator(".ie-moves").first.wait_for()
        moved, started = float(page.evaluate(FIRST_MOVE)) / 1000, ready(page)
        lines.append(
            f"With the processor {'as it is' if slower == 1 else f'slowed {slower} times'}, a slider that is moved as "
            f"soon as it is there has moved the view {moved:.1f} s after the page was asked for. Python is ready "
            f"{started:.1f} s later."
        )
        page.context.close()
    cells: dict[str, list[float]] = {}
    for slower in SLOWER:
        page = opened(browser, f"{address}/explorers.html", slower)
        page.locator(".ie-moves").first.wait_for()
        ready(page)
        panels = page.locator(".ie-moves").all()
        for panel in tqdm(panels, unit="explorer"):
            block(page, panel)
            found = summary([*block(page, panel), *block(page, panel)])
            cells.setdefault(str(panel.get_attribute("data-explorer")), []).extend(found)
        page.context.close()
    rows = [(name, *(f"{n:.0f}" for n in numbers)) for name, numbers in sorted(cells.items())]
    heads = ("explorer", "median, ms", "95%", "slowed 4 times, ms", "95%")
    return "\n\n".join([*lines, table(heads, rows)])


def main() -> str:
    """Serves the site as a teacher would, and measures."""
    if not (SITE / "index.html").exists():
        sys.exit("there is no build/site: make site")
    port = free_port()
    server = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(SITE)]
    with subprocess.Popen(server, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as running:
        time.sleep(1)
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                return measured(browser, f"http://127.0.0.1:{port}")
        finally:
            running.terminate()


if __name__ == "__main__":
    publish("site", setting("python benchmarks/site_latency.py --markdown"), main(), keep="--markdown" in sys.argv)
