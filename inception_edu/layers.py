"""Every kind of layer that the package knows, one record each: what it outputs, what it costs, what it is called.

A record belongs to what a layer *computes*, not to its family tree. `kind_of` finds the record of torch's own classes
and of subclasses that compute the same; a subclass that overrides `forward`, or something that `forward` uses, has no
record, and a record does not answer for a layer whose weights do not fit its settings. `tracing` then reads what its
`forward` does by running it.

A new kind of layer is one `@kind(...)` here: drawings, tables, feedback and costs follow.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from types import CodeType
from typing import Any, NamedTuple, TypeVar

from torch import nn
from torch.nn.modules import module as every

from . import arithmetic
from .arithmetic import TooSmallError

Sides = tuple[int, ...]


class Signal(NamedTuple):
    """What flows between modules, for one image: `shape` is (C, H, W), (C,) for a vector, or whatever torch has there.

    `field` and `jump` have one number per side, (vertical, horizontal) for an image, in pixels of the image that was
    traced: how many of them one value sees (its theoretical receptive field, which may reach beyond the border;
    statistics of normalisations aside), and how far two neighbouring values are apart. `start` is the first pixel that
    the first value sees, below 0 in a padding. All three are None where they are not known; the last two also after
    windows that are unevenly apart.
    """

    shape: Sides
    field: Sides | None = (1, 1)
    jump: Sides | None = (1, 1)
    start: Sides | None = (0, 0)

    @property
    def channels(self) -> int:
        """The first number of the shape."""
        return self.shape[0] if self.shape else 1

    @property
    def sides(self) -> Sides:
        """The shape without its channels: (H, W), or () for a vector."""
        return self.shape[1:]

    @property
    def height(self) -> int:
        """Rows of a map, 1 for a vector."""
        return self.shape[-2] if len(self.shape) > 2 else 1

    @property
    def width(self) -> int:
        """Columns of a map, 1 for a vector."""
        return self.shape[-1] if len(self.shape) > 1 else 1

    @property
    def flat(self) -> bool:
        """Whether it is a vector."""
        return len(self.shape) == 1

    @property
    def elements(self) -> int:
        """How many values one image has here."""
        return prod(self.shape)

    def blind(self, shape: Sides) -> "Signal":
        """Another shape, of which the receptive field is not known."""
        return Signal(tuple(shape), None, None, None)

    @property
    def windows(self) -> list[tuple[int, int, int]]:
        """(field, jump, start) of each side; empty where they are not known."""
        if self.field is None or self.jump is None or self.start is None:
            return []
        return list(zip(self.field, self.jump, self.start, strict=True))


Part = dict[str, Any]
"""The settings of a layer that decide what it computes, as plain data: see `classroom.anatomy`."""


def _own_words(module: nn.Module) -> Part:
    return {"is": type(module).__name__, "settings": module.extra_repr()}


@dataclass(frozen=True)
class Kind:
    """What the package knows of one kind of layer.

    | field    | what it is                                                                                      |
    |----------|-------------------------------------------------------------------------------------------------|
    | `owner`  | the class whose `forward` it describes                                                          |
    | `output` | (module, input `Signal`) -> output `Signal`; ValueError where torch could not compute it either;  |
    |          | None where the record does not say, so that it is run                                           |
    | `macs`   | (module, input, output) -> MACs (conv and linear multiply-adds, batch 1), None for none          |
    | `box`    | the shape a drawing gives it: conv depthwise pool linear norm activation dropout reshape ...     |
    | `label`  | the words in its box, such as `3x3 conv /2 V`                                                   |
    | `part`   | its settings, for feedback                                                                      |
    """

    owner: type[nn.Module]
    output: Callable[[Any, Signal], Signal | None]
    macs: Callable[[Any, Signal, Signal], int] | None
    box: Callable[[Any], str]
    label: Callable[[Any], str]
    part: Callable[[Any], Part]


Record = TypeVar("Record")


class Records(dict[type[nn.Module], Record]):
    """Records by the class whose `forward` they describe; finds the one of any module that computes the same."""

    def __init__(self) -> None:
        self._owners: dict[type, type[nn.Module] | None] = {}

    def __setitem__(self, owner: type[nn.Module], record: Record) -> None:
        super().__setitem__(owner, record)
        self._owners.clear()  # what had no record may have one now

    def owner(self, cls: type) -> type[nn.Module] | None:
        """The class with a record whose `forward`, with all that it uses, `cls` has; None where `cls` overrides any."""
        if cls not in self._owners:
            if len(self._owners) > MOST_CLASSES:
                self._owners.clear()
            self._owners[cls] = self._find(cls)
        return self._owners[cls]

    def _find(self, cls: type) -> type[nn.Module] | None:
        for at, base in enumerate(cls.__mro__):
            if base in self:
                above = cls.__mro__[:at]
                return base if not any(vars(one).keys() & _used_by(base) for one in above) else None
        return None

    def of(self, module: nn.Module) -> Record | None:
        """The record of what `module` computes, or None."""
        owner = self.owner(type(module))
        if owner is None or not _used_by(owner).isdisjoint(module.__dict__):
            return None
        parametrizations = module._modules.get("parametrizations")
        return self[owner] if parametrizations is None or _only_norms(parametrizations) else None


MOST_CLASSES = 4096
"""Classes whose records are remembered: programs that make classes on the fly must not fill the memory."""

KINDS: Records[Kind] = Records()
"""The records of layers."""

Words = str | Callable[[Any], str]


def kind(
    *owners: type[nn.Module],
    box: Words,
    label: Words,
    macs: Callable[[Any, Signal, Signal], int] | None = None,
    part: Callable[[Any], Part] = _own_words,
) -> Callable[[Callable[[Any, Signal], Signal | None]], Callable[[Any, Signal], Signal | None]]:
    """Records the decorated function as the `output` of the classes `owners`."""

    def said(words: Words) -> Callable[[Any], str]:
        return words if callable(words) else lambda module: words

    def register(output: Callable[[Any, Signal], Signal | None]) -> Callable[[Any, Signal], Signal | None]:
        for owner in owners:
            KINDS[owner] = Kind(owner, output, macs, said(box), said(label), part)
        return output

    return register


# ---- whose record is it? -----------------------------------------------------------------------

_ALWAYS_USED = frozenset(
    {"__call__", "_call_impl", "_wrapped_call_impl", "__iter__", "__getattr__", "__getattribute__"}
)
_ONLY_VALUES = frozenset({"weight", "bias"})  # a property in their place (a weight norm, say) changes no shape


def kind_of(module: nn.Module) -> Kind | None:
    """The record of the layer that `module` computes like, or None."""
    return KINDS.of(module)


def _only_norms(parametrizations: nn.Module) -> bool:
    """Whether weights are computed by nothing but torch's norms of weights: others may cost MACs or change shapes."""
    steps = [step for chain in parametrizations.children() for step in chain.children()]
    return all(
        type(step).__module__ == "torch.nn.utils.parametrizations" and type(step).__name__.endswith("Norm")
        for step in steps
    )


