"""Other people's modules: a `forward` is read as the bricks that it amounts to, or counted as a whole, or refused."""

import copy
import types
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

import inception_edu as ie
from inception_edu.bricks import Concat, ConvUnit, Function, Product, Residual
from inception_edu.network import as_bricks
from inception_edu.tracing import Node, ShapeError, trace
from tests.support.versions import refused_by_old_torch

Shape = tuple[int, ...]


class Written(nn.Module):
    """A module whose forward is `what`, called with the module and the image."""

    def __init__(self, what: Callable[[Any, Tensor], Any], **parts: Any) -> None:
        super().__init__()
        self.what = what
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Any:
        return self.what(self, x)


def conv(*arguments: Any, **options: Any) -> nn.Conv2d:
    return nn.Conv2d(*arguments, **options)


def torchs(module: nn.Module, shape: Shape) -> tuple[Shape, int, int]:
    """Output, multiply-adds and parameters, from a run, with values where there are weights."""
    like = next(module.parameters(), torch.empty(0, device="meta"))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        output = module.eval()(like.new_zeros(1, *shape))
    return tuple(output.shape[1:]), counter.get_total_flops() // 2, sum(p.numel() for p in module.parameters())


def exact(module: nn.Module, shape: Shape) -> Node:
    """The trace of a module, after it was compared with torch, and the rows of its tables with their totals."""
    node = trace(module, shape)
    assert (node.output.shape, node.macs + node.products, node.params) == torchs(module, shape)
    for depth in (1, 2, 9):
        table = ie.summary(node, depth=depth)
        for column in ("params", "macs", "products"):
            assert sum(getattr(row, column) for row in table.rows) == getattr(table.total, column), (depth, column)
    return node


# ---- one kind of forward each, with the receptive field that it has ------------------------------------------


class Same(nn.Conv2d):
    """Pads by itself, as TensorFlow's "same" does."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, (1, 1, 1, 1)))


class Twice(nn.Sequential):
    """Runs itself two times."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(super().forward(x))


