"""What the pictures of chapter 09 show is what was measured, and the chapter's sentences about them hold."""

import re

import pytest
import torch

from inception_edu.course.lesson import by_seed, load_record, paired
from inception_edu.course.pictures import lightweight


def test_the_kernels_are_drawn_with_their_weights() -> None:
    picture = lightweight.kernels()
    for weights in (5 * 3 * 3 * 4, 4 * 3 * 3, 5 * 4):
        assert f"{weights} weights" in picture.description
        assert f"{weights} weights<" in picture.svg


def test_a_separable_convolution_is_drawn_as_multiples_of_four_patterns() -> None:
    """Each of the five kernels of a column fills the same four cells; in the ordinary one they differ."""
    fills = re.findall(r'd="M ([\d.]+) ([\d.]+)[^"]*"[^>]*style="fill: #0072b2', lightweight.patterns().svg)
    kernels = [fills[place : place + 4] for place in range(0, len(fills), 4)]
    shapes = []
    for cells in kernels:
        left, top = (min(float(cell[axis]) for cell in cells) for axis in (0, 1))
        shapes.append(tuple(sorted((round(float(x) - left), round(float(y) - top)) for x, y in cells)))
    assert len(shapes) == 2 * 20
    ordinary, separable = shapes[:20], shapes[20:]
    assert [len(set(separable[column : column + 5])) for column in (0, 5, 10, 15)] == [1, 1, 1, 1]
    assert min(len(set(ordinary[column : column + 5])) for column in (0, 5, 10, 15)) > 3


@pytest.mark.parametrize(("groups", "weights"), [(1, "1,296"), (3, "432"), (12, "108")])
def test_the_line_says_what_the_3x3s_weigh(groups: int, weights: str) -> None:
    layer = torch.nn.Conv2d(12, 12, 3, groups=groups, bias=False)
    assert f"{layer.weight.numel():,}" == weights
    picture = lightweight.line()
    assert f"{weights} weights" in picture.description
    assert f": {weights}<" in picture.svg


def test_the_front_by_macs_and_by_time() -> None:
    said = lightweight.front(load_record("09_front"), load_record("09_front_time")).description
    assert "by million multiply-adds the front is separable, 1x1s in front, plain;" in said
    assert "by milliseconds per image the front is two blocks, separable, 1x1s in front, plain." in said


def test_a_layer_has_a_bar_for_its_macs_and_one_for_its_time() -> None:
    said = lightweight.shares({"large": 200, "small": 1}, {"large": 4.0, "small": 1.0}).description
    assert said.endswith("small 0.5 % of the MACs and 25.0 % of the time.")


def test_what_chapter_09_says_about_its_versions() -> None:
    record, times = load_record("09_front"), load_record("09_front_time")["runs"]
    arms, separable = record["arms"], "separable, nothing between"
    assert arms[separable]["macs"] / arms["plain"]["macs"] == pytest.approx(1 / 5, abs=0.01)
    assert arms[separable]["macs"] < arms["half as wide"]["macs"]
    for other, points in (("plain", -0.7), ("half as wide", 1)):
        gap = paired(by_seed(record, other), by_seed(record, separable))
        assert gap.counts
        assert gap.mean == pytest.approx(points, abs=0.1)
    assert not paired(by_seed(record, "half as wide"), by_seed(record, "fewer blocks")).counts
    many = times["milliseconds/plain/64"]
    assert many[separable] / many["plain"] == pytest.approx(4 / 5, abs=0.02)
    assert min(many[arm] for arm in lightweight.SHORT) == many["fewer blocks"]


def test_a_light_small_googlenet_loses_about_a_point() -> None:
    record = load_record("09_light")
    gap = paired(by_seed(record, "full"), by_seed(record, "light"))
    assert gap.counts
    assert gap.mean == pytest.approx(-1, abs=0.1)
