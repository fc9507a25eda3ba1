"""`trace` against what torch really does, and against three other counters, on random trees of the bricks."""

import copy
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import inception_edu as ie
from inception_edu import shorthand
from inception_edu.bricks import Concat, ConvUnit, Product, Residual
from inception_edu.network import classifier
from inception_edu.shorthand import branch, separable
from inception_edu.tracing import trace

# Random modules. `tame` ones keep the grid or halve it as a padded 3x3 with stride 2 does, so that branches
# side by side fit together; the others have any geometry, and often cannot be run at all.


def out_channels(module: nn.Module, channels: int) -> int:
    """Random modules that no size suits are left out."""
    try:
        return shorthand.out_channels(module, channels)
    except ie.ShapeError:
        return assume(False)


@st.composite
def conv_units(draw: st.DrawFn, channels: int, stride: int | None, out: int | None = None) -> nn.Module:
    groups = draw(st.sampled_from([n for n in range(1, channels + 1) if channels % n == 0 and (out or n) % n == 0]))
    out = out or groups * draw(st.integers(1, 3))
    options = {name: draw(st.booleans()) for name in ("batch_norm", "relu")} | {
        "bias": draw(st.sampled_from([None, True]))
    }
    if stride is not None:
        kernel = draw(st.tuples(st.sampled_from([1, 3, 5, 7]), st.sampled_from([1, 3, 5, 7])))
        return ConvUnit(channels, out, kernel, stride, groups=groups, **options)
    sizes = st.one_of(st.integers(1, 5), st.tuples(st.integers(1, 5), st.integers(1, 5)))
    padding = st.one_of(st.integers(0, 3), st.tuples(st.integers(0, 3), st.integers(0, 3)))
    return ConvUnit(channels, out, draw(sizes), draw(sizes), draw(padding), groups=groups, **options)


