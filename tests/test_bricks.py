"""The four bricks and the shorthand that lays them: what they compute, and what they refuse."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from inception_edu.bricks import Concat, ConvUnit, Residual
from inception_edu.shorthand import branch, chain, lay, out_channels, separable, widen


def names(module: nn.Module) -> list[str]:
    return [name for name, _ in module.named_children()]


def test_a_unit_is_convolution_norm_and_relu() -> None:
    unit = ConvUnit(3, 8, 3)
    assert names(unit) == ["conv", "bn", "relu"]
    assert unit.conv.bias is None  # batch norm has a shift of its own
    assert unit.bn.eps == 1e-3
    assert not unit.relu.inplace
    x = torch.randn(2, 3, 9, 9)
    assert torch.equal(unit(x), torch.relu(unit.bn(unit.conv(x))))


@pytest.mark.parametrize(("options", "layers", "bias"), [
    ({"batch_norm": False}, ["conv", "relu"], True),
    ({"relu": False}, ["conv", "bn"], False),
    ({"batch_norm": False, "relu": False}, ["conv"], True),
    ({"bias": True}, ["conv", "bn", "relu"], True),
    ({"batch_norm": False, "bias": False}, ["conv", "relu"], False),
    ({"eps": 1e-5}, ["conv", "bn", "relu"], False),
])  # fmt: skip
def test_the_options_of_a_unit(options: dict[str, Any], layers: list[str], bias: bool) -> None:
    unit = ConvUnit(4, 6, (1, 3), groups=2, **options)
    assert names(unit) == layers
    assert (unit.conv.bias is not None) == bias
    assert unit.conv.groups == 2
    if "bn" in layers:
        assert unit.bn.eps == options.get("eps", 1e-3)


@given(st.integers(0, 4), st.integers(0, 4), st.integers(1, 12), st.integers(1, 12))
def test_a_unit_keeps_the_size_unless_told_otherwise(i: int, j: int, height: int, width: int) -> None:
    unit = ConvUnit(1, 2, (2 * i + 1, 2 * j + 1)).eval()
    assert unit(torch.zeros(1, 1, height, width)).shape == (1, 2, height, width)


def test_padding_0_is_the_papers_valid() -> None:
    assert ConvUnit(3, 8, 3, 2, 0)(torch.zeros(2, 3, 299, 299)).shape == (2, 8, 149, 149)


@pytest.mark.parametrize(("arguments", "options", "sentence"), [
    ((0, 8, 3), {}, r"from 0 to 8 channels with kernel \(3, 3\) and stride \(1, 1\) is not possible"),
    ((3, 0, 3), {}, "from 3 to 0 channels"),
    ((3, -8, 3), {}, "from 3 to -8 channels"),
    ((3, 8, 0), {}, r"kernel \(0, 0\)"),
    ((3, 8, (3, -1)), {}, r"kernel \(3, -1\)"),
    ((3, 8, 3, 0), {}, r"stride \(0, 0\)"),
    ((3, 8, 2), {}, r"a kernel of 2 cannot be padded equally on both sides: .* use 1 or 3"),
    ((3, 8, (3, 4)), {}, r"a kernel of 4 cannot be padded equally"),
    ((3, 8, 3), {"groups": 2}, "2 groups do not divide 3 input and 8 output channels evenly"),
    ((4, 6, 3), {"groups": 4}, "4 groups do not divide 4 input and 6 output channels evenly"),
    ((4, 8, 3), {"groups": 0}, "0 groups"),
    ((4, 8, 3), {"groups": -2}, "-2 groups"),
    ((3, 8, 3, 1, (0, -1)), {}, r"the padding must be at least 0, not \(0, -1\)"),
])  # fmt: skip
def test_an_impossible_unit_is_refused_with_its_numbers(arguments: Any, options: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        ConvUnit(*arguments, **options)
    assert "\n" not in str(caught.value)


def test_concat_joins_on_channels_in_order() -> None:
    one, two = nn.Identity(), ConvUnit(2, 3, 1)
    x = torch.randn(2, 2, 5, 5)
    block = Concat(one, two).eval()
    assert torch.equal(block(x), torch.cat([x, two(x)], dim=1))
    assert list(block) == [one, two]


def test_residual_adds_a_scaled_body() -> None:
    body, shortcut = ConvUnit(2, 3, 1).eval(), ConvUnit(2, 3, 3).eval()
    x = torch.randn(2, 2, 5, 5)
    assert torch.equal(Residual(body, shortcut, 0.5)(x), shortcut(x) + 0.5 * body(x))
    assert torch.equal(Residual(nn.Identity())(x), 2 * x)
    assert (Residual(nn.Identity(), scale=-1.0)(x) == 0).all()
    assert "scale=0.1" in repr(Residual(nn.Identity(), scale=0.1))


def test_residual_has_no_activation_of_its_own() -> None:
    """So that a network's last block can leave the ReLU out."""
    assert (Residual(nn.Identity())(torch.full((1, 1, 2, 2), -1.0)) == -2).all()


