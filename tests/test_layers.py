"""The records of `layers`: each against one run of torch, with any options, on any shape."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize
from torch.utils.flop_counter import FlopCounterMode

import inception_edu as ie
from inception_edu.layers import KINDS, kind_of
from inception_edu.tracing import trace

Shape = tuple[int, ...]


def cost(module: nn.Module, shape: Shape) -> tuple[Shape, int]:
    """The shape and the multiply-adds of what torch computes for a batch of one; what torch raises."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:  # with values: without, torch lets more pass
        output = module.eval()(torch.zeros(1, *shape))
    if not isinstance(output, Tensor) or output.shape[:1] != (1,):
        raise ValueError("several outputs, or another batch")
    return tuple(output.shape[1:]), counter.get_total_flops() // 2


def sides_of(cls: type) -> int:
    return next((int(c.__name__[-2]) for c in cls.__mro__ if c.__name__[-2:] in ("1d", "2d", "3d")), 0)


@st.composite
def options(draw: st.DrawFn, cls: type[nn.Module], shape: Shape) -> dict[str, Any]:
    """Options for a layer that reads `shape`, or nearly."""
    count, channels = sides_of(cls), shape[0]

    def each(low: int, high: int) -> Any:
        return draw(st.one_of(st.integers(low, high), st.tuples(*[st.integers(low, high)] * max(count, 1))))

    def maybe(value: Any, other: Any) -> Any:
        return draw(st.sampled_from([value, other]))

    fits = draw(st.sampled_from([channels, channels, channels, channels + 1]))
    if issubclass(cls, nn.modules.conv._ConvNd):
        groups = draw(st.sampled_from([n for n in (1, 2, 3, 4) if fits % n == 0]))
        found = {"in_channels": fits, "out_channels": groups * draw(st.integers(1, 3)), "kernel_size": each(1, 4)}
        found |= {"stride": each(1, 3), "dilation": each(1, 2), "groups": groups, "bias": draw(st.booleans())}
        if cls.__name__.startswith("ConvTranspose"):
            return found | {"padding": each(0, 2), "output_padding": each(0, 2)}
        found |= {"padding": maybe(each(0, 3), draw(st.sampled_from(["same", "valid"])))}
        if found["padding"] == "same":
            found["stride"] = 1
        return found | {"padding_mode": draw(st.sampled_from(["zeros", "zeros", "reflect", "circular", "replicate"]))}
    if cls is nn.Linear:
        return {"in_features": maybe(shape[-1], shape[-1] + 1), "out_features": 3, "bias": draw(st.booleans())}
    if "Adaptive" in cls.__name__:
        wanted = st.one_of(st.integers(1, 5), st.none())
        found = {"output_size": draw(st.one_of(st.integers(1, 5), st.tuples(*[wanted] * count)))}
        return found | ({"return_indices": maybe(False, True)} if "Max" in cls.__name__ else {})
    if "Pool" in cls.__name__:
        found = {"kernel_size": each(1, 4), "stride": maybe(None, each(1, 3)), "padding": each(0, 2)}
        found |= {"ceil_mode": draw(st.booleans())}
        if "Max" in cls.__name__:
            return found | {"dilation": each(1, 2), "return_indices": draw(st.sampled_from([False, False, True]))}
        return found | {"count_include_pad": draw(st.booleans())}
    if "Pad" in cls.__name__:
        pads = draw(st.one_of(st.integers(-2, 3), st.tuples(*[st.integers(-2, 3)] * (2 * count))))
        return {"padding": pads} | ({"value": 0.5} if "Constant" in cls.__name__ else {})
    if cls is nn.SyncBatchNorm or "BatchNorm" in cls.__name__ or "InstanceNorm" in cls.__name__:
        return {"num_features": fits, "affine": draw(st.booleans()), "track_running_stats": draw(st.booleans())}
    if cls is nn.GroupNorm:
        groups = draw(st.sampled_from([n for n in (1, 2, 3) if fits % n == 0]))
        return {"num_groups": groups, "num_channels": fits, "affine": draw(st.booleans())}
    if cls in (nn.LayerNorm, nn.RMSNorm):
        return {"normalized_shape": list(shape[-draw(st.integers(1, len(shape))) :])}
    if cls is nn.Flatten:
        return {"start_dim": draw(st.integers(-3, 3)), "end_dim": draw(st.integers(-3, 3))}
    if cls in (nn.Softmax, nn.LogSoftmax, nn.Softmin):
        return {"dim": draw(st.integers(-3, 3))}
    if cls is nn.PReLU:
        return {"num_parameters": maybe(1, fits)}
    if cls is nn.LocalResponseNorm:
        return {"size": draw(st.integers(1, 4))}
    if cls is nn.PixelShuffle:
        return {"upscale_factor": draw(st.integers(1, 2))}
    return {"threshold": 0.1, "value": 0.0} if cls is nn.Threshold else {}


