"""Chapter 10's figures say what they show."""

import torch

from inception_edu.course.lesson import load_record
from inception_edu.course.pictures.looking_inside import changed_by_hiding, fooled, swap, under_attack, wishes
from inception_edu.data.fashion import BLACK, WHITE
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
    assert "around row 13.5, column 22.8" in said


def test_a_network_in_need_of_light_gets_a_row_without_percentages() -> None:
    faint = BLACK + 0.1 * torch.eye(28)[None, None]
    rows = {"one": [("bag", faint, 1.0), ("coat", faint, 0.5)], "two": [("bag", faint, 0.25), ("coat", faint, 0.0)]}
    plain, bright = wishes(rows), wishes(rows, brighten=["one"])
    assert (plain.svg.count("<image"), bright.svg.count("<image")) == (4, 6)
    assert bright.svg.count(">100%<") == 1
    assert bright.description.endswith("two: bag 25%, coat 0%. Drawn again, brightened: one.")


def test_changed_answers_are_told_apart() -> None:
    images = torch.full((2, 1, 28, 28), BLACK)
    moved = images.clone()
    moved[..., 5, 5] = WHITE
    picture = fooled(images, moved, ["bag", "coat"], ["bag", "shirt"])
    assert picture.svg.lower().count(VERMILLION.lower()) == 1  # the one that changed
    assert "at most 100 % of white" in picture.description
    assert picture.description.endswith("bag becomes bag; coat becomes shirt.")


def test_resistance_costs_seven_points_that_more_training_does_not() -> None:
    """What chapter 10 and its side road say."""
    said = under_attack(load_record("10_robust")).description
    assert "ordinary 94.4, 56.4, 23.3, 0.0;" in said
    assert "control, not attacked 94.8, 54.1, 15.3, 0.0;" in said
    assert said.endswith("robust 87.8, 85.8, 83.4, 78.4.")
