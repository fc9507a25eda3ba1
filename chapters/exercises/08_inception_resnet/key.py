"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from math import ceil, floor

import torch
from torch import nn

from inception_edu.bricks import Concat, ConvUnit, Residual
from inception_edu.classroom.keys import Answer, Builds, Computes
from inception_edu.shorthand import branch

WEIGHTS = (32 + 32 + 64) * 320


def block(channels, width, scale, last=True, **expansion):
    """The block of exercise 2; `expansion` are the options of its expansion, `last` the ReLU behind the sum."""
    paths = Concat(
        branch(channels, (width, 1)),
        branch(channels, (width, 1), (width, (1, 3)), (2 * width, (3, 1))),
    )
    expand = ConvUnit(3 * width, channels, 1, **{"batch_norm": False, "relu": False, **expansion})
    return nn.Sequential(Residual(nn.Sequential(paths, expand), scale=scale), nn.ReLU() if last else nn.Identity())


def convolved(x, kernel):
    """What the body of exercise 5 computes behind its ReLU."""
    return torch.conv2d(x, kernel, padding=1)


KEY = {
    "expansion_cost": Answer(
        points=3,
        slips={
            "channels behind the sum": {
                320 + 128: "This stacks the branches on the trunk. Here they are added to it.",
                128: "This is what the branches output together: can it be added to the trunk like that?",
                2 * 320: "This is trunk and expansion stacked: what does a sum do to the number of channels?",
            },
            "MACs": {
                WEIGHTS: "This is the cost of one position: on how many positions does the layer stand?",
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
        ask="None of the usual slips: how many channels does the expansion read, and how many does it output?",
        twin="Try it with other numbers first: a trunk of 256 channels on 14x14 and branches of 24 and 40 have 256 "
        "channels behind the sum, 3,211,264 MACs and 16,640 parameters.",
    ),
    "residual_block": Builds(
        points=4,
        shown=[((48, 8, 0.2), (48, 7, 7))],
        hidden=[((30, 5, 0.15), (30, 6, 9))],
        slips={
            "A ReLU stands behind the expansion: can this block still take something away from the "
            "trunk?": lambda c, w, s: block(c, w, s, relu=True),
            "The expansion has a batch norm, which a linear expansion does without.": lambda c, w, s: block(
                c, w, s, batch_norm=True
            ),
            "The expansion is a whole box, with batch norm and ReLU: what does “linear” leave out?": lambda c, w, s: (
                block(c, w, s, batch_norm=True, relu=True)
            ),
            "What the branches say is added in full: where is the scale?": lambda c, w, s: block(c, w, 1.0),
            "Nothing follows the sum: the trunk goes on with negative values.": lambda c, w, s: block(
                c, w, s, last=False
            ),
        },
    ),
    "in_order": Answer(
        points=2,
        slips={
            ("D", "B", "C", "A"): "With a ReLU behind the expansion, can the block still take something away?",
            ("D", "B", "F", "E"): "The ReLU stands on the trunk alone: what may the sum then be?",
            ("D", "F", "B", "A"): "The expansion reads what the branches have output together: is it together yet?",
            ("B", "D", "F", "A"): "Something is joined here before it has been computed.",
            ("D", "B", "C", "F", "A"): "Four lines are enough: what does each of the two that use the expansion do?",
        },
        ask="Say behind each line how many channels y has.",
    ),
    "largest_scale": Computes(
        points=3,
        shown=[(1.2, 40), (2, 12)],
        hidden=[(1.5, 5), (3, 100), (1.1, 21)],
        slips={
            "This adds deviations. What adds up for independent things?": lambda limit, n: (limit - 1) / n,
            "This forgets that the trunk has a variance of its own before the first block.": lambda limit, n: (
                limit / n**0.5
            ),
            "This is the square of a scale: a factor s makes a variance s² times as large.": lambda limit, n: (
                (limit**2 - 1) / n
            ),
            "This takes the limit for a variance; it is a deviation.": lambda limit, n: ((limit - 1) / n) ** 0.5,
        },
        ask="Put your scale into 1 + blocks · scale², by hand for the second call, and take the root: is it the limit?",
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
            "The sum still starts from the input's positive part: who has changed x?": lambda x, k, s: (
                x.relu() + s * convolved(x.relu(), k)
            ),
            "The shortcut is whole again, but the body has lost its ReLU.": lambda x, k, s: x + s * convolved(x, k),
            "The ReLU has moved behind the sum: that is another block.": lambda x, k, s: (
                x + s * convolved(x, k)
            ).relu(),
            "The ReLU has moved behind the convolution, where the body could only add.": lambda x, k, s: (
                x + s * convolved(x, k).relu()
            ),
        },
        ask="Compare x before and after each line.",
    ),
    "seeds_needed": Computes(
        points=3,
        shown=[(-1.41, 1.34), (0.25, 1.5)],
        hidden=[(0.5, 1.0), (0.3, 2.2), (5, 1), (-0.7, 0.9)],
        slips={
            "This is one standard error; the rule asks for two.": lambda d, s: max(2, floor((s / d) ** 2) + 1),
            "The root of the number of seeds divides the spread: what has to be squared?": lambda d, s: max(
                2, floor(abs(2 * s / d)) + 1
            ),
            "Where two standard errors are exactly the difference, it does not count yet.": lambda d, s: max(
                2, ceil((2 * s / d) ** 2)
            ),
        },
        ask="With your number of seeds, how large are two standard errors in the first call? And with one seed fewer?",
    ),
    "learned_by_norm": Answer(
        points=1,
        slips={
            384 * 4: "This counts the running mean and variance too: they are measured, not learned.",
            384: "This is one number a channel: what does a batch norm do to a normalised channel?",
            2: "This is for one channel.",
            384 * 2 * 17 * 17: "This has numbers of its own at every position: who shares them?",
        },
        ask="What does a batch norm do to a channel once it is normalised?",
    ),
}