_used: dict[type, frozenset[str]] = {}


def _used_by(owner: type) -> frozenset[str]:
    """The names that decide what a class computes: `forward` and every attribute of the class that it refers to."""
    if owner not in _used:
        names, todo = set(_ALWAYS_USED), ["forward"]
        while todo:
            name = todo.pop()
            if name not in names and hasattr(owner, name):
                names.add(name)
                todo += _referred(getattr(getattr(owner, name), "__code__", None))
        _used[owner] = frozenset(names - _ONLY_VALUES)
    return _used[owner]


def _referred(code: CodeType | None) -> Iterator[str]:
    if code:
        yield from code.co_names
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield from _referred(constant)


# ---- is it fit to be read? ------------------------------------------------------------------------


def uncompiled(module: nn.Module) -> nn.Module:
    """What `torch.compile` has wrapped, which is what it computes; any other module as it is."""
    inside = module._modules["_orig_mod"] if type(module).__name__ == "OptimizedModule" else None
    return module if inside is None else uncompiled(inside)


def may_be_unready(module: nn.Module) -> Any:
    """Whether `refuse_unready` has anything to look at: nearly never, and it is asked of every module."""
    return (
        module._forward_hooks
        or module._forward_pre_hooks
        or every._global_forward_hooks
        or every._global_forward_pre_hooks
        or hasattr(type(module), "cls_to_become")
    )