@st.composite
def pools(draw: st.DrawFn, stride: int | None) -> nn.Module:
    if stride is not None:
        if draw(st.booleans()):
            return nn.MaxPool2d(3, stride, padding=1)
        return nn.AvgPool2d(3, stride, padding=1, count_include_pad=draw(st.booleans()))
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    geometry: Any = {
        "stride": draw(st.one_of(st.none(), st.integers(1, 4))),
        "padding": tuple(draw(st.integers(0, k // 2)) for k in kernel),
        "ceil_mode": draw(st.booleans()),
    }
    if draw(st.booleans()):
        return nn.MaxPool2d(kernel, dilation=draw(st.integers(1, 2)), **geometry)
    return nn.AvgPool2d(kernel, **geometry)


@st.composite
def layers(draw: st.DrawFn, channels: int, stride: int | None) -> nn.Module:
    """A convolution or a pool, or where the geometry is free, one of torch's other layers."""
    kind = draw(st.integers(0, 5 if stride is None else 2))
    if kind <= 1:
        return draw(conv_units(channels, stride))
    if kind == 2:
        return draw(pools(stride))
    if kind == 3:
        padding: Any = draw(st.sampled_from(["same", "valid", 1, (0, 2)]))
        return nn.Conv2d(channels, draw(st.integers(1, 4)), draw(st.integers(1, 4)), padding=padding,
                         dilation=draw(st.integers(1, 2)))  # fmt: skip
    if kind == 4:
        return draw(st.sampled_from([
            nn.Identity(), nn.ReLU(), nn.ELU(), nn.SiLU(), nn.Hardswish(), nn.Dropout2d(), nn.LocalResponseNorm(3),
            nn.BatchNorm2d(channels), nn.BatchNorm2d(channels, affine=False),
            nn.GroupNorm(1, channels), nn.GroupNorm(channels, channels, affine=False), nn.PReLU(), nn.PReLU(channels),
        ]))  # fmt: skip
    return draw(st.sampled_from([nn.ZeroPad2d((0, 1, 2, 3)), nn.AdaptiveAvgPool2d((2, 3)), nn.AdaptiveMaxPool2d(2)]))


@st.composite
def trees(draw: st.DrawFn, channels: int, stride: int | None = 1, depth: int = 2) -> nn.Module:
    """A tree of the bricks that reads `channels`; with a `stride` it is tame and its paths all have that stride."""
    kind = draw(st.sampled_from(["layer", "sequence", "concat", "residual"] if depth else ["layer"]))
    if kind == "layer":
        return draw(layers(channels, stride))
    if kind == "concat":
        return Concat(*(draw(trees(channels, stride, depth - 1)) for _ in range(draw(st.integers(1, 3)))))
    if kind == "residual":
        body = draw(trees(channels, stride, depth - 1))
        end = channels
        if stride == 1 and draw(st.booleans()):
            shortcut = None
        else:
            shortcut = draw(conv_units(channels, stride))
            end = out_channels(shortcut, channels)
        body = nn.Sequential(body, draw(conv_units(out_channels(body, channels), 1, end)))
        return Residual(body, shortcut, scale=draw(st.sampled_from([1.0, 0.1])))
    steps = draw(st.integers(1, 3))
    modules = []
    for i in range(steps):
        modules.append(draw(trees(channels, 1 if stride and i else stride, depth - 1)))
        channels = out_channels(modules[-1], channels)
    return nn.Sequential(*modules)


@st.composite
def cases(draw: st.DrawFn, tame: bool | None = None) -> tuple[nn.Module, tuple[int, int, int]]:
    """A module in evaluation mode and the (C, H, W) of an image for it."""
    channels = draw(st.integers(1, 6))
    tame = draw(st.booleans()) if tame is None else tame
    module = draw(trees(channels, draw(st.integers(1, 2)) if tame else None))
    if draw(st.booleans()):
        module = nn.Sequential(module, classifier(out_channels(module, channels), 5, dropout=0.5))
    side = st.integers(1, 16)
    return module.eval(), (channels, draw(side), draw(side))


@contextmanager
def observed(module: nn.Module, hook: Any) -> Iterator[None]:
    """Calls `hook` after every part of `module`, and takes it away again."""
    handles = [inner.register_forward_hook(hook) for inner in module.modules()]
    yield
    for handle in handles:
        handle.remove()


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@settings(max_examples=400)
@given(cases())
def test_shapes_parameters_and_macs_are_torchs(case: tuple[nn.Module, tuple[int, int, int]]) -> None:
    """Where torch computes, `trace` says what comes out and what it costs; where torch cannot, neither can `trace`."""
    module, shape = case
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            output = module(torch.zeros(1, *shape))
    except (RuntimeError, ValueError):
        with pytest.raises(ie.ShapeError):
            trace(module, shape)
        return
    node = trace(module, shape)
    assert node.output.shape == output.shape[1:]
    assert 2 * node.macs == counter.get_total_flops()  # torch counts a multiply and an add as two
    assert node.params == count(module)


@given(cases(tame=True))
def test_every_node_inside_is_what_torch_computes_there(case: tuple[nn.Module, tuple[int, int, int]]) -> None:
    module, shape = case
    outputs: dict[int, tuple[int, ...]] = {}
    with observed(module, lambda m, args, out: outputs.update({id(m): tuple(out.shape[1:])})), torch.no_grad():
        module(torch.zeros(1, *shape))
    node = trace(module, shape)
    for inner in node.walk():
        assert inner.output.shape == outputs[id(inner.module)]
        assert inner.params == count(inner.module)
        if inner.children:
            assert inner.macs == sum(child.macs for child in inner.children)
            assert inner.activations == sum(child.activations for child in inner.children)
    convs = [m for m in module.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert node.activations == sum(prod(outputs[id(m)]) for m in convs)
    assert node.activation_bytes == 4 * node.activations


@given(cases(tame=True))
def test_torchinfo_counts_the_same_but_for_biases_and_norms(case: tuple[nn.Module, tuple[int, int, int]]) -> None:
    """Two conventions, reconciled.

    Our MACs are multiply-adds of convolution and linear *weights*. torchinfo's "mult-adds" multiply all
    parameters of a convolution, its bias too, by the positions, and add every parameter of any other layer
    once: the bias of a linear layer, the scale and shift of a batch norm. So

        torchinfo = ours + (bias x positions of each convolution) + (bias of each linear layer) + (norm parameters)

    and parameters agree as they are.
    """
    torchinfo = pytest.importorskip("torchinfo")
    module, shape = case
    node = trace(module, shape)
    summary = torchinfo.summary(module, input_size=(1, *shape), verbose=0, device="cpu")
    extra = 0
    signals = {id(inner.module): inner.output for inner in node.walk()}
    for inner in module.modules():
        if isinstance(inner, ConvUnit) and inner.conv.bias is not None:
            output = signals[id(inner)]
            extra += inner.conv.bias.numel() * output.height * output.width
        elif isinstance(inner, nn.Linear):
            extra += inner.bias.numel()
        elif isinstance(inner, nn.BatchNorm2d):
            extra += count(inner)
    assert summary.total_mult_adds == node.macs + extra
    assert summary.total_params == node.params
    assert tuple(summary.summary_list[0].output_size[1:]) == node.output.shape


@settings(max_examples=25)
@given(cases(tame=True))
def test_activations_are_what_convolutions_and_linear_layers_put_out(
    case: tuple[nn.Module, tuple[int, int, int]],
) -> None:
    """Counted on real tensors, as they leave each layer."""
    module, shape = case
    seen = []

    def noted(layer: nn.Module, read: Any, out: torch.Tensor) -> None:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            seen.append(out.numel())

    with observed(module, noted):
        module(torch.zeros(1, *shape))
    assert trace(*case).activations == sum(seen)


@st.composite
def seeing(draw: st.DrawFn, stride: int = 1, depth: int = 2) -> nn.Module:
    """Trees of odd, centred windows through which every pixel can be seen: positive weights, means, no maxima."""
    kind = draw(st.sampled_from(["layer", "sequence", "concat", "residual"] if depth else ["layer"]))
    if kind == "sequence":
        strides = [stride, *draw(st.lists(st.integers(1, 2), max_size=2))]
        return nn.Sequential(*(draw(seeing(s, depth - 1)) for s in strides))
    if kind == "concat":  # averaged, so that all trees put out one map
        strides = [stride, *draw(st.lists(st.just(stride), max_size=2))]
        paths = Concat(*(draw(seeing(s, 0)) for s in strides))
        return nn.Sequential(paths, ConvUnit(len(strides), 1, 1, batch_norm=False))
    if kind == "residual":
        return Residual(draw(seeing(stride, 0)), ConvUnit(1, 1, 1, stride, batch_norm=False) if stride > 1 else None)
    kernel = draw(st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 3, 5])))
    if draw(st.booleans()):
        return nn.AvgPool2d(kernel, stride, tuple(k // 2 for k in kernel))
    return ConvUnit(1, 1, kernel, stride, batch_norm=False)


def _extent(seen: torch.Tensor) -> tuple[int, int, int, int]:
    """First row and column that are not zero, and how many there are to the last."""
    rows, columns = seen.any(1).nonzero().flatten(), seen.any(0).nonzero().flatten()
    return int(rows[0]), int(columns[0]), int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1


@settings(max_examples=60)
@given(seeing())
def test_the_receptive_field_is_what_a_gradient_reaches(module: nn.Module) -> None:
    """The pixels on which one value in the middle depends, found by differentiating it."""
    for parameter in module.parameters():
        nn.init.ones_(parameter)
    output = trace(module, (1, 64, 64)).output
    size = 2 * max(output.field) + 4 * max(output.jump) + 1
    node = trace(module, (1, size, size)).output
    assert (node.field, node.jump) == (output.field, output.jump)  # they do not depend on the image
    image = torch.ones(1, 1, size, size, dtype=torch.double, requires_grad=True)
    result = module.double()(image)[0, 0]
    row, column = result.shape[0] // 2, result.shape[1] // 2

    def reach(value: torch.Tensor) -> tuple[int, int, int, int]:
        return _extent(torch.autograd.grad(value, image, retain_graph=True)[0][0, 0] != 0)

    here = reach(result[row, column])
    next_one = reach(result[row + 1, column + 1])
    assert here[2:] == node.field
    assert (next_one[0] - here[0], next_one[1] - here[1]) == node.jump


@st.composite
def leaning(draw: st.DrawFn, stride: int = 1, depth: int = 2) -> nn.Module:
    """Trees of windows of any size that lean to any side: padded unequally, as TensorFlow's "same" is."""
    kind = draw(st.sampled_from(["layer", "sequence", "concat", "residual"] if depth else ["layer"]))
    if kind == "sequence":
        return nn.Sequential(draw(leaning(stride, depth - 1)), draw(leaning(1, depth - 1)))
    if kind == "concat":
        paths = Concat(draw(leaning(stride, depth - 1)), draw(leaning(stride, depth - 1)))
        return nn.Sequential(paths, nn.Conv2d(2, 1, 1, bias=False))
    if kind == "residual" and stride == 1:
        return Residual(draw(leaning(1, depth - 1)))
    kernel, rows, columns = draw(st.integers(1, 4)), draw(st.integers(0, 3)), draw(st.integers(0, 3))
    rows, columns = min(rows, kernel - 1), min(columns, kernel - 1)
    pad = nn.ZeroPad2d((columns, kernel - 1 - columns, rows, kernel - 1 - rows))
    return nn.Sequential(pad, nn.Conv2d(1, 1, kernel, stride, bias=False))


@settings(max_examples=150)
@given(st.integers(1, 2).flatmap(leaning))
def test_windows_that_lie_apart_see_from_one_end_to_the_other(module: nn.Module) -> None:
    for parameter in module.parameters():
        nn.init.ones_(parameter)
    node = trace(module, (1, 64, 64)).output
    image = torch.ones(1, 1, 64, 64, dtype=torch.double, requires_grad=True)
    result = module.double()(image)[0, 0]
    row, column = result.shape[0] // 2, result.shape[1] // 2
    seen = torch.autograd.grad(result[row, column], image)[0][0, 0] != 0
    top, left, height, width = _extent(seen)
    assert (height, width) == node.field
    assert (top, left) == (node.start[0] + row * node.jump[0], node.start[1] + column * node.jump[1])


def test_the_receptive_field_of_googlenet() -> None:
    """conv 7/2, pool 3/2, conv 3, pool 3/2, then 5x5 where a block reaches farthest: worked out by hand."""
    node = trace(ie.build("googlenet"), (3, 224, 224))
    assert (node["conv_1"].output.field, node["conv_1"].output.jump) == ((7, 7), (2, 2))
    assert (node["pool_1"].output.field, node["pool_1"].output.jump) == ((11, 11), (4, 4))
    assert node["conv_3"].output.field == (19, 19)
    assert (node["pool_2"].output.field, node["pool_2"].output.jump) == ((27, 27), (8, 8))
    assert node["inception_3a"].output.field == (27 + 4 * 8, 27 + 4 * 8)
    assert [branch.output.field[0] for branch in node["inception_3a"].children] == [27, 27 + 16, 27 + 32, 27 + 16]


@given(cases(tame=True))
def test_trace_touches_nothing_and_needs_no_values(case: tuple[nn.Module, tuple[int, int, int]]) -> None:
    module, shape = case
    module.train()
    before, modes = copy.deepcopy(module.state_dict()), [m.training for m in module.modules()]
    contents = [set(vars(m)) for m in module.modules()]
    node = trace(module, shape)
    assert [m.training for m in module.modules()] == modes
    assert [set(vars(m)) for m in module.modules()] == contents
    assert not any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in module.modules())
    assert all(p.grad is None for p in module.parameters())
    after = module.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[key], value) for key, value in before.items())
    there = trace(module.to("meta"), shape)
    assert (there.output, there.params, there.macs) == (node.output, node.params, node.macs)


