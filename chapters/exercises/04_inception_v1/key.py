"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from pathlib import Path
from statistics import mean, pstdev, stdev, variance

import torch
import torch.nn.functional as F
from torch import nn

from inception_edu.arithmetic import out_size
from inception_edu.classroom import sealing
from inception_edu.classroom.keys import Answer, Builds, Computes, Designs

given = sealing.given(Path(__file__).with_name("exercises.ipynb"))


def drawn(channels, side, figure, padded=False, up=True, inner=True, last=False, between=True):
    """The network of a figure, or that of someone who reads a rule of it otherwise."""
    layers, flat = [], False
    for number, line in enumerate(figure, 1):
        name, kernel, stride, same, width = given.box(line)
        strides = same and name != "Conv" and stride > 1
        pad = kernel // 2 if same and (padded or not strides) and (inner or name == "Conv" or strides) else 0
        ceil = strides and up and not padded
        if name == "Conv":
            layers += [nn.Conv2d(channels, width, kernel, stride, pad), nn.ReLU()]
            channels = width
        elif name in ("MaxPool", "AveragePool"):
            pool = nn.MaxPool2d if name == "MaxPool" else nn.AvgPool2d
            layers.append(pool(kernel, stride, pad, ceil_mode=ceil))
        elif name == "LocalRespNorm":
            layers.append(nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0))
        else:
            layers += [] if flat else [nn.Flatten()]
            channels, flat = channels if flat else channels * side**2, True
            layers += [nn.Linear(channels, width), *[nn.ReLU()] * (between if number < len(figure) else last)]
            channels = width
        side = out_size(side, kernel, stride, pad, ceil_mode=ceil) if kernel else side
    return nn.Sequential(*layers)


def state(row, order=(3, 2, 0, 1), swapped=False, scaled=False):
    """What the stranger's block computes after a translation, which may have a slip."""
    file, mine = given.stranger(*row), given.Block(*row).state_dict()
    places = ["one", "three.0", "three.1", "five.0", "five.1", "pool.1"]
    theirs = list(dict.fromkeys(name.rsplit("/BatchNorm", 1)[0].rsplit("/weights", 1)[0] for name in file))
    for place, name in zip(places, theirs, strict=True):
        mine[f"{place}.0.weight"] = file[f"{name}/weights"].permute(order)
        found = [file[f"{name}/BatchNorm/{what}"] for what in ("beta", "moving_mean", "moving_variance")]
        beta, average, spread = found
        mine[f"{place}.1.bias"] = torch.zeros_like(beta) if scaled else beta
        mine[f"{place}.1.weight"] = beta if scaled else torch.ones_like(beta)
        mine[f"{place}.1.running_mean"], mine[f"{place}.1.running_var"] = (
            (spread, average) if swapped else (average, spread)
        )
    return given.answers(mine, row)


def ends(last, padding=3, pool_padding=0, ceil_mode=True):
    """The smallest and the largest side that end on `last`, by trying all; or by one who pads or rounds otherwise."""

    def grid(side):
        side = out_size(side, 7, 2, padding)
        for _ in range(4):
            side = out_size(side, 3, 2, pool_padding, ceil_mode=ceil_mode)
        return side

    found = [side for side in range(24 * last, 37 * last + 60) if grid(side) == last]
    return [found[0], found[-1]]


def normed(maps, size, alpha, beta):
    """PyTorch's norm over `size` channels."""
    return F.local_response_norm(maps, size, alpha=alpha, beta=beta, k=1.0)


class Slip(nn.Module):
    """The head of `steady`, repaired in a way that does not repair it."""

    def __init__(self, channels, classes, share=0.0, seed=None):
        super().__init__()
        self.squeeze, self.hidden = nn.Conv2d(channels, 8, 1), nn.Linear(128, 32)
        self.linear, self.share, self.seed = nn.Linear(32, classes), share, seed

    def forward(self, x):
        x = F.relu(self.squeeze(F.avg_pool2d(x, 5, 3)))
        x = F.relu(self.hidden(x.flatten(1)))
        if self.seed is not None:
            torch.manual_seed(self.seed)
        return self.linear(F.dropout(x, self.share))


