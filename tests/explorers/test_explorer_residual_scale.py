"""The residual scale explorer without a browser: the curve, the recorded measurement, the drawing, the panel."""

import json
import math
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inception_edu.course.records import load_record
from inception_edu.explorers import residual_scale_explorer
from inception_edu.explorers.residual_scale import AFTER_SUM, LIMIT, TrunkDeviation, deviation_sentence, deviation_view

SETTINGS = st.builds(
    TrunkDeviation,
    scale=st.floats(0, 1),
    blocks=st.integers(1, 60),
    branch=st.floats(0.01, 2),
    after=st.sampled_from([0, 1]),
)


@given(SETTINGS)
def test_any_setting_has_a_growing_curve_a_measurement_for_every_block_and_a_drawing(trunk):
    assert trunk.curve[0] == trunk.measured[0] == 1
    assert len(trunk.curve) == len(trunk.measured) == trunk.blocks + 1
    assert list(trunk.curve) == sorted(trunk.curve)
    assert trunk.curve[-1] ** 2 == pytest.approx(1 + trunk.blocks * (trunk.scale * trunk.branch) ** 2)
    html = deviation_view(trunk, TrunkDeviation())
    root = ET.fromstring(f"<div>{html}</div>")
    assert len(root.findall(".//{http://www.w3.org/2000/svg}circle")) == trunk.blocks + 2  # one stands in the legend
    assert ("not under" in deviation_sentence(trunk)) == (trunk.measured[-1] >= LIMIT)


@given(SETTINGS)
def test_without_a_relu_the_measurement_follows_the_curve_within_a_tenth(trunk):
    bare = TrunkDeviation(trunk.scale, trunk.blocks, trunk.branch)
    assert bare.measured[-1] == pytest.approx(bare.curve[-1], rel=0.1)


@given(SETTINGS)
def test_a_relu_behind_the_sum_never_spreads_the_trunk_more_than_the_curve_says(trunk):
    relu = TrunkDeviation(trunk.scale, trunk.blocks, trunk.branch, 1)
    assert relu.measured[-1] <= 1.02 * relu.curve[-1]


@pytest.mark.parametrize("after", [0, 1])
def test_at_a_recorded_step_the_measurement_is_the_record(after):
    record = load_record("08_trunk_deviation")
    for step in record["scales"]:
        if 0 < step <= 1:
            kept = record["runs"][f"{AFTER_SUM[after]}/{step}"]
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
        ({"scale": 1.5}, "scale is 1.5, and must be from 0 to 1"),
        ({"scale": -0.1}, "scale is -0.1"),
        ({"blocks": 0}, "blocks is 0, and must be a whole number from 1 to 60"),
        ({"blocks": 61}, "blocks is 61"),
        ({"blocks": 2.5}, "blocks is 2.5"),
        ({"branch": 0}, "branch is 0, and must be above 0"),
        ({"branch": 2.1}, "branch is 2.1"),
        ({"after": 2}, "after is 2"),
    ],
)
def test_an_impossible_trunk_is_refused_with_the_reason(setting, words):
    with pytest.raises(ValueError, match=words):
        TrunkDeviation(**setting)
    panel = residual_scale_explorer()
    panel.values = {**panel.values, **setting}
    assert f"This cannot exist:</b> {words}" in panel.html


def test_the_panel_follows_its_values_and_keeps_a_pinned_setting():
    panel = residual_scale_explorer()
    assert panel.values == vars(TrunkDeviation())
    before = panel.html
    panel.pinned = dict(panel.values)
    for values in panel.presets.values():
        json.dumps(values)
        panel.values = {**values, "blocks": float(values["blocks"])}
        assert "cannot exist" not in panel.html
    assert panel.html != before
    assert panel.pinned_html == before
    assert "Against the pinned setting" in panel.html
    assert panel.sentence in repr(panel)
    for name, control in panel.controls.items():
        assert control["low"] <= min(p[name] for p in panel.presets.values())
        assert control["high"] >= max(p[name] for p in panel.presets.values())
        assert control["label"]
