"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

import torch
from torch import nn

from inception_edu.bricks import Concat, ConvUnit, Residual
from inception_edu.classroom.keys import Answer, Builds, Computes, Designs
from inception_edu.course.records import T
from inception_edu.shorthand import branch

WEIGHTS = (32 + 32 + 64) * 320


def drawn(c, w, n, s, *, past=None, pool=nn.AvgPool2d, early=False, last=True, **expansion):
    """The block of `drawn_block`; `expansion` are the options of its expansion, `last` is the ReLU after the sum.

    `past` are the options of the 1x1 past the block, and `early` strides come in the first box of a branch.
    """
    first, second = (2, 1) if early else (1, 2)
    paths = Concat(
        branch(c, (w, 1, first), (2 * w, 3, second)),
        branch(c, (w, 1, first), (w, (1, 5)), (w, (5, 1)), (3 * w, 3, second)),
    )
    linear = {"batch_norm": False, "relu": False}
    body = nn.Sequential(paths, ConvUnit(5 * w, n, 1, **{**linear, **expansion}))
    shortcut = nn.Sequential(pool(2), ConvUnit(c, n, 1, **{**linear, **(past or {})}))
    return nn.Sequential(Residual(body, shortcut, s), nn.ReLU() if last else nn.Identity())


class Doubly(nn.Module):
    """`drawn_block` with the scale on both sides of the sum: (N, c, H, W) -> (N, n, H / 2, W / 2)."""

    def __init__(self, c, w, n, s):
        super().__init__()
        self.sum, self.s = drawn(c, w, n, 1.0, last=False)[0], s

    def forward(self, x):
        return torch.relu(self.s * self.sum(x))


def exchanged(*arguments):
    """`drawn_block` with the scale on the way past instead of the body."""
    block = drawn(*arguments)
    block[0].body, block[0].shortcut = block[0].shortcut, block[0].body
    return block


def after(total, x):
    """What the check of `preactivated` reads: the sum, and the input when the function has returned."""
    return {"the sum": total, "x afterwards": x}


def convolved(x, kernel):
    """What the body of `preactivated` computes after its ReLU."""
    return torch.conv2d(x, kernel, padding=1)


def planned(difference, spread, chance, limit=None, known=False):
    """`pairs_needed` by another rule: `limit` standard errors for any number of pairs, or a `known` spread."""
    generator = torch.Generator().manual_seed(1)
    for pairs in range(2, 17):
        runs = difference + spread * torch.randn(20_000, pairs, generator=generator)
        error = (spread if known else runs.std(1)) / pairs**0.5
        if (runs.mean(1).abs() > (limit or T[pairs - 2]) * error).float().mean() >= chance:
            return pairs
    return 17


def solved_for_pairs(difference, spread, chance):
    """The number of pairs at which the interval of the *expected* result leaves out 0."""
    return next(n for n in range(2, 18) if abs(difference) > T[min(n, 16) - 2] * spread / n**0.5 or n == 17)


