"""Explorers in JupyterLab in Chromium: each in both themes, by keyboard; one of them in six states of its kernel."""

import os
from pathlib import Path

import pytest
from nbclient import NotebookClient

from inception_edu import explorers
from tools.jupyterlab import CHROMIUM, THEMES, every_explorer, jupyterlab, notebook

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: on Debian, apt-get install chromium")

BOTTLENECK = "bottleneck_explorer"
UNCONNECTED = "Run this cell to move the sliders"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """One JupyterLab for all tests."""
    with jupyterlab(tmp_path_factory.mktemp("lab") / "lab") as running:
        yield running


@pytest.fixture(scope="module")
def shots(lab):
    """A folder for screenshots."""
    return Path(os.environ.get("SCREENSHOTS", lab.home))


@pytest.fixture(scope="module", params=THEMES)
def themed(request, lab):
    """A theme, and a page with every explorer; in the second theme it is reloaded, with the kernel as it was."""
    if request.param == next(iter(THEMES)):
        lab.write("explorers.ipynb", every_explorer())
        lab.open("explorers.ipynb", request.param)
        lab.command("notebook:run-all-cells")
        lab.command("docmanager:save")
    else:
        lab.open("explorers.ipynb", request.param)
    lab.page.wait_for_function(f"document.querySelectorAll('.ie-panel').length === {len(explorers.__all__)}")
    return request.param, lab.page


def panel_of(page, name):
    panel = page.get_by_role("group", name=getattr(explorers, name)().title, exact=True)
    panel.scroll_into_view_if_needed()
    return panel


def shown(panel, words):
    panel.locator("section").get_by_text(words).first.wait_for()


def notice_of(panel):
    return panel.locator(".ie-notice")


@pytest.mark.parametrize("name", explorers.__all__)
def test_every_control_has_a_name_and_the_keyboard_moves_the_view(themed, shots, name):
    theme, page = themed
    panel = panel_of(page, name)
    assert page.evaluate("document.body.dataset.jpThemeLight") == ("true" if theme == "light" else "false")
    assert page.get_by_text("Traceback").count() == 0
    controls = panel.locator("input, select, button")
    names = controls.evaluate_all("all => all.map(each => each.getAttribute('aria-label') ?? each.textContent)")
    assert len(names) == len(set(names)) >= 4
    assert all(names)
    assert (notice_of(panel).count(), notice_of(panel).is_visible()) == (1, False)

    view = panel.locator("section").first
    before = view.inner_html()
    slider = panel.locator("input[type=range], .ie-form select").first
    slider.focus()
    at_end = slider.evaluate("each => each.type === 'range' ? each.value === each.max : each.selectedIndex > 0")
    page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
    page.wait_for_function("([view, before]) => view.innerHTML !== before", arg=[view.element_handle(), before])
    panel.get_by_role("button", name="Pin this setting").press("Enter")
    panel.get_by_role("button", name="Unpin").press("Enter")
    page.wait_for_function("status => status.textContent.trim()", arg=panel.get_by_role("status").element_handle())
    assert view.locator("style").count() == 0  # at each key it would cost more than all the rest
    assert view.get_by_role("img").count() >= 1  # a drawing that a screen reader can name
    shot = shots / f"{name}_{theme}.png"
    panel.screenshot(path=shot)
    assert shot.stat().st_size > 10_000


def test_the_bottleneck_follows_slider_field_pin_and_preset(themed):
    _, page = themed
    panel = panel_of(page, BOTTLENECK)
    panel.get_by_role("combobox", name="Preset").select_option("256 through 64, the classic")
    shown(panel, "589,824 against 69,632 multiply-adds per position")
    panel.get_by_role("slider", name="Middle channels", exact=True).focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    shown(panel, "589,824 against 74,705 multiply-adds per position")
    number = panel.get_by_role("spinbutton", name="Middle channels, as a number")
    assert number.input_value() == "67"
    number.fill("230")
    shown(panel, "the bottleneck costs 1.01 times as much")
    panel.get_by_role("button", name="Pin this setting").press("Enter")
    panel.get_by_role("combobox", name="Preset").select_option("a 5x5 instead")
    shown(panel, "Compared with the pinned setting")
    assert panel.locator("svg[role=img][aria-label]").count() == 2
    for wrong in ("1000000000", "64.5"):
        number.fill(wrong)
        shown(panel, f"Middle channels must be a whole number from 1 to 1,024, not {wrong}.")
    panel.get_by_role("button", name="Unpin").press("Enter")
    panel.get_by_role("combobox", name="Preset").select_option("a 5x5 instead")
    shown(panel, "256 to 64")