@st.composite
def layers(draw: st.DrawFn) -> tuple[nn.Module, Shape]:
    cls = draw(st.sampled_from([cls for cls in KINDS if cls.__module__.startswith("torch.")]))
    count = draw(st.sampled_from([sides_of(cls) or 2, sides_of(cls) or 2, 0, 1, 2, 3]))
    shape = (draw(st.integers(1, 6)), *(draw(st.integers(1, 7)) for _ in range(count)))
    return cls(**draw(options(cls, shape))), shape


@pytest.mark.filterwarnings("ignore")  # torch warns of odd paddings, and of dropout on unusual shapes
@settings(max_examples=1500)
@given(layers())
def test_a_record_says_what_torch_computes_or_both_refuse(case: tuple[nn.Module, Shape]) -> None:
    """Only refusing more is allowed, where torch takes images for channels or channels for sides."""
    module, shape = case
    try:
        found: Any = cost(module, shape)
    except (RuntimeError, ValueError, IndexError, TypeError):
        found = None
    node, refusal = None, ""
    try:
        node = trace(module, shape)
    except (ie.ShapeError, TypeError) as error:
        refusal = str(error)
    if node is None:
        mixed = isinstance(module, nn.Flatten) and "mixes the images" in refusal
        no_batch = len(shape) != sides_of(type(module)) + 1 and "reads maps of" in refusal
        empty = found is not None and 0 in found[0]
        assert found is None or mixed or no_batch or empty, refusal
    else:
        assert found == (node.output.shape, node.macs + node.products)
        assert node.params == sum(p.numel() for p in module.parameters())


# ---- what readers do to layers after they are made ------------------------------------------------------------


def changed(layer: nn.Module, **settings: Any) -> nn.Module:
    for name, value in settings.items():
        setattr(layer, name, nn.Parameter(value) if isinstance(value, Tensor) and name in layer._parameters else value)
    return layer


def norm_of(channels: int) -> nn.Module:
    ones = torch.ones(channels)
    return changed(nn.BatchNorm2d(8), weight=ones, bias=ones, running_mean=ones, running_var=ones)


@pytest.mark.parametrize(("layer", "shape", "output", "macs"), [
    (changed(nn.Conv2d(3, 8, 3), padding=1), (3, 9, 9), (8, 9, 9), 17_496),
    (changed(nn.Conv2d(3, 8, 3), stride=2), (3, 9, 9), (8, 4, 4), 3_456),
    (changed(nn.Conv2d(3, 8, 3), weight=torch.zeros(8, 1, 3, 3)), (1, 9, 9), (8, 7, 7), 3_528),  # for grey images
    (changed(nn.Conv2d(3, 8, 3), weight=torch.zeros(4, 3, 3, 3), bias=torch.zeros(4)), (3, 9, 9), (4, 7, 7), 5_292),
    (changed(nn.Conv2d(4, 8, 3), kernel_size=(5, 5)), (4, 9, 9), (8, 7, 7), 14_112),  # torch goes by the weights
    (changed(nn.Linear(8, 10), weight=torch.zeros(4, 8), bias=torch.zeros(4)), (8,), (4,), 32),
    (norm_of(4), (4, 5, 5), (4, 5, 5), 0),
    (nn.Conv1d(5, 3, 3), (5, 5), (3, 3), 135),
    (nn.Conv3d(2, 3, 3, padding=1), (2, 6, 6, 6), (3, 6, 6, 6), 34_992),
    (nn.ConvTranspose3d(2, 3, 2), (2, 3, 3, 3), (3, 4, 4, 4), 1_296),
    (nn.Conv2d(1, 1, 3, padding="same", dilation=8), (1, 5, 5), (1, 5, 5), 225),
])  # fmt: skip
def test_a_layer_that_was_changed_is_read_as_it_is_now(
    layer: nn.Module, shape: Shape, output: Shape, macs: int
) -> None:
    assert cost(layer, shape) == (output, macs)
    node = trace(layer, shape)
    assert (node.output.shape, node.macs) == (output, macs)


