"""Every explorer in a JupyterLab of its own, in Chromium: for the browser tests and for the measurement of latency."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
from playwright.sync_api import Page, Playwright, sync_playwright

from inception_edu import explorers

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


def write_notebook(path: Path) -> None:
    """A notebook with a cell for every explorer."""
    sources = ["from inception_edu.explorers import *", *(f"{name}()" for name in explorers.__all__)]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    # Without it JupyterLab asks for a kernel in a dialogue.
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    nbformat.write(notebook, path)


def _write_settings(folder: Path, theme: str) -> None:
    for name, values in {
        "apputils-extension/themes": {"theme": THEMES[theme]},
        "apputils-extension/notification": {"fetchNews": "false"},
        "notebook-extension/tracker": {"windowingMode": "none"},  # else only what is on screen is in the page
    }.items():
        path = folder / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))


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


def wait_for_cells(page: Page) -> None:
    """Until a notebook is on the screen."""
    page.wait_for_selector(".jp-Notebook .jp-Cell")


def wait_for_kernel(page: Page) -> None:
    """Until its kernel is ready."""
    page.get_by_text("(ipykernel) | Idle").wait_for()


@contextmanager
def explorers_in_jupyterlab(home: Path, theme: str) -> Iterator[Page]:
    """A page on which every explorer has been run; `home` is an empty folder that holds all that JupyterLab writes."""
    (home / "course").mkdir(parents=True)
    write_notebook(home / "course" / "explorers.ipynb")
    settings = home / "config" / "lab" / "user-settings"
    _write_settings(settings, theme)
    port = free_port()
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}"]
    options = ["--IdentityProvider.token=", f"--ServerApp.root_dir={home / 'course'}"]
    with (home / "log").open("w") as log, sync_playwright() as playwright:
        server = subprocess.Popen([*command, *options], env=environment, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/api", server, home / "log")
            page = new_page(playwright)
            page.goto(f"http://127.0.0.1:{port}/lab/tree/explorers.ipynb?reset")
            _run_all(page)
            yield page
        finally:
            server.terminate()
            server.wait(30)


def _run_all(page: Page) -> None:
    wait_for_cells(page)
    wait_for_kernel(page)  # cells run before that are forgotten
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.locator(".jp-InputPrompt", has_text="[*]").first.wait_for(timeout=30_000)
    page.wait_for_function(  # a slider moved while a cell runs is answered only afterwards
        "!document.body.innerText.includes('[*]')", timeout=300_000, polling=500
    )
    count = len(explorers.__all__)
    page.wait_for_function(f"document.querySelectorAll('.ie-panel').length >= {count}", timeout=60_000)