WITHOUT = [86.65, 86.79, 87.12, 86.81, 86.58, 86.08, 86.62, 86.18, 86.62, 87.16]
WITH = [86.47, 87.72, 87.42, 86.73, 85.56, 86.79, 87.17, 87.22, 87.04, 87.23]
PAIRS = [b - a for a, b in zip(WITHOUT, WITH, strict=True)]

FIGURE = [
    "Conv 7x7+2(S) 16",
    "MaxPool 3x3+2(S)",
    "LocalRespNorm",
    "Conv 3x3+1(V) 16",
    "Conv 3x3+1(S) 24",
    "LocalRespNorm",
    "MaxPool 3x3+1(S)",
    "AveragePool 5x5+3(V)",
    "Conv 1x1+1(S) 12",
    "FC 40",
    "FC 10",
]
OTHER = [
    "Conv 5x5+2(V) 4",
    "AveragePool 3x3+2(S)",
    "MaxPool 3x3+1(S)",
    "Conv 3x3+2(S) 6",
    "LocalRespNorm",
    "MaxPool 3x3+2(S)",
    "AveragePool 3x3+1(S)",
    "FC 9",
    "FC 7",
    "FC 3",
]
MAPS = ["MaxPool 5x5+2(S)", "Conv 3x3+2(V) 5", "AveragePool 2x2+2(V)", "Conv 5x5+1(S) 4"]

