"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from copy import deepcopy
from pathlib import Path
from statistics import stdev, variance

import torch
from torch import nn

from inception_edu.bricks import Concat
from inception_edu.classroom import sealing
from inception_edu.classroom.keys import Answer, Builds, Computes, Designs
from inception_edu.shorthand import branch

given = sealing.given(Path(__file__).with_name("exercises.ipynb"))


def halves(in_channels, reduce, out, reduce_2, middle, out_2, strides=(1, 2, 1, 1, 2), pool=None):
    """A reduction block with the stride of each convolution, in order, and its third branch."""
    a, b, c, d, e = strides
    return Concat(
        branch(in_channels, (reduce, 1, a), (out, 3, b)),
        branch(in_channels, (reduce_2, 1, c), (middle, 3, d), (out_2, 3, e)),
        pool or nn.MaxPool2d(3, 2, padding=1),
    )


def projected(in_channels, *widths):
    """A reduction block with a 1x1 after its pool."""
    pool = branch(in_channels, nn.MaxPool2d(3, 2, padding=1), (in_channels, 1))
    return halves(in_channels, *widths, pool=pool)


def folded(net, keep=False, root=True):
    """`net` folded by someone who adds the old bias as it is, or who adds the epsilon after the root."""
    net = deepcopy(net)
    for row in net.modules():
        for place in range(1, len(row) if isinstance(row, nn.Sequential) else 0):
            conv, norm = row[place - 1], row[place]
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                root_of = (norm.running_var + norm.eps).sqrt() if root else norm.running_var.sqrt() + norm.eps
                scale = (norm.weight if norm.affine else 1) / root_of
                bias = conv.bias if conv.bias is not None else torch.zeros_like(scale)
                passed = bias - norm.running_mean * scale if keep else (bias - norm.running_mean) * scale
                conv.weight.data = conv.weight.data * scale[:, None, None, None]
                conv.bias = nn.Parameter(passed + (norm.bias if norm.affine else 0))
                row[place] = nn.Identity()
    return net


COUNTS = [4, 5, 5, 5, 5], [6, 6, 5, 5, 6]  # passes saved at 0.03 and at 0.1, seed by seed
APART = [high - low for low, high in zip(*COUNTS, strict=True)]