def test_a_relu_in_the_body_leaves_the_shortcut_alone() -> None:
    """With an in-place ReLU the shortcut would add what the body has overwritten."""
    x = torch.randn(1, 3, 4, 4)
    block = Residual(nn.Sequential(ConvUnit(3, 3, 1, batch_norm=False)[-1], nn.Identity()))
    assert torch.equal(block(x), x + x.relu())


def test_branch_threads_the_channels() -> None:
    net = branch(192, (96, 1), (128, 3), nn.MaxPool2d(3, 2), (64, (1, 7), 1, 0))
    convs = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    assert [(conv.in_channels, conv.out_channels) for conv in convs] == [(192, 96), (96, 128), (128, 64)]
    assert [conv.kernel_size for conv in convs] == [(1, 1), (3, 3), (1, 7)]
    assert convs[2].padding == (0, 0)
    assert isinstance(branch(192, (96, 1)), ConvUnit)  # one item needs no nn.Sequential around it


def test_branch_refuses_a_bare_number() -> None:
    with pytest.raises(TypeError, match=r"24 is no layer: write \(out_channels, kernel_size\), a module or a block"):
        branch(32, 24, 1)


def test_branch_takes_modules_and_block_functions() -> None:
    ready = ConvUnit(4, 5, 3)

    def fork(in_channels: int, **style: Any) -> Concat:
        return Concat(branch(in_channels, (3, 1), **style), branch(in_channels, (4, 1), **style))

    net = branch(4, ready, fork, (6, 1), batch_norm=False, width=2)
    assert net[0] is ready
    assert out_channels(net[1], 5) == 2 * (3 + 4)
    assert net[2].conv.in_channels == 14
    assert net[2].conv.out_channels == 12
    assert not any(isinstance(module, nn.BatchNorm2d) for module in net[1:].modules())


def test_chain_keeps_the_names() -> None:
    modules = chain(3, {"conv_1": (8, 3), "pool_1": nn.MaxPool2d(2), "conv_2": (4, 1)}, width=0.5)
    assert list(modules) == ["conv_1", "pool_1", "conv_2"]
    assert modules["conv_2"].conv.in_channels == modules["conv_1"].conv.out_channels == 4


@given(st.integers(1, 2048), st.floats(0.01, 4))
def test_a_width_factor_rounds_and_never_reaches_0(channels: int, width: float) -> None:
    wide = widen(channels, width)
    assert wide >= 1
    assert wide == 1 or abs(wide - channels * width) <= 0.5
    assert widen(channels, 1) == channels


@pytest.mark.parametrize("width", [0, -1, -0.25, float("nan")])
def test_a_width_that_leaves_nothing_is_refused(width: float) -> None:
    with pytest.raises(ValueError, match=f"a width factor of {width} leaves no channels"):
        lay((8, 3), 3, width=width)


def test_separable_is_a_depthwise_and_a_pointwise_convolution_with_nothing_between() -> None:
    net = separable(6, 10, 5, 2, multiplier=3)
    assert names(net) == ["depthwise", "pointwise"]
    assert names(net.depthwise) == ["conv"]
    assert names(net.pointwise) == ["conv", "bn", "relu"]
    depthwise, pointwise = net.depthwise.conv, net.pointwise.conv
    assert (depthwise.groups, depthwise.out_channels, depthwise.stride) == (6, 18, (2, 2))
    assert depthwise.bias is None
    assert (pointwise.in_channels, pointwise.out_channels, pointwise.kernel_size) == (18, 10, (1, 1))
    assert names(separable(6, 10, relu=False).pointwise) == ["conv", "bn"]
    assert separable(6, 10, width=0.5).pointwise.conv.out_channels == 5


@pytest.mark.parametrize(("module", "reads", "puts_out"), [
    (nn.Conv2d(3, 7, 1), 3, 7),
    (nn.MaxPool2d(3), 5, 5),
    (nn.Identity(), 5, 5),
    (nn.Sequential(), 5, 5),
    (nn.Sequential(ConvUnit(3, 7, 1), nn.ReLU()), 3, 7),
    (Concat(nn.Identity(), ConvUnit(3, 7, 1)), 3, 10),
    (Residual(ConvUnit(3, 7, 1), ConvUnit(3, 7, 1)), 3, 7),
    (Concat(Concat(nn.Identity(), nn.MaxPool2d(1)), Residual(nn.Identity())), 3, 9),
    (nn.ConvTranspose2d(3, 16, 2), 3, 16),
    (nn.PixelShuffle(2), 8, 2),
    (nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(3, 5, 1)), 3, 5),
])  # fmt: skip
def test_out_channels(module: nn.Module, reads: int, puts_out: int) -> None:
    assert out_channels(module, reads) == puts_out == module.eval()(torch.zeros(1, reads, 6, 6)).shape[1]


@pytest.mark.parametrize("lazy", [nn.LazyConv2d(4, 1), nn.Sequential(nn.LazyConv2d(4, 1))])
def test_a_layer_without_weights_is_answered(lazy: nn.Module) -> None:
    with pytest.raises(ValueError, match="LazyConv2d has no weights yet: run one batch through it first"):
        out_channels(lazy, 3)
    lazy(torch.zeros(1, 3, 2, 2))
    assert out_channels(lazy, 3) == 4
