"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from math import ceil, floor, sqrt
from pathlib import Path
from statistics import mean, stdev

import torch
from torch import nn

from inception_edu.bricks import Concat
from inception_edu.classroom import sealing
from inception_edu.classroom.keys import Answer, Builds, Computes, Designs

given = sealing.given(Path(__file__).with_name("exercises.ipynb"))


def row(channels, widths, side, most, grows=True, pool=True, own=False, power=2):
    """How many blocks fit, or how many fit for someone who has the growth of their channels or a window wrong."""
    n1, n3, n5 = widths
    made, blocks = n1 + n3 + n5, 0
    channels += made if own else 0
    while most >= (cost := channels * (n1 + 3**power * n3 + 5**power * n5) * side**2):
        most, blocks = most - cost, blocks + 1
        channels = channels if not grows else channels + made if pool else made
    return blocks


def trial(train, arms, rates, tuning, seeds, bracket=True, paired=True, t=None, alone=True, sign=1, verdict=True):
    """The experiment, or one with a rule broken."""

    def score(arm, rate):
        return mean(train(arm, rate, seed, "valid") for seed in tuning)

    chosen = {}
    for arm in arms:
        scores = {rate: score(arm, rate) for rate in rates}
        while bracket and (best := max(scores, key=scores.get)) in (min(scores), max(scores)):
            more = best / 2 if best == min(scores) else best * 2
            scores[more] = score(arm, more)
        chosen[arm] = max(scores, key=scores.get)
    if not alone:
        chosen[arms[1]] = chosen[arms[0]]
    first, second = ([train(arm, chosen[arm], seed, "test") for seed in seeds] for arm in arms)
    pairs = [sign * (b - a) for a, b in zip(first, second, strict=True)]
    spread = stdev(pairs) if paired else sqrt(stdev(first) ** 2 + stdev(second) ** 2)
    middle, half = mean(pairs), (t or given.STUDENT[len(pairs)]) * spread / sqrt(len(pairs))
    ahead = "neither" if verdict and abs(middle) <= half else arms[sign * middle > 0]
    return {"rates": chosen, "mean": middle, "half width": half, "ahead": ahead}


def slip(**rule):
    """That experiment, watched."""
    return lambda *world: given.watched(lambda *a: trial(*a, **rule), *world)


def block(channels, widths, parameters_of_d, second=None, third=None, fourth=None, pool=None):
    """The block of `measured`, or one with another branch."""
    a, b, c, d = widths
    middle = (parameters_of_d - d) // (9 * channels + 1 + 9 * d)
    return Concat(
        nn.Sequential(nn.Conv2d(channels, a, 1), nn.ReLU()),
        second or nn.Sequential(nn.Conv2d(channels, b, (5, 1), padding=(2, 0)), nn.ReLU()),
        third or nn.Sequential(nn.Conv2d(channels, c, 3, padding=2, dilation=2), nn.ReLU()),
        fourth
        or nn.Sequential(
            *(nn.Conv2d(channels, middle, 3, padding=1), nn.ReLU(), nn.Conv2d(middle, d, 3, padding=1), nn.ReLU())
        ),
        pool or nn.MaxPool2d(3, 1, padding=1),
    )


def one(channels, out, *geometry, **more):
    """A convolution and its ReLU."""
    return nn.Sequential(nn.Conv2d(channels, out, *geometry, **more), nn.ReLU())


def two_sizes(channels, widths, parameters_of_d):
    """A branch D of a 1x1 and a 5x5, with as many parameters."""
    middle = (parameters_of_d - widths[3]) // (channels + 1 + 25 * widths[3])
    return nn.Sequential(one(channels, middle, 1), one(middle, widths[3], 5, padding=2))


def pair(shares):
    """MACs for a pair of channels."""
    return sum(share * kernel**2 for kernel, share in shares)


class Repaired(nn.Module):
    """The block of `lost_branches`, repaired, but without its pool or without biases."""

    def __init__(self, widths, pool=True, bias=True):
        super().__init__()
        in_channels, *outs = widths
        convolutions = [
            nn.Conv2d(in_channels, n, k, padding=k // 2, bias=bias) for n, k in zip(outs, (1, 3, 5), strict=True)
        ]
        self.branches = nn.ModuleList(convolutions + [nn.MaxPool2d(3, 1, 1)] * pool)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], dim=1)


