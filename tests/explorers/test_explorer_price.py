"""The price explorer without a browser: what is left, why the rest is not, and the chapter's task."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inception_edu.course.choices import choices
from inception_edu.explorers.price import Price

BUDGETS = st.builds(
    Price,
    params=st.integers(2, 120).map(lambda halves: halves / 2),
    macs=st.floats(0.2, 14),
    milliseconds=st.integers(5, 250),
    top1=st.integers(110, 162).map(lambda halves: halves / 2),
)


@given(BUDGETS)
def test_a_network_is_left_exactly_if_nothing_rules_it_out(price: Price) -> None:
    assert {each.name for each in price.left} == {each.name for each in choices() if not price.faults(each)}
    accuracies = [each.top1 for each in price.left]
    assert accuracies == sorted(accuracies, reverse=True)
    html = price.view()
    root = ET.fromstring(f"<div>{html}</div>")
    filled = [dot for dot in root.iter("{http://www.w3.org/2000/svg}circle") if dot.get("fill") != "none"]
    assert len(filled) == len(price.left)
    if price.left:
        assert f" {len(price.left)} of 10 networks left. The most accurate is" in price.sentence()
    else:
        assert "None of the 10 networks is left" in price.sentence()


@pytest.mark.parametrize("each", choices(), ids=lambda each: each.name)
def test_a_bound_is_kept_by_a_network_whose_figure_as_shown_meets_it(each) -> None:
    shown = {"macs": f"{each.macs / 1e9:.2f}", "milliseconds": f"{each.milliseconds:.0f}", "top1": f"{each.top1:.1f}"}
    at = {name: type(getattr(Price(), name))(figure) for name, figure in shown.items()}
    assert all(each in replace(Price(), **{name: figure}).left for name, figure in at.items())
    for name, step in (("macs", -0.01), ("milliseconds", -1), ("top1", 0.1)):
        assert each not in replace(Price(), **{name: at[name] + step}).left


def test_each_fault_is_named() -> None:
    big = next(each for each in choices() if each.name == "inception_resnet_v2")
    assert Price(params=50).faults(big) == "too many parameters"
    assert Price(macs=13.0).faults(big) == "too many MACs"
    assert Price(milliseconds=200).faults(big) == "too slow"
    assert Price(top1=81).faults(big) == "not accurate enough"
    assert Price(params=50, top1=81).faults(big) == "too many parameters, not accurate enough"


def test_the_answers_of_the_chapters_task() -> None:
    def cheapest(top1: float) -> list[str]:
        left = Price(top1=top1).left
        prices = (lambda n: n.params, lambda n: n.macs, lambda n: n.milliseconds)
        return [min(left, key=price).title for price in prices]

    assert cheapest(79) == ["Xception", "Xception", "Inception-v4"]
    assert cheapest(70) == ["MobileNetV2"] * 3
    assert [each.family for each in Price(params=11, top1=70).left] == [False]
    assert [each.family for each in Price(milliseconds=38, top1=70).left] == [False]


def test_two_budgets_are_compared_by_what_they_leave() -> None:
    said = Price(params=5.0).versus(Price(top1=80.0))
    assert said == (
        "Compared with the pinned budget: gained MobileNetV2, SqueezeNet 1.1; lost Inception-ResNet-v2, Inception-v4."
    )


def test_an_impossible_budget_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Milliseconds at most must be a whole number from 5 to 250, not 2$"):
        Price(milliseconds=2)


def test_the_sentence_states_the_budget_so_that_every_step_is_heard() -> None:
    assert "at most 5 M parameters, 0.5 G MACs and 15 ms, at least 55 %." in Price(5.0, 0.5, 15, 55.0).sentence()
    assert Price(60.0).sentence() != Price(59.5).sentence()