KEY = {
    "from_figure": Builds(
        points=6,
        shown=[((3, 64, FIGURE), (3, 64, 64))],
        hidden=[((2, 59, OTHER), (2, 59, 59)), ((4, 26, MAPS), (4, 26, 26))],
        slips={
            "Every (S) is padded here. A pool that strides has no padding and rounds up.": lambda *a: drawn(
                *a, padded=True
            ),
            "The pools that stride round down here.": lambda *a: drawn(*a, up=False),
            "The pool with stride 1 has lost its padding, and so it shrinks the grid.": lambda *a: drawn(
                *a, inner=False
            ),
            "There is a ReLU after the last FC: then no class can have a negative score.": lambda *a: drawn(
                *a, last=True
            ),
            "Two FC in a row without a ReLU between them are one.": lambda *a: drawn(*a, between=False),
        },
    ),
    "port": Computes(
        points=6,
        shown=[(192, 64, 96, 128, 16, 32, 32)],
        hidden=[(8, 4, 4, 4, 4, 4, 4), (6, 3, 6, 6, 6, 6, 2)],
        slips={
            "The height and width of the windows are swapped: the shape cannot tell, the numbers can.": (
                lambda *row: state(row, order=(3, 2, 1, 0))
            ),
            "The moving mean and the moving variance have changed places.": lambda *row: state(row, swapped=True),
            "This takes beta for the factor; it is what is added.": lambda *row: state(row, scaled=True),
        },
        ask="Which of your names has no partner, and which dimension of theirs is each dimension of yours?",
    ),
    "backwards": Computes(
        points=3,
        shown=[(7,), (10,)],
        hidden=[(4,), (8,), (13,), (21,)],
        slips={
            "This rounds down in the pools, as PyTorch does unless told otherwise.": lambda last: ends(
                last, ceil_mode=False
            ),
            "This forgets the padding of the first convolution.": lambda last: ends(last, padding=0),
            "This pads the pools: the task's have no padding and round up.": lambda last: ends(
                last, pool_padding=1, ceil_mode=False
            ),
            "This divides by 32 in one go and rounds down once: what does each layer do with an odd side?": (
                lambda last: [32 * last, 32 * last + 31]
            ),
            "The largest side is one too large: this is the smallest one that ends on the next grid.": (
                lambda last: [ends(last)[0], ends(last)[1] + 1]
            ),
        },
        ask="Send both sides through the five layers, and then one pixel less and one pixel more: where do they end?",
    ),
    "steady": Computes(
        points=2,
        partial=False,
        shown=[(6,)],
        hidden=[(3,), (11,)],
        slips={
            "The head is steady now, and it trains without its dropout.": lambda channels: given.restless(
                Slip, channels
            ),
            "A fixed seed drops the same places every time, in training and in use. In use none should be dropped.": (
                lambda channels: given.restless(lambda *a: Slip(*a, share=0.7, seed=0), channels)
            ),
        },
        ask="Which line can give two results for one input, and what does it know about eval()?",
    ),
    "ported_norm": Computes(
        points=2,
        partial=False,
        shown=[({"tensor": [2, 12, 3, 3], "seed": 0}, 2, 0.5, 0.75)],
        hidden=[({"tensor": [1, 9, 2, 4], "seed": 1}, 1, 0.3, 0.5), ({"tensor": [2, 8, 3, 2], "seed": 2}, 3, 0.2, 1.0)],
        slips={
            "The window is right now; alpha still multiplies a mean as if it were the sum.": lambda m, r, a, b: normed(
                m, 2 * r + 1, a, b
            ),
            "Alpha fits the window now, but the window reaches to one side too little: which channels does a radius "
            "include?": lambda m, r, a, b: normed(m, 2 * r, 2 * r * a, b),
            "This divides alpha by the window: PyTorch divides already.": lambda m, r, a, b: normed(
                m, 2 * r + 1, a / (2 * r + 1), b
            ),
            "Alpha is repaired, the window is still the radius.": lambda m, r, a, b: normed(m, r, a * r, b),
        },
        ask="For a radius of 2: how many channels are read, and by what does PyTorch divide the sum of their squares?",
    ),
    "ten_pairs": Answer(
        points=4,
        digits=4,
        slips={
            "mean": {
                -mean(PAIRS): "The sign is reversed: it is with heads minus without.",
                mean(PAIRS) / 100: "This is a share: in points of accuracy it is a hundred times as much.",
                sum(PAIRS): "This is the sum of the differences, not their mean.",
            },
            "half width": {
                2.262 * stdev(PAIRS): "This is 2.262 standard deviations of one difference: the mean of ten is "
                "closer by the root of ten.",
                2.262 * pstdev(PAIRS) / 10**0.5: "This deviation divides by n: to estimate a spread from a sample, "
                "divide by one less.",
                2.262 * ((variance(WITHOUT) + variance(WITH)) / 10) ** 0.5: "This treats the two rows as if they had "
                "nothing to do with each other: the runs come in pairs.",
                2 * 2.262 * stdev(PAIRS) / 10**0.5: "This is the whole width of the interval, from end to end.",
                stdev(PAIRS) / 10**0.5: "This is the standard error alone: it needs a factor for 95 %.",
                2.262 * stdev(PAIRS) / 10: "This divides by ten: a standard error has the root of ten.",
                2.262
                * stdev(PAIRS)
                / 10**0.5
                / 100: "This is a share: in points of accuracy it is a hundred times as much.",
                1.96
                * stdev(PAIRS)
                / 10**0.5: "1.96 is for a spread that is known: with ten pairs the factor is 2.262.",
            },
            "ahead": {3: "This is the number of pairs in which the run without heads is ahead."},
            "verdict": {
                "A": "A coin wins seven tosses of ten or more in 17 of 100 tries: how often one is ahead says little "
                "about how much.",
                "B": "Is an effect that was not seen one that is not there? Look at the upper end of the interval.",
                "D": "Alike at the start is not alike at the end: how much do the differences scatter?",
            },
        },
        ask="None of the usual mistakes: write down the first three of the ten differences.",
    ),
    "twelve_deep": Designs(
        points=4,
        shape=(1, 28, 28),
        output=(10,),
        most={"MACs": 10_000_000, "parameters": 150_000},
        least={"parameters": 120_000, "convolutions in a row": 12, "branches": 4},
    ),
}