def refuse_unready(module: nn.Module, path: Sequence[str] = (), *, hooks: bool = False) -> None:
    """Refuses a module that has no weights yet (ValueError), or a hook that may change what flows (TypeError).

    Hooks of torch's own pruning and norms of weights change only weights, and those of its counters nothing. `hooks`
    lets all hooks pass.
    """
    if hasattr(type(module), "cls_to_become"):
        raise ValueError(f"{type(module).__name__} has no weights yet: run one batch through it first")
    found = module._forward_hooks or module._forward_pre_hooks
    if hooks or not (found or every._global_forward_hooks or every._global_forward_pre_hooks):
        return
    own = (*module._forward_hooks.values(), *module._forward_pre_hooks.values())
    for hook in (*own, *every._global_forward_hooks.values(), *every._global_forward_pre_hooks.values()):
        homes = [getattr(hook, "__module__", ""), *(base.__module__ for base in type(hook).__mro__)]
        if not any(str(home).startswith(("torch.nn.utils.", "torch.utils.")) for home in homes):
            raise TypeError(
                f"{'.'.join(filter(None, path)) or 'the module'}, a {type(module).__name__}, has a forward hook, and "
                "nobody can tell what a hook changes: remove it first"
            )


# ---- words -------------------------------------------------------------------------------------


def numbers(value: Any, count: int = 2) -> Sides:
    """`3` -> `(3, 3)`; a tuple stays as it is."""
    if type(value) is tuple:
        return value
    return tuple(map(int, value)) if isinstance(value, tuple | list) else (int(value),) * count


def size(value: Any) -> str:
    """3 or (3, 3) -> `3x3`; (3,) -> `3`."""
    return "x".join(map(str, numbers(value)))


def _window_label(module: Any, what: str, valid: bool) -> str:
    """Kernel, kind, stride and the papers' "V" for a window that does not pad."""
    count = _sides_of(module)
    kernel, stride = numbers(module.kernel_size, count), numbers(module.stride, count)
    words = [size(kernel), what]
    if set(stride) != {1}:
        words.append(f"/{stride[0]}" if len(set(stride)) == 1 else f"/{size(stride)}")
    if valid and set(kernel) != {1}:
        words.append("V")
    return " ".join(words)


def _sides_of(module: nn.Module) -> int:
    """1, 2 or 3 for a layer whose class ends so: Conv1d, MaxPool2d, BatchNorm3d."""
    return _sides_of_class(type(module))  # type: ignore[arg-type]  # mypy: a class of modules is hashable


@lru_cache(maxsize=1024)
def _sides_of_class(kind: Any) -> int:
    return next(int(cls.__name__[-2]) for cls in kind.__mro__ if cls.__name__[-2:] in ("1d", "2d", "3d"))


# ---- convolutions and linear layers --------------------------------------------------------------


def _maps(signal: Signal, sides: int, reader: str) -> None:
    if len(signal.shape) != sides + 1:
        axes = ("L", "H, W", "D, H, W")[sides - 1]
        what = f"a vector of {signal.channels}" if signal.flat else f"{signal.shape}"
        raise ValueError(f"{reader} reads maps of (C, {axes}), but gets {what}")


@lru_cache(maxsize=8192)  # one network is traced many times, and its blocks repeat
def _slide(
    signal: Signal, channels: int, kernel: Sides, stride: Sides, padding: Sides, dilation: Sides, *, ceil: bool = False
) -> Signal:
    """The signal after a window that slides over every side."""
    _possible(kernel, stride, padding, dilation)
    sides = tuple(
        arithmetic.out_size(n, k, s, p, dilation=d, ceil_mode=ceil)
        for n, k, s, p, d in zip(signal.sides, kernel, stride, padding, dilation, strict=True)
    )
    return _seeing(signal, (channels, *sides), kernel, stride, padding, dilation)


