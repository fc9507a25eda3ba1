"""The occluder without a browser."""

import math
import re
from xml.etree import ElementTree as ET

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inception_edu.explain import class_maps
from inception_edu.explorers.occluder import (
    CLASS_NAMES,
    PAINTS,
    SIDE,
    Occluder,
    at_the_peak,
    class_map,
    network,
    occluder_explorer,
    pictures,
    smallest_at_the_peak,
)
from inception_edu.running import predict


def test_there_is_a_picture_of_every_class_and_the_network_knows_it():
    assert pictures().labels.tolist() == list(range(10))
    assert not any(Occluder(name).flipped for name in CLASS_NAMES)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(CLASS_NAMES),
    st.integers(0, 27),
    st.integers(0, 27),
    st.integers(0, 28),
    st.sampled_from(list(PAINTS)),
)
def test_a_square_is_painted_where_it_lies_and_judged_by_the_network(picture, row, column, size, paint):
    if max(row, column) + size > SIDE:
        with pytest.raises(ValueError, match="goes over the edge"):
            Occluder(picture, row, column, size, paint)
        return
    shown, label = Occluder(picture, row, column, size, paint), CLASS_NAMES.index(picture)
    changed = shown.image != pictures().images[label]
    assert int(changed.sum()) <= size**2
    assert (shown.image[:, row : row + size, column : column + size] == PAINTS[paint]).all()
    with torch.no_grad():
        expected = network()(shown.image[None]).softmax(1)[0]
    torch.testing.assert_close(torch.tensor(shown.chances), expected, atol=1e-5, rtol=0)
    assert ("flipped" in shown.sentence()) == (int(expected.argmax()) != label)


def test_the_square_at_the_peak_covers_the_peak():
    for picture in range(10):
        peak = class_map(picture)
        row, column = divmod(int(peak.argmax()), peak.shape[1])
        y, x = (int((place + 0.5) * SIDE / peak.shape[0]) for place in (row, column))
        for size in (1, 6, 28):
            square = at_the_peak(picture, size)
            assert square.row - 1 <= y <= square.row + size
            assert square.column - 1 <= x <= square.column + size


@pytest.mark.parametrize(
    ("picture", "squares", "overlapping"),
    [("ankle boot", 23, 23), ("coat", 1, 0)],
)
def test_which_squares_of_four_change_the_answer_and_whether_they_overlap_the_largest_circle(
    picture, squares, overlapping
):
    """What chapter 10 says about all 625; both maps are highest in the middle of 3x3 positions."""
    label = CLASS_NAMES.index(picture)
    assert class_map(label).argmax() == 4
    places = [(y, x) for y in range(25) for x in range(25)]
    hidden = torch.stack([Occluder(picture, y, x, 4, "black").image for y, x in places])
    answers = predict(network(), hidden).argmax(1)
    changed = [place for place, answer in zip(places, answers, strict=True) if answer != label]
    radius = 0.42 * SIDE / 3  # as `Occluder.view` draws the highest position

    def nearest(start: int) -> float:
        """Pixels from the middle of the picture to a side that covers `start` to `start` + 4."""
        return max(start - SIDE / 2, SIDE / 2 - start - 4, 0)

    assert len(changed) == squares
    grey = torch.stack([Occluder(picture, y, x, 4, "grey").image for y, x in places])
    assert (predict(network(), grey).argmax(1) == label).all()
    assert sum(math.hypot(nearest(y), nearest(x)) < radius for y, x in changed) == overlapping


@pytest.mark.parametrize(
    ("picture", "row", "column", "becomes"), [("ankle boot", 12, 13, "sandal"), ("coat", 2, 12, "shirt")]
)
def test_four_black_pixels_a_side_flip_what_three_do_not(picture, row, column, becomes):
    """Two of the squares that chapter 10 shows, and what its side road says of the bag."""
    assert CLASS_NAMES[Occluder(picture, row, column, 4, "black").answer] == becomes
    smaller = [Occluder(picture, y, x, 3, "black").image for y in range(26) for x in range(26)]
    assert (predict(network(), torch.stack(smaller)).argmax(1) == CLASS_NAMES.index(picture)).all()
    peaks = {"ankle boot": 5, "coat": 17}  # centred on the largest circle
    assert smallest_at_the_peak(CLASS_NAMES.index(picture), "black") == peaks[picture]
    assert not Occluder("bag", 0, 0, 28, "grey").flipped


def test_covering_the_coats_neck_takes_most_from_the_middle_of_its_map():
    """What chapter 10 prints: the evidence in the middle depends on pixels far from there."""
    label = CLASS_NAMES.index("coat")
    images = torch.stack([Occluder("coat", 2, 12, size, "black").image for size in (0, 4)])
    maps = class_maps(network(), images)
    change = maps[1, label] - maps[0, label]
    assert change.argmin() == 4
    assert maps[:, label, 1, 1].tolist() == pytest.approx([14.7, 4.4], abs=0.05)
    assert change.max() < 0
    coat, shirt = (maps.mean((2, 3))[1] - maps.mean((2, 3))[0])[[label, CLASS_NAMES.index("shirt")]]
    assert coat < -5
    assert abs(shirt) < 0.5


def test_the_smallest_square_at_the_peak_flips_and_no_smaller_one_does():
    size = smallest_at_the_peak(6)
    assert size is not None
    assert at_the_peak(6, size).flipped
    assert not any(at_the_peak(6, smaller).flipped for smaller in range(1, size))


def test_the_drawing_is_well_formed_and_shows_the_map_on_demand():
    plain, mapped = (Occluder("ankle boot", 5, 5, 8, "grey", cam).view() for cam in ("hidden", "shown"))
    for html in (plain, mapped):
        ET.fromstring(re.search(r"<svg.*?</svg>", html, re.DOTALL)[0])
    assert plain.count("<circle") == 0
    assert mapped.count("<circle") == class_map(9).numel()


def test_the_panel_says_why_a_square_cannot_lie_there():
    panel = occluder_explorer()
    panel.values = {**panel.values, "row": 20, "size": 9}
    assert "goes over the edge of the 28x28 picture; neither may be more than" in panel.html
    panel.values = {**panel.values, "row": 10}
    panel.pinned = dict(panel.values)
    panel.values = {**panel.values, "size": 12}
    assert "Compared with the pinned square, the right class changes by" in panel.html
