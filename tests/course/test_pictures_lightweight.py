"""What the pictures of chapter 09 show is what was measured, and the chapter's sentences about them hold."""

import pytest

from inception_edu.course.lesson import by_seed, load_record, paired
from inception_edu.course.pictures import lightweight


def test_the_kernels_are_drawn_with_their_weights() -> None:
    picture = lightweight.kernels()
    for weights in (5 * 3 * 3 * 4, 4 * 3 * 3, 5 * 4):
        assert f"{weights} weights" in picture.description
        assert f"{weights} weights<" in picture.svg


def test_the_front_by_macs_and_by_time() -> None:
    said = lightweight.front(load_record("09_front"), load_record("09_front_time")).description
    assert "the front is all four, separable, 1x1s in front, 3x3s for 5x5s, plain;" in said
    assert "the front is all four, two blocks, separable, 1x1s in front, plain." in said


def test_what_chapter_09_says_about_its_nine_versions() -> None:
    record, times = load_record("09_front"), load_record("09_front_time")["runs"]
    arms, separable = record["arms"], "separable, nothing between"
    assert arms[separable]["macs"] / arms["plain"]["macs"] == pytest.approx(1 / 5, abs=0.01)
    assert arms[separable]["macs"] < arms["half as wide"]["macs"]
    for other, points in (("plain", -0.7), ("half as wide", 1), ("separable, norm and ReLU between", 0.4)):
        gap = paired(by_seed(record, other), by_seed(record, separable))
        assert gap.counts
        assert gap.mean == pytest.approx(points, abs=0.1)
    many, one = times["milliseconds/plain/64"], times["milliseconds/plain/1"]
    assert many[separable] / many["plain"] == pytest.approx(4 / 5, abs=0.02)
    assert one[separable] / one["plain"] == pytest.approx(1.1, abs=0.05)
    assert one["fewer blocks"] / one["plain"] < 0.5


def test_a_light_small_googlenet_loses_about_a_point() -> None:
    record = load_record("09_light")
    gap = paired(by_seed(record, "full"), by_seed(record, "light"))
    assert gap.counts
    assert gap.mean == pytest.approx(-1, abs=0.1)
