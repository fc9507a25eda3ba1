"""Every explorer in JupyterLab in Chromium, in both themes, moved with the keyboard."""

import os
from pathlib import Path

import pytest

from inception_edu import explorers
from tools.jupyterlab import CHROMIUM, THEMES, explorers_in_jupyterlab

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: on Debian, apt-get install chromium")


@pytest.fixture(scope="module", params=THEMES)
def lab(request, tmp_path_factory):
    """The theme, a page with every explorer, and a folder for screenshots."""
    home = tmp_path_factory.mktemp("lab")
    with explorers_in_jupyterlab(home / "lab", request.param) as page:
        yield request.param, page, Path(os.environ.get("SCREENSHOTS", home))


def panel_of(page, name):
    panel = page.get_by_role("group", name=getattr(explorers, name)().title, exact=True)
    panel.scroll_into_view_if_needed()
    return panel


@pytest.mark.parametrize("name", explorers.__all__)
def test_every_control_has_a_name_and_the_keyboard_moves_the_view(lab, name):
    theme, page, shots = lab
    panel = panel_of(page, name)
    assert page.evaluate("document.body.dataset.jpThemeLight") == ("true" if theme == "light" else "false")
    assert page.get_by_text("Traceback").count() == 0
    controls = panel.locator("input, select, button")
    names = controls.evaluate_all("all => all.map(each => each.getAttribute('aria-label') ?? each.textContent)")
    assert len(names) == len(set(names)) >= 4
    assert all(names)

    view = panel.locator("section").first
    before = view.inner_html()
    slider = panel.locator("input[type=range], .ie-form select").first
    slider.focus()
    at_end = slider.evaluate("each => each.type === 'range' ? each.value === each.max : each.selectedIndex > 0")
    page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
    page.wait_for_function(
        "([view, before]) => view.innerHTML !== before", arg=[view.element_handle(), before], timeout=10_000
    )
    panel.get_by_role("button", name="Pin this setting").press("Enter")
    panel.get_by_role("button", name="Unpin").press("Enter")
    page.wait_for_function(
        "status => status.textContent.trim()", arg=panel.get_by_role("status").element_handle(), timeout=10_000
    )
    assert view.get_by_role("img").count() >= 1  # a drawing that a screen reader can name
    shot = shots / f"{name}_{theme}.png"
    panel.screenshot(path=shot)
    assert shot.stat().st_size > 10_000


def test_the_bottleneck_follows_slider_field_pin_and_preset(lab):
    _, page, _ = lab
    panel = panel_of(page, "bottleneck_explorer")
    panel.get_by_role("combobox", name="Preset").select_option("256 through 64, the classic")

    def shown(words):
        panel.locator("section").get_by_text(words).first.wait_for(timeout=10_000)

    shown("589,824 against 69,632 multiply-adds per position")
    panel.get_by_role("slider", name="Middle channels", exact=True).focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    shown("589,824 against 74,705 multiply-adds per position")
    number = panel.get_by_role("spinbutton", name="Middle channels, as a number")
    assert number.input_value() == "67"
    number.fill("230")
    shown("the detour costs 1.01 times as much")
    panel.get_by_role("button", name="Pin this setting").press("Enter")
    panel.get_by_role("combobox", name="Preset").select_option("a 5x5 instead")
    shown("Against the pinned setting")
    assert panel.locator("svg[role=img][aria-label]").count() == 2