class Defaults(nn.Module):
    """More arguments than one, all but the first with a value."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = conv(3, 3, 3, padding=1)

    def forward(self, x: Tensor, y: Tensor | None = None, scale: float = 0.5) -> Tensor:
        return self.conv(x) * scale + (x if y is None else y)


class Dense(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = conv(3, 4, 3, padding=1), conv(7, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([x, self.a(x)], 1)
        return torch.cat([x, self.b(x)], 1)


def looped(self: Any, x: Tensor) -> Tensor:
    for layer in self.layers:
        x = layer(x)
    return x


def head(self: Any, x: Tensor) -> Tensor:
    return self.linear(torch.flatten(F.relu(self.conv(x)).mean((2, 3), keepdim=True), 1))


def prefixed(self: Any, x: Tensor) -> Tensor:
    shared = F.relu(self.one(x))
    return torch.cat([self.two(shared), self.three(shared), x], 1)


def accumulated(self: Any, x: Tensor) -> Tensor:
    y = self.a(x)
    y += x
    return F.relu_(y)


def summed(self: Any, x: Tensor) -> Tensor:
    return sum([self.a(x), self.b(x)])  # type: ignore[return-value]


def k3(channels: int = 3) -> nn.Conv2d:
    return conv(3, channels, 3, padding=1)


def k5() -> nn.Conv2d:
    return conv(3, 3, 5, padding=2)


READ: dict[str, tuple[Callable[[], nn.Module], Shape, Shape]] = {
    "same padding": (lambda: Same(8, 8, 3), (8, 9, 9), (3, 3)),
    "in a unit": (lambda: unit_of(Same(3, 4, 3)), (3, 9, 9), (3, 3)),
    "a sequence twice": (lambda: Twice(conv(4, 4, 3, padding=1)), (4, 9, 9), (5, 5)),
    "default arguments": (Defaults, (3, 9, 9), (3, 3)),
    "keyword arguments": (lambda: Written(lambda s, x: s.t(x, scale=0.3), t=Defaults()), (3, 9, 9), None),
    "dense": (Dense, (3, 9, 9), (5, 5)),
    "a loop": (lambda: Written(looped, layers=nn.ModuleList([k3(), nn.ReLU(), k5()])), (3, 9, 9), (7, 7)),
    "a head": (lambda: Written(head, conv=k3(), linear=nn.Linear(3, 2)), (3, 9, 9), (11, 11)),
    "a shared prefix": (lambda: Written(prefixed, one=k3(), two=k3(), three=k5()), (3, 9, 9), (7, 7)),
    "a scaled body": (lambda: Written(lambda s, x: x + 0.1 * s.a(x), a=k3()), (3, 9, 9), (3, 3)),
    "a difference": (lambda: Written(lambda s, x: s.a(x) - x, a=k3()), (3, 9, 9), (3, 3)),
    "minus from one": (lambda: Written(lambda s, x: 1 - s.a(x), a=k3()), (3, 9, 9), (3, 3)),
    "both scaled": (lambda: Written(lambda s, x: 0.3 * s.a(x) + s.b(x) / 2, a=k3(), b=k5()), (3, 9, 9), (5, 5)),
    "three summed": (lambda: Written(lambda s, x: x + s.a(x) + s.b(x), a=k3(), b=k5()), (3, 9, 9), (5, 5)),
    "sum()": (lambda: Written(summed, a=k3(), b=k5()), (3, 9, 9), (5, 5)),
    "added in place": (lambda: Written(accumulated, a=k3()), (3, 9, 9), (3, 3)),
    "a gate": (
        lambda: Written(lambda s, x: x * torch.sigmoid(s.q(x.mean((2, 3), keepdim=True))), q=conv(3, 3, 1)),
        *((3, 8, 8), (8, 8)),
    ),
    "a scale for each channel": (
        lambda: Written(lambda s, x: x + s.scale * s.a(x), a=k3(), scale=nn.Parameter(torch.ones(3, 1, 1))),
        *((3, 9, 9), (3, 3)),
    ),
    "functions": (
        lambda: Written(lambda s, x: F.max_pool2d(F.leaky_relu(F.conv2d(x, s.w, padding=1), 0.2), 2), w=nn.Parameter(
            torch.zeros(4, 3, 3, 3))),
        *((3, 8, 8), (4, 4)),
    ),
    "used again": (lambda: Written(lambda s, x: s.a(s.a(x)), a=k3()), (3, 9, 9), (5, 5)),
    "nothing": (lambda: Written(lambda s, x: x), (3, 9, 9), (1, 1)),
    "softmax over channels": (lambda: Written(lambda s, x: x.softmax(1)), (3, 4, 5), (1, 1)),
    "compiled": (lambda: torch.compile(Defaults(), backend="eager"), (3, 9, 9), (3, 3)),
    "compiled inside": (
        lambda: Written(lambda s, x: s.t(x) + x, t=torch.compile(Defaults(), backend="eager")), (3, 9, 9), (3, 3)
    ),
    "checkpointed": (
        lambda: Written(lambda s, x: checkpoint(s.a, x, use_reentrant=False) + x, a=k3()), (3, 9, 9), (3, 3)
    ),
    "its own forward as a method": (lambda: with_method(k3()), (3, 9, 9), (3, 3)),
}  # fmt: skip


def unit_of(layer: nn.Module) -> ConvUnit:
    unit = ConvUnit(3, 4, 3)
    unit.conv = layer  # type: ignore[assignment]
    return unit


def with_method(layer: nn.Conv2d) -> nn.Conv2d:
    layer.forward = types.MethodType(lambda self, x: nn.Conv2d.forward(self, x).relu(), layer)  # type: ignore[method-assign]
    return layer


@pytest.mark.filterwarnings("ignore:Using `torch.compile")  # torch's counter puts hooks on every module
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=refused_by_old_torch if n == "checkpointed" else ()) for n in READ]
)
def test_a_forward_is_read_with_its_cost_and_its_receptive_field(name: str) -> None:
    make, shape, field = READ[name]
    assert exact(make(), shape).output.field == field
    nested = nn.Sequential(make(), nn.Identity(), nn.Sequential(nn.ReLU()))
    assert exact(nested, shape).output.field == field
    module = make().eval()
    node = trace(module, shape)
    bricks, image = as_bricks(node).eval(), torch.rand(2, *shape)
    if not any(isinstance(part, Function) for part in bricks.modules()):
        with torch.no_grad():
            assert torch.allclose(bricks(image), module(image), atol=1e-5)


def test_the_numbers_of_same_padding_and_of_a_sequence_run_twice() -> None:
    node = trace(Same(8, 8, 3), (8, 9, 9))
    assert (node.output.shape, node.macs) == ((8, 9, 9), 46_656)
    once = nn.Sequential(conv(4, 4, 1))
    assert trace(Twice(*once), (4, 8, 8)).macs == 2 * trace(once, (4, 8, 8)).macs == 2_048


FUNCTIONS: dict[str, tuple[Callable[[Tensor], Tensor], list[nn.Module], Shape]] = {
    "avg_pool1d": (lambda x: F.avg_pool1d(x, 3, 2, 1), [nn.AvgPool1d(3, 2, 1)], (3, 8)),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 3, 2, padding=1), [nn.AvgPool2d(3, 2, 1)], (3, 8, 8)),
    "max_pool2d": (lambda x: F.max_pool2d(x, 3, 2, 1, 1, True), [nn.MaxPool2d(3, 2, 1, ceil_mode=True)], (3, 8, 8)),
    "max_pool3d": (lambda x: F.max_pool3d(x, 2), [nn.MaxPool3d(2)], (3, 4, 4, 4)),
    "adaptive_avg_pool2d": (lambda x: F.adaptive_avg_pool2d(x, 2), [nn.AdaptiveAvgPool2d(2)], (3, 8, 8)),
    "adaptive_avg_pool1d": (lambda x: F.adaptive_avg_pool1d(x, 2), [nn.AdaptiveAvgPool1d(2)], (3, 8)),
    "adaptive_max_pool2d": (lambda x: F.adaptive_max_pool2d(x, (2, 1)), [nn.AdaptiveMaxPool2d((2, 1))], (3, 8, 8)),
    "mean": (lambda x: x.mean((-1, 2), keepdim=True), [nn.AdaptiveAvgPool2d(1)], (3, 8, 8)),
    "mean to a vector": (lambda x: x.mean((2, 3)), [nn.AdaptiveAvgPool2d(1), nn.Flatten()], (3, 8, 8)),
    "mean over time": (lambda x: x.mean(-1), [nn.AdaptiveAvgPool1d(1), nn.Flatten()], (3, 8)),
    "amax": (lambda x: x.amax(dim=(2, 3), keepdim=True), [nn.AdaptiveMaxPool2d(1)], (3, 8, 8)),
    "sum, which begins with 0": (lambda x: sum((F.relu(x),)), [nn.ReLU()], (3, 8, 8)),
    "amax to a vector": (lambda x: x.amax((2, 3)), [nn.AdaptiveMaxPool2d(1), nn.Flatten()], (3, 8, 8)),
    "flatten": (lambda x: x.flatten(1), [nn.Flatten()], (3, 8, 8)),
    "view": (lambda x: x.view(1, -1), [nn.Flatten()], (3, 8, 8)),
    "softmax": (lambda x: F.softmax(x, -3), [nn.Softmax(1)], (3, 8, 8)),
    "log_softmax": (lambda x: x.log_softmax(dim=1), [nn.LogSoftmax(1)], (3, 8, 8)),
    "clamp": (lambda x: x.clamp(min=0), [nn.ReLU()], (3, 8, 8)),
    "clamp_min_": (lambda x: x.clone().clamp_min_(0.0), [nn.Identity(), nn.ReLU()], (3, 8, 8)),
    "local_response_norm": (
        lambda x: F.local_response_norm(x, 5, beta=0.5), [nn.LocalResponseNorm(5, beta=0.5)], (3, 8, 8)
    ),
    "elu": (lambda x: F.elu(x, 0.5), [nn.ELU(0.5)], (3, 8, 8)),
    "dropout": (lambda x: F.dropout(x, 0.2), [nn.Dropout(0.2)], (3, 8, 8)),
    "pad": (lambda x: F.pad(x, (1, 2)), [nn.ConstantPad2d((1, 2, 0, 0), 0)], (3, 8, 8)),
    "pad with a value": (lambda x: F.pad(x, (1, 2, 3, 0), value=0.5), [nn.ConstantPad2d((1, 2, 3, 0), 0.5)], (3, 8, 8)),
    "contiguous": (lambda x: x.contiguous(), [nn.Identity()], (3, 8, 8)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_read_as_the_layers_that_it_is(name: str) -> None:
    call, layers, shape = FUNCTIONS[name]
    node = exact(Written(lambda s, x: call(x)), shape)
    found = list(node.form) if isinstance(node.form, nn.Sequential) else [node.form]
    assert [repr(layer) for layer in found] == [repr(layer) for layer in layers]
    assert node.output == trace(nn.Sequential(*layers), shape).output


def test_a_clamp_that_is_no_relu_is_not_read_as_one() -> None:
    for call in (lambda x: x.clamp(0, 6), lambda x: x.clamp(max=0), lambda x: x.clamp(x.mean(), None)):
        assert not any(
            isinstance(each, nn.ReLU) for each in trace(Written(lambda s, x, c=call: c(x)), (3, 8, 8)).form.modules()
        )


def test_the_steps_of_a_form_are_named_by_the_calls() -> None:
    steps = Written(lambda s, x: F.max_pool2d(F.leaky_relu(s.a(x)), 2).mean((2, 3)), a=k3())
    names = [child.name for child in trace(steps, (3, 8, 8)).children]
    assert names == ["a", "leaky_relu", "max_pool2d", "adaptiveavgpool2d", "flatten"]


def test_of_two_equal_ways_the_second_is_the_body() -> None:
    """As most write it: `shortcut(x) + body(x)`."""
    module = Written(lambda s, x: s.a(x) + s.b(x), a=k3(), b=k5())
    form = trace(module, (3, 8, 8)).form
    assert isinstance(form, Residual)
    assert (form.shortcut, form.body) == (module.a, module.b)


@pytest.mark.parametrize("first", ["a", "b"])
def test_of_two_ways_the_one_of_more_layers_is_the_body(first: str) -> None:
    """In whatever order they are added, and whether or not a module holds their layers."""
    module = Written(
        lambda s, x: s.a(x) + s.norm(s.b(x)) if first == "a" else s.norm(s.b(x)) + s.a(x),
        a=nn.Sequential(k3(), nn.ReLU(), k5()),
        b=k3(),
        norm=nn.BatchNorm2d(3),
    )
    form = trace(module, (3, 8, 8)).form
    assert isinstance(form, Residual)
    assert module.a in form.body.modules()


SUMS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "x + a": lambda s, x: x + s.a(x),
    "a - x": lambda s, x: s.a(x) - x,
    "x - a": lambda s, x: x - s.a(x),
    "x + 0.1 a": lambda s, x: x + 0.1 * s.a(x),
    "0.1 a + x": lambda s, x: s.a(x) * 0.1 + x,
    "x - a / 4": lambda s, x: x - s.a(x) / 4,
    "add(x, a, alpha=0.5)": lambda s, x: torch.add(x, s.a(x), alpha=0.5),
    "sub(x, a, alpha=2)": lambda s, x: torch.sub(x, s.a(x), alpha=2),
    "a b": lambda s, x: s.a(x) * s.b(x),
    "cat(a, x, b)": lambda s, x: torch.cat([s.a(x), x, s.b(x)], -3),
}


@pytest.mark.parametrize("name", SUMS)
@torch.no_grad()
def test_the_bricks_compute_what_the_forward_does(name: str) -> None:
    module, x = Written(SUMS[name], a=k3(), b=k5()), torch.rand(2, 3, 7, 7)
    assert torch.allclose(as_bricks(trace(module, (3, 7, 7)))(x), module(x), atol=1e-6)


# ---- what cannot be seen through is counted as a whole: its cost is exact, its receptive field unknown ----------


def window(x: Tensor) -> Tensor:
    """(1, 3, 8, 8) -> (4, 3, 4, 4): a map cut into four, which torch then takes for four images."""
    return x.reshape(1, 3, 2, 4, 2, 4).permute(0, 2, 4, 1, 3, 5).reshape(4, 3, 4, 4)


def windowed(self: Any, x: Tensor) -> Tensor:
    return torch.cat(list(self.shared(window(x)).split(1)), 3)


def averaged_in_place(self: Any, x: Tensor) -> Tensor:
    x.copy_(F.avg_pool2d(x, 3, 1, 1))
    return self.a(x)


def part_averaged(self: Any, x: Tensor) -> Tensor:
    y = self.a(x)
    some = y[:, :2]
    some.copy_(F.avg_pool2d(some, 5, 1, 2))
    return y


def part_written(self: Any, x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, :2] = self.a(x)[:, 1:]
    return y


def two_answers(self: Any, x: Tensor) -> Tensor:
    return sum(self.two(x))  # type: ignore[return-value]


def chunked(self: Any, x: Tensor) -> Tensor:
    one, two, three = x.chunk(3, 1)
    return torch.cat([self.a(one), two, three], 1)


def answering(two: Callable[[], nn.Module]) -> nn.Module:
    return Written(lambda s, x: (s.a(x), s.a(x)), a=two())


SHARED = Written(lambda s, x: F.relu(s.a(x)), a=k3())
WHOLE: dict[str, tuple[Callable[[], nn.Module], Shape]] = {
    "windows": (lambda: Written(windowed, shared=SHARED), (3, 8, 8)),
    "a part in windows and by itself": (
        lambda: nn.Sequential(Written(windowed, shared=SHARED), Written(lambda s, x: x[..., :4]), SHARED), (3, 8, 8)
    ),
    "an image changed in place": (lambda: Written(lambda s, x: s.t(x) + x, t=Written(averaged_in_place, a=k3())),
                                  (3, 8, 8)),
    "a view changed in place": (lambda: Written(part_averaged, a=k3()), (3, 8, 8)),
    "a part written": (lambda: Written(part_written, a=k3()), (3, 8, 8)),
    "written elsewhere": (lambda: Written(lambda s, x: torch.add(x, s.a(x), out=torch.empty_like(x)), a=k3()),
                          (3, 8, 8)),
    "a part with two outputs": (lambda: Written(two_answers, two=answering(k3)), (3, 8, 8)),
    "chunks": (lambda: Written(chunked, a=conv(1, 2, 3, padding=1)), (3, 8, 8)),
    "a transposed product": (lambda: Written(lambda s, x: x @ x.transpose(2, 3)), (3, 8, 8)),
    "attention": (lambda: Written(lambda s, x: F.scaled_dot_product_attention(x, x, x)), (3, 8, 8)),
    "a stretch by a constant": (
        lambda: Written(lambda s, x: F.adaptive_avg_pool2d(x, 1) + s.c, c=nn.Parameter(torch.ones(3, 8, 8))), (3, 8, 8)
    ),
    "a pool along channels": (lambda: Written(lambda s, x: F.max_pool2d(x, 2)), (4, 8)),
    "a part shared across another": (
        lambda: Written(lambda s, x: torch.cat([s.a(r := F.relu(x)), x, s.b(r)], 1), a=k3(), b=k5()), (3, 8, 8)
    ),
    "a rolled sum": (lambda: Written(lambda s, x: x + torch.roll(x, 1, 2)), (3, 8, 8)),
    "weights made of the image": (
        lambda: Written(lambda s, x: F.conv2d(x, s.g(x.mean((2, 3))).view(3, 3, 1, 1)), g=nn.Linear(3, 9)), (3, 8, 8)
    ),
    "scripted": (lambda: torch.jit.script(Dense()), (3, 8, 8)),
    "scripted inside": (lambda: Written(lambda s, x: s.t(x) + 1, t=torch.jit.script(Dense())), (3, 8, 8)),
    "recorded": (lambda: torch.jit.trace(Dense(), torch.zeros(1, 3, 8, 8)), (3, 8, 8)),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=refused_by_old_torch if n == "recorded" else ()) for n in WHOLE]
)
def test_what_is_not_read_costs_what_it_costs_and_no_receptive_field_is_guessed(name: str) -> None:
    make, shape = WHOLE[name]
    node = exact(make(), shape)
    assert node.output.field is None
    assert list(node.unread())


def test_products_of_two_computed_values_are_told_from_those_with_weights() -> None:
    attention = trace(Written(lambda s, x: s.v(x) @ x.transpose(2, 3), v=nn.Linear(8, 8)), (3, 8, 8))
    assert (attention.macs, attention.products) == (3 * 8 * 8 * 8, 3 * 8 * 8 * 8)


def test_what_is_not_read_is_named_by_the_call() -> None:
    chunks = WHOLE["chunks"][0]()
    assert list(trace(chunks, (3, 8, 8)).unread()) == ["0.chunk (Function)", "1 (Function)", "2 (Function)"]
    cut = Written(lambda s, x: s.a(x[..., :4]), a=k3())
    assert list(trace(cut, (3, 8, 8)).unread()) == ["getitem (Function)"]


PRODUCTS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "mm": lambda c, a, b: torch.mm(a[0], b[0])[None],
    "addmm": lambda c, a, b: torch.addmm(c[0], a[0], b[0])[None],
    "bmm": lambda c, a, b: torch.bmm(a, b),
    "baddbmm": torch.baddbmm,
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_the_factors_decide_whose_product_it_is(name: str) -> None:
    """What is added to a product is no factor of it."""
    multiply, weight = PRODUCTS[name], nn.Parameter(torch.ones(1, 4, 4))
    for what, cost in [
        (lambda s, x: multiply(x, x, x), (0, 64)),
        (lambda s, x: multiply(s.w, x, x), (0, 64)),
        (lambda s, x: multiply(x, s.w, x), (64, 0)),
        (lambda s, x: multiply(x, x, s.w), (64, 0)),
    ]:
        node = trace(Written(what, w=weight), (4, 4))
        assert (node.macs, node.products) == cost


def test_a_unit_of_a_readers_has_our_names() -> None:
    layers = {"c": k3(), "n": nn.BatchNorm2d(3), "r": nn.ReLU()}
    form = trace(Written(lambda s, x: s.r(s.n(s.c(x))), **layers), (3, 8, 8)).form
    assert isinstance(form, ConvUnit)
    assert list(form._modules.items()) == list(zip(("conv", "bn", "relu"), layers.values(), strict=True))


# ---- refused by name ----------------------------------------------------------------------------------------


class Two(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


def replaced() -> nn.Module:
    net = nn.Sequential(conv(3, 4, 3), nn.BatchNorm2d(4)).train()
    before = net.forward
    net.forward = lambda x: before(x) * 2  # type: ignore[method-assign]
    return net


def hooked(where: str) -> nn.Module:
    part = conv(3, 3, 1)
    getattr(part, where)(lambda *given: None)
    return Written(lambda s, x: s.part(x), part=part)


REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "two inputs": (Two, "Two cannot be run on one image .*'y'"),
    "two outputs": (lambda: Written(lambda s, x: (x, x)), "outputs a tuple of 2 tensors, and trace only reads"),
    "a dict": (lambda: Written(lambda s, x: {"logits": x}), "outputs a dict of 1 tensors"),
    "nothing": (lambda: Written(lambda s, x: None), "outputs a NoneType of 0 tensors"),
    "no batch": (lambda: Written(lambda s, x: x.mean((2, 3)).squeeze()), r"outputs \(3,\) for a batch of one image"),
    "one number": (lambda: Written(lambda s, x: x.mean()), r"outputs \(\) for a batch of one image"),
    "a decision": (lambda: Written(lambda s, x: x if x.sum() > 0 else -x), "cannot be read without values"),
    "a number of its own": (lambda: Written(lambda s, x: x * x.mean().item()), "cannot be read without values"),
    "a mask": (lambda: Written(lambda s, x: x[x > 0]), "cannot be read without values"),
    "numpy": (lambda: Written(lambda s, x: torch.from_numpy(x.numpy())), "cannot be read without values"),
    "another device": (lambda: Written(lambda s, x: x.cpu() + torch.ones(8, device="cpu")), "without values"),
    "a replaced forward": (replaced, "a copy of it still computes with the weights of the original"),
    "a hook": (lambda: hooked("register_forward_hook"), "part, a Conv2d, has a forward hook"),
    "a hook before": (lambda: hooked("register_forward_pre_hook"), "part, a Conv2d, has a forward hook"),
    "no forward": (lambda: nn.ModuleList([conv(3, 3, 1)]), "ModuleList cannot be read, because it has no forward"),
    "None in a sequence": (lambda: with_none(nn.Sequential(conv(3, 3, 1))), "none of a Sequential is None"),
    "no weights yet": (lambda: Written(lambda s, x: s.a(x), a=nn.LazyConv2d(3, 3)), "LazyConv2d has no weights yet"),
    "no branches": (Concat, "a Concat needs at least one branch"),
    "no factors": (Product, "a Product needs at least one branch"),
}  # fmt: skip


def with_none(net: nn.Module) -> nn.Module:
    net.register_module("none", None)
    return net


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_by_name_and_left_alone(name: str) -> None:
    make, sentence = REFUSED[name]
    module = make()
    before = state(module)
    with pytest.raises((TypeError, ie.ShapeError), match=sentence) as caught:
        trace(module, (3, 8, 8))
    assert "\n" not in str(caught.value)
    assert state(module) == before


def test_a_hook_on_every_module_is_refused_too() -> None:
    handle = nn.modules.module.register_module_forward_hook(lambda *given: None)
    try:
        with pytest.raises(TypeError, match="has a forward hook"):
            trace(conv(3, 3, 1), (3, 8, 8))
    finally:
        handle.remove()
    assert trace(conv(3, 3, 1), (3, 8, 8)).macs == 576


@pytest.mark.parametrize(
    "mode", [torch.inference_mode, torch.no_grad, lambda: torch.device("meta"), lambda: FlopCounterMode(display=False)],
    ids=["inference", "no gradients", "meta", "counting"],
)  # fmt: skip
def test_a_mode_around_it_changes_nothing(mode: Callable[[], Any]) -> None:
    block = Written(lambda s, x: F.relu_(s.a(x)) + x, a=k3())
    with mode():
        node = trace(block, (3, 8, 8))
    assert (node.macs, node.output.field) == (5_184, (3, 3))


RUN: dict[str, tuple[Callable[[], nn.Module], Shape]] = {
    "an LSTM": (lambda: Written(lambda s, x: s.l(x)[0], l=nn.LSTM(8, 6, batch_first=True)), (5, 8)),
    "attention": (
        lambda: Written(lambda s, x: s.a(x, x, x)[0], a=nn.MultiheadAttention(8, 2, batch_first=True)), (5, 8)
    ),
    "an encoder layer": (lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (5, 8)),
    "bilinear": (lambda: Written(lambda s, x: s.b(x, x), b=nn.Bilinear(8, 8, 3)), (8,)),
    "einsum": (lambda: Written(lambda s, x: torch.einsum("nchw,nchv->nwv", x, x)), (3, 8, 8)),
    "unfold": (lambda: Written(lambda s, x: s.w @ F.unfold(x, 3), w=nn.Parameter(torch.ones(4, 27))), (3, 6, 6)),
    "embedding": (lambda: Written(lambda s, x: s.e(torch.arange(5, device=x.device)[None]) + x, e=nn.Embedding(5, 8)),
                  (5, 8)),
    "batch matrix products": (lambda: Written(lambda s, x: torch.baddbmm(x, x, x)), (8, 8)),
}  # fmt: skip


@pytest.mark.parametrize("name", RUN)
def test_whatever_torch_multiplies_is_counted(name: str) -> None:
    make, shape = RUN[name]
    module = make().eval().to("meta")
    assert exact(module, shape).output.shape


# ---- the module itself is left as it was ---------------------------------------------------------------------


def state(module: nn.Module) -> list[Any]:
    """Everything that a module holds, by name, numbers as numbers."""
    found: list[Any] = []
    for name, part in module.named_modules():
        for key, value in vars(part).items():
            if key.endswith("hooks") or key in ("_modules", "_parameters", "_buffers"):
                found.append((name, key, [(k, id(v)) for k, v in value.items()]))
            elif isinstance(value, dict | list):
                found.append((name, key, str(value)))
            else:
                found.append((name, key, id(value)))
    kept = [] if any(isinstance(p, nn.UninitializedParameter) for p in module.parameters()) else module.state_dict()
    return [*found, *((key, kept[key].tolist()) for key in kept)]


class Caching(nn.Module):
    """Remembers what it computed in evaluation mode, and counts its calls, as some of timm's attention does."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = conv(3, 3, 1), nn.BatchNorm2d(3)
        self.cache: dict[str, Tensor] = {}
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if "bias" not in self.cache:
            self.cache["bias"] = self.conv.weight.sum((2, 3))
        return F.relu(self.norm(self.conv(x))) + self.cache["bias"].sum()