def test_a_module_used_twice_is_counted_once_and_costs_twice() -> None:
    shared = ConvUnit(4, 4, 3)
    for module in (nn.Sequential(shared, shared), Concat(shared, shared), Residual(shared, shared)):
        node = trace(module, (4, 8, 8))
        assert node.params == count(module) == count(shared)
        assert node.macs == 2 * trace(shared, (4, 8, 8)).macs
    block = nn.Sequential(shared, nn.ReLU())
    node = trace(nn.Sequential(block, block, ConvUnit(4, 2, 1)), (4, 8, 8))
    assert node.params == count(shared) + 4 * 2 + 2 * 2


@pytest.mark.parametrize("layer", [
    nn.InstanceNorm2d(4), nn.InstanceNorm2d(4, affine=True), nn.AlphaDropout(), nn.ReLU6(), nn.LeakyReLU(), nn.SELU(),
    nn.GELU(), nn.Mish(), nn.Sigmoid(), nn.Tanh(), nn.Softplus(), nn.Hardsigmoid(), nn.Hardtanh(), nn.Softmax(1),
    nn.LogSoftmax(1), nn.Dropout(), nn.AdaptiveAvgPool2d((None, 2)), nn.AdaptiveMaxPool2d(3),
], ids=repr)  # fmt: skip
def test_torchs_usual_layers_have_rules(layer: nn.Module) -> None:
    node = trace(layer, (4, 5, 6))
    assert node.output.shape == layer(torch.randn(1, 4, 5, 6)).shape[1:]
    assert node.params == count(layer)
    assert node.macs == node.activations == 0


