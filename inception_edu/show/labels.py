"""What a module is called in a table or a drawing: its kind, and the words in its box."""

from functools import singledispatch
from typing import Any

from torch import nn

from ..arithmetic import pair
from ..bricks import Concat, ConvUnit, Residual


def kind(module: nn.Module) -> str:
    """`conv depthwise pool linear norm activation dropout reshape concat sum block`: what shape a drawing gives it."""
    return _label(module)[0]


def label(module: nn.Module) -> str:
    """The words in its box, such as `3x3 conv /2 V`: kernel, kind, then stride, then V where it does not pad."""
    return _label(module)[1]


def size(value: Any) -> str:
    """3 or (3, 3) -> `3x3`."""
    height, width = pair(value)
    return f"{height}x{width}"


def _window(module: Any, what: str, valid: bool) -> str:
    """Kernel, kind, stride and the papers' "V" for a window that does not pad."""
    kernel, stride = pair(module.kernel_size), pair(module.stride)
    words = [size(kernel), what]
    if stride != (1, 1):
        words.append(f"/{stride[0]}" if stride[0] == stride[1] else f"/{size(stride)}")
    if valid and kernel != (1, 1):
        words.append("V")
    return " ".join(words)


@singledispatch
def _label(module: nn.Module) -> tuple[str, str]:
    return "block", type(module).__name__


@_label.register
def _(module: nn.Conv2d) -> tuple[str, str]:
    valid = module.padding in ("valid", (0, 0))
    if module.groups == 1:
        return "conv", _window(module, "conv", valid)
    if module.groups == module.in_channels:
        times = module.out_channels // module.in_channels
        return "depthwise", _window(module, "depthwise" + (f" (x{times})" if times > 1 else ""), valid)
    return "conv", _window(module, f"conv in {module.groups} groups", valid)


@_label.register
def _(module: ConvUnit) -> tuple[str, str]:
    return _label(module.conv)


@_label.register(nn.MaxPool2d)
@_label.register(nn.AvgPool2d)
def _(module: Any) -> tuple[str, str]:
    what = "max pool" if isinstance(module, nn.MaxPool2d) else "avg pool"
    return "pool", _window(module, what, pair(module.padding) == (0, 0) and not module.ceil_mode)


@_label.register(nn.AdaptiveAvgPool2d)
@_label.register(nn.AdaptiveMaxPool2d)
def _(module: Any) -> tuple[str, str]:
    what = "max pool" if isinstance(module, nn.AdaptiveMaxPool2d) else "avg pool"
    whole = module.output_size in (1, (1, 1))
    return "pool", f"global {what}" if whole else f"{what} to {size(module.output_size)}"


@_label.register
def _(module: nn.Linear) -> tuple[str, str]:
    return "linear", "linear"


@_label.register
def _(module: nn.LocalResponseNorm) -> tuple[str, str]:
    return "norm", f"LRN over {module.size}"


@_label.register
def _(module: nn.Dropout) -> tuple[str, str]:
    return "dropout", f"dropout {module.p:g}"


@_label.register
def _(module: Concat) -> tuple[str, str]:
    return "concat", "concat"


@_label.register
def _(module: Residual) -> tuple[str, str]:
    return "sum", "sum" if module.scale == 1 else f"sum, body x {module.scale:g}"


@_label.register(nn.Sequential)
def _(module: nn.Sequential) -> tuple[str, str]:
    return "block", ""


for _type, _kind, _words in (
    (nn.ReLU, "activation", "ReLU"),
    (nn.BatchNorm1d, "norm", "batch norm"),
    (nn.BatchNorm2d, "norm", "batch norm"),
    (nn.Flatten, "reshape", "flatten"),
    (nn.Identity, "identity", "identity"),
):
    _label.register(_type, lambda module, answer=(_kind, _words): answer)
