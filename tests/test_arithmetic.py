"""The formulas against torch, and the course's first two numbers."""

import doctest
import subprocess
import sys

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from inception_edu import arithmetic
from inception_edu.arithmetic import (
    conv_macs,
    conv_params,
    linear_macs,
    linear_params,
    out_size,
    pair,
    receptive_field,
    same_padding,
)

sides = st.integers(1, 40)
kernels = st.integers(1, 9)
strides = st.integers(1, 5)


def test_the_examples_in_the_docstrings_are_true() -> None:
    found = doctest.testmod(arithmetic)
    assert found.attempted >= 2
    assert not found.failed


def test_a_bottleneck_of_64_in_numbers_worked_out_by_hand() -> None:
    assert conv_macs(256, 256, 3) == 256 * 256 * 9 == 589_824
    assert conv_macs(256, 64, 1) + conv_macs(64, 64, 3) + conv_macs(64, 256, 1) == 16_384 + 36_864 + 16_384 == 69_632


def test_it_needs_no_torch() -> None:
    """So that it can run in a browser: the file alone, and nothing but `math` imported by it."""
    code = (
        "import runpy, sys; runpy.run_path(sys.argv[1]); "
        "assert not {'torch', 'numpy', 'inception_edu'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-I", "-c", code, str(arithmetic.__file__)], check=True)


@given(size=sides, kernel=kernels, stride=strides, padding=st.integers(0, 6), dilation=st.integers(1, 3))
def test_out_size_of_a_convolution_is_torchs(size: int, kernel: int, stride: int, padding: int, dilation: int) -> None:
    conv = nn.Conv1d(1, 1, kernel, stride, padding, dilation)
    try:
        expected = conv(torch.zeros(1, 1, size)).shape[-1]
    except RuntimeError:
        with pytest.raises(ValueError, match=f"does not fit into {size} pixels"):
            out_size(size, kernel, stride, padding, dilation=dilation)
    else:
        assert out_size(size, kernel, stride, padding, dilation=dilation) == expected


@given(
    size=st.integers(1, 12),
    kernel=kernels,
    stride=st.integers(1, 12),
    share=st.floats(0, 1),
    dilation=st.integers(1, 3),
    ceil_mode=st.booleans(),
)
@example(size=112, kernel=3, stride=2, share=0, dilation=1, ceil_mode=True)  # GoogLeNet's pools: 112 to 56
@example(size=3, kernel=1, stride=3, share=0, dilation=1, ceil_mode=True)
@example(size=5, kernel=2, stride=4, share=1, dilation=1, ceil_mode=True)  # a window that would start in the padding
def test_out_size_of_a_pool_is_torchs(
    size: int, kernel: int, stride: int, share: float, dilation: int, ceil_mode: bool
) -> None:
    padding = int(share * (kernel // 2))  # torch allows a pool no more
    pool = nn.MaxPool1d(kernel, stride, padding, dilation, ceil_mode=ceil_mode)
    try:
        expected = pool(torch.zeros(1, 1, size)).shape[-1]
    except RuntimeError:
        with pytest.raises(ValueError, match=f"does not fit into {size} pixels"):
            out_size(size, kernel, stride, padding, dilation=dilation, ceil_mode=ceil_mode)
    else:
        assert out_size(size, kernel, stride, padding, dilation=dilation, ceil_mode=ceil_mode) == expected


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((2, 3), "a window of 3 does not fit into 2 pixels: at least 3 are needed"),
        ((2, 7, 2, 1), r"a window of 7 does not fit into 2 pixels \(4 with padding\): at least 5 are needed"),
    ],
)
def test_too_small_an_input_is_named_with_the_numbers(arguments: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        out_size(*arguments)


@given(size=sides, kernel=st.integers(0, 5).map(lambda n: 2 * n + 1))
def test_same_padding_keeps_the_size(size: int, kernel: int) -> None:
    assert out_size(size, kernel, 1, same_padding(kernel)) == size


def test_an_even_kernel_has_no_same_padding() -> None:
    with pytest.raises(ValueError, match=r"a kernel of 4 cannot be padded equally .* use 3 or 5"):
        same_padding(4)


@given(
    groups=st.integers(1, 4),
    inner=st.integers(1, 4),
    outer=st.integers(1, 4),
    kernel=st.tuples(kernels, kernels),
    bias=st.booleans(),
)
def test_conv_params_are_torchs(groups: int, inner: int, outer: int, kernel: tuple[int, int], bias: bool) -> None:
    channels = groups * inner, groups * outer
    conv = nn.Conv2d(*channels, kernel, groups=groups, bias=bias)
    assert conv_params(*channels, kernel, groups=groups, bias=bias) == sum(p.numel() for p in conv.parameters())
    # each weight is used once at each position, and biases are not multiply-adds
    assert conv_macs(*channels, kernel, 5, 7, groups=groups) == conv.weight.numel() * 35


@given(st.integers(1, 30), st.integers(1, 30), st.booleans())
def test_linear_params_are_torchs(inner: int, outer: int, bias: bool) -> None:
    linear = nn.Linear(inner, outer, bias=bias)
    assert linear_params(inner, outer, bias=bias) == sum(p.numel() for p in linear.parameters())
    assert linear_macs(inner, outer) == linear.weight.numel()


@given(st.lists(st.tuples(kernels, strides, st.integers(1, 3)), max_size=4))
def test_the_receptive_field_is_how_many_pixels_a_value_needs(layers: list[tuple[int, int, int]]) -> None:
    """Without padding, the smallest input that one output value can be computed from is its receptive field."""
    field, jump = 1, 1
    for kernel, stride, dilation in layers:
        field, jump = receptive_field(field, jump, kernel, stride, dilation=dilation)

    def out(size: int) -> int:
        for kernel, stride, dilation in layers:
            size = out_size(size, kernel, stride, dilation=dilation)
        return size

    assert out(field) == 1
    assert out(field + jump) == 2  # and one jump further on lies the next
    assert jump == 1 or out(field + jump - 1) == 1
    if field > 1:
        with pytest.raises(ValueError, match="does not fit"):
            out(field - 1)


def test_options_are_given_by_name() -> None:
    """So that a group is not taken for a stride: those after the usual numbers."""
    for function, numbers in [
        (out_size, (9, 3, 1, 0, 1)),
        (conv_params, (8, 8, 3, 2)),
        (conv_macs, (8, 8, 3, 1, 1, 2)),
        (linear_params, (8, 8, True)),
        (receptive_field, (1, 1, 3, 1, 2)),
    ]:
        with pytest.raises(TypeError, match="positional arguments"):
            function(*numbers)  # type: ignore[operator]


def test_pair() -> None:
    assert pair(3) == (3, 3)
    assert pair((1, 7)) == (1, 7)
    with pytest.raises(ValueError, match="unpack"):
        pair((1, 2, 3))  # type: ignore[arg-type]