BOTH, WIDE = ["3x3", "mixed"], ["3x3", "9x9"]
FIVE = [10, 11, 12, 13, 14]

KEY = {
    "blocks_within": Computes(
        points=3,
        shown=[(192, [64, 128, 32], 28, 2_000_000_000), (6, [1, 1, 1], 2, 4_200)],
        hidden=[
            (10, [2, 3, 1], 4, 5_000),  # not even one
            (10, [2, 3, 1], 4, 8_640 + 13_824),  # exactly two
            (10, [2, 3, 1], 4, 8_640 + 13_824 - 1),
            (3, [5, 1, 2], 6, 300_000),
            (40, [8, 4, 4], 10, 9_000_000),
        ],
        slips={
            "This lets every block cost what the first one costs: what does the second one read?": lambda *a: row(
                *a, grows=False
            ),
            # Both give first + (blocks - 1) * made: no numbers can tell them apart.
            "This forgets the channels that the pool passes on, or takes the last block alone for the sum.": (
                lambda *a: row(*a, pool=False)
            ),
            "This takes a 3x3 for 3 weights and a 5x5 for 5.": lambda *a: row(*a, power=1),
            "This lets each block read what it outputs itself.": lambda *a: row(*a, own=True),
        },
        ask="What does the first block cost, by hand? And the second?",
    ),
    "experiment": Computes(
        points=6,
        shown=[
            (BOTH, [0.05, 0.1, 0.2], {"3x3": 0.1, "mixed": 0.8}, {"3x3": 72, "mixed": 73}, [1, 2, 3], [*range(10, 20)]),
            # The first seed alone would choose other rates, and with 1.96 the second arm would be ahead.
            (WIDE, [0.2, 0.4, 0.1], {"3x3": 0.035, "9x9": 0.29}, {"3x3": 81, "9x9": 81.15}, [3, 4, 5], [*FIVE, 15]),
        ],
        hidden=[
            (BOTH, [0.1, 0.2, 0.4], {"3x3": 0.02, "mixed": 0.2}, {"3x3": 70, "mixed": 70.1}, [1, 2], FIVE),
            (["a", "b"], [0.2, 0.1], {"a": 0.1, "b": 0.05}, {"a": 80, "b": 79.3}, [5, 6, 7], [1, 2, 3, 4]),
            (["a", "b"], [0.1, 0.2, 0.4], {"a": 0.2, "b": 0.2}, {"a": 80, "b": 80.05}, [4, 5, 6], [21, 22, 23, 24, 25]),
        ],
        slips={
            "A best rate at the edge of the grid was accepted: the optimum may be outside.": slip(bracket=False),
            "The half width treats the runs as if they had nothing to do with each other: they come in pairs.": slip(
                paired=False
            ),
            "1.96 is for a spread that is known. What is Student's t for this many pairs?": slip(t=1.96),
            "2 is for many pairs. What is Student's t for this many?": slip(t=2),
            "Both arms have the rate that suits the first.": slip(alone=False),
            "The differences have the wrong sign: they are second arm minus first.": slip(sign=-1),
            "An arm is called ahead although the interval includes zero.": slip(verdict=False),
        },
        ask="Is a rate wrong? Print the mean validation accuracy at every rate tried. If not, print the differences.",
    ),
    "measured": Builds(
        points=6,
        shown=[((8, [6, 4, 5, 4], 331), (8, 9, 9))],
        hidden=[((3, [2, 5, 4, 6], 580), (3, 8, 11)), ((3, [2, 1, 2, 2], 2_762), (3, 5, 6))],
        tell=False,
        slips={
            "B is a full 5x5 here: which outputs change to the left and right of the pixel?": lambda *a: block(
                *a, second=one(a[0], a[1][1], 5, padding=2)
            ),
            "B lies on its side here.": lambda *a: block(*a, second=one(a[0], a[1][1], (1, 5), padding=(0, 2))),
            "C is a full 5x5 here: which outputs in between do not change?": lambda *a: block(
                *a, third=one(a[0], a[1][2], 5, padding=2)
            ),
            "D is a 5x5 here: count its parameters.": lambda *a: block(*a, fourth=one(a[0], a[1][3], 5, padding=2)),
            "D's convolutions have two sizes here.": lambda *a: block(*a, fourth=two_sizes(*a)),
            "E averages here: what would its corners be if all inputs were negative?": lambda *a: block(
                *a, pool=nn.AvgPool2d(3, 1, padding=1)
            ),
            "E averages here: what would it make of a single lit pixel?": lambda *a: block(
                *a, pool=nn.AvgPool2d(3, 1, padding=1, count_include_pad=False)
            ),
        },
    ),
    "lost_branches": Computes(
        points=2,
        shown=[[{"tensor": [2, 8, 6, 7], "seed": 0}, 8, 4, 6, 2]],
        hidden=[[{"tensor": [1, 5, 9, 4], "seed": 1}, 5, 3, 2, 7]],
        partial=False,
        slips={
            "The convolutions are found now, but the pool branch is gone.": lambda images, *widths: given.seen(
                Repaired(widths, pool=False), images
            ),
            "The convolutions are found now, but they have lost their biases.": lambda images, *widths: given.seen(
                Repaired(widths, bias=False), images
            ),
        },
        ask="How many parameters does the 1x1 have by itself, and how many does the block show in all?",
    ),
    "fair_width": Computes(
        points=3,
        shown=[([[1, 0.25], [3, 0.5], [5, 0.25]], 64), ([[5, 1]], 64)],
        hidden=[([[1, 0.5], [7, 0.5]], 40), ([[1, 1]], 5), ([[1, 0.125], [3, 0.375], [5, 0.5]], 96), ([[3, 1]], 10)],
        slips={
            "This averages the kernels and squares the mean: what do a 1x1 and a 5x5 cost on average?": (
                lambda shares, channels: floor(3 * channels / sum(share * kernel for kernel, share in shares))
            ),
            "This lets the width shrink as the cost of a pair grows. But both the input and the output get narrower.": (
                lambda shares, channels: floor(9 * channels / pair(shares))
            ),
            "This rounds up: then the mixture costs more than the 3x3s.": lambda shares, channels: ceil(
                3 * channels / sqrt(pair(shares))
            ),
            "This takes a 3x3 for 3 weights and a 5x5 for 5.": lambda shares, channels: floor(
                channels * sqrt(3 / sum(share * kernel for kernel, share in shares))
            ),
            "This stays below the MACs of the 3x3s; just as many are allowed.": lambda shares, channels: (
                ceil(3 * channels / sqrt(pair(shares))) - 1
            ),
        },
        ask="What does a pair of channels cost on average in the first mixture, by hand?",
    ),
    "lucky_pair": Answer(
        points=3,
        slips={
            "3x3, same seed": {
                9: "These are the seeds with which the 3x3s win.",
                7: "These are the wins among all 100 meetings: here only equal seeds meet.",
            },
            "3x3, any two": {
                93: "These are the meetings that the 3x3s win.",
                1: "These are the wins with the same seed: here any two runs meet.",
                10: "This is ten times the wins with the same seed: other seeds meet as well.",
            },
            "5x5, any two": {
                20: "These are the meetings that the 5x5s win.",
                8: "These are the wins with the same seed: here any two runs meet.",
                80: "A draw is no win. And ten times the wins with the same seed would leave out all other meetings.",
            },
            "images": {0.29: "This is in per cent of the 10,000 images.", 2900: "What is 1 % of 10,000 images?"},
        },
        ask="Print the difference of each two runs that meet here. Which are above 0, and by how much?",
    ),
    "wide_not_deep": Designs(
        points=5,
        shape=(1, 28, 28),
        output=(160, 7, 7),
        most={"MACs": 10_000_000, "parameters": 148_390, "convolutions in a row": 3},
        least={"parameters": 100_000, "convolutions": 7},
    ),
}