@pytest.mark.parametrize(("layer", "shape"), [
    (changed(nn.Conv2d(3, 8, 3), weight=torch.zeros(8, 1, 3, 3)), (3, 9, 9)),
    (norm_of(4), (8, 5, 5)),
    (changed(nn.Conv2d(4, 8, 3), groups=2), (4, 9, 9)),
    (changed(nn.Conv2d(4, 8, 3, padding="same"), stride=(2, 2)), (4, 9, 9)),
    (changed(nn.Conv2d(3, 3, 3), padding=(-1, -1)), (3, 9, 9)),
    (nn.MaxPool2d(3, stride=0), (3, 9, 9)),
    (nn.AvgPool2d(2, divisor_override=0), (3, 4, 4)),
    (nn.BatchNorm2d(3, track_running_stats=False), (3, 1, 1)),  # no variance of one value
    (nn.BatchNorm1d(3, track_running_stats=False), (3,)),
    (nn.InstanceNorm2d(3), (3, 1, 1)),
    (nn.GroupNorm(3, 3), (3, 1, 1)),
    (nn.Dropout1d(), (3, 5, 5)),
    (nn.ZeroPad1d((5, -4)), (3, 3)),  # more is cut off than there is, whatever is added at the other end
    (nn.ZeroPad1d((-4, 5)), (3, 3)),
])  # fmt: skip
def test_what_torch_refuses_is_refused(layer: nn.Module, shape: Shape) -> None:
    with pytest.raises((RuntimeError, ValueError)):
        cost(layer, shape)
    with pytest.raises((ie.ShapeError, TypeError)):
        trace(layer, shape)


@pytest.mark.parametrize(("layer", "sentence"), [
    (nn.Flatten(0), "a flatten from axis 0 on mixes the images of a batch: start it at 1$"),
    (nn.Softmax(4), r"there is no axis 4 in a batch of \(3, 4, 5\)$"),
    (nn.ZeroPad2d((0, 0, -2, -2)), r"a padding of \(0, 0, -2, -2\) leaves nothing of 4x5 pixels; the smallest .* 5x5$"),
    (nn.MaxPool2d(3, 0), "a window of 3x3 with stride 0x0 and dilation 1x1 in a padding of 0x0 is not possible: "),
    (nn.Softmax(-5), r"there is no axis -5 in a batch of \(3, 4, 5\)$"),
])  # fmt: skip
def test_a_refusal_says_why(layer: nn.Module, sentence: str) -> None:
    with pytest.raises(ie.ShapeError, match=sentence):
        trace(layer, (3, 4, 5))


