"""The residual scale explorer without a browser: the curve, the recorded measurement, the drawing."""

import math
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inception_edu.course.records import load_record
from inception_edu.explorers.residual_scale import AFTER_SUM, LIMIT, TrunkDeviation
from inception_edu.explorers.settings import page

SETTINGS = st.builds(
    TrunkDeviation,
    scale=st.floats(0, 1),
    blocks=st.integers(1, 60),
    branch=st.floats(0.1, 2),
    after=st.sampled_from(AFTER_SUM),
)


@given(SETTINGS)
def test_any_setting_has_a_growing_curve_a_measurement_for_every_block_and_a_drawing(trunk):
    assert trunk.curve[0] == trunk.measured[0] == 1
    assert len(trunk.curve) == len(trunk.measured) == trunk.blocks + 1
    assert list(trunk.curve) == sorted(trunk.curve)
    assert trunk.curve[-1] ** 2 == pytest.approx(1 + trunk.blocks * (trunk.scale * trunk.branch) ** 2)
    html = page(trunk, TrunkDeviation())
    root = ET.fromstring(f"<div>{html}</div>")
    assert len(root.findall(".//{http://www.w3.org/2000/svg}circle")) == trunk.blocks + 2  # one stands in the legend
    assert ("not under" in trunk.sentence()) == (trunk.measured[-1] >= LIMIT)


@given(SETTINGS)
def test_without_a_relu_the_measurement_follows_the_curve_within_a_tenth(trunk):
    bare = TrunkDeviation(trunk.scale, trunk.blocks, trunk.branch)
    assert bare.measured[-1] == pytest.approx(bare.curve[-1], rel=0.1)


@given(SETTINGS)
def test_a_relu_after_the_sum_never_spreads_the_trunk_more_than_the_curve_says(trunk):
    relu = TrunkDeviation(trunk.scale, trunk.blocks, trunk.branch, "ReLU")
    assert relu.measured[-1] <= 1.02 * relu.curve[-1]


@pytest.mark.parametrize("after", AFTER_SUM)
def test_at_a_recorded_step_the_measurement_is_the_record(after):
    record = load_record("08_trunk_deviation")
    for step in record["scales"]:
        if 0 < step <= 1:
            kept = record["runs"][f"{after}/{step}"]
            assert TrunkDeviation(step, 60, 1.0, after).measured == pytest.approx(kept, abs=1e-9)


def test_only_scale_times_branch_matters():
    assert TrunkDeviation(0.4, branch=0.5).measured == pytest.approx(TrunkDeviation(0.2).measured)


def test_the_task_has_an_answer_and_the_plain_sum_is_not_it():
    assert TrunkDeviation().measured[-1] > 5
    assert TrunkDeviation(0.1).curve[-1] == pytest.approx(math.sqrt(1.4))
    assert TrunkDeviation(0.1).measured[-1] < LIMIT < TrunkDeviation(0.13).measured[-1]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"scale": 1.5}, "Residual scale must be a number from 0 to 1, not 1.5"),
        ({"scale": -0.1}, "Residual scale must be .* not -0.1"),
        ({"blocks": 0}, "Blocks must be a whole number from 1 to 60, not 0"),
        ({"blocks": 61}, "Blocks must be .* not 61"),
        ({"blocks": 2.5}, "Blocks must be .* not 2.5"),
        ({"branch": 0}, "Deviation of a branch must be a number from 0.1 to 2, not 0"),
        ({"branch": 2.1}, "Deviation of a branch must be .* not 2.1"),
        ({"after": 2}, "After the sum must be one of nothing, ReLU, not 2"),
    ],
)
def test_an_impossible_trunk_is_refused_with_the_reason(setting, words):
    with pytest.raises(ValueError, match=words):
        TrunkDeviation(**setting)
