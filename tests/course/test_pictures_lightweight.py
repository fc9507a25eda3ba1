"""What the pictures of chapter 09 show is what was measured, and the chapter's sentences about them hold."""

import re

import matplotlib.pyplot as plt
import pytest
import torch
from torch import nn

import inception_edu as ie
from inception_edu.course.lesson import by_seed, load_record, paired
from inception_edu.course.pictures import lightweight
from inception_edu.shorthand import separable


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


def test_work_and_time_are_split_by_the_kind_of_layer() -> None:
    halves = separable(2, 4, 3)
    net = nn.Sequential(nn.Conv2d(1, 2, 5, padding=2), nn.BatchNorm2d(2), halves, nn.Flatten(), nn.Linear(100, 3))
    found = lightweight.by_part({"net": net}, torch.zeros(1, 1, 5, 5))["net"]
    macs = {part: round(1e6 * million) for part, (million, _) in found.items()}
    assert macs == {"3x3 and 5x5": 25 * 50, "depthwise": 25 * 18, "1x1": 25 * 8, "all other layers": 300}
    assert sum(macs.values()) == ie.trace(net, (1, 5, 5)).macs
    assert all(time > 0 for _, time in found.values())
    assert not any(module._forward_hooks for module in net.modules())


def test_each_kind_of_layer_has_its_part_of_a_bar() -> None:
    full = {"3x3 and 5x5": (7.0, 0.4), "depthwise": (0.0, 0.0), "1x1": (2.0, 0.1), "all other layers": (0.0, 0.5)}
    light = full | {"3x3 and 5x5": (1.0, 0.1), "depthwise": (0.5, 0.25)}
    picture = lightweight.parts({"full": full, "light": light})
    assert "million multiply-adds of full: 3x3 and 5x5 7.00, depthwise 0.00, 1x1 2.00" in picture.description
    assert "milliseconds of light: 3x3 and 5x5 0.10, depthwise 0.25, 1x1 0.10, all other layers 0.50" in repr(picture)
    assert ">0.25<" in picture.svg
    assert ">7.00<" in picture.svg


def test_what_chapter_09_says_about_its_versions() -> None:
    record, times = load_record("09_front"), load_record("09_front_time")["runs"]
    arms, nothing = record["arms"], "separable, nothing between"
    assert arms[nothing]["macs"] / arms["plain"]["macs"] == pytest.approx(1 / 5, abs=0.01)
    assert arms[nothing]["macs"] < arms["half as wide"]["macs"]
    for other, points in (("plain", -0.7), ("half as wide", 1)):
        gap = paired(by_seed(record, other), by_seed(record, nothing))
        assert gap.counts
        assert gap.mean == pytest.approx(points, abs=0.1)
    assert not paired(by_seed(record, "half as wide"), by_seed(record, "fewer blocks")).counts
    many = times["milliseconds/plain/64"]
    assert many[nothing] / many["plain"] == pytest.approx(4 / 5, abs=0.02)
    assert min(many[arm] for arm in lightweight.SHORT) == many["fewer blocks"]


def test_a_light_small_googlenet_loses_about_a_point() -> None:
    record = load_record("09_light")
    gap = paired(by_seed(record, "full"), by_seed(record, "light"))
    assert gap.counts
    assert gap.mean == pytest.approx(-1, abs=0.1)


def test_the_roof_bends_where_bytes_arrive_as_fast_as_they_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "close", lambda *_: None)  # the figure stays open for this test to read
    said = lightweight.roofline(60, 20, {"3x3": (100, 55), "1x1": (25, 40), "depthwise": (1.1, 12)}).description
    assert "3x3 at 100.0 MACs per byte, 55 billion a second; 1x1 at 25.0 MACs per byte, 40 billion a second" in said
    roof = plt.gca().lines[0]
    assert list(zip(roof.get_xdata(), roof.get_ydata(), strict=True))[:2] == [(0.2, 4), (3, 60)]


def test_the_fullest_convolution_of_each_network_is_told() -> None:
    said = lightweight.along({"one": [1.0, 5.0, 2.0], "two": [3.0, 2.5]}).description
    assert said.endswith("one, 3 convolutions, most 5.0 MB at number 2; two, 2 convolutions, most 3.0 MB at number 1.")
