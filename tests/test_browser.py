"""Chapter 03 in JupyterLab in Chromium, in both themes: run all, move a slider with the keyboard, read the new cost."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

CHAPTERS = Path(__file__).parent.parent / "chapters"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: on Debian, apt-get install chromium")

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module", params=THEMES)
def lab(request, tmp_path_factory):
    """The address of a JupyterLab of its own, in one theme, on copies of the chapters."""
    home = tmp_path_factory.mktemp("lab")
    (home / "course").mkdir()
    shutil.copy(CHAPTERS / "03_one_by_one.ipynb", home / "course")
    settings = home / "config" / "lab" / "user-settings" / "@jupyterlab"
    for name, values in {
        "apputils-extension/themes": {"theme": THEMES[request.param]},
        "apputils-extension/notification": {"fetchNews": "false"},
        "notebook-extension/tracker": {"windowingMode": "none"},  # else only what is on screen is in the page
    }.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    port = free_port()
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "config" / "lab" / "user-settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}"]
    options = ["--IdentityProvider.token=", f"--ServerApp.root_dir={home / 'course'}"]
    with (home / "log").open("w") as log:
        server = subprocess.Popen([*command, *options], env=environment, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/api", server, home / "log")
            yield request.param, f"http://127.0.0.1:{port}/lab/tree/03_one_by_one.ipynb?reset"
        finally:
            server.terminate()
            server.wait(30)


def wait_for(address, server, log):
    for _ in range(240):
        assert server.poll() is None, log.read_text()
        try:
            return urlopen(address, timeout=5).close()
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    raise AssertionError(f"JupyterLab did not answer: {log.read_text()}")


@pytest.fixture
def page(lab):
    from playwright.sync_api import sync_playwright

    theme, address = lab
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(address)
        yield theme, page
        browser.close()


def test_a_slider_moved_with_the_keyboard_shows_the_new_cost(page, tmp_path):
    theme, page = page
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=120_000)
    page.get_by_text("(ipykernel) | Idle").wait_for(timeout=120_000)  # cells run before that are forgotten
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    running = page.locator(".jp-InputPrompt", has_text="[*]")
    running.first.wait_for(timeout=30_000)
    page.wait_for_function(  # a slider moved while a cell runs is answered only afterwards
        "!document.body.innerText.includes('[*]')", timeout=600_000, polling=500
    )
    panel = page.get_by_role("group", name="What does a bottleneck save?")
    panel.wait_for(timeout=30_000)
    panel.scroll_into_view_if_needed()
    assert "589,824 against 69,632 multiply-adds per position" in panel.inner_text()

    def shown(words):
        panel.locator("section").get_by_text(words).first.wait_for(timeout=10_000)

    slider = panel.get_by_role("slider", name="Middle channels", exact=True)
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    shown("589,824 against 74,705 multiply-adds per position")
    assert panel.get_by_role("spinbutton", name="Middle channels, as a number").input_value() == "67"

    number = panel.get_by_role("spinbutton", name="Middle channels, as a number")
    number.fill("230")
    shown("the detour costs 1.01 times as much")

    panel.get_by_role("button", name="Pin this setting").press("Enter")
    panel.get_by_role("combobox", name="Preset").select_option("a 5x5 instead")
    shown("Against the pinned setting")
    assert panel.locator("svg[role=img][aria-label]").count() == 2
    assert page.evaluate("document.body.dataset.jpThemeLight") == ("true" if theme == "light" else "false")
    shot = Path(os.environ.get("SCREENSHOTS", tmp_path)) / f"chapter_03_{theme}.png"
    panel.screenshot(path=shot)
    assert shot.stat().st_size > 10_000
