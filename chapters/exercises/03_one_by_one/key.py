"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

import torch
from torch import nn

from inception_edu.bricks import Concat
from inception_edu.classroom.keys import Answer, Builds, Computes, Designs
from inception_edu.shorthand import branch


def shared(channels, widths, side, most, extra=0, own=True, fixed=True, pool_first=True, everywhere=True):
    """The block of `shared_squeeze`, or one with a squeeze of another width or with its pool after its 1x1."""
    n1, n3, n5, pool_proj = widths
    always = channels * (n1 + pool_proj) if fixed else 0
    squeeze = ((most // side**2 if everywhere else most) - always) // (own * channels + 9 * n3 + 25 * n5) + extra
    windows = Concat(unit(squeeze, (n3, 3)), unit(squeeze, (n5, 5)))
    pool = nn.MaxPool2d(3, 1, 1)
    last = unit(channels, pool, (pool_proj, 1)) if pool_first else unit(channels, (pool_proj, 1), pool)
    return Concat(unit(channels, (n1, 1)), nn.Sequential(unit(channels, (squeeze, 1)), windows), last)


def apart(channels, widths, side, most):
    """GoogLeNet's block at that price: each window has a squeeze of its own, both equally wide."""
    n1, n3, n5, pool_proj = widths
    squeeze = (most // side**2 - channels * (n1 + pool_proj)) // (2 * channels + 9 * n3 + 25 * n5)
    return Concat(
        unit(channels, (n1, 1)),
        unit(channels, (squeeze, 1), (n3, 3)),
        unit(channels, (squeeze, 1), (n5, 5)),
        unit(channels, nn.MaxPool2d(3, 1, 1), (pool_proj, 1)),
    )


def unit(channels, *items):
    """Convolutions with bias and ReLU."""
    return branch(channels, *items, batch_norm=False)


def plain(channels, width, padding=1):
    """A 3x3 with its ReLU."""
    return nn.Sequential(nn.Conv2d(channels, width, 3, padding=padding), nn.ReLU())


LEFT_OUT = "This leaves out the reduction, which has weights, too."
WIDTHS, OTHERS = [4, 2, 3, 4, 2, 3, 2], [3, 3, 4, 2, 3, 4, 3]
SYMPTOMS = {
    "view": "Which branch sees too far, and what was the last line to change what it reads?",
    "cost": "What is the grid after each layer, and which layers should be able to change it?",
    "gradient": "Which branches send none, and which lines do those branches share?",
    "output": "If only 'output' is left: what have you changed that no symptom asked for?",
}

KEY = {
    "lost_widths": Answer(
        points=5,
        slips={
            "1x1": {30_816 / 320: "This forgets the bias: an output channel has 320 weights and one number more."},
            "3x3 reduce": {
                126_952 / (320 + 9 * 160): "This forgets the biases, of both layers.",
                126_952 / (9 * 160): LEFT_OUT,
                (126_952 - 160) / (9 * 160): LEFT_OUT,
                88: LEFT_OUT,
            },
            "5x5 reduce": {
                30_468 / (25 * 48): LEFT_OUT,
                (30_468 - 48) / (25 * 48): LEFT_OUT,
                25: LEFT_OUT,
                30_468 / (320 + 25 * 48): "This forgets the biases, of both layers.",
            },
            "5x5": {
                80: "This is what the 5x5 and the pool's branch output together.",
                32: "This takes the 320 channels that go in for the 336 that come out.",
            },
            "pool proj": {10_272 / 320: "This forgets the bias."},
        },
        ask="None of the usual mistakes: write down the parameters of the branch with the width as an unknown.",
        twin="Try it with other numbers first: a 1x1 from 64 channels to r and a 3x3 from r to 32, with biases, have "
        "5,680 parameters together if r is 16.",
    ),
    "shared_squeeze": Builds(
        points=6,
        shown=[((96, [32, 48, 16, 16], 14, 5_000_000), (96, 14, 14))],
        hidden=[
            ((10, [3, 4, 2, 5], 6, 20_000), (10, 6, 6)),  # 4.95 channels would fit
            ((8, [2, 3, 1, 2], 5, 5_300), (8, 5, 5)),  # exactly 3
        ],
        slips={
            "Each window has a squeeze of its own here. In the drawing the arrow splits after the squeeze.": apart,
            "This squeeze is one channel wider than the price allows.": lambda *a: shared(*a, extra=1),
            "This forgets that the squeeze itself costs something.": lambda *a: shared(*a, own=False),
            "This holds the price of one position against the budget for all of them.": (
                lambda *a: shared(*a, everywhere=False)
            ),
            "This forgets the two 1x1s that are there anyway.": lambda *a: shared(*a, fixed=False),
            "The last branch pools after its 1x1; the pool comes first.": lambda *a: shared(*a, pool_first=False),
        },
    ),
    "control": Builds(
        points=3,
        shown=[((64, 16, 64), (64, 8, 8))],
        hidden=[((20, 7, 11), (20, 9, 6)), ((9, 9, 10), (9, 5, 5))],
        slips={
            "This leaves the 1x1 out of the pair's price.": lambda c, s, n: plain(c, 9 * s * n // (9 * c)),
            "This is as wide as the pair's output, and costs several times as much.": lambda c, s, n: plain(c, n),
            "This costs more than the pair: one channel less would do.": lambda c, s, n: plain(
                c, (c * s + 9 * s * n) // (9 * c) + 1
            ),
        },
    ),
    "symptoms": Computes(
        points=6,
        shown=[[what, WIDTHS] for what in SYMPTOMS],
        hidden=[[what, OTHERS] for what in SYMPTOMS],
        ask=SYMPTOMS,
    ),
    "one_from_two": Computes(
        points=3,
        shown=[[{"tensor": [4, 6, 1, 1], "seed": 0}, {"tensor": [5, 4, 3, 3], "seed": 1}]],
        hidden=[
            [{"tensor": [2, 3, 1, 1], "seed": 2}, {"tensor": [4, 2, 5, 5], "seed": 3}],
            [{"tensor": [3, 3, 1, 1], "seed": 4}, {"tensor": [3, 3, 1, 3], "seed": 5}],
        ],
        slips={
            "Input and output channels are swapped.": lambda first, second: torch.einsum(
                "nshw,sc->cnhw", second, first.flatten(1)
            ),
            "This window is upside down: a convolution in PyTorch does not flip its kernel.": (
                lambda first, second: torch.einsum("nshw,sc->nchw", second, first.flatten(1)).flip(2, 3)
            ),
            "This averages over the squeeze; its channels add up.": lambda first, second: (
                torch.einsum("nshw,sc->nchw", second, first.flatten(1)) / len(first)
            ),
        },
        ask="For a 1x1 as second layer: which matrix product is it, and which shape does it have?",
    ),
    "unread": Answer(
        points=1,
        slips={
            256 * 14 * 14: "These are the values that it does look at.",
            784 - 196: "These are positions: how many values does each position hold?",
            256 * 28 * 14: "This is half of them. The steps are long in both directions.",
            64 * (784 - 196): "This counts 64 values per position: how many channels does the input have?",
        },
        ask="At how many positions does it land, and how many values are at each?",
    ),
    "wide_trunk": Designs(
        points=4,
        shape=(1, 28, 28),
        output=(512, 7, 7),
        most={"MACs": 10_000_000, "parameters": 144_870},
        least={"receptive field": 28, "branches": 4},
    ),
}
