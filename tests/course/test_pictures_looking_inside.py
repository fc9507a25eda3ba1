"""Chapter 10's figures say what they show."""

import re

import matplotlib.pyplot as plt
import pytest
import torch

from inception_edu.course import canvas
from inception_edu.course.lesson import load_record
from inception_edu.course.pictures.looking_inside import (
    _cells,
    changed_by_hiding,
    fooled,
    over_pictures,
    patch_rows,
    read_by,
    swap,
    under_attack,
    wishes,
    without_branches,
)
from inception_edu.data.fashion import BLACK, CLASS_NAMES, WHITE
from inception_edu.explain import class_maps
from inception_edu.show.palette import VERMILLION


def test_both_orders_of_mean_and_weighted_sum_end_at_one_number() -> None:
    said = swap(torch.tensor([[6.0, 0, 0], [0, 3, 3]]), torch.tensor([2.0, -1.0]), 1.0).description
    assert "the class map 13, -2, -2" in said
    assert said.endswith("Both end at 3.")


def test_hidden_squares_are_drawn_at_their_centres_and_the_peak_in_the_middle_of_its_cell() -> None:
    changed = torch.zeros(25, 25, dtype=torch.bool)
    changed[2, 12] = changed[4, 10] = True
    peak = torch.tensor([[0.0, 0, 0], [0, 0, 5], [0, 0, 0]])
    said = changed_by_hiding(
        {"coat": (torch.zeros(28, 28), changed, peak), "bag": (peak, changed, peak)}, 4
    ).description
    assert "coat: 2 of 625 squares, centred at rows 3.5 to 5.5 and columns 11.5 to 13.5" in said
    assert "around row 14, column 22" in said


def test_each_position_of_a_map_colours_the_pixels_nearest_to_it_and_shows_its_value() -> None:
    maps = torch.tensor([[[0.0, 0, 0], [0, 0, -4], [0, 8, 0]], [[1.0, 1, 1]] * 3])
    drawn = over_pictures(torch.zeros(2, 1, 28, 28), maps, ["bag", "coat"])
    assert "bag: 0.0, 0.0, 0.0 / 0.0, 0.0, -4.0 / 0.0, 8.0, 0.0, mean 0.4; coat: 1.0" in drawn.description
    assert drawn.svg.count("\N{MINUS SIGN}4.0") == 1
    fig, ax = plt.subplots()
    _cells(ax, maps[0], 8)
    strength = ax.images[0].get_array()[..., 3]
    plt.close(fig)
    assert strength.shape == (28, 28)
    for row, column, each in ((18, 10, 1), (27, 17, 1), (17, 18, 0.5), (10, 27, 0.5), (9, 27, 0), (18, 9, 0)):
        assert strength[row, column] == pytest.approx(0.7 * 0.85 * each)


def test_every_image_that_was_asked_for_is_drawn_with_its_probability():
    faint = BLACK + 0.1 * torch.eye(28)[None, None]
    drawn = wishes(
        {"one": [("bag", faint, 1.0), ("coat", faint, 0.5)], "two": [("bag", faint, 0.25), ("coat", faint, 0)]}
    )
    assert drawn.svg.count("<image") == 4
    assert drawn.svg.count(">100%<") == 1
    assert drawn.description.endswith("two: bag 25%, coat 0%.")


def test_patches_of_all_branches_share_one_scale():
    drawn = patch_rows({("one", 7): torch.zeros(2, 7, 7), ("five", 0): torch.zeros(2, 15, 15)})
    widths = sorted({round(float(width)) for width in re.findall(r'<image[^>]* width="([\d.]+)"', drawn.svg)})
    assert widths[1] / widths[0] == pytest.approx(15 / 7, abs=0.1)
    assert "sees 7x7" in drawn.svg
    assert drawn.description.endswith("1x1 channel 7; 5x5 channel 0.")


def test_changed_answers_are_told_apart() -> None:
    images = torch.full((2, 1, 28, 28), BLACK)
    moved = images.clone()
    moved[..., 5, 5] = WHITE
    picture = fooled(images, moved, torch.tensor([8, 4]), torch.tensor([8, 6]))
    assert picture.svg.lower().count(VERMILLION.lower()) == 1  # the one that changed
    assert "at most 100 % of white" in picture.description
    assert picture.description.endswith("bag becomes bag; coat becomes shirt.")


def test_resistance_costs_seven_points_that_more_training_does_not() -> None:
    """What chapter 10's side road says."""
    said = under_attack(load_record("10_robust")).description
    assert "ordinary 94.4, 56.4, 23.3, 0.0;" in said
    assert "control, not attacked 94.8, 54.1, 15.3, 0.0;" in said
    assert said.endswith("robust 87.8, 85.8, 83.4, 78.4.")


def test_what_a_position_reads_is_measured_in_its_frame():
    square = torch.zeros(28, 28)
    square[9, 9], square[10, 9], square[27, 27] = 2.0, 1.0, 1.0
    said = read_by({"top left": (square, 0, 0), "bottom right": (square, 2, 2)}).description
    assert "top left: 50% of the sum in its own part, 75% in the upper half, brightest at row 9, column 9" in said
    assert "bottom right: 25% of the sum in its own part" in said


def test_a_silenced_branch_and_one_alone_are_told_apart():
    drawn = without_branches({"3a": {"1x1": (16, 0.9, 0.2)}, "5a": {"pool": (32, 0.8, 0.7)}}, 0.944)
    assert "94 with all. block 3a: 1x1 90 and 20; block 5a: pool 80 and 70." in drawn.description
    assert [drawn.svg.count(f">{number}<") for number in (16, 90, 70)] == [2, 1, 1]


def test_on_the_canvas_a_class_that_is_not_there_gains_most_and_evidence_comes_from_the_surroundings():
    """What chapter 10 says of its canvas."""
    net = canvas.network()
    empty = class_maps(net, canvas.lay_out([]))[0]
    after = class_maps(net, canvas.lay_out(canvas.GARMENTS))[0]
    label, row, column = ((after - empty) == (after - empty).max()).nonzero()[0].tolist()
    assert (CLASS_NAMES[label], row, column) == ("sandal", 1, 8)
    assert CLASS_NAMES[after[:, row, column].argmax()] == "sneaker"
    (sneaker,) = (garment for garment in canvas.GARMENTS if garment.name == "sneaker")
    spot = class_maps(net, canvas.lay_out([sneaker]))[0, 0] - empty[0]  # in the T-shirt's map
    assert divmod(int(spot.argmax()), 17) == (3, 9)
    assert spot[3, 9] > 5


def test_one_position_of_the_last_grid_sees_75_pixels_a_side():
    """What chapter 10 says, and how its last task is checked."""
    torch.manual_seed(0)
    images = torch.randn(20, 1, 84, 140).requires_grad_()  # for a single one, a ReLU may hide a path
    features = canvas.network().features(images)[:, :, 5, 8].sum()
    (gradient,) = torch.autograd.grad(features, images)
    rows, columns = gradient.abs().sum((0, 1)).nonzero().T.tolist()
    assert (min(rows), max(rows), min(columns), max(columns)) == (9, 83, 33, 107)
