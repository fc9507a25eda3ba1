"""The four bricks that every network of the family is made of.

| brick           | is                                          | in the papers' figures  |
|-----------------|---------------------------------------------|-------------------------|
| `ConvUnit`      | convolution, then batch norm, then ReLU     | a box                   |
| `nn.Sequential` | one after the other                         | a line of boxes         |
| `Concat`        | side by side, joined on channels            | "filter concat"         |
| `Residual`      | `shortcut(x) + scale * body(x)`             | the circle with a plus  |

They are ordinary modules, made and used like any other. Two more are for reading other people's networks, and no
network of the family has them: `Product`, because attention gates multiply, and `Function`, a call that is not a layer.
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .arithmetic import Pair, pair, same_padding


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
                f"{step} is not possible: channels, kernel and stride must be at least 1"
            )
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{groups} groups do not divide {in_channels} input and {out_channels} output channels evenly"
            )
        if padding is None:
            padding = same_padding(kernel[0]), same_padding(kernel[1])
        if min(pair(padding)) < 0:
            raise ValueError(f"the padding must be at least 0, not {pair(padding)}")
        if bias is None:
            bias = not batch_norm
        layers: dict[str, nn.Module] = {
            "conv": nn.Conv2d(in_channels, out_channels, kernel, step, pair(padding), groups=groups, bias=bias)
        }
        if batch_norm:
            layers["bn"] = nn.BatchNorm2d(out_channels, eps=eps)
        if relu:
            layers["relu"] = nn.ReLU()
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
    ReLU that most figures draw after the sum is outside, so that the last block can leave it out.
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


class Product(nn.ModuleList):
    """Parallel branches that read the same tensor and are multiplied, as an attention gate is: `x * gate(x)`.

    (N, C, H, W) -> (N, C, H, W); a branch of one value per channel, (N, C, 1, 1), scales the whole map.
    """

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__(branches)

    def forward(self, x: Tensor) -> Tensor:
        first, *others = self
        product: Tensor = first(x)
        for branch in others:
            product = product * branch(x)
        return product


class Function(nn.Module):
    """A call of a torch function, or of a module with more arguments, as it was found in a `forward`: a leaf of a form.

    It outputs `shape` at `cost` (MACs, products, activations), and is not there to be run. `local` says whether its
    result at a place depends on that place alone.
    """

    def __init__(
        self,
        name: str,
        shape: tuple[int, ...],
        cost: tuple[int, int, int],
        parameters: Sequence[nn.Parameter] = (),
        *,
        local: bool = False,
    ) -> None:
        super().__init__()
        self.name = name
        self.shape = shape
        self.cost = cost
        self.local = local
        self._parameters.update({str(i): parameter for i, parameter in enumerate(parameters)})
