"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from math import ceil

import torch
from torch import nn

from inception_edu.bricks import Concat, ConvUnit, Residual
from inception_edu.classroom.keys import Answer, Builds, Computes
from inception_edu.shorthand import branch


def crossed(channels, squeeze, each, lengths, scale=0.2, shared=True, upright=False, linear=True, last=True):
    """The block of `shared_squeeze`, or one with a misconception."""
    kernels = [(length, 1) if upright else (1, length) for length in lengths]
    if shared:
        front = [ConvUnit(channels, squeeze, 1), Concat(*(ConvUnit(squeeze, each, kernel) for kernel in kernels))]
    else:
        front = [Concat(*(branch(channels, (squeeze, 1), (each, kernel)) for kernel in kernels))]
    expand = ConvUnit(each * len(lengths), channels, 1, batch_norm=False, relu=not linear)
    whole = Residual(nn.Sequential(*front, expand), scale=scale)
    return nn.Sequential(whole, nn.ReLU()) if last else whole


def table(words, width, seed):
    """A table of words among the arguments of a function."""
    return {"tensor": [words, width], "seed": seed}


def shares(same, different, slip, above=False, of_all=False):
    """The largest share let in; or with `>` for `>=`, or with strangers as a share of all pairs."""

    def come(values, threshold):
        return sum(each > threshold if above else each >= threshold for each in values)

    whole = len(same) + len(different) if of_all else len(different)
    allowed = [t for t in same if come(different, t) / whole <= slip]
    return max((come(same, t) / len(same) for t in allowed), default=0)


FRIENDS = [0.91, 0.85, 0.85, 0.7, 0.64, 0.58, 0.41, 0.33]
STRANGERS = [0.85, 0.66, 0.58, 0.5, 0.45, 0.41, 0.3, 0.22, 0.2, 0.12]