@pytest.mark.parametrize(
    "layer", [nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(), nn.Identity(), nn.Linear(6, 2)], ids=repr
)
def test_vectors_pass_through_the_layers_that_read_them(layer: nn.Module) -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(12, 6), layer)
    node = trace(module, (3, 2, 2))
    assert node.output.shape == module(torch.randn(2, 3, 2, 2)).shape[1:]
    assert node.params == count(module)


FAULTS: list[tuple[Any, tuple[int, ...], str]] = [
    (nn.Sequential(OrderedDict(a=ConvUnit(3, 8, 3), b=ConvUnit(4, 8, 1))), (3, 9, 9),
     r"^Sequential cannot read \(C, H, W\) = \(3, 9, 9\): b: a convolution that reads 4 channels gets 8$"),
    (Concat(ConvUnit(3, 8, 3), branch(3, (4, 1), (8, 3, 1, 0))), (3, 9, 8),
     r"the branches end on different grids \(9x8, 7x6\), and only equal grids can be joined on channels$"),
    (Residual(ConvUnit(3, 8, 3)), (3, 9, 9),
     r"the body ends in \(8, 9, 9\) and the shortcut in \(3, 9, 9\), and only equal shapes can be added$"),
    (Residual(ConvUnit(3, 3, 3, 2)), (3, 9, 9), r"body ends in \(3, 5, 5\) and the shortcut in \(3, 9, 9\)"),
    (nn.Sequential(ConvUnit(3, 8, 3), nn.Linear(8, 2)), (3, 9, 9),
     r"1: a linear layer reads a vector of 8, but gets maps of \(8, 9, 9\): average them .* or flatten"),
    (nn.Sequential(nn.Flatten(), nn.Linear(8, 2)), (3, 2, 2), "1: a linear layer that reads 8 values gets 12$"),
    (nn.Sequential(nn.Flatten(), ConvUnit(12, 2, 1)), (3, 2, 2),
     r"1: a convolution reads maps of \(C, H, W\), but gets a vector of 12$"),
    (nn.Sequential(nn.Flatten(), nn.MaxPool2d(2)), (3, 2, 2), "1: a pool reads maps .* vector of 12$"),
    (nn.Sequential(nn.Flatten(), nn.AdaptiveAvgPool2d(2)), (3, 2, 2), "1: a pool reads maps .* vector of 12$"),
    (nn.BatchNorm2d(4), (3, 9, 9), "a BatchNorm2d over 4 channels gets 3$"),
    (nn.GroupNorm(2, 4), (3, 9, 9), "a GroupNorm over 4 channels gets 3$"),
    (nn.Sequential(ConvUnit(3, 8, 5, 1, 0), nn.MaxPool2d(3, 2)), (3, 6, 9),
     r"1: a window of 3 does not fit into 2 pixels: at least 3 are needed; the smallest square image it can "
     r"read is 7x7$"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "shape", "sentence"), FAULTS)
