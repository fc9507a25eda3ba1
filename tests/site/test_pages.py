"""The website as a reader meets it: every page in Chromium, nothing asked of another host, readable aloud."""

import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import sync_playwright

from tools.jupyterlab import ARGUMENTS, CHROMIUM, free_port

ROOT = Path(__file__).parents[2]
NODE_MODULES = ROOT / "build" / "npm" / "node_modules"

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or not (NODE_MODULES / "axe-core").is_dir(),
    reason="the website needs Chromium, and npm: sudo apt install chromium npm, then make test",
)

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site; every warning of the build is an error."""
    home = tmp_path_factory.mktemp("site")
    source, target = home / "source", home / "site"
    subprocess.run([sys.executable, ROOT / "tools/site/stage.py", source, NODE_MODULES], check=True)
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", home / "trees"]
    subprocess.run([*sphinx, source / "pages", target], check=True)
    return target


@pytest.fixture(scope="module")
def address(site):
    """Where the site is served, as a teacher would from a USB stick."""
    port = free_port()
    server = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", site]
    with subprocess.Popen(server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        time.sleep(1)
        yield f"http://127.0.0.1:{port}"
        running.terminate()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


def pages_of(site):
    return sorted(path.relative_to(site).as_posix() for path in site.glob("**/*.html") if "_static" not in path.parts)


def test_every_chapter_side_road_exercise_and_network_has_a_page(site):
    pages = set(pages_of(site))
    notebooks = [path for path in (ROOT / "chapters").glob("**/*.ipynb") if ".ipynb_checkpoints" not in path.parts]
    for path in notebooks:
        place = path.relative_to(ROOT)
        folder = "my_exercises" if "exercises" in place.parts else place.parent.as_posix()
        name = place.parts[2] if "exercises" in place.parts else place.stem
        assert f"{folder}/{name}.html" in pages
    assert {"index.html", "search.html", "networks/inception_v4.html", "reference/index.html"} <= pages


def test_solutions_are_not_on_the_site(site):
    for path in (site / "my_exercises").glob("*.html"):
        assert "BEGIN SOLUTION" not in path.read_text(encoding="utf-8")
    assert not list(site.glob("**/*BEGIN SOLUTION*"))
    for path in site.glob("_sources/**/*"):
        assert not path.is_file() or "### BEGIN SOLUTION" not in path.read_text(encoding="utf-8", errors="ignore")


def test_every_link_within_the_site_leads_somewhere(site):
    lost = []
    for page in pages_of(site):
        text = (site / page).read_text(encoding="utf-8")
        text = re.sub(r"<(script|pre|code)\b.*?</\1>", "", text, flags=re.DOTALL)
        for link in re.findall(r'(?:href|src)="([^"]+)"', text):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or not parts.path:
                continue
            if not ((site / page).parent / unquote(parts.path)).exists():
                lost.append((page, link))
    assert not lost


def test_every_page_loads_from_here_alone_can_be_read_aloud_in_both_themes_and_fits_a_phone(site, address, browser):
    axe = (NODE_MODULES / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    wrong = []
    tab = browser.new_page()
    here = (address, "data:", "blob:")
    tab.on("request", lambda request: request.url.startswith(here) or wrong.append(request.url))
    tab.on("response", lambda response: response.status < 400 or wrong.append((response.status, response.url)))
    tab.on("console", lambda said: said.type not in ("error", "warning") or wrong.append((tab.url, said.text)))
    tab.on("pageerror", lambda error: wrong.append((tab.url, str(error))))

    def look():
        found = tab.evaluate("rules => axe.run({ runOnly: rules, resultTypes: ['violations'] })", RULES)["violations"]
        return [(page, each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found]

    for page in pages_of(site):
        tab.emulate_media(color_scheme="light")
        tab.set_viewport_size({"width": 1280, "height": 900})
        tab.goto(f"{address}/{page}")
        tab.evaluate(axe)
        tab.add_style_tag(content="* { transition: none !important }")  # else a colour is seen on its way to another
        wrong += look()
        if re.search(r"^chapters/\w+\.html|^index|^networks/|^lab", page):  # all others have the colours of these
            tab.emulate_media(color_scheme="dark")
            tab.locator("html[data-theme=dark]").wait_for()
            wrong += look()
        tab.set_viewport_size({"width": 390, "height": 844})
        width = tab.evaluate("document.documentElement.scrollWidth")
        wrong += [(page, f"{width} px wide")] if width > 390 else []
    tab.close()
    assert not wrong


def test_a_slider_moves_before_python_has_started_and_agrees_with_it_afterwards(address, browser):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    tab = context.new_page()
    tab.goto(f"{address}/chapters/03_one_by_one.html")
    panel = tab.locator(".ie-moves")
    said = panel.locator(".ie-said")
    assert "589,824 against 69,632" in said.inner_text()
    middle = panel.get_by_label("Middle channels, as a number")
    middle.fill("32")
    panel.get_by_text("589,824 against 25,600").first.wait_for()
    tab.wait_for_function("document.body.dataset.python === 'ready'", timeout=120_000)
    middle.fill("33")
    panel.get_by_text("589,824 against 26,697").first.wait_for()
    slider = panel.get_by_label("Middle channels", exact=True)
    slider.press("ArrowRight")
    panel.get_by_text("589,824 against 27,812").first.wait_for()
    panel.get_by_label("Kernel, as a number").fill("4")
    panel.get_by_text("a 4x4 kernel has no centre cell").first.wait_for()
    context.close()


def test_from_the_disk_a_page_reads_and_an_explorer_says_why_it_does_not_move(site, browser):
    tab = browser.new_page()
    tab.goto((site / "chapters" / "03_one_by_one.html").as_uri())
    frame = tab.locator(".ie-live")
    assert "589,824 against 69,632" in frame.inner_text()
    assert "python3 -m http.server" in frame.inner_text()
    assert frame.locator("img").get_attribute("alt")
    assert tab.get_by_role("heading", name="Build the block").is_visible()
    tab.close()


def test_a_still_that_is_wider_than_its_frame_is_scrolled_by_keys(site, browser):
    axe = (NODE_MODULES / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    tab.goto((site / "chapters" / "07_inception_v4.html").as_uri())  # from the disk a still stays one
    tab.evaluate(axe)
    assert tab.locator(".ie-live").evaluate("each => each.scrollWidth > each.clientWidth")
    assert not tab.evaluate("() => axe.run('.ie-live', { runOnly: ['scrollable-region-focusable'] })")["violations"]
    tab.close()


def test_what_the_site_serves_has_the_types_that_browsers_ask_for(address):
    import urllib.request

    for name, kind in {
        "_static/pyodide/pyodide.asm.wasm": "application/wasm",
        "_static/pyodide/pyodide.mjs": "text/javascript",
        "_static/worker.js": "text/javascript",
    }.items():
        with urllib.request.urlopen(f"{address}/{name}") as response:
            assert response.headers.get_content_type() == kind
