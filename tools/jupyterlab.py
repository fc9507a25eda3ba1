"""JupyterLab with a course of its own, and Chromium at its door: for browser tests, measurements and pictures."""

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
from nbformat.sign import NotebookNotary
from PIL import Image
from playwright.sync_api import Page, Playwright, sync_playwright

from inception_edu import explorers

ROOT = Path(__file__).resolve().parents[1]
"""What the kernels import from: this checkout, whatever is installed."""

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


def notebook(*sources: str) -> nbformat.NotebookNode:
    """A notebook with a cell for each of `sources`."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    # Without it JupyterLab asks for a kernel in a dialogue.
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    return made


def every_explorer(*more: str) -> nbformat.NotebookNode:
    """A notebook with a cell for every explorer, and then `more`."""
    return notebook("from inception_edu.explorers import *", *(f"{name}()" for name in explorers.__all__), *more)


def wait_for(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """Waits until a server answers; RuntimeError, with its log, where it ends or never does."""
    for _ in range(240):
        if server.poll() is not None:
            raise RuntimeError(f"JupyterLab ended: {log.read_text()}")
        try:
            return urlopen(address, timeout=5).close()
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    raise RuntimeError(f"JupyterLab did not answer: {log.read_text()}")


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def new_page(playwright: Playwright) -> Page:
    """A page in a Chromium of its own, which ends with `playwright`."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(120_000)  # a busy machine needs longer than Playwright's half a minute
    return page


def few_colours(shot: bytes) -> bytes:
    """A screenshot as a small PNG of 64 colours."""
    small = io.BytesIO()
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(64).save(small, "png", optimize=True)
    return small.getvalue()


def wait_for_cells(page: Page) -> None:
    """Until a notebook is on the screen."""
    page.wait_for_selector(".jp-Notebook .jp-Cell")


def wait_for_kernel(page: Page) -> None:
    """Until its kernel is ready."""
    page.get_by_text("(ipykernel) | Idle").wait_for()


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that runs at `address` and keeps all it writes under `home`, and the page that looks at it."""

    home: Path
    address: str
    page: Page

    def write(self, name: str, made: nbformat.NotebookNode, *, trusted: bool = False) -> None:
        """Puts a notebook into the course; a `trusted` one counts as run by the reader, any other as downloaded."""
        nbformat.write(made, self.home / "course" / name)
        if trusted:
            NotebookNotary(data_dir=str(self.home / "data")).sign(made)

    def open(self, name: str, theme: str = "light") -> None:
        """Shows a notebook in a theme, with its kernel ready; the kernel of one that was open before runs on."""
        _write_settings(self.home / "config" / "lab" / "user-settings", theme)
        self.page.goto(f"{self.address}/lab/tree/{name}?reset")
        wait_for_cells(self.page)
        wait_for_kernel(self.page)  # cells run before that are forgotten

    def command(self, name: str) -> None:
        """Runs a command of JupyterLab, such as `notebook:run-all-cells` or `docmanager:save`, to its end."""
        self.page.evaluate("name => jupyterapp.commands.execute(name).then(() => null)", name)


def _write_settings(folder: Path, theme: str) -> None:
    for name, values in {
        "apputils-extension/themes": {"theme": THEMES[theme]},
        "apputils-extension/notification": {"fetchNews": "false"},
        "notebook-extension/tracker": {"windowingMode": "none"},  # else only what is on screen is in the page
    }.items():
        path = folder / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))


@contextmanager
def jupyterlab(home: Path) -> Iterator[Lab]:
    """A JupyterLab that serves home/course, started there; `home` holds all that it writes and, at most, the course."""
    (home / "course").mkdir(parents=True, exist_ok=True)
    port = free_port()
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "config" / "lab" / "user-settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
    }
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}"]
    options = ["--IdentityProvider.token=", f"--ServerApp.root_dir={home / 'course'}", "--expose-app-in-browser"]
    with (home / "log").open("w") as log, sync_playwright() as playwright:
        server = subprocess.Popen([*command, *options], cwd=home / "course", env=environment, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/api", server, home / "log")
            yield Lab(home, f"http://127.0.0.1:{port}", new_page(playwright))
        finally:
            server.terminate()
            server.wait(30)
