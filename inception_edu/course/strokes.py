"""A square convolution as a column and a row: what chapter 06 does to the reader's own network."""

import torch
from torch import nn


def large_units(net: nn.Module) -> list[nn.Sequential]:
    """Every `nn.Sequential` of `net` that begins with a convolution larger than 1x1, from first to last."""
    units = [unit for unit in net.modules() if isinstance(unit, nn.Sequential) and len(unit)]
    return [unit for unit in units if isinstance(unit[0], nn.Conv2d) and unit[0].kernel_size != (1, 1)]


def nearest_pair(square: nn.Conv2d, middle: int) -> nn.Sequential:
    """An nx1 and then a 1xn, with `middle` channels from one to the other and no ReLU: the pair nearest to `square`.

    Nearest by the sum of the squared differences between `square`'s weights (out, channels, n, n) and those that the
    pair multiplies out to. With n * min(channels, out) middle channels the pair is exact; it never has more.

    Raises ValueError if `middle` is below 1, and for a convolution with a stride, groups, a bias or another padding
    than n // 2.
    """
    out, channels, _, n = square.weight.shape
    plain = nn.Conv2d(square.in_channels, out, n, padding=n // 2, bias=False, device="meta")
    if repr(square) != repr(plain):
        raise ValueError(f"a pair takes the place of {plain}, not of {square}")
    if middle < 1:
        raise ValueError(f"a pair has at least 1 middle channel, not {middle}")
    middle = min(middle, channels * n, out * n)
    # One matrix for the whole layer: a row for each output channel and column of the kernel, a column for each input
    # channel and row of the kernel.
    matrix = square.weight.detach().permute(0, 3, 1, 2).reshape(out * n, channels * n)
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    first = nn.Conv2d(channels, middle, (n, 1), padding=(n // 2, 0), bias=False)
    second = nn.Conv2d(middle, out, (1, n), padding=(0, n // 2), bias=False)
    first.weight.data = vh[:middle].reshape(middle, channels, n, 1)
    second.weight.data = (u[:, :middle] * s[:middle]).reshape(out, n, middle, 1).permute(0, 2, 3, 1)
    return nn.Sequential(first, second)