@pytest.mark.parametrize(("layer", "shape"), [
    (nn.Conv2d(3, 4, 3, padding="same"), (3, 5, 5)),
    (nn.Conv2d(3, 4, 3, padding=2, padding_mode="reflect"), (3, 3, 3)),
    (nn.Conv2d(3, 4, 3, padding=3, padding_mode="circular"), (3, 3, 3)),
    (nn.Conv2d(3, 4, 3, padding=4, padding_mode="replicate"), (3, 3, 3)),
    (nn.ConvTranspose2d(3, 4, 2), (3, 4, 5)),
    (nn.Linear(5, 4), (3, 5)),
    (nn.MaxPool2d(4, padding=2), (3, 4, 4)),
    (nn.AvgPool3d(2), (3, 4, 4, 4)),
    (nn.AvgPool1d(2), (3, 4)),
    (nn.AdaptiveMaxPool2d((None, 1)), (3, 4, 5)),
    (nn.AdaptiveAvgPool1d(1), (3, 5)),
    (nn.ZeroPad2d(-1), (3, 4, 4)),
    (nn.BatchNorm1d(3), (3,)),
    (nn.BatchNorm2d(3, track_running_stats=False), (3, 1, 2)),
    (nn.InstanceNorm2d(3), (3, 1, 2)),
    (nn.GroupNorm(2, 4), (4, 1, 1)),
    (nn.LayerNorm([4, 5]), (3, 4, 5)),
    (nn.LocalResponseNorm(2), (3, 5)),
    (nn.Flatten(2), (3, 4, 5)),
    (nn.Flatten(1, 2), (3, 4, 5)),
    (nn.Flatten(-1), (3, 4, 5)),
    (nn.PixelShuffle(2), (4, 3, 3)),
    (nn.PReLU(3), (3, 4, 5)),
    (nn.Softmax(1), (3, 4, 5)),
    (nn.Dropout1d(), (3,)),
    (nn.Dropout1d(), (3, 5)),
], ids=repr)  # fmt: skip
def test_a_record_needs_no_run(layer: nn.Module, shape: Shape) -> None:
    """Not even at the limits of what it says: what is run loses its receptive field."""
    assert trace(layer, shape).known


class LowRank(nn.Module):
    """Adds a product of two small matrices to the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.ones(8, 2)), nn.Parameter(torch.ones(2, 8))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.a @ self.b


class LowRankNorm(LowRank):
    """Is called like one of torch's norms, and is none."""


def low_rank(cls: type[nn.Module] = LowRank) -> nn.Module:
    linear = nn.Linear(8, 8)
    parametrize.register_parametrization(linear, "weight", cls())
    return linear


@pytest.mark.parametrize(("make", "macs"), [
    (lambda: parametrizations.weight_norm(nn.Linear(8, 8)), 64),
    (lambda: parametrizations.spectral_norm(nn.Linear(8, 8)), 64),
    (lambda: parametrizations.orthogonal(nn.Linear(8, 8)), 64 + 512),
    (low_rank, 64 + 8 * 2 * 8),
    (lambda: low_rank(LowRankNorm), 64 + 8 * 2 * 8),
], ids=["weight norm", "spectral norm", "orthogonal", "low rank", "low rank by another name"])  # fmt: skip
def test_products_of_weights_alone_are_counted_where_torch_computes_them(
    make: Callable[[], nn.Module], macs: int
) -> None:
    layer = make()
    node = trace(layer, (8,))
    assert ((8,), node.macs) == cost(layer, (8,)) == ((8,), macs)
    assert node.params == sum(p.numel() for p in layer.parameters())


@pytest.mark.parametrize(("layer", "shape", "field"), [
    (nn.AdaptiveAvgPool2d(3), (1, 5, 7), (3, 3)),  # 5 -> 3: windows 0-1, 1-3, 3-4; 7 -> 3: 0-2, 2-4, 4-6
    (nn.AdaptiveAvgPool2d(5), (1, 7, 12), (3, 4)),
    (nn.AdaptiveMaxPool2d((4, 3)), (1, 6, 10), (2, 4)),
    (nn.AdaptiveAvgPool2d(4), (1, 3, 8), (2, 2)),  # more windows than pixels
])  # fmt: skip
def test_the_widest_window_of_an_adaptive_pool_that_does_not_divide(
    layer: nn.Module, shape: Shape, field: Shape
) -> None:
    """Each output differentiated by itself: as many pixels as the widest window has."""
    image = torch.rand(1, *shape).requires_grad_()
    node = trace(layer, shape)
    average = nn.AdaptiveAvgPool2d(layer.output_size)(image)[0, 0]  # a maximum has the same windows
    widest = [0, 0]
    for value in average.flatten():
        seen = torch.autograd.grad(value, image, retain_graph=True)[0][0, 0] != 0
        widest = [max(widest[0], int(seen.any(1).sum())), max(widest[1], int(seen.any(0).sum()))]
    assert node.output.field == tuple(widest) == field
    assert node.output.jump is None  # its windows are unevenly apart, so
    assert trace(nn.Sequential(layer, nn.Conv2d(1, 1, 2)), shape).output.field is None


