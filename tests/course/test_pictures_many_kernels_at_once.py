"""Chapter 02's pictures: what they draw is what their descriptions say."""

import re

import pytest
import torch
import torch.nn.functional as F

import inception_edu as ie
from inception_edu.course import pictures as shared
from inception_edu.course.pictures import many_kernels_at_once as pictures
from inception_edu.course.records import by_seed, load_record
from inception_edu.models.googlenet import naive_inception
from inception_edu.show.palette import BRANCHES, INK_BOTH


def test_the_row_of_blocks_is_what_was_traced():
    blocks = [ie.trace(naive_inception(c, 64, 128, 32, batch_norm=False), (c, 28, 28)) for c in (192, 416)]
    picture = pictures.growth(blocks)
    assert "block 1 416 channels and 303 million MACs; block 2 640 channels and 658 million MACs" in picture.description
    assert picture.svg.count(">1x1<") == 1  # one legend for both halves


def test_the_bars_are_the_means_of_the_record():
    record = load_record("02_windows")
    words = pictures.patterns_found(record, ["9x9"]).description
    for kind in ("small", "large"):
        shares = by_seed(record, "9x9", kind)
        (said,) = re.findall(rf"(\d+) % of the {kind} ones", words)
        assert int(said) == round(100 * sum(shares) / len(shares))


def test_a_version_is_named_by_its_kernels_and_the_wide_one_by_its_cost():
    words = pictures.patterns_found(load_record("02_windows")).description
    for name in (
        "81 of 3x3, 99 %",
        "15 of 7x7, 97 %",
        "27 of 3x3, 6 of 9x9, 99 %",
        "33 of 9x9, 3.7 times the cost, 97 %",
    ):
        assert name in words


def test_only_the_version_that_costs_more_is_set_apart_and_windows_keep_their_colours():
    record = load_record("02_windows")
    three = pictures.patterns_found(record, ["3x3"]).svg
    wide = pictures.patterns_found(record, [pictures.WIDE]).svg
    assert ("<pattern" in three, "<pattern" in wide) == (False, True)
    assert pictures.ARMS["3x3"] == BRANCHES["3x3"]
    assert BRANCHES["3x3"].lower() in three
    assert not (set(pictures.ARMS.values()) - {BRANCHES["3x3"]}) & set(BRANCHES.values())


def test_the_first_column_is_what_the_frames_add_up_to():
    row = torch.tensor([[5.0, 7, 1, 4]])
    three = F.conv1d(row, torch.ones(1, 1, 3), padding=1)
    five = F.conv1d(row, torch.ones(1, 1, 5), padding=2)
    pool = F.max_pool1d(row, 3, stride=1, padding=1)
    words = pictures.over_the_row(row, torch.cat([row, three, five, pool])).description
    assert "window of 3 makes 12, 13, 12, 5, of which the first is 0 + 5 + 7;" in words
    assert "window of 5 makes 13, 17, 17, 12, of which the first is 0 + 0 + 5 + 7 + 1;" in words
    assert words.endswith("pool over 3 makes 7, 7, 7, 4, of which the first is the largest of 5 and 7.")


def test_sorting_keeps_every_connection():
    picture = pictures.dense_parts()
    dots = re.findall(r"fill: (#[0-9a-f]{6})", picture.svg)
    connections = 9 * 4 + 3 * 16 + 36 + 64
    assert dots.count(INK_BOTH) == 2 * connections
    positions = {"1x1": 5, "3x3": 2 * 9, "5x5": 25}
    seen = {window: dots.count(BRANCHES[window].lower()) for window in positions}
    assert seen == {window: 2 * each + 1 for window, each in positions.items()}  # two maps, and the window's name


def test_a_block_has_four_branches_to_show():
    assert "the pool" in pictures.what_each_branch_sees(torch.rand(1, 4, 8, 8)).description
    with pytest.raises(ValueError, match="zip"):
        pictures.what_each_branch_sees(torch.rand(1, 3, 8, 8))


def test_the_windows_on_the_photograph_are_those_of_a_map_shrunk_eightfold():
    picture = pictures.windows()
    for title in ("1x1: 8 pixels", "3x3: 24 pixels", "5x5: 40 pixels"):
        assert picture.svg.count(f">{title}<") == 1


def test_each_seed_is_a_dot_in_the_row_of_its_arm(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(shared, "show", lambda figure, words: drawn.append((figure, words)))
    shared.dots_by_seed({"small": [0.8, 0.82], "large": [0.5, 0.7]})
    (figure, words), *_ = drawn
    ax = figure.axes[0]
    dots, mean, lower_dots, lower_mean = ax.lines
    assert [tuple(point) for point in dots.get_xydata()] == [(80, 0), (82, 0)]
    assert [tuple(point) for point in lower_dots.get_xydata()] == [(50, 1), (70, 1)]
    assert (mean.get_xdata()[0], lower_mean.get_xdata()[0]) == pytest.approx((81, 60))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["small", "large"]
    assert words.endswith("small, 80.0 to 82.0, mean 81.0; large, 50.0 to 70.0, mean 60.0.")
