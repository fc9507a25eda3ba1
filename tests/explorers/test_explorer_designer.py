"""The designer: any design is what trace says, fits or does not fit the budget, and hides its latency until asked."""

from dataclasses import asdict, replace
from xml.etree import ElementTree as ET

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

import inception_edu as ie
from inception_edu.course.challenge import BUDGET, Budget, challenge_network
from inception_edu.course.records import load_record
from inception_edu.explorers import designer_explorer
from inception_edu.explorers.designer import (
    KINDS,
    WIDTHS,
    Design,
    Designer,
    design_sentence,
    design_table,
    latency,
    one_kind,
    presets,
    reveal,
    widest,
)
from inception_edu.explorers.settings import page
from inception_edu.show.drawing import diagram

DESIGNS = st.builds(
    Design,
    *[st.sampled_from(list(KINDS))] * 3,
    stem=st.integers(1, 160),
    width_1=st.integers(16, 320),
    width_2=st.integers(16, 320),
    width_3=st.integers(16, 400),
)


def parsed(html):
    return ET.fromstring(f"<div>{html}</div>")


def test_the_plain_design_is_the_challenge_network():
    mine, plain = Design().node, ie.trace(challenge_network(), BUDGET.image)
    assert (mine.params, mine.macs) == (plain.params, plain.macs)
    assert [child.output for child in mine.children] == [child.output for child in plain.children]
    assert Design().build()(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


@settings(max_examples=40)
@given(design=DESIGNS)
@example(design=Design("residual", "residual", "residual", 16, 16, 16, 16))  # equal blocks are still two blocks
def test_any_design_outputs_its_widths_and_draws(design):
    node = design.node
    for name, part in zip(WIDTHS, ("stem", "block_1", "block_2", "block_3"), strict=True):
        assert node[part].output.channels == getattr(design, name)
    html = diagram(design.node, macs_share=True) + design_table(design)
    parsed(html)
    assert f"{node.params:,}" in html
    assert f"{node.macs:,}" in html
    assert design_sentence(design) == BUDGET.verdict(design.build())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_computes_what_its_trace_says(kind):
    design = Design(kind, kind, kind, 8, 20, 32, 32)
    net = design.build().eval()
    x = torch.randn(2, 1, 28, 28)
    shapes = {name: tuple(output.shape[1:]) for name, output in net.block_outputs(x)}
    assert shapes == {child.name: child.output.shape for child in design.node.children if child.name in shapes}
    assert sum(p.numel() for p in net.parameters()) == design.node.params


@pytest.mark.parametrize("kind", KINDS)
def test_the_widest_fits_and_the_next_step_does_not(kind):
    for budget in (BUDGET, Budget(50_000, 3_000_000)):
        design = widest(one_kind(kind), budget)
        assert design_sentence(design, budget).endswith("within the budget")
        steps = (one_kind(kind).scaled(step / 20) for step in range(2, 400))
        wider = next(step for step in steps if step.width_3 >= design.width_3 and step.node.params > design.node.params)
        assert "over" in design_sentence(wider, budget)


def test_a_budget_that_nothing_fits_is_refused():
    with pytest.raises(ValueError, match="at its narrowest, this design exceeds 10 parameters"):
        widest(Design(), Budget(params=10))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind_1": "dense"}, "no kind of block named 'dense'"),
        ({"stem": 0}, "stem must be at least 1, not 0"),
        ({"kind_2": "Inception", "width_2": 12}, "an Inception block 12 channels wide"),
        ({"kind_3": "bottleneck", "width_3": 3}, "a bottleneck 3 channels wide"),
    ],
)
def test_a_design_that_cannot_be_is_refused_with_the_reason(change, words):
    with pytest.raises(ValueError, match=words):
        replace(Design(), **change)


def test_the_change_against_a_pinned_design_is_shown():
    assert "Compared with the pinned setting: +" in page(Designer(width_3=192), Designer())
    assert "Compared with the pinned setting" not in page(Designer(prediction=2), Designer())


def test_the_latency_is_measured_once_and_only_for_a_prediction():
    latency.cache_clear()
    with pytest.raises(ValueError, match="predict the latency before you reveal it"):
        reveal(Design(), 0)
    assert latency.cache_info().currsize == 0
    told = reveal(Design(stem=8), 1.5)
    assert "You predicted 1.50" in told
    assert min(latency(Design(stem=8))) > 0
    assert latency.cache_info().misses == 1
    assert reveal(Design(stem=8), 1.5) == told


def test_the_presets_fit_the_budget():
    for name, design in presets().items():
        assert design_sentence(design).endswith("within the budget"), name


def test_the_panel_follows_its_values_and_hides_the_latency():
    panel = designer_explorer()
    latency.cache_clear()
    for preset in panel.presets:
        panel.values = dict(preset["values"])
        assert "Latency hidden" in panel.html
        assert panel.sentence.endswith("within the budget.")
    assert latency.cache_info().currsize == 0
    panel.values = {**panel.values, "latency": "revealed"}
    assert "set your prediction to more than 0" in panel.html
    panel.values = {**panel.values, "prediction": 2.0}
    assert "You predicted 2.00" in panel.html
    panel.values = {**panel.values, "kind_1": "Inception", "width_1": 8}
    assert "This setting is not possible: an Inception block 8 channels wide" in panel.html


def test_a_pinned_design_is_the_reference():
    panel = designer_explorer()
    panel.pinned = dict(panel.values)
    panel.values = {**panel.values, "width_3": 200}
    assert "Compared with the pinned setting" in panel.html
    assert "Compared with the pinned setting" not in panel.pinned_html


def test_the_recorded_designs_are_the_widest_of_their_kinds():
    record = load_record("12_designs")
    budget = Budget(**record["budget"])
    assert set(record["rates"]) == set(record["designs"])
    for kind, said in record["designs"].items():
        design = widest(one_kind(kind), budget)
        assert {name: asdict(design)[name] for name in WIDTHS} == said["widths"]
        assert (design.node.params, design.node.macs) == (said["params"], said["macs"])
        assert sum(key.startswith(f"{kind}/") for key in record["runs"]) == 10