KEY = {
    "four_numbers": Answer(
        points=4,
        digits=4,
        slips={
            "mean": {
                4: "This is the mean of the first image alone: a batch norm takes all images of the batch.",
                12: "This is the mean of the second image alone: a batch norm takes all images of the batch.",
            },
            "variance": {
                5: "This is the deviation: what is its square?",
                100 / 3: "This divides by one less than there are numbers: that is for storing, not for normalising.",
                9: "This is the variance within an image: the batch's counts how far the images lie apart, too.",
                100: "This is the sum of the squares: divide it by how many there are.",
            },
            "output": {
                1.4: "This is the normalised value: gamma and beta are still to come.",
                14: "Beta is missing.",
                10 * (1.4 + 3): "Beta was added first: which of the two comes first in the formula?",
                10 * 7 / 25 + 3: "This divides by the variance: it should be the deviation.",
                13: "This normalises the second image by itself: what are mean and variance of the whole batch?",
                1.4 * 3 + 10: "Gamma and beta have changed places.",
                10 * 7 / (100 / 3) ** 0.5
                + 3: "This divides the squares by one less than there are numbers: that is for "
                "storing, not for normalising.",
            },
            "stored variance": {
                0.9 + 0.1 * 25: "This stores the variance that normalises, a sum of squares over four: in what is "
                "stored it is divided by one less.",
                0.1 + 0.9 * 100 / 3: "Old and new are swapped: a single batch moves the stored value by a tenth.",
                100 / 3: "This forgets the old value: nine tenths of it are kept.",
                25: "This is the batch's own variance: what is stored keeps nine tenths of the old value.",
            },
        },
        ask="None of the usual mistakes: write down the four distances from the mean.",
        twin="Try it with 2, 2, 6, 6 first: mean 4, variance 4; with gamma 3 and beta 10 a 6 becomes 13, and 1.4333 is "
        "stored.",
    ),
    "ghosts": Computes(
        points=5,
        shown=[[what, 0] for what in ("groups", "shift", "kept", "saved", "whole")],
        hidden=[[what, 1] for what in ("groups", "shift", "kept", "saved", "whole")],
        ask="Which lines run in the mode in which the symptom appears?",
    ),
    "fold_all": Computes(
        points=4,
        shown=[[case, 0] for case in ("row", "block", "groups", "bare", "before")],
        hidden=[[case, 1] for case in ("row", "block", "groups", "bare", "before")],
        slips={
            "The old bias is added as it was: what does the norm do to it?": lambda case, seed: given.verify(
                lambda net: folded(net, keep=True), case, seed
            ),
            "The epsilon is added after the root: where does the norm add it?": lambda case, seed: given.verify(
                lambda net: folded(net, root=False), case, seed
            ),
        },
        ask="Take the case apart: what does the original output after its first two layers, and what does your copy?",
    ),
    "costly_pair": Answer(
        points=4,
        slips={
            "5x5": {
                25 * 32 * 128 + 128: "This counts a bias for each output channel: the question is for weights.",
                25 * 32 * 128 * 49: "These are the MACs on 7x7: the same weights serve at every position.",
                5 * 32 * 128: "This is a thin 1x5: a 5x5 has 25 cells.",
            },
            "128 between": {
                25 * 32 * 128 * 18 // 25: "This is 18/25 of the 5x5: right where all widths are equal, or if both 3x3s "
                "read 32 channels. Do they?",
                9 * 32 * 128: "This is the first 3x3 alone.",
                9 * 128 * 128: "This is the second 3x3 alone.",
                2 * 9 * 128 * 128: "This lets both 3x3s read 128 channels: what does the first one read?",
                9 * 32 * 128 + 9 * 128 * 128 + 256: "This counts a bias for each output channel.",
                49 * (9 * 32 * 128 + 9 * 128 * 128): "These are the MACs on 7x7: the question is for weights.",
            },
            "32 between": {
                25 * 32 * 128 * 18 // 25: "This is 18/25 of the 5x5: right where all widths are equal, or if both 3x3s "
                "read 32 channels. Do they?",
                9 * 32 * 32: "This is the first 3x3 alone.",
                9 * 32 * 128: "This is the second 3x3 alone.",
                2 * 9 * 32 * 32: "This lets both 3x3s output 32 channels: what does the second one output?",
                9 * 32 * 128 + 9 * 128 * 128: "This is the pair with 128 between.",
                9 * 32 * 32 + 9 * 32 * 128 + 160: "This counts a bias for each output channel.",
            },
            "widest": {
                72: "This rounds up: at this width the pair already has more weights.",
                25 * 128 // 9: "This counts the first 3x3 alone.",
                25 * 32 // 9: "This counts the second 3x3 alone.",
            },
        },
        ask="None of the usual mistakes: write down for each 3x3 what it reads and what it outputs.",
        twin="Try it with 16 to 64 channels first: the 5x5 has 25,600 weights, the pair 46,080 with 64 between and "
        "11,520 with 16, and 35 is the widest.",
    ),
    "halving": Builds(
        points=3,
        shown=[((20, 6, 12, 4, 7, 9), (20, 14, 14))],
        hidden=[((11, 5, 8, 3, 6, 4), (11, 9, 13))],
        slips={
            "The 1x1s move by 2: three quarters of the positions are gone before a window has seen them.": lambda *w: (
                halves(*w, strides=(2, 1, 2, 1, 1))
            ),
            "In the second branch the first 3x3 moves by 2: here the last layer does.": lambda *w: halves(
                *w, strides=(1, 2, 1, 2, 1)
            ),
            "The pool has a 1x1 after it: in this block its channels pass through as they are.": projected,
            "The pool takes the mean: the paper's takes the largest value here.": lambda *w: halves(
                *w, pool=nn.AvgPool2d(3, 2, padding=1)
            ),
        },
    ),
    "five_pairs": Answer(
        points=4,
        slips={
            "saved at 0.03": {
                5: "This is what the mean curves give: count for each seed, then take the mean.",
                5.2: "This is the mean of the pass in which the level is reached: how many of the ten are left?",
                5.8: "This counts one pass too many: the one in which the level is reached is not saved.",
                24: "This is the sum of the five counts.",
            },
            "saved at 0.1": {
                6: "This is what the mean curves give: count for each seed, then take the mean.",
                4.4: "This is the mean of the pass in which the level is reached: how many of the ten are left?",
                6.6: "This counts one pass too many: the one in which the level is reached is not saved.",
                28: "This is the sum of the five counts.",
            },
            "half": {
                2 * stdev(APART) / 5**0.5: "This takes 2 for t, which is right for many pairs. There are five.",
                1.96 * stdev(APART) / 5**0.5: "This takes 1.96 for t, which is right for many pairs. There are five.",
                2.571 * stdev(APART) / 5**0.5: "This is t for six pairs: the list begins with two.",
                2.447 * stdev(APART) / 5**0.5: "This is t for seven pairs: the list begins with two.",
                2.776 * stdev(APART): "This is t times the spread of single differences. How sure is a mean of five?",
                2.776 * stdev(APART) * 0.8**0.5 / 5**0.5: "This divides the squares by five; a sample of five is "
                "divided by four.",
                stdev(APART) / 5**0.5: "This is the standard error: what does it still have to be multiplied by?",
                2 * 2.776 * stdev(APART) / 5**0.5: "This is the whole width of the interval, from end to end.",
                2.776
                * (sum(map(variance, COUNTS)) / 5) ** 0.5: "This treats the two rates as if they had nothing to do "
                "with each other: the runs come in pairs.",
            },
            "verdict": {
                "A": "Is 0 outside of the interval?",
                "B": "Where does the interval end on its other side? Would one more pass be excluded?",
                "D": "Which of your two means is larger?",
            },
        },
        digits=4,
        ask="None of the usual mistakes: write the ten counts down, five for each rate.",
    ),
    "large_batch": Designs(
        points=4,
        shape=(1, 28, 28),
        output=(10,),
        most={"activations": 12_000, "parameters": 150_000},
        least={"MACs": 4_000_000, "convolutions in a row": 9},
    ),
}