KEY = {
    "expansion_cost": Answer(
        points=3,
        slips={
            "channels after the sum": {
                320 + 128: "This stacks the branches on the trunk. Here they are added to it.",
                128: "This is what the branches output together: can it be added to the trunk like that?",
                2 * 320: "This is trunk and expansion stacked: what does a sum do to the number of channels?",
            },
            "MACs": {
                WEIGHTS: "This is the cost of one position: at how many positions does the layer work?",
                2 * WEIGHTS * 35 * 35: "This is twice what it should be: a MAC is one multiplication with its "
                "addition.",
                (WEIGHTS + 320) * 35 * 35: "This counts the bias with the MACs: an addition alone is none.",
                320 * 320 * 35 * 35: "This reads 320 channels: what does the expansion read, the trunk or the "
                "branches?",
            },
            "parameters": {
                WEIGHTS: "These are the weights. What else does a convolution have when no batch norm follows it?",
                WEIGHTS + 2 * 320: "This counts a batch norm of two numbers a channel: the expansion has none.",
                WEIGHTS + 128: "This has a bias for each channel that is read; a bias belongs to the outputs.",
                WEIGHTS * 35 * 35: "This is the number of MACs: the same weights serve at every position.",
            },
        },
        ask="None of the usual mistakes: how many channels does the expansion read, and how many does it output?",
        twin="Try it with other numbers first: a trunk of 256 channels on 14x14 and branches of 24 and 40 have 256 "
        "channels after the sum, 3,211,264 MACs and 16,640 parameters.",
    ),
    "drawn_block": Builds(
        points=5,
        shown=[((32, 8, 64, 0.2), (32, 14, 14))],
        hidden=[((10, 3, 7, 0.15), (10, 6, 8))],
        slips={
            "A ReLU follows the expansion: can this block still take something away from the trunk?": (
                lambda *a: drawn(*a, relu=True)
            ),
            "The expansion has a batch norm; a linear box has none.": lambda *a: drawn(*a, batch_norm=True),
            "The expansion is a whole box, with batch norm and ReLU: what does “linear” leave out?": lambda *a: drawn(
                *a, batch_norm=True, relu=True
            ),
            "The 1x1 on the way past is a whole box: it is marked as linear, too.": lambda *a: drawn(
                *a, past={"batch_norm": True, "relu": True}
            ),
            "What the branches say is added in full: where is the scale?": lambda c, w, n, s: drawn(c, w, n, 1.0),
            "Nothing follows the sum: the trunk goes on with negative values.": lambda *a: drawn(*a, last=False),
            "The way past takes the largest of four values; the drawing averages them.": lambda *a: drawn(
                *a, pool=nn.MaxPool2d
            ),
            "The first box of each branch takes the stride: which box has the /2?": lambda *a: drawn(*a, early=True),
            "Both sides of the sum are scaled: on which line is `times s`?": Doubly,
            "The way past is scaled instead of the body: on which line is `times s`?": exchanged,
        },
    ),
    "three_curves": Computes(
        points=8,
        shown=[[what, 0] for what in ("one batch", "rate 0", "kept", "whole")],
        hidden=[[what, 1] for what in ("one batch", "rate 0", "kept", "whole")],
        ask={
            "one batch": "Print the learning rate at each step of the pass: how often should it change?",
            "rate 0": "In which mode is the network when the held-out loss is measured, and in which does the next "
            "pass begin?",
            "kept": "Print one weight of `best` when it is stored, and again at the end: which pass is it from?",
            "whole": "Are the three experiments right? Then print the rate and the mode in every pass. What else "
            "belongs to a network besides its weights?",
        },
    ),
    "growing_trunk": Computes(
        points=3,
        shown=[(1.25, 2), (6, 40)],
        hidden=[(1.5, 5), (3, 100), (1.1, 21)],
        slips={
            "This is the chapter's trunk, where every block adds the same. Here a block adds more, the larger the "
            "trunk already is.": lambda limit, n: ((limit**2 - 1) / n) ** 0.5,
            "This multiplies deviations. What adds up for independent things?": lambda limit, n: limit ** (1 / n) - 1,
            "This is the square of a scale: a factor s makes a variance s² times as large.": lambda limit, n: (
                limit ** (2 / n) - 1
            ),
            "This takes the limit for a variance; it is a deviation.": lambda limit, n: (limit ** (1 / n) - 1) ** 0.5,
        },
        ask="Put your scale into (1 + scale²) ** blocks, by hand for the first call, and take the root: is it the "
        "limit?",
    ),
    "preactivated": Computes(
        points=2,
        shown=[({"tensor": [2, 4, 6, 5], "seed": 0}, {"tensor": [4, 4, 3, 3], "seed": 1}, 0.2)],
        hidden=[
            ({"tensor": [1, 7, 5, 8], "seed": 2}, {"tensor": [7, 7, 3, 3], "seed": 3}, 0.1),
            ({"tensor": [3, 2, 9, 4], "seed": 4}, {"tensor": [2, 2, 3, 3], "seed": 5}, 1.0),
        ],
        partial=False,
        slips={
            "The sum still starts from the input's positive part: who has changed x?": lambda x, k, s: after(
                x.relu() + s * convolved(x.relu(), k), x.relu()
            ),
            "The sum is right, but whoever called the function has lost all negative values of their x.": (
                lambda x, k, s: after(x + s * convolved(x.relu(), k), x.relu())
            ),
            "The shortcut is whole again, but the body has lost its ReLU.": lambda x, k, s: after(
                x + s * convolved(x, k), x
            ),
            "The ReLU has moved after the sum: that is another block.": lambda x, k, s: after(
                (x + s * convolved(x, k)).relu(), x
            ),
            "The ReLU has moved after the convolution, where the body could only add.": lambda x, k, s: after(
                x + s * convolved(x, k).relu(), x
            ),
        },
        ask="Compare x before and after each line.",
    ),
    "pairs_needed": Computes(
        points=4,
        shown=[(11.2, 9.6, 0.75), (3, 0.4, 0.5)],
        hidden=[(-2, 1.5, 0.8), (1, 1.3, 0.808), (1, 0.5, 0.6), (1, 1, 0.7)],
        slips={
            "This asks for two standard errors, whatever the number of pairs. What does a spread that was measured on "
            "two pairs tell?": lambda *a: planned(*a, 2),
            "This asks for 1.96 standard errors, whatever the number of pairs. What does a spread that was measured on "
            "two pairs tell?": lambda *a: planned(*a, 1.96),
            "This uses the true spread in the rule. What does the experimenter know about it?": (
                lambda *a: planned(*a, known=True)
            ),
            "With this number the expected result would just count, so about every second experiment would. Where is "
            "`chance`?": solved_for_pairs,
        },
        ask="Draw many experiments of that size: what share of them counts, and what share with one pair fewer?",
    ),
    "deep_network": Designs(
        points=5,
        shape=(1, 28, 28),
        output=(10,),
        most={"MACs": 10_000_000, "parameters": 150_000, "convolutions on the shortest path": 6},
        least={"convolutions in a row": 60, "receptive field": 28},
    ),
}
