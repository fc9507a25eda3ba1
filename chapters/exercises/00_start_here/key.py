"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from itertools import product
from math import exp, log, prod, sqrt
from pathlib import Path

from torch import nn

from inception_edu.arithmetic import out_size
from inception_edu.classroom import sealing
from inception_edu.classroom.keys import Answer, Builds, Computes, Designs

given = sealing.given(Path(__file__).with_name("exercises.ipynb"))


def patch(windows, late=True):
    """The receptive field; or that of somebody who lets each stride count for its own window already."""
    seen, jump = 1, 1
    for kernel, stride in windows:
        seen += (kernel - 1) * (jump if late else jump * stride)
        jump *= stride
    return seen


def added_strides(windows):
    """The receptive field of somebody who adds the strides that come before, to a jump of 1."""
    return 1 + sum((kernel - 1) * (1 + sum(s for _, s in windows[:i])) for i, (kernel, _) in enumerate(windows))


def network(shape, rows, biases=True, relu=True, last=False):
    """The network of a table, or one that misreads it."""
    layers, (channels, side, _) = [], shape
    for kind, output, parameters in rows:
        width = output[0]
        if kind == "conv":
            for k, bias, stride, pad in product((1, 3, 5, 7), (False, True), (1, 2), (True, False)):
                if parameters == k * k * channels * width + bias * width:
                    padding = k // 2 * pad
                    if out_size(side, k, stride, padding) == output[1]:
                        break
            layers += [nn.Conv2d(channels, width, k, stride, padding, bias=bias or biases is None), nn.ReLU()]
            layers = layers if relu else layers[:-1]
        elif kind == "pool":
            layers.append(nn.MaxPool2d(side // output[1]))
        elif kind == "mean":
            layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        else:
            layers.append(nn.Linear(channels, width, bias=biases is None or parameters != channels * width))
            layers += [nn.ReLU()] * last
        channels = width
        side = output[1] if len(output) > 1 else 1
    return nn.Sequential(*layers)


def fewest(difference, deviation, t=None, root=True, first=2):
    """The fewest pairs, or those of someone who has the interval wrong."""
    for pairs in range(first, 17):
        width = (t or given.STUDENT[pairs]) * deviation / (sqrt(pairs) if root else pairs)
        if width < abs(difference):
            return pairs
    return 0


TABLE = [
    ["conv", [8, 33, 33], 608],
    ["pool", [8, 11, 11], 0],
    ["conv", [12, 9, 9], 864],
    ["conv", [20, 5, 5], 2180],
    ["conv", [10, 5, 5], 210],
    ["mean", [10], 0],
    ["linear", [9], 99],
    ["linear", [7], 63],
]
STRIDED = [
    ["conv", [6, 10, 10], 216],
    ["conv", [5, 6, 6], 755],
    ["pool", [5, 2, 2], 0],
    ["mean", [5], 0],
    ["linear", [3], 18],
    ["linear", [2], 8],
]
MAPS = [["conv", [2, 24, 24], 98], ["conv", [3, 24, 24], 9], ["pool", [3, 8, 8], 0], ["conv", [4, 4, 4], 112]]

SYMPTOMS = {
    "steps": "What remembers the momentum, and how long does it live?",
    "modes": "In which mode does the second pass begin?",
    "count": "How many pictures are in the last batch, and how much does each of them count?",
    "best": "Print the weights that were saved, once when they are saved and once at the end.",
}

KEY = {
    "what_is_left": Answer(
        points=3,
        digits=3,
        slips={
            "1/n": {
                1: "This leaves out the ReLU: what becomes of a mean square when the negative half is set to zero?",
                0.5: "This is what one layer leaves.",
                1 / 16: "This is the size of the signal, the root of what is asked for.",
                4: "This adds a half for each layer; do eight halvings add up?",
            },
            "1/(3n)": {
                (1 / 3) ** 8: "This leaves out the ReLU: what becomes of a mean square when the negative half is set "
                "to zero?",
                1 / 6: "This is what one layer leaves.",
                (1 / 6) ** 4: "This is the size of the signal, the root of what is asked for.",
            },
            "4/n": {
                4**8: "This leaves out the ReLU: what becomes of a mean square when the negative half is set to zero?",
                2: "This is what one layer leaves.",
                16: "This is the size of the signal, the root of what is asked for, or two for each layer, added.",
                8: "This is how often it doubles. What is left after that many doublings?",
                64: "This puts the power the wrong way round.",
            },
        },
        ask="What does one layer make of a mean square of 1, before and after its ReLU?",
        twin="Try it with other numbers first: with the variance 3/n and four layers 5.06 is left.",
    ),
    "rebuilt": Builds(
        points=6,
        shown=[(([3, 33, 33], TABLE), (3, 33, 33))],
        hidden=[(([4, 21, 21], STRIDED), (4, 21, 21)), (([1, 24, 24], MAPS), (1, 24, 24))],
        slips={
            "Every layer has a bias here. Do the parameters leave room for one?": lambda *a: network(*a, biases=None),
            "The ReLUs after the convolutions are missing.": lambda *a: network(*a, relu=False),
            "There is a ReLU after a linear layer: only convolutions have one.": lambda *a: network(*a, last=True),
        },
    ),
    "four_faults": Computes(
        points=6,
        shown=[[what, 10] for what in SYMPTOMS],
        hidden=[[what, seed] for what, seed in zip(SYMPTOMS, (3, 4, 5, 6), strict=True)],
        ask=SYMPTOMS,
    ),
    "sees": Computes(
        points=3,
        shown=[([[3, 1], [3, 2], [3, 1]],), ([[7, 2], [3, 2], [3, 1]],)],
        hidden=[([[5, 3], [1, 2], [3, 1], [2, 2]],), ([[11, 4]],), ([[3, 2], [3, 2], [3, 2], [5, 1]],)],
        slips={
            "This leaves out the strides: after a stride of 2, one step is two pixels.": lambda windows: (
                1 + sum(kernel - 1 for kernel, _ in windows)
            ),
            "This lets each stride count for its own window already; it pulls apart what the next one reads.": (
                lambda windows: patch(windows, late=False)
            ),
            "This adds the strides of the earlier windows. A stride of 2 after a stride of 2: how far apart?": (
                added_strides
            ),
            "This looks only at the stride right before a window; what did the earlier ones do?": lambda windows: (
                1
                + sum((k - 1) * before for (k, _), before in zip(windows, [1, *(s for _, s in windows)], strict=False))
            ),
            "This multiplies the kernels.": lambda windows: prod(kernel for kernel, _ in windows),
        },
        ask="How many pixels does the first window see by itself, and how many does the second one add?",
    ),
    "lowest_loss": Computes(
        points=2,
        shown=[(10, 0, 1), (10, -1, 1)],
        hidden=[(3, -2, 2), (1000, 0, 6)],
        slips={
            "This is the loss at the start, when every class gets the same probability.": lambda classes, low, high: (
                log(classes)
            ),
            "This counts the right class among the wrong ones, too.": lambda classes, low, high: log(
                1 + classes * exp(low - high)
            ),
            "This gives the wrong classes a score of 0. Could it be lower?": lambda classes, low, high: log(
                1 + (classes - 1) * exp(-high)
            ),
            "This is the probability of the right class. What is its loss?": lambda classes, low, high: (
                1 / (1 + (classes - 1) * exp(low - high))
            ),
            "This loss is what a single wrong class would leave.": lambda classes, low, high: log(1 + exp(low - high)),
        },
        ask="Write down the best scores for three classes and work out their softmax by hand.",
    ),
    "seeds_needed": Computes(
        points=3,
        shown=[(0.5, 0.45), (-0.3, 0.45), (0.2, 0.45)],
        hidden=[(3.0, 0.5), (1.0, 1.0), (-1.0, 0.6), (10.0, 1.0), (0.35, 0.6)],
        slips={
            "This uses two standard errors: how well do you know a deviation from few pairs?": (
                lambda difference, deviation: fewest(difference, deviation, t=2)
            ),
            "1.96 is for a deviation that is known.": lambda difference, deviation: fewest(
                difference, deviation, t=1.96
            ),
            "This divides by the number of pairs; the standard error goes down with its root.": (
                lambda difference, deviation: fewest(difference, deviation, root=False)
            ),
        },
        ask="How far does the interval reach with your number of pairs, by hand?",
    ),
    "plain_budget": Designs(
        points=5,
        shape=(1, 28, 28),
        output=(10,),
        most={"MACs": 10_000_000, "parameters": 150_000, "branches": 1},
        least={"convolutions in a row": 7, "parameters": 120_000},
    ),
}