KEY = {
    "flat_cost": Answer(
        points=3,
        slips={
            "per step": {
                7 * 48: "This is one output value. A step has one value for each output channel.",
                49 * 48 * 32: "This squares the 7: how high is the kernel?",
                2 * 7 * 48 * 32: "This is twice what it should be: a MAC is one multiplication with its addition.",
                7 * 48 * 32 * 60: "This is the whole layer, all steps of it.",
            },
            "layer": {
                7 * 48 * 32: "This is the cost of one step: on how many steps does the layer stand?",
                7 * 48 * 32 * 54: "This equals 54 steps of output: what does the padding do?",
                2 * 7 * 48 * 32 * 60: "This is twice what it should be: a MAC is one multiplication with its addition.",
                49 * 48 * 32 * 60: "This squares the 7: how high is the kernel?",
                (7 * 48 + 1) * 32 * 60: "This counts a bias with the MACs: MACs never do, and here is none.",
            },
            "square": {
                7 * 48 * 32 * 60: "This is the flat layer: how many cells has a 7x7?",
                14 * 48 * 32 * 60: "This takes a 7x7 for a row of 7 and a column of 7.",
                49 * 48 * 32: "This is the cost of one position.",
            },
        },
        ask="None of the usual slips: how many input values does a single output value need?",
        twin="Try it with other numbers first: a 1x9 from 20 to 10 channels on 50 steps has 1,800 MACs per step and "
        "90,000 in all; a 9x9 on as many positions 810,000.",
    ),
    "blocks_back": Computes(
        points=3,
        shown=[(9, 14), (27, 14), (5, 7)],
        hidden=[(3, 14), (39, 100), (5, 10), (41, 20), (7, 1), (9, 5)],
        slips={
            "This counts what lies behind the place as well as what lies before it.": lambda k, b: ceil(b / (k - 1)),
            "This counts the place itself in every block.": lambda k, b: ceil(b / (k // 2 + 1)),
            "This rounds down: so many blocks do not get there.": lambda k, b: b // (k // 2),
            "This adds a block even where the last one ends just there.": lambda k, b: b // (k // 2) + 1,
        },
        ask="How many steps back does a single kernel of 9 look?",
    ),
    "shared_squeeze": Builds(
        points=4,
        shown=[((24, 8, 6, (3, 9)), (24, 1, 30))],
        hidden=[((10, 4, 3, (5, 7, 11)), (10, 1, 17)), ((9, 5, 7, (13,)), (9, 1, 20))],
        slips={
            "Each kernel has a 1x1 of its own here: what do they share?": lambda *a: crossed(*a, shared=False),
            "The kernels stand upright: the map is one pixel high, and they see only padding above and below.": (
                lambda *a: crossed(*a, upright=True)
            ),
            "What is added passes a ReLU first, so it can only add and never take away.": lambda *a: crossed(
                *a, linear=False
            ),
            "What is added comes in whole: which scale is asked for?": lambda *a: crossed(*a, scale=1.0),
            "Something is missing behind the sum.": lambda *a: crossed(*a, last=False),
        },
    ),
    "to_maps": Computes(
        points=2,
        shown=[
            (table(10, 4, seed=0), [[3, 1, 4, 1, 5, 9], [2, 6, 5, 3, 0, 0]]),
            (table(6, 3, seed=1), [[5, 2, 4, 1]]),
        ],
        hidden=[
            (table(8, 5, seed=2), [[7, 7, 1], [0, 2, 3], [6, 5, 4], [1, 2, 3]]),
            (table(9, 4, seed=3), [[1, 2, 3, 4], [5, 6, 7, 8]]),
        ],
        partial=False,
        slips={
            "The shape is right, but a column still holds parts of several words.": lambda t, n: t[
                torch.tensor(n)
            ].reshape(len(n), t.shape[1], 1, len(n[0])),
            "The text stands upright: which of the last two axes is the height?": lambda t, n: (
                t[torch.tensor(n)].transpose(1, 2).unsqueeze(3)
            ),
            "The words of each text come last first.": lambda t, n: (
                t[torch.tensor(n)].flip(1).transpose(1, 2).unsqueeze(2)
            ),
        },
        ask="Which of the axes of `vectors` is the word, and where should it stand?",
    ),
    "honest_run": Answer(
        points=3,
        slips={
            ("B", "C", "G", "E", "D"): "Here the vocabulary has read the texts that it will be tested on.",
            ("B", "A", "G", "F", "D"): "Here the test texts choose the rate and then say how good the choice was.",
            ("B", "C", "G", "F", "D"): "Here the test texts are read three times, and only the last time is asked for.",
            ("B", "A", "G", "D", "E"): "Here a net is tested that is only chosen afterwards.",
            ("A", "B", "G", "E", "D"): "Here the vocabulary reads texts that nobody has loaded.",
            ("B", "G", "A", "E", "D"): "Here the networks learn from words that have no numbers yet.",
        },
        ask="What does each line read, and which line makes that?",
    ),
    "let_in": Computes(
        points=3,
        shown=[
            ([0.9, 0.7, 0.7, 0.4], [0.7, 0.5, 0.3, 0.2], 0.25),
            ([0.8, 0.6, 0.3], [0.5, 0.4, 0.2, 0.1], 0.5),
            ([0.9, 0.5], [0.6, 0.1], 0),
        ],
        hidden=[
            (FRIENDS[3:], STRANGERS, 0.2),
            (STRANGERS, FRIENDS, 0.25),
            ([0.2, 0.1], [0.8, 0.7, 0.15], 0.5),
            ([0.4, 0.8, 0.35, 0.3], [0.1, 0.2], 0),
            (FRIENDS, STRANGERS, 0.1),
            (FRIENDS, STRANGERS, 1),
        ],
        slips={
            "The two lists are exchanged: whom does the door want to let in?": lambda s, d, x: shares(d, s, x),
            "A pair exactly on the threshold is kept out here: it is to be let in.": lambda s, d, x: shares(
                s, d, x, above=True
            ),
            "The strangers are counted as a share of all pairs here, not of the different ones.": lambda s, d, x: (
                shares(s, d, x, of_all=True)
            ),
            "This is the threshold; a share of pairs is asked for.": lambda s, d, x: min(
                (t for t in s if sum(e >= t for e in d) / len(d) <= x), default=0
            ),
            "This is the share of strangers that slip through, not of friends that are let in.": lambda s, d, x: max(
                (v for t in s if (v := sum(e >= t for e in d) / len(d)) <= x), default=0
            ),
        },
        ask="Take the short lists of hint 2: which thresholds are allowed there, and what does each let in?",
    ),
    "pass_through": Answer(
        points=1,
        slips={
            350: "This leaves out the pool's branch.",
            570: "This counts the inner widths and leaves out the pool's branch.",
            870: "This counts the inner widths, which are used up on the way.",
            500: "Which width does the last box of the third branch have?",
        },
        ask="What does each of the three branches output at its end?",
    ),
}