def test_a_fault_is_named_with_its_place_and_its_numbers(module: nn.Module, shape: Any, sentence: str) -> None:
    with pytest.raises(ie.ShapeError, match=sentence) as caught:
        trace(module, shape)
    assert "\n" not in str(caught.value)
    with pytest.raises((RuntimeError, ValueError)):  # and torch could not have computed it either
        module.eval()(torch.zeros(1, *shape))


@pytest.mark.parametrize("shape", [np.array([3, 4, 5]), (np.int64(3), 4, 5), torch.Size([3, 4, 5]), [3, 4, 5]])
def test_a_shape_may_be_any_whole_numbers(shape: Any) -> None:
    node = trace(nn.Conv2d(3, 2, 1), shape)
    assert node.output.shape == (2, 4, 5)
    assert all(type(n) is int for n in (*node.input.shape, *node.output.shape))


@pytest.mark.parametrize("shape", [(3, 0, 4), (3, -1, 4), (3, 4.0, 4), (), 3, ("3", 4, 4)])
def test_a_shape_that_is_none_is_refused(shape: Any) -> None:
    with pytest.raises(ie.ShapeError, match=r"a shape is \(channels, height, width\), whole numbers above 0; got"):
        trace(nn.ReLU(), shape)


def test_the_smallest_image_is_named_for_whole_networks_and_for_the_place() -> None:
    with torch.device("meta"):
        net = ie.build("inception_v4")
    with pytest.raises(ie.ShapeError) as caught:
        trace(net, (3, 64, 64))
    assert str(caught.value) == (
        "inception_v4 cannot read (C, H, W) = (3, 64, 64): reduction_b.0.1: a window of 3 does not fit into 2 pixels: "
        "at least 3 are needed; the smallest square image it can read is 75x75"
    )
    with pytest.raises(ie.ShapeError) as caught:
        trace(net, (1, 299, 299))
    assert str(caught.value) == (
        "inception_v4 cannot read (C, H, W) = (1, 299, 299): conv_1a: a convolution that reads 3 channels gets 1"
    )