def test_the_jump_of_an_adaptive_pool_is_whole_or_not_known() -> None:
    jump = trace(nn.AdaptiveAvgPool2d((2, 4)), (1, 6, 8)).output.jump
    assert jump == (3, 2)
    assert [type(n) for n in jump] == [int, int]
    assert trace(nn.AdaptiveAvgPool2d((2, 4)), (1, 6, 7)).output.jump is None


def test_a_flattened_map_sees_what_all_its_values_see() -> None:
    row = nn.Sequential(nn.Conv2d(1, 2, 3, (2, 4), padding=1), nn.Flatten())
    assert trace(row, (1, 8, 8)).output.field == (3 + 3 * 2, 3 + 1 * 4)  # 4 rows and 2 columns of values


def test_a_record_belongs_to_a_forward() -> None:
    class Renamed(nn.Conv2d):
        pass

    class Doubled(nn.Conv2d):
        def _conv_forward(self, *args: Any) -> Tensor:
            return 2 * super()._conv_forward(*args)

    patched = nn.Conv2d(3, 3, 1)
    patched.forward = lambda x: x  # type: ignore[method-assign]
    assert kind_of(Renamed(3, 3, 1)) is KINDS[nn.Conv2d]
    assert kind_of(Doubled(3, 3, 1)) is None
    assert kind_of(patched) is None


