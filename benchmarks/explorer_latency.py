"""Keydown to pixels: how much longer an explorer takes to answer than a widget that only sends a number back and forth.

`python benchmarks/explorer_latency.py` prints a table, and with `--markdown` keeps it in benchmarks/RESULTS.md. The
clock starts at the browser's own time stamp of the key and stops after the frame in which the answer was drawn; the
page waits on a promise, so that nothing asks it meanwhile. Blocks of 20 keys for the empty widget and for the explorer
alternate, twice each, so that a busy machine slows both.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from playwright.sync_api import Locator, Page
from tqdm import tqdm

from inception_edu import explorers
from tools.jupyterlab import every_explorer, jupyterlab
from tools.results import publish, setting, table

MOVES, BLOCKS = 20, 2
GOAL = (15, 25)
"""Milliseconds above the empty widget that the median and the 95th percentile may have."""

ECHO = '''
import anywidget, traitlets

class Echo(anywidget.AnyWidget):
    _esm = """export default { render({ model, el }) {
      const input = "<input type=range max=40 data-lm-suppress-shortcuts=true>";
      el.innerHTML = `<div class="echo">${input}<section></section></div>`;
      el.querySelector("input").oninput = (event) => {
        model.set("value", event.target.valueAsNumber);
        model.save_changes();
      };
      model.on("change:answer", () => (el.querySelector("section").textContent = model.get("answer")));
    } }"""
    value, answer = traitlets.Int().tag(sync=True), traitlets.Unicode().tag(sync=True)

    @traitlets.observe("value")
    def _answer(self, change):
        self.answer = str(self.value)

Echo()
'''
"""The cell of the empty widget: the time that the kernel, the messages and the page cost by themselves."""

ARM = """([control, view]) => {
  control.onkeydown = (event) => (window.pressed = event.timeStamp);
  window.drawn = new Promise((done) => {
    const stop = () => done(performance.now() - window.pressed);
    const watch = new MutationObserver(() => {
      watch.disconnect();
      requestAnimationFrame(() => setTimeout(stop));
    });
    watch.observe(view, { childList: true, subtree: true });
  });
}"""


def block(page: Page, panel: Locator) -> list[float]:
    """Milliseconds from each of `MOVES` keys to the answer, one key at a time, to and fro."""
    control = panel.locator("input[type=range], .ie-form select").first
    control.scroll_into_view_if_needed()
    control.focus()
    ends = [control.element_handle(), panel.locator("section").first.element_handle()]
    room = control.evaluate("each => each.type === 'range' ? (each.max - each.value) / each.step : 1")
    waits = []
    for move in range(MOVES):
        page.evaluate(ARM, ends)
        page.keyboard.press("ArrowRight" if (move % 2 == 0) == (room >= 1) else "ArrowLeft")
        waits.append(float(page.evaluate("window.drawn")))
        time.sleep(0.06)  # what the page still has to do for this key is not part of the next one's time
    return waits


def view_time(name: str) -> float:
    """Median milliseconds that Python takes for the view of a setting, over the presets, in this process."""
    panel = getattr(explorers, name)()
    taken = []
    for _ in range(5):
        for preset in panel.presets:
            start = time.perf_counter()
            panel.values = dict(preset["values"])
            taken.append(1000 * (time.perf_counter() - start))
    return median(taken)


def summary(waits: list[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    return median(waits), quantiles(waits, n=20)[-1]


def latencies() -> str:
    """Markdown: a row for each explorer, all of them on one page in the light theme."""
    rows = []
    with tempfile.TemporaryDirectory() as home, jupyterlab(Path(home) / "lab") as lab:
        lab.write("explorers.ipynb", every_explorer(ECHO))
        lab.open("explorers.ipynb")
        lab.command("notebook:run-all-cells")
        echo = lab.page.locator(".echo")
        echo.wait_for()
        for name in tqdm(explorers.__all__, unit="explorer"):
            panel = lab.page.get_by_role("group", name=getattr(explorers, name)().title, exact=True)
            panel.wait_for()
            waits: tuple[list[float], list[float]] = [], []
            for _ in range(BLOCKS):
                for each, found in zip((echo, panel), waits, strict=True):
                    found += block(lab.page, each)
            empty, full = map(summary, waits)
            above = [b - a for a, b in zip(empty, full, strict=True)]
            kept = "yes" if all(a <= goal for a, goal in zip(above, GOAL, strict=True)) else "no"
            rows.append((name, *(f"{n:.0f}" for n in (*empty, *full, *above)), f"{view_time(name):.1f}", kept))
    heads = ("explorer", "empty, ms", "95%", "explorer, ms", "95%", "above", "95%", "Python alone", "goal")
    return (
        table(heads, rows)
        + f"\n\nThe goal is a median at most {GOAL[0]} ms and a 95th percentile at most {GOAL[1]} ms above "
        + "the empty widget's."
    )


if __name__ == "__main__":
    command = "python benchmarks/explorer_latency.py --markdown"
    publish("explorers", setting(command, "jupyterlab", "anywidget"), latencies(), keep="--markdown" in sys.argv)
