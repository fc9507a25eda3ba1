"""`torch.nn` without values: the same classes, arguments and names of parameters; weights are only shapes."""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from math import prod
from typing import Any

from .modules import module as _hooks  # noqa: F401  `from torch.nn.modules import module`


class Parameter:
    """The shape of a parameter or buffer."""

    def __init__(self, *shape: int) -> None:
        self.shape = shape

    def numel(self) -> int:
        """How many values it would have."""
        return prod(self.shape)


class Module:
    """What torch's own class keeps: parameters, buffers and parts by name, in the order in which they were made."""

    training = True

    def __init__(self) -> None:
        for store in ("_parameters", "_buffers", "_modules", "_forward_hooks", "_forward_pre_hooks"):
            self.__dict__[store] = {}

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Module | Parameter):
            self.__dict__["_modules" if isinstance(value, Module) else "_parameters"][name] = value
        else:
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        for store in ("_parameters", "_buffers", "_modules"):
            if name in self.__dict__.get(store, {}):
                return self.__dict__[store][name]
        raise AttributeError(f"{type(self).__name__} has no {name}")

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        return iter(self._modules.items())

    def children(self) -> Iterator["Module"]:
        return iter(self._modules.values())

    def parameters(self) -> Iterator[Parameter]:
        yield from self._parameters.values()
        for part in self._modules.values():
            yield from part.parameters()

    def forward(self, x: Any) -> Any:
        raise NotImplementedError


class Sequential(Module):
    """Parts in a row, by position or by the names of a dictionary."""

    def __init__(self, *parts: Any) -> None:
        super().__init__()
        named = parts[0] if len(parts) == 1 and isinstance(parts[0], Mapping) else dict(enumerate(parts))
        self._modules.update({str(name): part for name, part in named.items()})

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __len__(self) -> int:
        return len(self._modules)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return type(self)(dict(list(self._modules.items())[at]))
        return list(self._modules.values())[at]

    def forward(self, x: Any) -> Any:
        for part in self:
            x = part(x)
        return x


class ModuleList(Sequential):
    """Parts side by side."""

    def __init__(self, parts: Iterable[Module] = ()) -> None:
        super().__init__(*parts)


class ModuleDict(Module):
    """Parts by name."""

    def __init__(self, parts: Mapping[str, Module] = {}) -> None:
        super().__init__()
        self._modules.update(parts)
        self.keys, self.items, self.values = self._modules.keys, self._modules.items, self._modules.values

    def __contains__(self, name: str) -> bool:
        return name in self._modules

    def __getitem__(self, name: str) -> Module:
        return self._modules[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)


def _pair(value: Any) -> Any:
    return value if isinstance(value, tuple | str) else (value, value)


class Conv2d(Module):
    """Kernel, stride, padding and dilation as pairs, as in torch."""

    def __init__(
        self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True,
        padding_mode="zeros", device=None, dtype=None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.in_channels, self.out_channels, self.groups, self.padding_mode = (
            in_channels, out_channels, groups, padding_mode
        )  # fmt: skip
        self.kernel_size, self.stride = _pair(kernel_size), _pair(stride)
        self.padding, self.dilation = _pair(padding), _pair(dilation)
        self._parameters["weight"] = Parameter(out_channels, in_channels // groups, *self.kernel_size)
        self._parameters["bias"] = Parameter(out_channels) if bias else None


class Linear(Module):
    """A matrix, and a bias unless it is left out."""

    def __init__(self, in_features, out_features, bias=True, device=None, dtype=None) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self._parameters["weight"] = Parameter(out_features, in_features)
        self._parameters["bias"] = Parameter(out_features) if bias else None


class BatchNorm2d(Module):
    """A scale and a shift per channel; running statistics are buffers."""

    def __init__(
        self, num_features, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True, device=None, dtype=None,
        *, bias=True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self._parameters["weight"] = Parameter(num_features) if affine else None
        self._parameters["bias"] = Parameter(num_features) if affine and bias else None
        for name in ("running_mean", "running_var"):
            self._buffers[name] = Parameter(num_features) if track_running_stats else None


def _layer(name: str, arguments: str) -> type[Module]:
    """A class without parameters that keeps its arguments under their names."""
    signature = inspect.signature(eval(f"lambda {arguments}: None"))

    def initialise(self: Module, *given: Any, **named: Any) -> None:
        Module.__init__(self)
        bound = signature.bind(*given, **named)
        bound.apply_defaults()
        self.__dict__.update(bound.arguments)
        if name.endswith("Pool2d") and self.__dict__.get("stride", 0) is None:
            self.stride = self.kernel_size

    return type(name, (Module,), {"__init__": initialise, "forward": lambda self, x: x, "__signature__": signature})


# What the networks of the family are made of; a layer that is missing here is made without arguments.
_WITHOUT_WEIGHTS = {
    "MaxPool2d": "kernel_size, stride=None, padding=0, dilation=1, return_indices=False, ceil_mode=False",
    "AvgPool2d": (
        "kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None"
    ),
    "AdaptiveAvgPool2d": "output_size",
    "LocalResponseNorm": "size, alpha=0.0001, beta=0.75, k=1.0",
    "Flatten": "start_dim=1, end_dim=-1",
    "Dropout": "p=0.5, inplace=False",
    "ReLU": "inplace=False",
}


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    globals()[name] = made = _layer(name, _WITHOUT_WEIGHTS.get(name, ""))
    return made
