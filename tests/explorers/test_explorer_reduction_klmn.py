"""The reduction A explorer without a browser: its numbers against the paper's and torch's, its drawing, its panel."""

from collections.abc import Iterator
from itertools import product
from xml.etree import ElementTree as ET

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import inception_edu as ie
from inception_edu.arithmetic import conv_macs, conv_params, out_size
from inception_edu.explorers import reduction_klmn_explorer
from inception_edu.explorers.reduction_klmn import ReductionA, presets
from inception_edu.explorers.settings import page
from inception_edu.models.inception_v4 import reduction_a

WIDTHS = st.integers(32, 512)


@given(c=WIDTHS, klmn=st.tuples(WIDTHS, WIDTHS, WIDTHS, WIDTHS), grid=st.integers(3, 71))
def test_any_reduction_costs_what_its_four_convolutions_cost(c, klmn, grid):
    k, l, m, n = klmn
    reduction = ReductionA(c, k, l, m, n, grid)
    half = out_size(grid, 3, 2)
    layers = [(c, n, 3, half), (c, k, 1, grid), (k, l, 3, grid), (l, m, 3, half)]
    node = reduction.node
    assert node.output.shape == (reduction.width, half, half)
    assert node.params == sum(conv_params(a, b, kernel) + 2 * b for a, b, kernel, _ in layers)
    assert node.macs == sum(conv_macs(a, b, kernel, side, side) for a, b, kernel, side in layers)


@given(c=WIDTHS, klmn=st.tuples(WIDTHS, WIDTHS, WIDTHS, WIDTHS), grid=st.integers(3, 71))
def test_any_reduction_draws(c, klmn, grid):
    reduction = ReductionA(c, *klmn, grid)
    html = page(reduction, ReductionA())
    ET.fromstring(html[html.index("<svg") : html.index("</svg>") + len("</svg>")])
    for number in (reduction.node.params, reduction.node.macs):
        assert f"{number:,}" in html
    assert f"{klmn[2]} + {klmn[3]} + {c} = {reduction.width} channels out" in html


def test_a_real_tensor_comes_out_as_the_sentence_says():
    with torch.no_grad():
        out = reduction_a(32, (32, 34, 36, 38)).eval()(torch.zeros(1, 32, 9, 9))
    assert out.shape[1:] == ReductionA(32, 32, 34, 36, 38, 9).node.output.shape


NETWORKS = {
    "Inception-v4": ("inception_v4", "reduction_a"),
    "Inception-ResNet-v1": ("inception_resnet_v1", "reduction_a"),
    "Inception-ResNet-v2, as drawn": ("inception_resnet_v2_paper", "reduction_a"),
    "Inception-ResNet-v2, as released": ("inception_resnet_v2", "reduction_a"),
    "Inception-v3": ("inception_v3", "mixed_6a"),
}


@pytest.mark.parametrize("name", presets())
def test_a_preset_is_the_block_of_the_network_that_it_names(name):
    network, block = NETWORKS[name]
    with torch.device("meta"):
        node = ie.trace(ie.build(network), (3, 299, 299))[block]
    mine = presets()[name].node
    assert (mine.input.shape, mine.output.shape) == (node.input.shape, node.output.shape)
    assert (mine.params, mine.macs) == (node.params, node.macs)


def test_the_sentence_of_inception_v4():
    assert ReductionA().sentence() == (
        "m + n + input = 256 + 384 + 384 = 1024 channels out on 17x17: 2,306,112 parameters, 1,097,164,800 MACs."
    )


def settings_like_inception_v4() -> Iterator[ReductionA]:
    """All settings of the explorer's sliders that have Inception-v4's width and parameters."""
    for k, l, m in product(range(32, 513, 32), repeat=3):
        n = 640 - m
        params = 2 * (n + k + l + m) + 384 * 9 * n + 384 * k + 9 * k * l + 9 * l * m
        if 32 <= n <= 512 and params == 2_306_112:
            yield ReductionA(384, k, l, m, n)


def test_width_and_parameters_leave_two_settings_and_macs_tell_them_apart():
    found = list(settings_like_inception_v4())
    assert [each.klmn for each in found] == [(96, 320, 384, 256), (192, 224, 256, 384)]
    assert {each.node.params for each in found} == {2_306_112}
    assert {each.width for each in found} == {1024}
    assert len({each.node.macs for each in found}) == 2


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"k": 0}, "k, the 1x1 must be a whole number from 32 to 512, not 0"),
        ({"in_channels": 0}, "Input channels must be a whole number from 32 to 512, not 0"),
        ({"grid": 2}, "Grid side must be a whole number from 3 to 71, not 2"),
    ],
)
def test_an_impossible_reduction_is_refused_with_the_reason(setting, words):
    with pytest.raises(ValueError, match=words):
        ReductionA(**setting)


def test_the_sliders_of_the_widths_can_stand_on_every_preset():
    panel = reduction_klmn_explorer()
    limits = {control["name"]: control for control in panel.controls}
    assert [preset["name"] for preset in panel.presets] == list(presets())
    for preset in panel.presets:
        for name, value in preset["values"].items():
            assert (value - limits[name]["low"]) % limits[name]["step"] == 0
