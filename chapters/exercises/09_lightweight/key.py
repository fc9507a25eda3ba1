"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

import operator
from statistics import fmean, pstdev, stdev

import torch

from inception_edu.classroom.keys import Builds, Computes, Designs
from inception_edu.course.records import T


def fewest(channels, kernel, most, first=True, even=True, twice=False, cut=False):
    """The towers of exercise 1, or without the 1x1 or with towers in it (`cut`), uneven, or divided twice."""
    for number in range(1, channels + 1):
        share = channels // number
        windows = kernel**2 * share * (share if twice else channels)
        mix = first * channels * (share if cut else channels)
        if (not even or channels % number == 0) and mix + windows <= most:
            return number
    return 0


def dealt(x, groups, by_columns=True):
    """The channels of exercise 4, or dealt in the other direction."""
    n, c, h, w = x.shape
    rows = groups if by_columns else c // groups
    return x.reshape(n, rows, c // rows, h, w).transpose(1, 2).reshape(n, c, h, w)


def svd(weight, sized=True):
    """The best separable kernels, or without the singular values."""
    left, sizes, right = torch.linalg.svd(weight.double().transpose(0, 1).flatten(2), full_matrices=False)
    product = left[:, :, :1] * right[:, :1] * (sizes[:, :1, None] if sized else 1)  # channels, out, k * k
    return product.transpose(0, 1).reshape(weight.shape)


def in_one_table(weight):
    """The best kernels if all input channels share their multiples."""
    left, sizes, right = torch.linalg.svd(weight.double().flatten(1), full_matrices=False)
    return (sizes[0] * left[:, :1] * right[:1]).reshape(weight.shape)


def by_mean(weight):
    """Separable kernels whose pattern is the mean over the outputs, with the best multiples for it."""
    weight = weight.double()
    pattern = weight.mean(0, keepdim=True)
    multiples = (weight * pattern).sum((2, 3), keepdim=True) / (pattern**2).sum((2, 3), keepdim=True)
    return multiples * pattern


def unbeaten(costs, runs, surely, may=operator.le):
    """The places that no other surely beats, by a rule for two rows of runs and one for two costs."""
    places = range(len(costs))
    return [
        b for b in places if not any(may(costs[a], costs[b]) and surely(runs[a], runs[b]) for a in places if a != b)
    ]


def lower_end(first, second, t=None, spread=stdev):
    """The lower end of the interval of the paired differences."""
    differences = [a - b for a, b in zip(first, second, strict=True)]
    return fmean(differences) - (t or T[len(differences) - 2]) * spread(differences) / len(differences) ** 0.5


def unpaired(first, second):
    """The same from the spreads of the two rows, as if the seeds had nothing in common."""
    error = ((stdev(first) ** 2 + stdev(second) ** 2) / len(first)) ** 0.5
    return fmean(first) - fmean(second) - T[len(first) - 2] * error


FOUR = [[82.5, 83.0, 79.2, 79.7], [77.1, 81.2, 77.6, 75.6], [77.6, 82.2, 76.6, 77.5], [78.9, 80.6, 77.5, 78.9]]
FOUR.append([77.6, 80.5, 80.9, 78.6])
SIX = [[77.3, 80.5, 81.0, 79.2], [78.2, 80.8, 82.2, 80.2], [78.6, 81.2, 82.6, 82.1]]
SIX += [[75.0, 77.6, 80.0, 78.1], [75.1, 78.9, 80.1, 78.1], [76.3, 78.4, 79.9, 78.3]]
FIVE = [[81.7, 78.1, 78.1, 79.4, 80.7], [79.8, 78.3, 76.4, 79.4, 79.2], [83.9, 79.0, 78.5, 79.5, 82.9]]
FIVE += [[81.6, 79.0, 78.6, 80.2, 80.2], [80.2, 77.0, 78.4, 77.4, 77.6]]
THREE = [[80.4, 81.4, 84.5], [77.1, 80.3, 78.0], [81.5, 82.9, 83.0], [78.0, 78.3, 81.2], [79.1, 81.8, 78.8]]

KEY = {
    "towers": Computes(
        points=3,
        shown=[(12, 3, 324), (14, 3, 448), (96, 5, 40_000), (96, 5, 10_000)],
        hidden=[(30, 7, 6000), (10, 3, 1000), (14, 3, 440), (16, 3, 256), (36, 5, 8000), (8, 3, 640)],
        slips={
            "This leaves out the 1x1.": lambda c, k, m: fewest(c, k, m, first=False),
            "This cuts the 1x1 into towers, too. It mixes all channels, however many towers follow.": (
                lambda c, k, m: fewest(c, k, m, cut=True)
            ),
            "This number of towers does not come out even.": lambda c, k, m: fewest(c, k, m, even=False),
            "This divides twice. A tower does read a share and make a share, but how many towers are there?": (
                lambda c, k, m: fewest(c, k, m, twice=True)
            ),
        },
        ask="What do the 1x1 and all windows cost with your number of towers, and with the next smaller one?",
    ),
    "lighten": Builds(
        points=6,
        shown=[
            (("row", 8), (1, 12, 12)),
            (("block", 8), (4, 9, 9)),
            (("mixture", 6), (4, 9, 9)),
            (("thin", 6), (4, 9, 9)),
        ],
        hidden=[
            (("row", 5), (1, 9, 14)),
            (("block", 1), (4, 7, 7)),
            (("mixture", 1), (4, 8, 8)),
            (("thin", 1), (4, 8, 9)),
        ],
    ),
    "race": Computes(
        points=5,
        shown=[[what, 1] for what in ("cold", "tired", "hiccup", "afterwards", "whole")],
        hidden=[[what, 2.5] for what in ("cold", "tired", "hiccup", "afterwards", "whole")],
        ask={
            "cold": "Which networks have been called three times before they are timed?",
            "tired": "Write down the first twelve calls in order. How many lie between the timed calls of the two "
            "networks?",
            "hiccup": "Nine times, and one of them is wild: how far does your summary move?",
            "afterwards": "Before the race, in it and at the end: in which mode is each network? And do the calls keep "
            "gradients?",
            "whole": "Is what you report a typical call? It should be neither the luckiest nor moved by a single "
            "wild one.",
        },
    ),
    "shuffled": Computes(
        points=3,
        shown=[[{"tensor": [2, 6, 2, 3], "seed": 0}, 2]],
        hidden=[[{"tensor": [1, 12, 3, 3], "seed": 1}, 3], [{"tensor": [2, 4, 2, 2], "seed": 2}, 4]],
        slips={
            "This deals in the other direction: a table with a column per group.": lambda x, groups: dealt(
                x, groups, by_columns=False
            ),
            "Nothing has moved.": lambda x, groups: x,
        },
        ask="Try it with torch.arange(6.0).reshape(1, 6, 1, 1) and two groups: 0 3 1 4 2 5 should come out.",
    ),
    "cut_in_two": Computes(
        points=4,
        shown=[[{"tensor": [5, 4, 3, 3], "seed": 0}]],
        hidden=[
            [{"tensor": [3, 6, 5, 5], "seed": 1}],
            [{"tensor": [2, 1, 3, 3], "seed": 2}],
            [{"tensor": [1, 3, 3, 3], "seed": 3}],
        ],
        slips={
            "The directions are right, the size is missing. What does the singular value do?": lambda weight: svd(
                weight, sized=False
            ),
            "This takes the mean over the outputs for the pattern. Another pattern comes closer.": by_mean,
            "Here all input channels share their multiples. Each may have its own.": in_one_table,
        },
        ask="For one input channel: how large is the sum of squared differences with your cut, and with another one?",
    ),
    "sure_front": Computes(
        points=3,
        shown=[([3, 3, 4, 1, 1], FOUR), ([4, 3, 3, 2, 3, 2], SIX)],
        hidden=[
            ([4, 1, 1, 3, 2], FIVE),
            ([2, 3, 1, 1, 2], THREE),
            ([2, 2], [[70.1, 71.0, 72.0, 71.5], [70.1, 71.0, 72.0, 71.5]]),
            ([2, 2], [[83.0, 84.0, 83.0, 84.0], [81.0, 80.0, 79.0, 82.0]]),
        ],
        slips={
            "This compares means only. How sure is each difference?": lambda costs, runs: unbeaten(
                costs, runs, lambda a, b: fmean(a) > fmean(b)
            ),
            "This takes two standard errors for any number of pairs.": lambda costs, runs: unbeaten(
                costs, runs, lambda a, b: lower_end(a, b, t=2) > 0
            ),
            "This takes the spread of each row. The seeds are the same: take the spread of the differences.": (
                lambda costs, runs: unbeaten(costs, runs, lambda a, b: unpaired(a, b) > 0)
            ),
            "The standard error or t is too small: divide squares by n - 1, and take T[n - 2].": lambda costs, runs: (
                unbeaten(costs, runs, lambda a, b: lower_end(a, b, spread=pstdev) > 0)
            ),
            "This is t times the spread of single differences. How sure is their mean?": lambda costs, runs: unbeaten(
                costs, runs, lambda a, b: lower_end(a, b, t=T[len(a) - 2] * len(a) ** 0.5) > 0
            ),
            "A network that costs exactly as much can beat another one, too.": lambda costs, runs: unbeaten(
                costs, runs, lambda a, b: lower_end(a, b) > 0, may=operator.lt
            ),
            "This does not look at the costs.": lambda costs, runs: unbeaten(
                costs, runs, lambda a, b: lower_end(a, b) > 0, may=lambda *_: True
            ),
        },
        ask="For each place that is missing or too many: which other network beats it? Where does the interval end?",
    ),
    "a_tenth": Designs(
        points=4,
        shape=(1, 28, 28),
        output=(10,),
        most={"MACs": 1_000_000, "parameters": 150_000},
        least={"receptive field": 28, "convolutions in a row": 14},
    ),
}