@pytest.mark.parametrize("dim", [2, 3, -1, -2])
def test_a_softmax_along_a_side_sees_all_of_it(dim: int) -> None:
    class Written(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.softmax(dim)

    assert trace(nn.Softmax(dim), (3, 4, 5)).output.field is None
    assert trace(Written(), (3, 4, 5)).output.field is None
    assert trace(nn.Softmax(1), (3, 4, 5)).output.field == (1, 1)


@pytest.mark.parametrize(("layer", "box", "label"), [
    (nn.Conv2d(3, 8, 3), "conv", "3x3 conv V"),
    (nn.Conv2d(3, 8, 3, padding="valid"), "conv", "3x3 conv V"),
    (nn.Conv2d(3, 8, 3, padding="same"), "conv", "3x3 conv"),
    (nn.Conv2d(3, 8, 3, 2, padding=(0, 1)), "conv", "3x3 conv /2"),
    (nn.Conv2d(3, 8, (1, 3), (2, 1), padding=1), "conv", "1x3 conv /2x1"),
    (nn.Conv2d(3, 8, 1), "conv", "1x1 conv"),
    (nn.Conv2d(4, 8, 3, padding=1, groups=2), "conv", "3x3 conv in 2 groups"),
    (nn.Conv2d(4, 4, 3, padding=1, groups=4), "depthwise", "3x3 depthwise"),
    (nn.Conv2d(4, 8, 3, padding=1, groups=4), "depthwise", "3x3 depthwise (x2)"),
    (nn.Conv2d(1, 8, 3, padding=1), "conv", "3x3 conv"),  # one group of one channel is no group at all
    (nn.Conv1d(3, 8, 3), "conv", "3 conv V"),
    (nn.ConvTranspose2d(3, 8, 2, 2), "conv", "2x2 transposed conv /2"),
    (nn.MaxPool2d(2), "pool", "2x2 max pool /2 V"),
    (nn.MaxPool2d(3, 2, padding=1), "pool", "3x3 max pool /2"),
    (nn.AvgPool2d(3, 2, ceil_mode=True), "pool", "3x3 avg pool /2"),
    (nn.AdaptiveAvgPool2d(1), "pool", "global avg pool"),
    (nn.AdaptiveMaxPool2d((1, 2)), "pool", "max pool to 1x2"),
    (nn.Flatten(), "reshape", "flatten"),
    (nn.Flatten(2), "reshape", "flatten axes 2 to -1"),
    (nn.ZeroPad2d((0, 1, 2, 3)), "reshape", "pad 0, 1, 2, 3"),
    (nn.GroupNorm(2, 4), "norm", "group norm in 2 groups"),
    (nn.LayerNorm(4), "norm", "layer norm"),
    (nn.RMSNorm(4), "norm", "RMS norm"),
    (nn.Dropout(0.25), "dropout", "dropout 0.25"),
])  # fmt: skip
def test_the_box_of_a_layer_and_the_words_in_it(layer: nn.Module, box: str, label: str) -> None:
    kind = kind_of(layer)
    assert kind is not None
    assert (kind.box(layer), kind.label(layer)) == (box, label)


@pytest.mark.parametrize(("layer", "padding"), [
    (nn.Conv2d(3, 8, (3, 5), padding="valid"), [0, 0]),
    (nn.Conv2d(3, 8, (3, 5), padding="same"), [1, 2]),
    (nn.Conv2d(3, 8, (3, 5), padding="same", dilation=2), [2, 4]),
    (nn.Conv2d(3, 8, (3, 2), padding="same"), "same"),  # one pixel more on one side than on the other
    (nn.Conv2d(3, 8, (3, 5), padding=(1, 0)), [1, 0]),
    (nn.Conv3d(3, 8, 3, padding=2), [2, 2, 2]),
])  # fmt: skip
def test_the_padding_of_a_convolution_in_numbers(layer: nn.Module, padding: Any) -> None:
    kind = kind_of(layer)
    assert kind is not None
    assert kind.part(layer)["padding"] == padding


@pytest.mark.parametrize(("layer", "part"), [
    (nn.MaxPool2d(3, 2, ceil_mode=True),
     {"is": "max pool", "kernel": [3, 3], "stride": [2, 2], "padding": [0, 0], "ceil_mode": True}),
    (nn.AvgPool1d(3, 1, 1),
     {"is": "avg pool", "kernel": [3], "stride": [1], "padding": [1], "ceil_mode": False, "border counted": True}),
    (nn.AvgPool1d(2, padding=1, count_include_pad=False),
     {"is": "avg pool", "kernel": [2], "stride": [2], "padding": [1], "ceil_mode": False, "border counted": False}),
    (nn.AvgPool1d(2, count_include_pad=False),  # without a border there is none to leave out
     {"is": "avg pool", "kernel": [2], "stride": [2], "padding": [0], "ceil_mode": False, "border counted": True}),
    (nn.AdaptiveAvgPool2d((None, 2)), {"is": "adaptive avg pool", "grid": [None, 2]}),
    (nn.Linear(4, 2, bias=False), {"is": "linear", "channels": 2, "bias": False}),
    (nn.BatchNorm2d(4), {"is": "batch norm", "settings": "batch norm with epsilon 1e-05"}),
    (nn.BatchNorm2d(4, 0.001, 0.2, affine=False, track_running_stats=False), {
        "is": "batch norm", "settings": "batch norm with epsilon 0.001 and momentum 0.2 without scale and shift "
        "without running statistics",
    }),
    (nn.Dropout(0.25), {"is": "dropout", "dropped": 0.25}),
    (nn.ReLU(), {"is": "ReLU", "settings": ""}),
])  # fmt: skip
def test_the_settings_of_a_layer_as_plain_data(layer: nn.Module, part: dict[str, Any]) -> None:
    kind = kind_of(layer)
    assert kind is not None
    assert kind.part(layer) == part


def test_a_side_that_a_pool_leaves_as_it_is_is_called_all() -> None:
    pool = nn.AdaptiveAvgPool2d((None, 3))
    assert KINDS[nn.AdaptiveAvgPool2d].label(pool) == "avg pool to allx3"