@pytest.mark.parametrize("brick", [
    Concat(nn.Identity(), nn.ConvTranspose2d(3, 3, 1)), Concat(nn.ConvTranspose2d(3, 3, 1), nn.Identity()),
    Residual(nn.ConvTranspose2d(3, 3, 1)),
], ids=repr)  # fmt: skip
def test_what_joins_an_unknown_field_has_none(brick: nn.Module) -> None:
    node = trace(brick, (3, 4, 5))
    assert node.known
    assert node.output.sides == (4, 5)
    assert node.output.field is node.output.jump is None


@pytest.mark.parametrize("kernel", [4, 5, 6, 7, 8, 9, 1023, 1024])
def test_the_smallest_image_is_the_smallest(kernel: int) -> None:
    with pytest.raises(ie.ShapeError, match=f"the smallest square image it can read is {kernel}x{kernel}$"):
        trace(nn.Conv2d(1, 1, kernel, device="meta"), (1, 3, 3))


def test_no_image_above_1024_is_named() -> None:
    with pytest.raises(ie.ShapeError, match=r"at least 1025 are needed$"):
        trace(nn.Conv2d(1, 1, 1025, device="meta"), (1, 3, 3))


@pytest.mark.parametrize(("layer", "shape", "field"), [
    (nn.Linear(4, 2), (4,), (1, 1)),
    (nn.Conv1d(3, 4, 3), (3, 8), (3,)),
    (nn.Conv2d(3, 4, (3, 5)), (3, 8, 8), (3, 5)),
    (nn.Conv3d(3, 4, (1, 3, 5)), (3, 8, 8, 8), (1, 3, 5)),
], ids=repr)  # fmt: skip
def test_a_field_has_one_number_a_side(layer: nn.Module, shape: tuple[int, ...], field: tuple[int, ...]) -> None:
    node = trace(layer, shape)
    assert (node.output.field, node.output.jump) == (field, (1,) * len(field))
    assert node.known