@pytest.mark.parametrize("training", [True, False])
def test_a_module_that_keeps_something_is_left_as_it_was(training: bool) -> None:
    module = Caching().train(training)
    module.norm.eval()
    before = state(module)
    node = trace(module, (3, 8, 8))
    assert state(module) == before
    assert node.macs == 576
    x = torch.randn(2, 3, 8, 8)
    expected = copy.deepcopy(module)(x)
    assert torch.equal(module(x), expected)


# ---- a reader's block is drawn as the bricks are ---------------------------------------------------------------


class Block(nn.Module):
    """GoogLeNet's block as a reader writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.one = conv(6, 4, 1)
        self.three_reduce, self.three = conv(6, 3, 1), conv(3, 4, 3, padding=1)
        self.pool, self.pool_proj = nn.MaxPool2d(3, 1, 1), conv(6, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        one = F.relu(self.one(x))
        three = F.relu(self.three(F.relu(self.three_reduce(x))))
        pool = torch.relu(self.pool_proj(self.pool(x)))
        return torch.cat((one, three, pool), dim=1)


def test_a_readers_block_is_drawn_as_the_bricks_are() -> None:
    unit = partial(ConvUnit, batch_norm=False)
    bricks = Concat(
        unit(6, 4, 1),
        nn.Sequential(unit(6, 3, 1), unit(3, 4, 3)),
        nn.Sequential(nn.MaxPool2d(3, 1, 1), unit(6, 2, 1)),
    )
    theirs, ours = trace(Block(), (6, 9, 9)), trace(bricks, (6, 9, 9))
    assert (theirs.output, theirs.params, theirs.macs) == (ours.output, ours.params, ours.macs)
    assert theirs.activations == ours.activations
    drawn, ours_drawn = ie.diagram(theirs), ie.diagram(ours)
    assert drawn.count("<path") == ours_drawn.count("<path")
    assert [c.form.__class__ for c in theirs.walk()] == [c.form.__class__ for c in ours.walk()]


# ---- any series-parallel tree, written as a forward in torch calls --------------------------------------------


class Foreign(nn.Module):
    """A tree of bricks as somebody else would write it: its layers in a list, its forward in torch calls."""

    def __init__(self, tree: nn.Module, alike: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        self.alike = alike  # which of the ways to write one thing
        self.plan = self.planned(tree)

    def planned(self, tree: nn.Module) -> Any:
        if isinstance(tree, Concat | Product):
            return type(tree), [self.planned(branch) for branch in tree]
        if isinstance(tree, Residual):
            return Residual, [self.planned(tree.shortcut), self.planned(tree.body)], tree.scale
        if isinstance(tree, nn.Sequential):
            return nn.Sequential, [self.planned(step) for step in tree]
        if isinstance(tree, nn.ReLU | nn.Sigmoid | nn.Flatten | nn.Identity):
            return type(tree), []
        self.layers.append(tree)
        return len(self.layers) - 1

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self.plan, x)

    def run(self, plan: Any, x: Tensor) -> Tensor:
        if isinstance(plan, int):
            return self.layers[plan](x)
        kind, inside, *more = plan
        values: list[Tensor] = []
        if kind is nn.Sequential:
            for step in inside:
                x = self.run(step, x)
            return x
        values = [self.run(branch, x) for branch in inside]
        if kind is Concat:
            return torch.cat(values, 1) if self.alike else torch.concat(tensors=values, dim=-3)
        if kind is Product:
            return values[0] * values[1] if self.alike else torch.mul(values[0], values[1])
        if kind is Residual:
            shortcut, body = values
            if more[0] == 1:
                return body + shortcut if self.alike else shortcut.add(body)
            return shortcut + more[0] * body if self.alike else torch.add(shortcut, body, alpha=more[0])
        if kind is nn.ReLU:
            return x.relu() if self.alike else x.clamp(min=0)
        if kind is nn.Sigmoid:
            return x.sigmoid() if self.alike else torch.sigmoid(x)
        return x.flatten(1) if kind is nn.Flatten else x


@st.composite
def trees(draw: st.DrawFn, channels: int, depth: int = 3) -> tuple[nn.Module, int]:
    """A tree of bricks that keeps its grid, and its channels."""
    kind = draw(st.sampled_from(["layer", "relu", "sequence", "concat", "residual", "gate"] if depth else ["layer"]))
    if kind == "layer":
        if draw(st.booleans()):
            return nn.AvgPool2d(3, 1, 1), channels
        kernel, out = draw(st.sampled_from([1, 3, 5])), draw(st.integers(1, 4))
        return nn.Conv2d(channels, out, kernel, padding=kernel // 2, bias=draw(st.booleans())), out
    if kind == "relu":
        return nn.ReLU(), channels
    if kind == "sequence":
        steps = []
        for _ in range(draw(st.integers(1, 3))):
            step, channels = draw(trees(channels, depth - 1))
            steps.append(step)
        return nn.Sequential(*steps), channels
    if kind == "concat":
        branches = [draw(trees(channels, depth - 1)) for _ in range(draw(st.integers(2, 3)))]
        return Concat(*(branch for branch, _ in branches)), sum(out for _, out in branches)
    body, out = draw(trees(channels, depth - 1))
    whole = nn.Sequential(body, nn.Conv2d(out, channels, 1))
    if kind == "gate":
        gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels, 1), nn.Sigmoid())
        return nn.Sequential(whole, Product(nn.Identity(), gate)), channels
    shortcut = nn.Conv2d(channels, channels, 1) if draw(st.booleans()) else nn.Identity()
    return Residual(whole, shortcut, scale=draw(st.sampled_from([1.0, 0.1, -1.0]))), channels


@settings(max_examples=60)
@given(trees(3), st.integers(0, 1))
def test_any_tree_written_as_a_forward_is_read_as_that_tree(case: tuple[nn.Module, int], alike: int) -> None:
    tree, channels = case
    foreign, shape = Foreign(tree, alike), (3, 9, 8)
    node, ours = exact(foreign, shape), trace(tree, shape)
    assert (node.output, node.params, node.macs) == (ours.output, ours.params, ours.macs)
    assert node.output.channels == channels
    assert not list(node.unread())
    image = torch.rand(2, *shape)
    with torch.no_grad():
        assert torch.allclose(as_bricks(node)(image), foreign(image), atol=1e-4)


@given(st.integers(1, 3))
def test_a_foreign_head_ends_in_a_vector(layers: int) -> None:
    tree = nn.Sequential(*(nn.Conv2d(3, 3, 3) for _ in range(layers)), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(3, 2))  # fmt: skip
    node = exact(Foreign(tree, 1), (3, 9, 9))
    assert node.output == trace(tree, (3, 9, 9)).output


# ---- any program of torch calls: a receptive field that is named is the one that there is --------------------------

SIDE = 15


def spread_in_place(a: Tensor, b: Tensor) -> Tensor:
    a[:, :1].copy_(F.avg_pool2d(b[:, 1:].clone(), 5, 1, 2))
    return b


def set_in_place(a: Tensor, b: Tensor) -> Tensor:
    a[:, 0] = b.mean((2, 3), keepdim=True)[:, 0]
    return a


CALLS: list[Callable[[Any, Tensor, Tensor], Tensor]] = [
    lambda s, a, b: s.three(a),
    lambda s, a, b: s.even(a),
    lambda s, a, b: s.mix(torch.cat([a, b], 1)),
    lambda s, a, b: F.avg_pool2d(a, 3, 1, 1),
    lambda s, a, b: a + b,
    lambda s, a, b: a.add(b, alpha=0.5),
    lambda s, a, b: 0.1 * a + b,
    lambda s, a, b: a * b,
    lambda s, a, b: a.add_(b),
    lambda s, a, b: F.relu(a, inplace=True),
    lambda s, a, b: 2 * a + 1,
    lambda s, a, b: a.mul_(0.5),
    lambda s, a, b: spread_in_place(a, b),
    lambda s, a, b: set_in_place(a, b),
    lambda s, a, b: torch.empty_like(a).copy_(b),
    lambda s, a, b: torch.roll(a, 1, 2),
    lambda s, a, b: a.flip(3),
    lambda s, a, b: a.transpose(2, 3),
    lambda s, a, b: F.pad(a, (1, 0, 0, 1))[..., :SIDE, :SIDE],
    lambda s, a, b: F.pad(a, (2, -2, 0, 0)),
    lambda s, a, b: (a * 1e-3).softmax(3),
    lambda s, a, b: (a * 1e-3).softmax(1) + a,
    lambda s, a, b: torch.lerp(a, b, 0.5),
    lambda s, a, b: torch.stack([a, b]).sum(0),
    lambda s, a, b: torch.cat([a.narrow(1, 0, 1), b.narrow(1, 1, 1)], 1),
    lambda s, a, b: a.squeeze(0)[None],
    lambda s, a, b: a.clone(),
]


class Program(nn.Module):
    """Any calls of torch, each on values that were made before."""

    def __init__(self, steps: list[tuple[int, int, int]]) -> None:
        super().__init__()
        self.steps = steps
        self.three, self.even = conv(2, 2, 3, padding=1, bias=False), conv(2, 2, 2, padding="same", bias=False)
        self.mix = conv(4, 2, 1, bias=False)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, 0.1, 0.3)

    def forward(self, x: Tensor) -> Tensor:
        values = [x + 0]
        for call, i, j in self.steps:
            values.append(CALLS[call](self, values[-1 - i % len(values)], values[-1 - j % len(values)]))
        return values[-1]


STEPS = st.lists(
    st.tuples(st.integers(0, len(CALLS) - 1), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=6
)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@settings(max_examples=250)
@given(STEPS)
@torch.no_grad()
def test_a_receptive_field_that_is_named_is_what_a_changed_pixel_reaches(steps: list[tuple[int, int, int]]) -> None:
    torch.manual_seed(0)
    program, image = Program(steps).double(), torch.rand(1, 2, SIDE, SIDE, dtype=torch.double) + 0.5

    def middle(x: Tensor) -> Tensor:
        return program(x)[0, :, SIDE // 2, SIDE // 2]

    node, before = exact(program, (2, SIDE, SIDE)), middle(image)
    if node.output.field is None:
        return
    for axis, named in zip((2, 3), node.output.field, strict=True):
        reached = []
        for at in range(SIDE):
            changed = image.clone()
            changed.select(axis, at).mul_(1.37)
            if not torch.equal(middle(changed), before):
                reached.append(at)
        assert named == reached[-1] - reached[0] + 1 or (named > SIDE // 2 and len(reached) >= SIDE // 2)


# ---- parameters ------------------------------------------------------------------------------------------------


def tied() -> nn.Module:
    one, two = conv(8, 8, 3, padding=1), conv(8, 8, 3, padding=1)
    two.weight = one.weight
    return nn.Sequential(one, two)


def sharing() -> nn.Module:
    one, two = ConvUnit(8, 8, 3), ConvUnit(8, 8, 3)
    two.conv = one.conv
    return nn.Sequential(one, two)


class Scaled(nn.Sequential):
    """Holds a parameter of its own."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(*layers)
        self.scale = nn.Parameter(torch.ones(3))