def _possible(kernel: Sides, stride: Sides, padding: Sides, dilation: Sides) -> None:
    """ValueError for a window that torch refuses when it computes; on the meta device it would let some pass."""
    if min(*kernel, *stride, *dilation) < 1 or min(padding, default=0) < 0:
        raise ValueError(
            f"a window of {size(kernel)} with stride {size(stride)} and dilation {size(dilation)}"
            + (f" in a padding of {size(padding)}" if padding else "")
            + " is not possible: padding must be at least 0, the others at least 1"
        )


@lru_cache(maxsize=8192)
def _seeing(
    signal: Signal, shape: Sides, kernel: Sides, stride: Sides, padding: Sides, dilation: Sides | None = None
) -> Signal:
    """The signal of `shape` after a window; `padding` is what is added before each side."""
    windows = signal.windows
    if len(windows) != len(kernel):
        return signal.blind(shape)
    pairs = [
        arithmetic.receptive_field(f, j, k, s, dilation=d)
        for (f, j, _), k, s, d in zip(windows, kernel, stride, dilation or (1,) * len(kernel), strict=True)
    ]
    start = tuple(at - p * j for (_, j, at), p in zip(windows, padding, strict=True))
    return Signal(shape, tuple(f for f, _ in pairs), tuple(j for _, j in pairs), start)


def _padded(signal: Signal, ends: Sequence[tuple[int, int]]) -> Signal:
    """The signal with these numbers of values added before and after each side, or taken away where negative."""
    shape = (signal.channels, *(n + sum(end) for n, end in zip(signal.sides, ends, strict=True)))
    windows = signal.windows
    if len(windows) != len(ends):
        return signal.blind(shape)
    start = tuple(at - before * j for (_, j, at), (before, _) in zip(windows, ends, strict=True))
    return signal._replace(shape=shape, start=start)


def _conv_box(module: Any) -> str:
    return "depthwise" if module.groups > 1 and module.groups == module.in_channels else "conv"


def _conv_label(module: Any) -> str:
    valid = module.padding == "valid" or (not isinstance(module.padding, str) and not any(numbers(module.padding)))
    if module.groups == 1:
        return _window_label(module, "conv", valid)
    if module.groups == module.in_channels:
        times = module.out_channels // module.in_channels
        return _window_label(module, "depthwise" + (f" (x{times})" if times > 1 else ""), valid)
    return _window_label(module, f"conv in {module.groups} groups", valid)


def _conv_part(module: Any) -> Part:
    kernel, stride, dilation = _geometry(module)
    return {
        "is": "conv",
        "channels": module.out_channels,
        "kernel": list(kernel),
        "stride": list(stride),
        "padding": _padding(module),
        "dilation": list(dilation),
        "groups": module.groups,
        "bias": module.bias is not None,
        "norm": "none",
        "relu": False,
    }


def _geometry(module: Any) -> tuple[Sides, Sides, Sides]:
    """Kernel, stride and dilation, each with one number per side; torch also takes one number for all sides."""
    count = _sides_of(module)
    return numbers(module.kernel_size, count), numbers(module.stride, count), numbers(module.dilation, count)


