"""The canvas without a browser."""

import re
from dataclasses import fields
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inception_edu.course.canvas import GARMENTS, Garment
from inception_edu.explorers.canvas import Canvas, canvas_explorer
from inception_edu.show.palette import YELLOW

PLACES = [each.name for each in fields(Canvas) if each.name != "map"]


def drawing(setting: Canvas) -> ET.Element:
    return ET.fromstring(re.search(r"<svg.*?</svg>", setting.view(), re.DOTALL)[0])  # type: ignore[index]


def test_it_begins_with_the_arrangement_of_the_course_and_finds_all_of_it() -> None:
    assert Canvas().garments == GARMENTS
    assert Canvas().sentence().startswith("5 of 5 garments found.")


def test_garments_in_one_place_hide_one_another() -> None:
    heap = Canvas(**dict.fromkeys(PLACES, 30))
    assert re.match(r"[01] of 5", heap.sentence())


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 56), min_size=10, max_size=10))
def test_every_arrangement_is_drawn_and_each_garment_can_be_dragged(places: list[int]) -> None:
    setting = Canvas(**dict(zip(PLACES, places, strict=True)))
    grips = [each.attrib["data-drag"].split() for each in drawing(setting).iter() if "data-drag" in each.attrib]
    assert sorted(name for grip in grips for name in grip) == sorted(PLACES)
    assert all(across.endswith("_left") and down.endswith("_top") for across, down in grips)


@pytest.mark.parametrize("garment", Canvas().garments, ids=lambda garment: garment.name)
def test_with_the_garments_spread_out_the_largest_circle_of_a_class_is_on_its_garment(garment: Garment) -> None:
    circles = [each.attrib for each in drawing(Canvas(map=garment.name)).iter() if each.tag.endswith("circle")]
    largest = max(circles, key=lambda circle: float(circle["r"]))
    assert 4 * garment.left <= float(largest["cx"]) <= 4 * (garment.left + 28)
    assert 4 * garment.top <= float(largest["cy"]) <= 4 * (garment.top + 28)


def test_a_circle_does_not_cover_the_garment() -> None:
    (wide, narrow) = (each for each in drawing(Canvas(map="bag")).iter() if each.tag.endswith("}g"))
    assert not [each for each in drawing(Canvas()).iter() if each.tag.endswith("circle")]
    assert wide.attrib["fill"] == narrow.attrib["fill"] == "none"
    assert (wide.attrib["stroke"], narrow.attrib["stroke"]) == ("black", YELLOW)
    assert [circle.attrib for circle in wide] == [circle.attrib for circle in narrow]


def test_each_preset_finds_what_the_chapter_says() -> None:
    found = {preset["name"]: Canvas(**preset["values"]).sentence()[:6] for preset in canvas_explorer().presets}
    assert found == {
        "spread out": "5 of 5",
        "in a row": "4 of 5",
        "close together": "2 of 5",
        "at the edges": "5 of 5",
    }


def test_every_preset_is_found_and_no_place_is_outside() -> None:
    panel = canvas_explorer()
    assert [preset["name"] for preset in panel.presets] == ["spread out", "in a row", "close together", "at the edges"]
    with pytest.raises(ValueError, match="Bag, row must be a whole number from 0 to 56, not 57"):
        Canvas(bag_top=57)