def test_a_garment_can_be_dragged(themed):
    _, page = themed
    panel = panel_of(page, "canvas_explorer")
    panel.get_by_role("combobox", name="Preset").select_option("spread out")
    shown(panel, "5 of 5 garments found")
    row, column = (panel.get_by_role("spinbutton", name=f"Bag, {which}, as a number") for which in ("row", "column"))
    assert (row.input_value(), column.input_value()) == ("52", "74")
    bag = panel.locator("[data-drag='bag_left bag_top']")
    panel.locator("section").first.scroll_into_view_if_needed()  # the view may be drawn again meanwhile: it stays
    box = bag.bounding_box()
    across, down = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    unit = box["width"] / 28
    page.mouse.move(across, down)
    page.mouse.down()
    page.mouse.move(across + 5 * unit, down - 3 * unit)
    page.mouse.move(across + 20 * unit, down - 10 * unit)
    page.mouse.up()
    page.wait_for_function("field => field.value === '94'", arg=column.element_handle())
    assert (row.input_value(), column.input_value()) == ("42", "94")
    page.mouse.move(across, down)  # the button is up: nothing moves any more
    shown(panel, "garments found")
    assert column.input_value() == "94"


@pytest.fixture(scope="module")
def clone():
    """A notebook as a fresh clone has it: run by someone else, with its widgets saved."""
    made = notebook("from inception_edu.explorers import *", f"{BOTTLENECK}()")
    return NotebookClient(made, kernel_name="python3").execute()


def connected(panel, page):
    """Whether the panel says nothing of a missing kernel, and a slider moves its view."""
    assert (notice_of(panel).count(), notice_of(panel).is_visible()) == (1, False)
    panel.get_by_role("slider", name="Middle channels", exact=True).focus()
    value = int(panel.get_by_role("spinbutton", name="Middle channels, as a number").input_value()) + 1
    page.keyboard.press("ArrowRight")
    shown(panel, f"256 to {value}")
    return True


def test_untrusted_it_reads_as_a_still(lab, clone, shots):
    lab.write("untrusted.ipynb", clone)
    lab.open("untrusted.ipynb", "dark")
    still = lab.page.locator(".jp-OutputArea-output", has_text=UNCONNECTED)
    words = still.inner_text()
    assert words.startswith(UNCONNECTED)
    assert "the plain convolution costs 8.47 times as much" in words
    rows = still.get_by_role("row").all_inner_texts()
    assert rows[1].split("\t") == ["one 3x3", "256 to 256", "589,824", "462,422,016"]
    assert still.locator("svg, input").count() == 0
    drawing = still.get_by_role("img", name="Two bars on one scale.")
    assert drawing.evaluate("each => each.complete && each.naturalWidth") == 640
    still.screenshot(path=shots / "state_untrusted.png")


def test_trusted_and_not_run_it_says_so_and_keeps_its_order(lab, clone, shots):
    lab.write("trusted.ipynb", clone, trusted=True)
    lab.open("trusted.ipynb")
    panel = panel_of(lab.page, BOTTLENECK)
    assert notice_of(panel).inner_text().startswith(UNCONNECTED)
    assert panel.get_by_role("slider", disabled=False).count() == 0
    assert panel.get_by_role("slider", disabled=True).count() == 5
    labels = ["Input channels", "Middle channels", "Output channels", "Kernel", "Grid side"]
    assert panel.locator(".ie-form span").all_inner_texts() == labels
    presets = panel.get_by_role("combobox", name="Preset").locator("option").all_inner_texts()
    assert presets == ["256 through 64, the classic", "ResNet-50, last stage", "a 5x5 instead", "your own"]
    shown(panel, "the plain convolution costs 8.47 times as much")
    panel.screenshot(path=shots / "state_not_run.png")


@pytest.fixture
def run(lab, clone, request):
    """The panel of a notebook that the reader has just run."""
    name = f"{request.node.name}.ipynb"
    lab.write(name, clone, trusted=True)
    lab.open(name)
    lab.command("notebook:run-all-cells")
    panel = panel_of(lab.page, BOTTLENECK)
    notice_of(panel).wait_for(state="hidden")
    return panel


def test_run_it_moves(lab, run):
    assert connected(run, lab.page)
    assert run.get_by_role("slider", disabled=True).count() == 0


def test_after_a_restart_of_the_kernel_it_says_so(lab, run):
    lab.page.evaluate("() => void jupyterapp.commands.execute('kernelmenu:restart')")  # which asks first
    lab.page.locator(".jp-Dialog .jp-mod-accept").click()
    notice_of(run).wait_for()
    assert notice_of(run).inner_text().startswith(UNCONNECTED)
    assert run.get_by_role("slider", disabled=False).count() == 0


def test_after_a_reload_of_the_page_it_moves(lab, run):
    run.get_by_role("spinbutton", name="Middle channels, as a number").fill("100")
    shown(run, "256 to 100")
    lab.command("docmanager:save")
    lab.page.reload()
    panel = panel_of(lab.page, BOTTLENECK)
    shown(panel, "256 to 100")
    assert connected(panel, lab.page)


def test_after_a_shutdown_of_the_kernel_it_says_so_once_no_answer_comes(lab, run, shots):
    lab.command("kernelmenu:shutdown")
    run.get_by_role("slider", name="Middle channels", exact=True).focus()
    lab.page.keyboard.press("ArrowRight")
    notice_of(run).wait_for()
    assert "No answer for 2 seconds." in notice_of(run).inner_text()
    assert "run this cell again" in notice_of(run).inner_text()
    run.screenshot(path=shots / "state_shut_down.png")
