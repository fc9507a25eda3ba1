"""The four bricks that every network of the family is made of, and the shorthand that lays them.

| brick           | is                                          | in the papers' figures  |
|-----------------|---------------------------------------------|-------------------------|
| `ConvUnit`      | convolution, then batch norm, then ReLU     | a box                   |
| `nn.Sequential` | one after the other                         | a line of boxes         |
| `Concat`        | side by side, joined on channels            | "filter concat"         |
| `Residual`      | `shortcut(x) + scale * body(x)`             | the circle with a plus  |
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .arithmetic import Pair, pair, same_padding
from .drafting import made

Item = nn.Module | tuple[Any, ...] | Callable[..., nn.Module]
"""What `branch` and `chain` take: a module, `(out_channels, kernel_size[, stride[, padding]])`, or a block function."""


class ConvUnit(nn.Sequential):
    """A convolution, then optional batch norm, then optional ReLU: one box of a figure.

    (N, in_channels, H, W) -> (N, out_channels, H', W'). `padding=None` keeps the size at stride 1;
    `padding=0` is the papers' "V" for valid. The convolution has a bias only where no batch norm
    follows, unless `bias` says otherwise. The ReLU is never in place, because a shortcut may still
    need what it reads. `eps` is the batch norm's epsilon: 1e-3 in TF-Slim and torchvision's
    Inceptions.

    Raises ValueError for widths, kernels or strides below 1, for a padding below 0 and for groups that do not
    divide the channels.
    """

    conv: nn.Conv2d
    bn: nn.BatchNorm2d
    relu: nn.ReLU

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: int | Pair | None = None,
        *,
        groups: int = 1,
        batch_norm: bool = True,
        relu: bool = True,
        bias: bool | None = None,
        eps: float = 1e-3,
    ) -> None:
        kernel, step = pair(kernel_size), pair(stride)
        if min(in_channels, out_channels, *kernel, *step) < 1:
            raise ValueError(
                f"a convolution from {in_channels} to {out_channels} channels with kernel {kernel} and stride "
                f"{step} cannot exist: channels, kernel and stride must be at least 1"
            )
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{groups} groups do not divide {in_channels} input and {out_channels} output channels evenly"
            )
        if padding is None:
            padding = same_padding(kernel[0]), same_padding(kernel[1])
        if min(pair(padding)) < 0:
            raise ValueError(f"a padding of {pair(padding)} cannot be: it must be at least 0")
        if bias is None:
            bias = not batch_norm
        layers: dict[str, nn.Module] = {
            "conv": made(nn.Conv2d, in_channels, out_channels, kernel, step, pair(padding), groups=groups, bias=bias)
        }
        if batch_norm:
            layers["bn"] = made(nn.BatchNorm2d, out_channels, eps=eps)
        if relu:
            layers["relu"] = made(nn.ReLU)
        super().__init__(OrderedDict(layers))


class Concat(nn.ModuleList):
    """Parallel branches that read the same tensor and are joined on channels: the papers' "filter concat".

    (N, C, H, W) -> (N, sum of the branches' channels, H', W'); all branches must end on the same grid.
    """

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self], dim=1)


class Residual(nn.Module):
    """`shortcut(x) + scale * body(x)`, with no activation after the sum (Inception-ResNet paper, §3.2-3.3).

    Body and shortcut must end in the same shape; without a shortcut `x` itself is added. The
    ReLU that most figures draw after the sum stands outside, so that the last block can leave it out.
    """

    def __init__(self, body: nn.Module, shortcut: nn.Module | None = None, scale: float = 1.0) -> None:
        super().__init__()
        self.body = body
        self.shortcut = nn.Identity() if shortcut is None else shortcut
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.scale * self.body(x)

    def extra_repr(self) -> str:
        return f"scale={self.scale}"


def out_channels(module: nn.Module, in_channels: int) -> int:
    """How many channels `module` puts out when it reads `in_channels`; pools, norms and activations keep them."""
    match module:
        case nn.Conv2d():
            return module.out_channels
        case ConvUnit():
            return module.conv.out_channels
        case nn.Sequential():
            for layer in module:
                in_channels = out_channels(layer, in_channels)
            return in_channels
        case Concat():
            return sum(out_channels(branch, in_channels) for branch in module)
        case Residual():
            return out_channels(module.body, in_channels)
    return in_channels


def widen(channels: int, width: float) -> int:
    """`channels` times the width factor, to the nearest whole number and never below 1.

    Raises ValueError for a factor that is not positive.
    """
    if not width > 0:
        raise ValueError(
            f"a width factor of {width} leaves no channels: it must be greater than 0, and 1.0 is the paper's width"
        )
    return max(1, round(channels * width))


def lay(item: Item, in_channels: int, *, width: float = 1.0, **unit: Any) -> nn.Module:
    """One item as a module that reads `in_channels`.

    A tuple `(out_channels, kernel_size[, stride[, padding]])` becomes a `ConvUnit` with the options
    `unit`, its width multiplied by `width`; a block function is called with `in_channels` and the
    same options; a module is taken as it is.
    """
    if isinstance(item, tuple):
        channels, *geometry = item
        return made(ConvUnit, in_channels, widen(channels, width), *geometry, **unit)
    if isinstance(item, nn.Module):
        return item
    return item(in_channels, width=width, **unit)


def chain(in_channels: int, items: Mapping[str, Item], **style: Any) -> dict[str, nn.Module]:
    """Named items as modules, one behind the other, each reading the channels that the one before it puts out.

    `style` is `width` and the options of `ConvUnit`; every item gets it (see `lay`).
    """
    modules = {}
    for name, item in items.items():
        modules[name] = module = lay(item, in_channels, **style)
        in_channels = out_channels(module, in_channels)
    return modules


def branch(in_channels: int, *items: Item, **style: Any) -> nn.Module:
    """One branch of a block: `branch(192, (96, 1), (128, 3))` is a 1x1 to 96 channels, then a 3x3 to 128."""
    modules = list(chain(in_channels, {str(i): item for i, item in enumerate(items)}, **style).values())
    return modules[0] if len(modules) == 1 else nn.Sequential(*modules)


def separable(
    in_channels: int,
    channels: int,
    kernel_size: int = 3,
    stride: int = 1,
    *,
    multiplier: int = 1,
    relu: bool = True,
    **style: Any,
) -> nn.Sequential:
    """A depthwise separable convolution: each channel on its own in space, then a 1x1 that mixes them.

    Nothing stands between the two, as Xception found best (its §4.7); batch norm and ReLU follow
    the 1x1. `multiplier` is how many maps the depthwise half makes of each channel.
    """
    depthwise = ConvUnit(
        *(in_channels, in_channels * multiplier, kernel_size, stride),
        groups=in_channels,
        batch_norm=False,
        relu=False,
        bias=False,
    )
    pointwise = lay((channels, 1), in_channels * multiplier, relu=relu, **style)
    return nn.Sequential(OrderedDict(depthwise=depthwise, pointwise=pointwise))
