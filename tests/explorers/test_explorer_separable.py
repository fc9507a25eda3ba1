"""The separable explorer without a browser: the cost, its limit, the drawing and the refusals."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

import inception_edu as ie
from inception_edu.bricks import ConvUnit
from inception_edu.explorers.separable import SeparableCost
from inception_edu.shorthand import separable

COUNTS = st.integers(1, 2048)


def test_mobilenets_layer() -> None:
    """Its paper, Table 3: 462 and 52.3 million multiply-adds, 2.36 and 0.27 million weights."""
    cost = SeparableCost()
    assert (cost.ordinary, cost.separable) == (2_359_296, 266_752)
    assert cost.ordinary * cost.positions == 462_422_016
    assert cost.separable * cost.positions == 52_283_392
    assert cost.sentence().endswith("the ordinary convolution costs 8.84 times as much.")


@given(COUNTS, COUNTS, st.sampled_from([1, 3, 5, 7, 9]), st.integers(1, 224))
def test_any_setting_adds_up_follows_the_formula_and_draws(c_in: int, c_out: int, kernel: int, grid: int) -> None:
    cost = SeparableCost(c_in, c_out, kernel, grid)
    assert cost.ordinary == kernel**2 * c_in * c_out
    assert cost.separable == kernel**2 * c_in + c_in * c_out
    assert cost.share == pytest.approx(1 / c_out + 1 / kernel**2)
    html = cost.view()
    ET.fromstring(f"<div>{html}</div>")
    for number in (cost.ordinary, cost.separable, cost.ordinary * grid**2, cost.separable * grid**2):
        assert f"{number:,}" in html
    assert ("ordinary convolution costs" in cost.sentence()) == (cost.share < 1)
    assert ("separable one costs" in cost.sentence()) == (cost.share > 1)


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3, 5]), st.integers(1, 30))
def test_the_cost_is_what_trace_reads(c_in: int, c_out: int, kernel: int, grid: int) -> None:
    cost = SeparableCost(c_in, c_out, kernel, grid)
    plain = ConvUnit(c_in, c_out, kernel, batch_norm=False, relu=False, bias=False)
    split = separable(c_in, c_out, kernel, batch_norm=False, relu=False, bias=False)
    nodes = [ie.trace(module, (c_in, grid, grid)) for module in (plain, split)]
    assert [node.macs for node in nodes] == [cost.ordinary * grid**2, cost.separable * grid**2]
    assert [node.params for node in nodes] == [cost.ordinary, cost.separable]
    assert tuple(node.activation_bytes for node in nodes) == cost.maps_bytes


def test_the_answers_of_the_chapters_task() -> None:
    assert 1 / SeparableCost(out_channels=72).share == pytest.approx(8)
    assert 1 / SeparableCost(out_channels=71).share < 8 < 1 / SeparableCost(out_channels=73).share
    assert SeparableCost(out_channels=1).share > 1 > SeparableCost(out_channels=2).share
    assert all(SeparableCost(out_channels=n, kernel=1).share > 1 for n in range(1, 2049))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"out_channels": 0}, "^Output channels must be a whole number from 1 to 2,048, not 0$"),
        ({"grid": -1}, "^Grid side must be a whole number from 1 to 224, not -1$"),
        ({"kernel": 4}, "^a 4x4 kernel has no centre cell: take 3 or 5$"),
    ],
)
def test_an_impossible_setting_is_refused_with_the_reason(setting: dict[str, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SeparableCost(**setting)


def test_two_settings_are_compared_by_cost_and_by_share() -> None:
    said = SeparableCost(out_channels=1).versus(SeparableCost())
    assert said.startswith("Compared with the pinned setting: 0.02 times the MACs of the separable layer")
    assert said.endswith("a share of 1.1111 instead of 0.1131.")
