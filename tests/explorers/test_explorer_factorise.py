"""Chapter 06's explorers without a browser: thin pairs against squares, and three ways to halve a grid."""

from xml.etree import ElementTree as ET

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from inception_edu.bricks import Concat, ConvUnit
from inception_edu.explorers.factorise import Factorisation, presets
from inception_edu.explorers.grid_reduction import GridReduction
from inception_edu.models.inception_v3 import inception_b
from inception_edu.shorthand import branch
from inception_edu.tracing import trace

CHANNELS = st.integers(1, 1024)
ODD = st.integers(1, 5).map(lambda i: 2 * i + 1)
BARE = {"batch_norm": False, "bias": False}


@given(n=ODD, c_in=CHANNELS, middle=CHANNELS, c_out=CHANNELS, grid=st.integers(1, 112))
def test_every_way_costs_what_trace_says_and_sees_the_same_square(n, c_in, middle, c_out, grid):
    setting = Factorisation(n, c_in, middle, c_out, grid)
    html = setting.view()
    ET.fromstring(f"<div>{html}</div>")
    for way in setting.ways:
        items = [(middle, kernel) for kernel in way.kernels[:-1]] + [(c_out, way.kernels[-1])]
        with torch.device("meta"):
            node = trace(branch(c_in, *items, **BARE), (c_in, grid, grid))
        assert (way.weights, way.weights * grid**2) == (node.params, node.macs)
        assert way.field == node.output.field == (n, n)
        assert f"{node.macs:,}" in html


def test_the_savings_of_the_paper_at_equal_widths():
    for n, thin_share, stack_share in ((3, 2 / 3, 1), (5, 2 / 5, 18 / 25), (7, 2 / 7, 27 / 49)):
        square, thin, stack = Factorisation(n).ways
        assert thin.weights / square.weights == pytest.approx(thin_share)
        assert stack.weights / square.weights == pytest.approx(stack_share)
    assert Factorisation().savings() == "1x7, 7x1 has 28.6% of the weights and MACs of one 7x7."


def test_the_first_preset_is_a_pair_of_the_package():
    pair = trace(inception_b(768, 192), (768, 17, 17))["1"]
    kernels = [node.module.conv.kernel_size for node in pair.walk() if isinstance(node.module, ConvUnit)]
    setting = presets()["Inception-v3, 6e: 192 channels, n = 7"]
    assert tuple(kernels[1:]) == setting.ways[1].kernels
    assert pair.macs - pair["0"].macs == setting.ways[1].weights * setting.positions


@given(n=ODD, c_in=st.integers(1, 4), c_out=st.integers(1, 4))
def test_the_exact_width_is_just_enough(n, c_in, c_out):
    """A random bank, as the matrix that a pair multiplies out to, has the rank `exact_middle` and no less."""
    bank = torch.randn(c_out, c_in, n, n, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    matrix = bank.permute(0, 3, 1, 2).reshape(c_out * n, c_in * n)
    setting = Factorisation(n, c_in, 1, c_out)
    assert torch.linalg.matrix_rank(matrix) == setting.exact_middle
    assert "cannot" in setting.exactness()
    assert "pair can replace" in Factorisation(n, c_in, setting.exact_middle, c_out).exactness()


def test_exact_costs_twice_the_square_at_equal_ends():
    sentence = Factorisation().sentence()
    assert "that takes 1,344 middle channels and costs 2.00 times as much as the square" in sentence
    square, thin, _ = Factorisation(middle=672).ways
    assert square.weights == thin.weights
    assert Factorisation(middle=672).savings() == "1x7, 7x1 has as many weights as one 7x7."


@given(c=st.integers(1, 800), new=st.integers(1, 800), grid=st.integers(3, 112))
def test_reductions_cost_what_trace_says(c, new, grid):
    setting = GridReduction(c, new, grid)
    pool = nn.MaxPool2d(3, 2)
    with torch.device("meta"):
        built = (
            branch(c, pool, (c + new, 3), **BARE),
            branch(c, (c + new, 3), pool, **BARE),
            Concat(branch(c, (new, 3, 2, 0), **BARE), pool),
        )
    html = setting.view()
    ET.fromstring(f"<div>{html}</div>")
    for way, module in zip(setting.ways, built, strict=True):
        node = trace(module, (c, grid, grid))
        assert (way.weights, way.macs) == (node.params, node.macs)
        assert way.values[-1] == node.output.elements
        assert f"{way.macs:,}" in html
    first, second, third = setting.ways
    assert second.values[1] == built[1][0].conv.out_channels * grid**2
    assert first.narrowest <= third.narrowest


def test_only_pooling_first_is_a_bottleneck_in_the_papers_example():
    html = GridReduction().view()
    assert html.count("a bottleneck") == 1
    assert GridReduction().sentence() == (
        "532.7 M MACs with the pool first, 2,257.9 M with the convolution first, 266.3 M side by side."
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Factorisation(n=4), "a 4x4 kernel has no centre"),
        (lambda: Factorisation(n=1), "Kernel side n must be a whole number from 3 to 11, not 1"),
        (lambda: Factorisation(middle=0), "Middle channels must be a whole number from 1 to 2,048, not 0"),
        (lambda: GridReduction(new=0), "New channels must be a whole number from 1 to 1,280, not 0"),
        (lambda: GridReduction(grid=2), "Grid side must be a whole number from 3 to 112, not 2"),
    ],
)
def test_what_cannot_exist_is_refused_with_the_reason(make, words):
    with pytest.raises(ValueError, match=words):
        make()
