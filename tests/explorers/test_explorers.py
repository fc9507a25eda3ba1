"""Explorers without a browser: the functions, the drawings, and the panel's wiring on the Python side."""

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inception_edu.explorers import bottleneck_explorer, inception_block_explorer
from inception_edu.explorers.bottleneck import BottleneckCost, bottleneck_view, verdict
from inception_edu.explorers.inception_block import InceptionBlock, block_sentence, block_view, presets

COUNTS = st.integers(1, 2048)
EXPLORERS = [bottleneck_explorer, inception_block_explorer]


def test_the_classic_bottleneck():
    cost = BottleneckCost()
    assert cost.direct == 589_824
    assert cost.steps == (16_384, 36_864, 16_384)
    assert cost.squeezed == 69_632
    assert cost.ratio == pytest.approx(8.47, abs=0.005)
    assert verdict(cost) == "589,824 against 69,632 multiply-adds per position: the detour is 8.47 times cheaper"


@given(c_in=COUNTS, middle=COUNTS, c_out=COUNTS, kernel=st.sampled_from([1, 3, 5, 7]), grid=st.integers(1, 224))
def test_any_bottleneck_adds_up_and_draws(c_in, middle, c_out, kernel, grid):
    cost = BottleneckCost(c_in, middle, c_out, kernel, grid)
    assert cost.direct == c_in * c_out * kernel**2
    assert cost.squeezed == c_in * middle + middle**2 * kernel**2 + middle * c_out
    html = bottleneck_view(cost)
    ET.fromstring(f"<div>{html}</div>")
    for number in (cost.direct, cost.squeezed, cost.direct * grid**2, cost.squeezed * grid**2):
        assert f"{number:,}" in html
    assert ("cheaper" in verdict(cost)) == (cost.ratio > 1)


def test_the_bottleneck_breaks_even_between_229_and_230():
    assert BottleneckCost(middle=229).ratio > 1 > BottleneckCost(middle=230).ratio


@pytest.mark.parametrize(
    ("setting", "words"),
    [({"middle": 0}, "middle is 0, and must be at least 1"), ({"kernel": 4}, "a 4x4 kernel has no middle")],
)
def test_an_impossible_bottleneck_is_refused_with_the_reason(setting, words):
    with pytest.raises(ValueError, match=words):
        BottleneckCost(**setting)


def test_the_presets_are_googlenets_nine_blocks_and_fit_each_other():
    blocks = list(presets().values())
    assert len(blocks) == 9
    for block, following in pairwise(blocks):
        assert block.node.output.channels == following.in_channels
    assert blocks[0].node.params == 163_696
    assert blocks[0].node.macs == 128_049_152
    assert block_sentence(blocks[0]) == "192 channels in, 256 out on 28x28: 163,696 parameters, 128,049,152 MACs"


@given(widths=st.lists(st.integers(1, 300), min_size=7, max_size=7), grid=st.integers(1, 56))
def test_any_inception_block_is_priced_by_trace_and_its_branches_add_up(widths, grid):
    block = InceptionBlock(*widths, grid)
    html = block_view(block, InceptionBlock())
    assert f"{block.node.macs:,}" in html
    assert sum(branch.macs for branch in block.node.children) == block.node.macs


def test_the_change_against_a_reference_is_shown():
    html = block_view(InceptionBlock(n3x3=256), InceptionBlock())
    assert "against the reference" in html
    assert "+50.0%" in html  # 384 channels out instead of 256
    assert "against the reference" not in block_view(InceptionBlock(), InceptionBlock())


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_a_panel_shows_its_first_preset_and_follows_its_values(explorer):
    panel = explorer()
    first, *_, last = panel.presets.values()
    assert panel.values == first
    before = panel.html
    panel.values = dict(last)
    assert panel.html != before
    assert panel.sentence in repr(panel)
    for name, control in panel.controls.items():
        assert control["low"] <= min(p[name] for p in panel.presets.values())
        assert control["high"] >= max(p[name] for p in panel.presets.values())
        assert control["label"]


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_a_panel_says_why_a_setting_cannot_exist(explorer):
    panel = explorer()
    panel.values = {**panel.values, "grid": 0}
    assert "This cannot exist:</b> grid is 0, and must be at least 1" in panel.html
    panel.values = {**panel.values, "grid": 7}
    assert "cannot exist" not in panel.html


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_a_pinned_setting_stays_beside_the_next(explorer):
    panel = explorer()
    panel.pinned = dict(panel.values)
    kept = panel.pinned_html
    panel.values = {**panel.values, "grid": panel.values["grid"] + 1}
    assert panel.pinned_html == kept
    panel.pinned = {}
    assert panel.pinned_html == ""


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_a_panel_has_a_still_version_for_pages_without_a_kernel(explorer):
    panel = explorer()
    data, _ = panel._repr_mimebundle_()
    assert panel.html in data["text/html"]
    assert data["text/plain"] == repr(panel)
    assert "application/vnd.jupyter.widget-view+json" in data
