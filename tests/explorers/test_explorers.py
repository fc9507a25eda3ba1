"""What holds for every explorer without a browser: its panel, its limits, its still version; the first in detail."""

import json
import math
import re
import subprocess
import sys
from dataclasses import asdict, fields, replace
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inception_edu import explorers
from inception_edu.explorers.bottleneck import BottleneckCost
from inception_edu.explorers.inception_block import InceptionBlock, presets
from inception_edu.explorers.settings import page

COUNTS = st.integers(1, 1024)
WRONG = [math.nan, math.inf, -math.inf, 1e300, 1e20, -1, 10**9, 10**400, True, None, "7", "", [], {}, {"a": 1}]


@pytest.fixture(scope="module", params=explorers.__all__)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def made(name):
    return getattr(explorers, name)()


@pytest.fixture
def panel(made):
    """A panel on its first preset, with nothing pinned."""
    made.pinned = {}
    made.values = dict(made.presets[0]["values"])
    return made


def test_a_panel_shows_its_first_preset_and_follows_its_values(panel):
    seen = set()
    for preset in panel.presets:
        panel.values = dict(preset["values"])
        setting = panel._kind(**preset["values"])
        assert panel.html == page(setting)
        assert panel.sentence == setting.sentence()
        assert panel.sentence in repr(panel)
        assert panel.sentence[-1] in ".?"
        seen.add(panel.html)
    assert len(seen) == len(panel.presets) >= 3


def test_controls_and_presets_keep_their_order_in_saved_state(panel):
    """Saved widget state has its keys sorted, so that what has an order must be a list."""
    saved = json.loads(json.dumps(panel.get_state(), sort_keys=True, default=str))
    assert [control["name"] for control in saved["controls"]] == [each.name for each in fields(panel._kind)]
    assert saved["presets"] == panel.presets
    for control in saved["controls"]:
        assert control["label"]
        assert control.get("choices") or control["low"] < control["high"]
        assert set(control) in ({"name", "label", "choices"}, {"name", "label", "low", "high", "step"})


def test_what_cannot_be_gets_one_clear_sentence_and_raises_nothing(panel):
    first = dict(panel.values)
    for control in panel.controls:
        wrong = WRONG if "choices" in control else [*WRONG, control["low"] - 1, control["high"] + 1]
        wrong = [*wrong, 1.5] if isinstance(control.get("step"), int) else wrong
        for value in wrong:
            panel.values = {**first, control["name"]: value}
            assert panel.sentence.startswith(f"This setting is not possible: {control['label']} must be "), value
            assert len(panel.sentence) < 400
            assert panel.html.count("<p") == panel.html.count("is not possible") == 1
    for values in ({**first, "depth": 3}, dict(list(first.items())[1:]), {}):
        panel.values = values
        assert panel.sentence.startswith("This setting is not possible: the settings must be ")
        assert panel.html.count("is not possible") == 1
    panel.values = first
    assert "is not possible" not in panel.html


def test_a_pinned_setting_stays_next_to_the_following_ones(panel):
    whole = dict(panel.values)
    before = panel.html
    panel.pinned = whole
    assert panel.html == panel.pinned_html == before  # nothing to compare with itself
    for preset in panel.presets[1:]:
        panel.values = dict(preset["values"])
        assert panel.pinned_html == before
    panel.pinned = {**whole, "depth": 3}  # a setting that cannot exist can be pinned, and is no reason to stop
    assert "is not possible" in panel.pinned_html
    assert "is not possible" not in panel.html
    panel.pinned = {}
    assert panel.pinned_html == ""


def test_every_turn_is_answered_also_one_that_changes_nothing(panel):
    panel.set_state({"values": dict(panel.presets[1]["values"]), "turn": panel.turn + 1})
    assert panel.answered == panel.turn
    assert panel.html == page(panel._kind(**panel.presets[1]["values"]))
    panel.set_state({"turn": panel.turn + 1})
    assert panel.answered == panel.turn


def test_one_turn_is_one_view_and_one_message(panel, monkeypatch):
    viewed, sent = [], []
    monkeypatch.setattr(panel._kind, "view", lambda self: viewed.append(self) or f"<p>{len(viewed)}</p>")
    monkeypatch.setattr(panel, "_send", lambda message, buffers=None: sent.append(message))
    panel.set_state({"values": dict(panel.presets[1]["values"]), "turn": panel.turn + 1})
    assert len(viewed) == 1
    updates = [message["state"] for message in sent if message["method"] == "update"]
    assert [set(state) for state in updates] == [{"html", "sentence", "answered"}]


