"""The head explorer: its numbers against torch's layers and the papers' networks, its drawing, its panel."""

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import inception_edu as ie
from inception_edu.explorers import head_size_explorer
from inception_edu.explorers.head_size import TRUNK, HeadSize


def test_the_trunk_is_googlenet_without_its_linear_layer():
    with torch.device("meta"):
        net = ie.build("googlenet")
    assert sum(weight.numel() for weight in net.features.parameters()) == TRUNK == 5_973_552
    assert sum(isinstance(layer, nn.Conv2d) for layer in net.features.modules()) == 57


@pytest.mark.parametrize(
    ("size", "params"),
    [
        (HeadSize(), 50_177_000),
        (HeadSize(7, 512, 4096, 4096), 123_642_856),  # torchvision's VGG-16: 138,357,544 less its convolutions
        (HeadSize(6, 256, 4096, 4096), 58_631_144),  # torchvision's AlexNet: 61,100,840 less its convolutions
        (HeadSize(8, 192, classes=10), 122_890),
    ],
)
def test_the_presets_have_the_published_sizes(size, params):
    assert size.fc_params == params
    assert vars(size) in [preset["values"] for preset in head_size_explorer().presets]


SIDES, WIDTHS = st.integers(1, 4), st.integers(1, 12)


@given(grid=SIDES, channels=WIDTHS, hidden=st.lists(WIDTHS, max_size=2), classes=WIDTHS)
def test_both_heads_are_priced_as_torch_builds_them(grid, channels, hidden, classes):
    size = HeadSize(grid, channels, *hidden, classes=classes)
    widths = [channels * grid**2, *hidden, classes]
    fc = nn.Sequential(nn.Flatten(), *(nn.Linear(a, b) for a, b in pairwise(widths)))
    gap = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))
    for head, params, macs in ((fc, size.fc_params, size.fc_macs), (gap, size.gap_params, size.gap_macs)):
        node = ie.trace(head, (channels, grid, grid))
        assert (node.params, node.macs) == (params, macs)
        assert params == sum(weight.numel() for weight in head.parameters())


@given(
    grid=st.integers(1, 28),
    channels=st.integers(1, 2048),
    hidden=st.lists(st.integers(1, 4096), max_size=2),
    classes=st.integers(1, 1000),
)
def test_any_head_draws_and_its_numbers_are_shown(grid, channels, hidden, classes):
    size = HeadSize(grid, channels, *hidden, classes=classes)
    html = size.view()
    ET.fromstring(f"<div>{html}</div>")
    for number in (size.fc_params, size.gap_params, size.fc_macs, size.gap_macs, TRUNK):
        assert f"{number:,}" in html
    assert ("times" in size.sentence()) == (size.fc_params >= TRUNK)


def test_three_cells_a_side_are_enough_to_outweigh_the_trunk():
    assert HeadSize(grid=2).fc_params < TRUNK < HeadSize(grid=3).fc_params


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"grid": 0}, "Grid side must be a whole number from 1 to 28, not 0"),
        ({"channels": -1}, "Channels must be a whole number from 1 to 2,048, not -1"),
        ({"classes": 0}, "Classes must be a whole number from 1 to 1,000, not 0"),
        ({"hidden_1": -5}, "First hidden layer must be a whole number from 0 to 4,096, not -5"),
        ({"hidden_2": 64}, "a second hidden layer of 64 units needs a first"),
    ],
)
def test_an_impossible_head_is_refused_with_the_reason(setting, words):
    with pytest.raises(ValueError, match=words):
        HeadSize(**setting)


def test_two_heads_are_compared():
    flattened, cifar = HeadSize(), HeadSize(8, 192, classes=10)
    assert "50,177,000 parameters flattened" in flattened.sentence()
    assert "has 0.00245 times as many parameters" in cifar.versus(flattened)
