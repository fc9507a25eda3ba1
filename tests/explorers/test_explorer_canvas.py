"""The canvas without a browser."""

import re
from dataclasses import fields
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inception_edu.course.canvas import GARMENTS
from inception_edu.explorers.canvas import Canvas, canvas_explorer

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


def test_the_map_of_a_class_is_darkest_where_the_garment_is() -> None:
    dots = [each.attrib for each in drawing(Canvas(map="bag")).iter() if each.tag.endswith("circle")]
    largest = max(dots, key=lambda dot: float(dot["r"]))
    left, top = 4 * 74, 4 * 52
    assert left <= float(largest["cx"]) <= left + 112
    assert top <= float(largest["cy"]) <= top + 112
    assert not [each for each in drawing(Canvas()).iter() if each.tag.endswith("circle")]


def test_every_preset_is_found_and_no_place_is_outside() -> None:
    panel = canvas_explorer()
    assert [preset["name"] for preset in panel.presets] == ["spread out", "in a row", "close together", "at the edges"]
    with pytest.raises(ValueError, match="Bag, row must be a whole number from 0 to 56, not 57"):
        Canvas(bag_top=57)
