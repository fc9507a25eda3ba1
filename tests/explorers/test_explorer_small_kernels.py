"""The explorer of chapter 05 without a browser: arithmetic against `trace`, drawing, refusals, panel."""

from itertools import pairwise, product
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from inception_edu import trace
from inception_edu.bricks import ConvUnit
from inception_edu.explorers import small_kernels_explorer
from inception_edu.explorers.small_kernels import KERNELS, KernelStack, presets

WIDTHS = st.integers(1, 512)
STACKS = st.builds(
    KernelStack,
    *[st.sampled_from([name for name in KERNELS if name != "none"]), *[st.sampled_from(list(KERNELS))] * 2],
    *(WIDTHS, WIDTHS, WIDTHS),
    st.integers(1, 112),
)


def of(sides, *widths):
    """A stack of up to three kernels with these sides; 0 is none."""
    return KernelStack(*(f"{side}x{side}" if side else "none" for side in (*sides, 0, 0)[:3]), *widths)


def test_two_3x3_for_one_5x5_cost_18_of_25():
    stack = KernelStack()
    assert stack.fields == (3, 5)
    assert stack.steps == (36_864, 36_864)
    assert stack.single == 102_400
    assert stack.share == 18 / 25
    assert stack.savings() == (
        "3x3, 3x3 cost 73,728 MACs per position, one 5x5 costs 102,400. The stack costs 72.0% as much."
    )
    assert stack.sentence() == f"Sees 5x5; {stack.savings()}"


def test_in_googlenets_3a_the_exchange_costs_more():
    assert presets()["GoogLeNet 3a, two 3x3 instead"].share == pytest.approx(1.08)
    assert "costs 108.0% as much" in presets()["GoogLeNet 3a, two 3x3 instead"].savings()
    assert of((3, 3), 16, 16, 32).share == 0.54
    assert of((3, 3), 16, 29, 32).share < 1 < of((3, 3), 16, 30, 32).share


def test_only_two_5x5_and_a_3x3_solve_the_task():
    """Receptive field 11 in at most three layers of equal width for at most half of one 11x11."""
    stacks = [of(sides) for sides in product(KERNELS.values(), repeat=3) if any(sides)]
    solved = {tuple(sorted(stack.layers)) for stack in stacks if stack.field == 11 and stack.share <= 0.5}
    assert solved == {(3, 5, 5)}


@given(STACKS)
def test_any_stack_costs_and_sees_what_trace_says(stack):
    pairs = zip(pairwise(stack.widths), stack.layers, strict=True)
    units = [ConvUnit(a, b, kernel, batch_norm=False, bias=False) for (a, b), kernel in pairs]
    node = trace(nn.Sequential(*units), (stack.in_channels, stack.grid, stack.grid))
    assert node.params == stack.stacked
    assert node.macs == stack.stacked * stack.grid**2
    assert node.output.field == (stack.field, stack.field)
    assert node.output.shape == (stack.out_channels, stack.grid, stack.grid)
    large = trace(ConvUnit(stack.in_channels, stack.out_channels, stack.field, bias=False), node.input.shape)
    assert large.macs == stack.single * stack.grid**2


@given(STACKS)
def test_any_stack_is_drawn_with_its_numbers(stack):
    html = stack.view()
    root = ET.fromstring(f"<div>{html}</div>")
    for number in (*stack.steps, stack.stacked, stack.single, stack.stacked * stack.grid**2):
        assert f"{number:,}" in html
    label = next(element.get("aria-label") for element in root.iter() if element.get("role") == "img")
    assert f"{stack.field}x{stack.field}" in label
    assert stack.savings() in label
    boxes = [element for element in root.iter() if element.tag.endswith("rect")]
    ends = [float(box.get("x")) + float(box.get("width")) for box in boxes]
    assert max(ends) <= 640
    compared = f"The stack costs {stack.share:.1%} as much"
    assert (compared in stack.savings()) == (len(stack.layers) > 1 and stack.share != 1)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"layer_2": "4x4"}, "Kernel of layer 2 must be one of none, 1x1, 3x3, 5x5, 7x7, 9x9, 11x11, not '4x4'"),
        ({"layer_1": 3}, "Kernel of layer 1 must be one of none, .* not 3"),
        ({"layer_1": "none", "layer_2": "none"}, "all three layers are set to none"),
        ({"middle": 0}, "Middle channels must be a whole number from 1 to 512, not 0"),
        ({"grid": 0}, "Grid side must be a whole number from 1 to 112, not 0"),
    ],
)
def test_an_impossible_stack_is_refused_with_the_reason(setting, words):
    with pytest.raises(ValueError, match=words):
        KernelStack(**setting)


def test_the_panel_says_why_a_setting_cannot_exist():
    panel = small_kernels_explorer()
    panel.values = {**panel.values, "layer_1": "none", "layer_2": "none"}
    assert "This setting is not possible: all three layers are set to none" in panel.html
    panel.values = {**panel.values, "layer_3": "11x11"}
    assert "is not possible" not in panel.html
    assert "Sees 11x11" in panel.sentence


def test_a_pinned_stack_is_compared_with_the_next():
    panel = small_kernels_explorer()
    panel.pinned = dict(panel.values)
    assert "Compared with the pinned setting" not in panel.html
    panel.values = {**panel.values, "layer_2": "none"}
    assert "0.50 times the MACs per position, and a receptive field of 3 instead of 5" in panel.html
    panel.pinned = {}
    assert panel.pinned_html == ""