class Unused(nn.Module):
    """Has parts that nothing runs."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.p = conv(3, 3, 1), conv(3, 3, 3), nn.Parameter(torch.ones(7))

    def forward(self, x: Tensor) -> Tensor:
        return self.a(x)


class Buffered(nn.Module):
    """Computes with a buffer and with a tensor that it merely holds: neither is a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.held = conv(3, 3, 1), torch.ones(3, 1, 1)
        self.register_buffer("mask", torch.ones(3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.a(x) * self.mask + self.held


@pytest.mark.parametrize(("make", "channels", "params"), [
    (Buffered, 3, 12),
    (lambda: Residual(ConvUnit(3, 3, 1), scale=nn.Parameter(torch.tensor(0.3))), 3, 16),
    (lambda: Residual(ConvUnit(3, 1, 1), scale=nn.Parameter(torch.ones(3, 1, 1))), 3, 8),
    (tied, 8, 592),
    (sharing, 8, 608),
    (lambda: Scaled(conv(3, 3, 1)), 3, 15),
    (lambda: nn.Sequential(Scaled(conv(3, 3, 1)), Scaled(conv(3, 3, 1))), 3, 30),
    (Unused, 3, 12 + 84 + 7),
    (lambda: nn.Sequential(nn.Sequential(Unused()), Unused()), 3, 2 * 103),
    (lambda: nn.utils.parametrizations.weight_norm(conv(3, 3, 1)), 3, 15),
    (lambda: nn.Sequential(unit_of(Same(3, 4, 3)), nn.ReLU()), 3, 120),
])  # fmt: skip
def test_every_parameter_is_counted_once(make: Callable[[], nn.Module], channels: int, params: int) -> None:
    node = exact(make(), (channels, 9, 9))
    assert node.params == params
    assert ie.diagram(node)


def test_what_is_too_deep_for_a_tree_is_counted_as_a_whole() -> None:
    def wide(self: Any, x: Tensor) -> Tensor:
        y = x
        for layer in self.layers:
            y = y + layer(x)
        return y

    assert exact(Written(wide, layers=nn.ModuleList(conv(3, 3, 1) for _ in range(400))), (3, 4, 4)).macs == 400 * 144


class Uneven(nn.Module):
    """A padding forgotten, as in every course."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 4, 1)
        self.five = nn.Conv2d(3, 4, 5)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.one(x), self.five(x)], dim=1)


@pytest.mark.parametrize(
    ("module", "where"),
    [
        (Uneven(), r"= \(3, 9, 9\): Sizes of tensors must match"),
        (nn.Sequential(nn.ReLU(), Uneven()), r"= \(3, 9, 9\): 1: Sizes of tensors must match"),
        (nn.Sequential(nn.Conv2d(3, 5, 1), Uneven()), r"1\.one: a convolution that reads 3 channels gets 5$"),
    ],
)
def test_what_fails_in_a_forward_is_placed_where_it_fails(module: nn.Module, where: str) -> None:
    with pytest.raises(ShapeError, match=where):
        trace(module, (3, 9, 9))
