"""Keydown to pixels: how long an explorer takes to answer, for each of them, over 20 moves of its first control.

`python benchmarks/explorer_latency.py` prints a table. The clock starts at the browser's own time stamp of the
key and stops after the frame in which the new view was drawn. The time of the pure view function is next to it.
"""

import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from playwright.sync_api import Locator, Page
from tqdm import tqdm

from inception_edu import explorers
from tools.jupyterlab import explorers_in_jupyterlab
from tools.results import table

MOVES = 20
WATCH = """([control, view]) => {
  window.waits = [];
  control.addEventListener("keydown", (event) => (window.pressed = event.timeStamp));
  const drawn = () => waits.push(performance.now() - window.pressed);
  new MutationObserver(() => requestAnimationFrame(() => setTimeout(drawn))).observe(view, { childList: true });
}"""


def waits(page: Page, panel: Locator) -> list[float]:
    """Milliseconds from each key to the view it asked for, one key at a time, back and forth."""
    control = panel.locator("input[type=range], .ie-form select").first
    panel.scroll_into_view_if_needed()
    control.focus()
    page.evaluate(WATCH, [control.element_handle(), panel.locator("section").first.element_handle()])
    room = control.evaluate("each => each.type === 'range' ? (each.max - each.value) / each.step : 1")
    for move in range(MOVES):
        forth = (move % 2 == 0) == (room >= 1)
        page.keyboard.press("ArrowRight" if forth else "ArrowLeft")
        page.wait_for_function(f"window.waits.length > {move}", timeout=20_000)
        page.wait_for_timeout(100)
    found: list[float] = page.evaluate("window.waits")
    return found


def view_time(name: str) -> float:
    """Median milliseconds of the panel's view function over its presets, in this process."""
    panel = getattr(explorers, name)()
    taken = []
    for _ in range(5):
        for values in panel.presets.values():
            start = time.perf_counter()
            panel._draw(dict(values))
            taken.append(1000 * (time.perf_counter() - start))
    return median(taken)


def latencies() -> str:
    """Markdown: a row for each explorer, all of them on one page in the light theme."""
    rows = []
    with tempfile.TemporaryDirectory() as home, explorers_in_jupyterlab(Path(home) / "lab", "light") as page:
        for name in tqdm(explorers.__all__, unit="explorer"):
            panel = page.get_by_role("group", name=getattr(explorers, name)().title, exact=True)
            found = waits(page, panel)
            rows.append((name, f"{view_time(name):.1f}", f"{median(found):.0f}", f"{quantiles(found, n=20)[-1]:.0f}"))
    heads = ("explorer", "view function, ms", "key to pixels, median ms", "95 of 100 within, ms")
    return table(heads, rows)


if __name__ == "__main__":
    print(latencies())
