"""Takes the picture of the website that the README begins with: `make site`, then `make pictures`."""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from inception_edu.data.files import write_whole  # noqa: E402
from tools.jupyterlab import ARGUMENTS, CHROMIUM, few_colours  # noqa: E402


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *words: object) -> None:
        """No line for each file."""


def picture(site: Path) -> bytes:
    """The front page, with one slider moved by Python in the page, as a PNG of few colours."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1100, "height": 860})
        page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
        middle = page.get_by_label("Middle channels, as a number")
        middle.focus()
        page.wait_for_function("document.body.dataset.python === 'ready'", timeout=120_000)
        middle.fill("48")
        page.get_by_text("589,824 against 45,312").first.wait_for()
        shot = page.screenshot()
    server.shutdown()
    return few_colours(shot)


if __name__ == "__main__":
    print(f"wrote {write_whole(ROOT / 'assets' / 'site.png', picture(ROOT / 'build' / 'site'))}")
