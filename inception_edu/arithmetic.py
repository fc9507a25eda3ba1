"""The formulas of the course, in pure Python: sizes, parameters, multiply-accumulates, receptive fields.

A MAC is one multiply-add. Only convolutions and linear layers have any; batch norm, pooling,
activations and bias additions are not counted, and the batch is one image. Every number that
`trace`, the tables and the explorers show comes from this file, which imports nothing but `math`.
"""

from math import ceil, floor

Pair = tuple[int, int]


def pair(value: int | tuple[int, ...]) -> Pair:
    """`3` -> `(3, 3)`; a pair (height, width) stays as it is."""
    if isinstance(value, int):
        return value, value
    height, width = value
    return int(height), int(width)


def same_padding(kernel: int) -> int:
    """The padding in pixels on either side that keeps a size at stride 1; the kernel must be odd.

    Raises ValueError for an even kernel, which would need unequal padding on the two sides.
    """
    if kernel % 2 == 0:
        raise ValueError(
            f"a kernel of {kernel} cannot be padded equally on both sides: "
            f"give the padding yourself, or use {kernel - 1} or {kernel + 1}"
        )
    return kernel // 2


class TooSmallError(ValueError):
    """An input with fewer pixels than the window that slides over it."""


def out_size(
    size: int, kernel: int, stride: int = 1, padding: int = 0, *, dilation: int = 1, ceil_mode: bool = False
) -> int:
    """Pixels along one side after a convolution or pool over `size` pixels.

    `ceil_mode` rounds up, as Caffe's pools do, so the last window may extend over the edge; as in torch, a window
    that would start in the right padding is dropped. Raises TooSmallError (a ValueError) when no window fits.
    """
    reach = dilation * (kernel - 1) + 1
    overhang = stride - 1 if ceil_mode else 0
    if reach > size + 2 * padding + overhang:
        pad = f" ({size + 2 * padding} with padding)" if padding else ""
        needed = reach - 2 * padding - overhang
        raise TooSmallError(f"a window of {reach} does not fit into {size} pixels{pad}: at least {needed} are needed")
    steps = (size + 2 * padding - reach) / stride
    out = (ceil(steps) if ceil_mode else floor(steps)) + 1
    if ceil_mode and (out - 1) * stride >= size + padding:
        out -= 1
    return out


def conv_params(
    in_channels: int, out_channels: int, kernel: int | tuple[int, ...], *, groups: int = 1, bias: bool = False
) -> int:
    """Parameters of a convolution: one weight per input channel of the group, kernel cell and output channel."""
    height, width = pair(kernel)
    return in_channels // groups * height * width * out_channels + (out_channels if bias else 0)


def conv_macs(
    in_channels: int,
    out_channels: int,
    kernel: int | tuple[int, ...],
    out_height: int = 1,
    out_width: int = 1,
    *,
    groups: int = 1,
) -> int:
    """MACs of a convolution for one image (conv and linear multiply-adds only, batch 1, biases not counted).

    With the default 1x1 output it is the cost *per position*:

    >>> conv_macs(256, 256, 3)
    589824
    >>> conv_macs(256, 64, 1) + conv_macs(64, 64, 3) + conv_macs(64, 256, 1)
    69632
    """
    return conv_params(in_channels, out_channels, kernel, groups=groups) * out_height * out_width


def linear_params(in_features: int, out_features: int, *, bias: bool = True) -> int:
    """Parameters of a fully connected layer."""
    return in_features * out_features + (out_features if bias else 0)


def linear_macs(in_features: int, out_features: int) -> int:
    """MACs of a fully connected layer (batch 1, biases not counted): each weight is used once."""
    return in_features * out_features


def receptive_field(field: int, jump: int, kernel: int, stride: int = 1, *, dilation: int = 1) -> Pair:
    """`(field, jump)` in input pixels after one more layer along one side.

    `field` is how many input pixels one value sees, `jump` how many input pixels lie between two
    neighbouring values. An image has `field = jump = 1`.
    """
    return field + dilation * (kernel - 1) * jump, jump * stride