def test_vectors_joined_see_what_each_of_them_sees() -> None:
    far = nn.Sequential(nn.Conv2d(3, 3, 5, padding=2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    near = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    for brick, channels in [(Concat(near, far), 6), (Residual(far, near), 3), (Product(near, far), 3)]:
        output = trace(brick, (3, 4, 5)).output
        assert (output.shape, output.field) == ((channels,), (8, 9))


def test_own_parameters_are_those_of_no_child() -> None:
    assert trace(ConvUnit(3, 4, 1), (3, 4, 5)).own_params == 0  # a box has no parts
    row = nn.Sequential(ConvUnit(3, 4, 1))
    row.register_parameter("scale", nn.Parameter(torch.ones(7)))
    assert trace(row, (3, 4, 5)).own_params == 7


def test_options_are_given_by_name() -> None:
    for call in (lambda: trace(nn.ReLU(), (3, 4, 5), False), lambda: shorthand.lay((8, 3), 3, 0.5)):  # type: ignore[misc]
        with pytest.raises(TypeError, match="positional arguments"):
            call()


def test_nodes_are_found_by_their_path() -> None:
    node = trace(ie.build("googlenet"), (3, 224, 224))
    assert node["inception_3a.1.1"].output.shape == (128, 28, 28)
    assert node["inception_3a"].module is node["inception_3a.1"].module or node["inception_3a.1"].name == "1"
    with pytest.raises(KeyError, match="inception_3a has no part '7'; it has 0, 1, 2, 3"):
        node["inception_3a.7"]
    with pytest.raises(KeyError, match="the network has no part 'stem'; it has conv_1, pool_1"):
        node["stem"]
    with pytest.raises(KeyError, match="conv_1 has no part 'conv'; it has nothing"):
        node["conv_1.conv"]
    assert [child.name for child in node.walk()][:3] == ["", "conv_1", "pool_1"]
    assert node.input.shape == (3, 224, 224)
    assert node["inception_3b"].input == node["inception_3a"].output


def test_a_separable_convolution_costs_what_its_paper_says() -> None:
    """1/N + 1/k² of the ordinary convolution (MobileNet paper, §3.1; N output channels)."""
    plain = trace(ConvUnit(64, 128, 3), (64, 14, 14)).macs
    cheap = trace(separable(64, 128, 3), (64, 14, 14)).macs
    assert cheap * 9 * 128 == plain * (9 + 128)


def test_pictures_need_not_be_square() -> None:
    node = trace(ie.build("inception_v3", small=True, width=0.25, num_classes=4), (3, 40, 64))
    assert node["mixed_5b"].output.shape[1:] == (20, 32)
    assert node.output.shape == (4,)