def _padding(module: Any) -> list[int] | str:
    """Pixels on either side; "same" and "valid" in numbers, but for an even kernel, whose sides differ."""
    kernel, _, dilation = _geometry(module)
    if not isinstance(module.padding, str):
        return list(numbers(module.padding, len(kernel)))
    if module.padding == "valid":
        return [0] * len(kernel)
    reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    return str(module.padding) if any(r % 2 for r in reach) else [r // 2 for r in reach]


def _holds(module: nn.Module, **shapes: Sides) -> bool:
    """Whether parameters and buffers have the shapes that the settings say.

    If a reader has replaced them by others, torch uses those, and so the layer is run.
    """
    for name, shape in shapes.items():
        tensor = module._parameters.get(name, module._buffers.get(name))
        if tensor is not None and tensor.shape != shape:
            return False
    return True


def _conv_macs(module: Any, read: Signal, output: Signal) -> int:
    return _weights(module) * prod(output.sides)


def _weights(module: Any) -> int:
    """Weights of a convolution of any number of sides, its bias not among them."""
    return int(module.in_channels // module.groups * module.out_channels * prod(_geometry(module)[0]))


@kind(nn.Conv1d, nn.Conv2d, nn.Conv3d, box=_conv_box, label=_conv_label, part=_conv_part, macs=_conv_macs)
def _convolution(module: Any, signal: Signal) -> Signal | None:
    kernel, stride, dilation = _geometry(module)
    many = module.out_channels
    if not _holds(module, weight=(many, module.in_channels // module.groups, *kernel), bias=(many,)):
        return None
    _maps(signal, len(kernel), "a convolution")
    _reads(module.in_channels, signal, "a convolution")
    if module.padding_mode != "zeros":
        return _mirroring(module, signal)
    _possible(kernel, stride, (), dilation)
    if module.padding == "same":
        before = tuple(d * (k - 1) // 2 for d, k in zip(dilation, kernel, strict=True))
        return _seeing(signal, (many, *signal.sides), kernel, stride, before, dilation) if set(stride) == {1} else None
    padding = 0 if module.padding == "valid" else module.padding
    return _slide(signal, many, kernel, stride, numbers(padding, len(kernel)), dilation)


def _mirroring(module: Any, signal: Signal) -> Signal | None:
    """A convolution that pads with what is there, by what it was made with; torch refuses to mirror more than that."""
    pads = list(module._reversed_padding_repeated_twice)  # before and after the last side, the one before it, ...
    ends = list(zip(pads[-2::-2], pads[::-2], strict=True))
    most = {"reflect": [n - 1 for n in signal.sides], "circular": signal.sides}.get(module.padding_mode)
    if min(pads) < 0 or (most and any(max(end) > limit for end, limit in zip(ends, most, strict=True))):
        return None
    kernel, stride, dilation = _geometry(module)
    return _slide(_padded(signal, ends), module.out_channels, kernel, stride, (0,) * len(kernel), dilation)


def _reads(channels: int, signal: Signal, reader: str) -> None:
    if signal.channels != channels:
        raise ValueError(f"{reader} that reads {channels} channels gets {signal.channels}")


def _transposed_macs(module: Any, read: Signal, output: Signal) -> int:
    return _weights(module) * prod(read.sides)


@kind(
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
    box="conv",
    label=lambda m: _window_label(m, "transposed conv", False),
    part=lambda m: {
        **_conv_part(m),
        "is": "transposed conv",
        "output padding": list(numbers(m.output_padding, _sides_of(m))),
    },
    macs=_transposed_macs,
)
def _transposed(module: Any, signal: Signal) -> Signal | None:
    kernel, stride, dilation = _geometry(module)
    count, many = len(kernel), module.out_channels
    if not _holds(module, weight=(module.in_channels, many // module.groups, *kernel), bias=(many,)):
        return None
    _maps(signal, count, "a transposed convolution")
    _reads(module.in_channels, signal, "a transposed convolution")
    padding, more = numbers(module.padding, count), numbers(module.output_padding, count)
    _possible(kernel, stride, (*padding, *more), dilation)
    sides = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + o + 1
        for n, k, s, p, d, o in zip(signal.sides, kernel, stride, padding, dilation, more, strict=True)
    )
    if any(o >= max(s, d) for o, s, d in zip(more, stride, dilation, strict=True)) or min(sides) < 1:
        raise ValueError(
            f"a transposed convolution cannot make {size(sides)} of {size(signal.sides)}: its output padding of "
            f"{size(more)} must be smaller than the stride or the dilation, and something must be left"
        )
    return signal.blind((many, *sides))


@kind(
    nn.Linear,
    box="linear",
    label="linear",
    part=lambda m: {"is": "linear", "channels": m.out_features, "bias": m.bias is not None},
    macs=lambda module, read, output: module.in_features * output.elements,
)
def _linear(module: nn.Linear, signal: Signal) -> Signal | None:
    if not _holds(module, weight=(module.out_features, module.in_features), bias=(module.out_features,)):
        return None
    if signal.shape[-1] != module.in_features:
        if signal.flat:
            raise ValueError(f"a linear layer that reads {module.in_features} values gets {signal.channels}")
        raise ValueError(
            f"a linear layer reads a vector of {module.in_features}, but gets maps of {signal.shape}: "
            "average them over their positions or flatten them first"
        )
    if signal.flat:
        return signal._replace(shape=(module.out_features,))
    return signal.blind((*signal.shape[:-1], module.out_features))  # torch applies it along the last axis


# ---- pools and pads ------------------------------------------------------------------------------


def _pool_part(module: Any) -> Part:
    count = _sides_of(module)
    return {name: list(numbers(getattr(module, f"{name}{end}"), count)) for name, end in _POOL_WINDOW.items()}


_POOL_WINDOW = {"kernel": "_size", "stride": "", "padding": ""}


def _pool_label(what: str) -> Callable[[Any], str]:
    return lambda m: _window_label(m, what, not any(numbers(m.padding)) and not m.ceil_mode)


def _pool(module: Any, signal: Signal, dilation: Any) -> Signal | None:
    count = _sides_of(module)
    _maps(signal, count, "a pool")
    kernel, stride, padding, apart = (
        numbers(value, count) for value in (module.kernel_size, module.stride, module.padding, dilation)
    )
    if any(p > k // 2 for p, k in zip(padding, kernel, strict=True)):
        return None  # torch refuses more than half a window
    return _slide(signal, signal.channels, kernel, stride, padding, apart, ceil=module.ceil_mode)


@kind(
    *(nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d),
    box="pool",
    label=_pool_label("max pool"),
    part=lambda m: {"is": "max pool", **_pool_part(m), "ceil_mode": m.ceil_mode},
)
def _max_pool(module: Any, signal: Signal) -> Signal | None:
    return None if module.return_indices else _pool(module, signal, module.dilation)


@kind(
    *(nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d),
    box="pool",
    label=_pool_label("avg pool"),
    part=lambda m: {
        "is": "avg pool",
        **_pool_part(m),
        "ceil_mode": m.ceil_mode,
        "border counted": m.count_include_pad or not any(numbers(m.padding)),
    },
)
def _avg_pool(module: Any, signal: Signal) -> Signal | None:
    if getattr(module, "divisor_override", None) == 0:
        return None
    output = _pool(module, signal, 1)
    if _sides_of(module) == 3:  # the one pool whose window must fit without its padding
        for n, k in zip(signal.sides, numbers(module.kernel_size, 3), strict=True):
            arithmetic.out_size(n, k)
    return output


def _adaptive_label(what: str) -> Callable[[Any], str]:
    def words(module: Any) -> str:
        wanted = numbers_or_none(module.output_size, _sides_of(module))
        return (
            f"global {what}"
            if set(wanted) == {1}
            else f"{what} to {'x'.join('all' if n is None else str(n) for n in wanted)}"
        )

    return words


def numbers_or_none(value: Any, count: int) -> tuple[int | None, ...]:
    """`(None, 2)` stays, `3` -> `(3, 3)`: what adaptive pools are asked for."""
    return tuple(value) if isinstance(value, tuple | list) else (value,) * count


def _adaptive(module: Any, signal: Signal) -> Signal | None:
    count = _sides_of(module)
    _maps(signal, count, "a pool")
    if getattr(module, "return_indices", False):
        return None
    asked = zip(numbers_or_none(module.output_size, count), signal.sides, strict=True)
    wanted = [have if want is None else want for want, have in asked]
    if min(wanted) < 1 or (count == 1 and module.output_size in (None, (None,), [None])):
        return None
    # torch's windows differ by a pixel and overlap where the sizes do not divide; the widest decides what is seen.
    widest = tuple(
        max(-(-(i + 1) * n // out) - i * n // out for i in range(out))
        for n, out in zip(signal.sides, wanted, strict=True)
    )
    steps = tuple(max(1, n // out) for n, out in zip(signal.sides, wanted, strict=True))  # where they divide
    output = _seeing(signal, (signal.channels, *wanted), widest, steps, (0,) * count)
    even = all(n % out == 0 for n, out in zip(signal.sides, wanted, strict=True))
    return output if even else output._replace(jump=None, start=None)


def _grid(module: Any) -> list[int | None]:
    return list(numbers_or_none(module.output_size, _sides_of(module)))


kind(
    *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
    box="pool",
    label=_adaptive_label("avg pool"),
    part=lambda m: {"is": "adaptive avg pool", "grid": _grid(m)},
)(_adaptive)
kind(
    *(nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
    box="pool",
    label=_adaptive_label("max pool"),
    part=lambda m: {"is": "adaptive max pool", "grid": _grid(m)},
)(_adaptive)


@kind(
    *(nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d, nn.ConstantPad1d, nn.ConstantPad2d, nn.ConstantPad3d),
    box="reshape",
    label=lambda m: f"pad {', '.join(map(str, m.padding))}",
)
def _pad(module: Any, signal: Signal) -> Signal | None:
    if len(signal.shape) != _sides_of(module) + 1:
        return None  # torch pads the last axes, whatever they are
    ends = list(zip(module.padding[-2::-2], module.padding[::-2], strict=True))
    sides = tuple(n + sum(end) for n, end in zip(signal.sides, ends, strict=True))
    cropped = (n + min(a, 0) + min(b, 0) for n, (a, b) in zip(signal.sides, ends, strict=True))
    if min(sides) < 1 or min(cropped) < 0:
        raise TooSmallError(f"a padding of {tuple(module.padding)} leaves nothing of {size(signal.sides)} pixels")
    return _padded(signal, ends)


# ---- norms, activations and the rest ---------------------------------------------------------------


def norm_words(module: Any) -> str:
    """A batch norm in words: its epsilon, and whatever else is not torch's default."""
    words = [f"batch norm with epsilon {module.eps:g}"]
    words += [] if module.momentum == 0.1 else [f"and momentum {module.momentum}"]
    words += [] if module.affine else ["without scale and shift"]
    words += [] if module.track_running_stats else ["without running statistics"]
    return " ".join(words)


def _over(module: Any, channels: int, signal: Signal) -> Signal:
    if channels != signal.channels:
        raise ValueError(f"a {type(module).__name__} over {channels} channels gets {signal.channels}")
    return signal


@kind(
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm),
    box="norm",
    label="batch norm",
    part=lambda m: {"is": "batch norm", "settings": norm_words(m)},
)
def _batch_norm(module: Any, signal: Signal) -> Signal | None:
    per_channel = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (module.num_features,))
    if not _holds(module, **per_channel):
        return None
    if module.running_mean is None and prod(signal.sides) == 1:
        return None  # torch has no variance of a single value
    if not isinstance(module, nn.SyncBatchNorm):
        count = _sides_of(module)
        if not (count == 1 and signal.flat):
            _maps(signal, count, f"a {type(module).__name__}")
    if not module.affine and module.running_mean is None:
        return signal
    return _over(module, module.num_features, signal)


@kind(nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d, box="norm", label="instance norm")
def _instance_norm(module: Any, signal: Signal) -> Signal | None:
    _maps(signal, _sides_of(module), f"a {type(module).__name__}")
    if prod(signal.sides) == 1:
        return None  # torch has no variance of a single value
    return _over(module, module.num_features, signal) if module.affine else signal


@kind(nn.GroupNorm, box="norm", label=lambda m: f"group norm in {m.num_groups} groups")
def _group_norm(module: nn.GroupNorm, signal: Signal) -> Signal | None:
    _over(module, module.num_channels, signal)
    return signal if signal.elements > module.num_groups else None


@kind(nn.LayerNorm, nn.RMSNorm, box="norm", label=lambda m: "layer norm" if isinstance(m, nn.LayerNorm) else "RMS norm")
def _layer_norm(module: Any, signal: Signal) -> Signal:
    over = tuple(module.normalized_shape)
    if signal.shape[-len(over) :] != over:
        raise ValueError(f"a {type(module).__name__} over {over} gets {signal.shape}")
    return signal


@kind(nn.LocalResponseNorm, box="norm", label=lambda m: f"LRN over {m.size}")
def _lrn(module: nn.LocalResponseNorm, signal: Signal) -> Signal | None:
    return None if signal.flat else signal


@kind(
    nn.Flatten,
    box="reshape",
    label=lambda m: "flatten" if (m.start_dim, m.end_dim) == (1, -1) else f"flatten axes {m.start_dim} to {m.end_dim}",
)
def _flatten(module: nn.Flatten, signal: Signal) -> Signal | None:
    axes = len(signal.shape) + 1
    start, end = (n + axes if n < 0 else n for n in (module.start_dim, module.end_dim))
    if start == 0 and end > 0:
        raise ValueError("a flatten from axis 0 on mixes the images of a batch: start it at 1")
    if not 0 < start <= end < axes:
        return None
    if start == end:
        return signal
    if (start, end) != (1, axes - 1):
        shape = signal.shape
        return signal.blind((*shape[: start - 1], prod(shape[start - 1 : end]), *shape[end:]))
    if not signal.windows:
        return signal.blind((signal.elements,))
    whole = tuple(f + (n - 1) * j for (f, j, _), n in zip(signal.windows, signal.sides, strict=True))
    return signal._replace(shape=(signal.elements,), field=whole)


@kind(nn.PixelShuffle, box="reshape", label=lambda m: f"pixel shuffle {m.upscale_factor}")
def _pixel_shuffle(module: nn.PixelShuffle, signal: Signal) -> Signal | None:
    times = module.upscale_factor
    if len(signal.shape) < 3 or signal.shape[-3] % times**2:
        return None
    *others, channels, height, width = signal.shape
    return signal.blind((*others, channels // times**2, height * times, width * times))


@kind(nn.PReLU, box="activation", label="PReLU")
def _prelu(module: nn.PReLU, signal: Signal) -> Signal:
    return signal if module.num_parameters == 1 else _over(module, module.num_parameters, signal)


@kind(nn.Softmax, nn.LogSoftmax, nn.Softmin, box="activation", label=lambda m: type(m).__name__)
def _softmax(module: Any, signal: Signal) -> Signal | None:
    axes = len(signal.shape) + 1
    if module.dim is not None and not -axes <= module.dim < axes:
        raise ValueError(f"there is no axis {module.dim} in a batch of {signal.shape}")
    return signal if module.dim == 1 else None  # along a side it would see all of that side


def _unchanged(module: nn.Module, signal: Signal) -> Signal:
    return signal


kind(nn.Identity, box="identity", label="identity")(_unchanged)
kind(
    *(nn.Dropout, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout),
    box="dropout",
    label=lambda m: f"dropout {m.p:g}",
    part=lambda m: {"is": "dropout", "dropped": m.p} if type(m) is nn.Dropout else _own_words(m),
)(_unchanged)


@kind(nn.Dropout1d, box="dropout", label=lambda m: f"dropout {m.p:g}")
def _dropout_1d(module: nn.Dropout1d, signal: Signal) -> Signal | None:
    return signal if len(signal.shape) < 3 else None


kind(
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.RReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Sigmoid),
    *(nn.Tanh, nn.Softplus, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.LogSigmoid, nn.Hardshrink, nn.Softshrink),
    *(nn.Tanhshrink, nn.Softsign, nn.Threshold),
    box="activation",
    label=lambda m: type(m).__name__,
)(_unchanged)