def test_the_still_reads_as_html_without_scripts_and_drawings(panel):
    data, _ = panel._repr_mimebundle_()
    html = data["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == repr(panel)
    assert re.sub("<[^>]+>", "", html).startswith("Run this cell to move the sliders.")
    assert "<svg" not in html
    assert "<style" not in html
    drawings = re.findall(r'<img src="data:image/svg\+xml,[^"]+" alt="([^"]+)">', html)
    assert len(drawings) == panel.html.count("<svg") >= 1
    assert all(len(alt) > 10 for alt in drawings)
    bare = re.sub("<svg.*?</svg>", "", panel.html, flags=re.DOTALL)
    assert re.sub("<img[^>]+>", "", html).split("</em></p>")[1].replace("\n", "") == f"{bare}</div>".replace("\n", "")


def test_every_explorer_computes_where_no_widgets_are_installed():
    """The same functions can run in a page without a kernel."""
    code = """
import sys
sys.modules["anywidget"] = sys.modules["ipywidgets"] = None
from inception_edu import explorers
from inception_edu.explorers.settings import Settings, page, still
for name in explorers.__all__:
    getattr(explorers, name)
kinds = Settings.__subclasses__()
assert len(kinds) == len(explorers.__all__), kinds
for kind in kinds:
    assert kind().sentence() in still(page(kind())).replace("&#x27;", "'"), kind
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_classic_bottleneck():
    cost = BottleneckCost()
    assert cost.direct == 589_824
    assert cost.steps == (16_384, 36_864, 16_384)
    assert cost.squeezed == 69_632
    assert cost.ratio == pytest.approx(8.47, abs=0.005)
    numbers = "589,824 against 69,632 multiply-adds per position"
    assert cost.sentence() == f"{numbers}: the plain convolution costs 8.47 times as much."


@given(
    c_in=st.integers(1, 2048),
    middle=COUNTS,
    c_out=st.integers(1, 2048),
    kernel=st.sampled_from([1, 3, 5, 7]),
    grid=st.integers(1, 112),
)
def test_any_bottleneck_adds_up_and_draws(c_in, middle, c_out, kernel, grid):
    cost = BottleneckCost(c_in, middle, c_out, kernel, grid)
    assert cost.direct == c_in * c_out * kernel**2
    assert cost.squeezed == c_in * middle + middle**2 * kernel**2 + middle * c_out
    html = cost.view()
    ET.fromstring(f"<div>{html}</div>")
    for number in (cost.direct, cost.squeezed, cost.direct * grid**2, cost.squeezed * grid**2):
        assert f"{number:,}" in html
    assert ("plain convolution costs" in cost.sentence()) == (cost.ratio > 1)


def test_the_bottleneck_breaks_even_between_229_and_230():
    assert BottleneckCost(middle=229).ratio > 1 > BottleneckCost(middle=230).ratio


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"middle": 0}, "^Middle channels must be a whole number from 1 to 1,024, not 0$"),
        ({"grid": 7.5}, "^Grid side must be a whole number from 1 to 112, not 7.5$"),
        ({"kernel": 4}, "^a 4x4 kernel has no centre cell: take 3 or 5$"),
    ],
)
def test_an_impossible_bottleneck_is_refused_with_the_reason(setting, words):
    with pytest.raises(ValueError, match=words):
        BottleneckCost(**setting)


def test_a_whole_number_may_come_as_a_float_and_is_kept_whole():
    assert replace(BottleneckCost(), middle=67.0) == BottleneckCost(middle=67)
    assert asdict(BottleneckCost(middle=67.0))["middle"].__class__ is int


def test_the_presets_are_googlenets_nine_blocks_and_fit_each_other():
    blocks = list(presets().values())
    assert len(blocks) == 9
    for block, following in pairwise(blocks):
        assert block.node.output.channels == following.in_channels
    assert blocks[0].node.params == 163_696
    assert blocks[0].node.macs == 128_049_152
    assert blocks[0].sentence() == "192 channels in, 256 out on 28x28: 163,696 parameters, 128,049,152 MACs."


@given(widths=st.lists(st.integers(1, 256), min_size=7, max_size=7), grid=st.integers(1, 56))
def test_any_inception_block_is_priced_by_trace_and_its_branches_add_up(widths, grid):
    block = InceptionBlock(*widths, grid)
    html = page(block, InceptionBlock())
    assert f"{block.node.macs:,}" in html
    assert sum(branch.macs for branch in block.node.children) == block.node.macs


def test_the_change_against_a_pinned_setting_is_shown():
    html = page(InceptionBlock(n3x3=256), InceptionBlock())
    assert "Compared with the pinned setting: +50.0% channels out" in html  # 384 instead of 256
    assert "Compared with the pinned setting" not in page(InceptionBlock(), InceptionBlock())
