"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from torch import nn

from inception_edu.bricks import Concat
from inception_edu.classroom.keys import Answer, Builds, Computes
from inception_edu.shorthand import branch


def fold(weights, scale, bias, center, beta):
    """A folded channel, its old bias and the mean multiplied by `scale` as well."""
    return [scale * weight for weight in weights], scale * (bias - center) + beta


def unscaled_mean(weights, bias, gamma, beta, mean, variance, eps):
    """A folded channel whose mean is not multiplied."""
    return fold(weights, gamma / (variance + eps) ** 0.5, bias, 0, beta - mean)


def halves(in_channels, reduce, out, reduce_2, middle, out_2, strides=(1, 2, 1, 1, 2), pool=None):
    """A reduction block with the stride of each convolution, in order, and its third branch."""
    a, b, c, d, e = strides
    return Concat(
        branch(in_channels, (reduce, 1, a), (out, 3, b)),
        branch(in_channels, (reduce_2, 1, c), (middle, 3, d), (out_2, 3, e)),
        pool or nn.MaxPool2d(3, 2, padding=1),
    )


def projected(in_channels, *widths):
    """A reduction block with a 1x1 behind its pool."""
    pool = branch(in_channels, nn.MaxPool2d(3, 2, padding=1), (in_channels, 1))
    return halves(in_channels, *widths, pool=pool)


def unit(in_channels, out_channels, kernel, bias=False, **norm):
    """Convolution, batch norm with the settings `norm`, ReLU."""
    conv = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=bias)
    return nn.Sequential(conv, *([nn.BatchNorm2d(out_channels, **norm)] if norm else []), nn.ReLU())


KEY = {
    "four_numbers": Answer(
        points=4,
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
            },
            "stored variance": {
                0.9 + 0.1 * 25: "This stores the variance that was used to normalise, divided by four: what is stored "
                "divides by one less.",
                0.1 + 0.9 * 100 / 3: "Old and new are exchanged: a single batch moves the stored value by a tenth.",
                100 / 3: "This forgets the old value: nine tenths of it are kept.",
                25: "This is the batch's own variance: what is stored keeps nine tenths of the old value.",
            },
        },
        ask="None of the usual slips: write down the four distances from the mean.",
        twin="Try it with 2, 2, 6, 6 first: mean 4, variance 4; with gamma 3 and beta 10 a 6 becomes 13, and 1.4333 is "
        "stored.",
    ),
    "folded": Computes(
        points=3,
        shown=[([2.0], 1.0, 3.0, 5.0, 7.0, 4.0, 0.0), ([0.5, -1.0, 2.0], 0.0, 1.5, -0.5, 0.25, 0.8, 0.2)],
        hidden=[
            ([1.25, -0.75], 0.6, -0.8, 0.3, -1.1, 1.7, 0.5),
            ([0.4, 3.0, -2.2, 1.0], -1.3, 2.1, 0.0, 0.9, 0.3, 0.01),
        ],
        slips={
            "The old bias is added as it was: it passes through the batch norm, too.": lambda w, b, g, s, m, v, e: fold(
                w, g / (v + e) ** 0.5, 0, m, s + b
            ),
            "The epsilon stands behind the root: it belongs under it.": lambda w, b, g, s, m, v, e: fold(
                w, g / (v**0.5 + e), b, m, s
            ),
            "This divides by the variance: by what does a batch norm divide?": lambda w, b, g, s, m, v, e: fold(
                w, g / (v + e), b, m, s
            ),
            "The mean is subtracted as it is: it is subtracted before the scale multiplies.": unscaled_mean,
            "The old bias is lost: it passes through the batch norm, too.": lambda w, b, g, s, m, v, e: fold(
                w, g / (v + e) ** 0.5, 0, m, s
            ),
        },
        ask="What do convolution and batch norm, one after the other, make of x = 0? That is the new bias.",
    ),
    "dear_pair": Answer(
        points=4,
        slips={
            "5x5": {
                25 * 32 * 128 + 128: "This counts a bias for each output channel: the question is for weights.",
                25 * 32 * 128 * 49: "These are the MACs on 7x7: the same weights serve at every position.",
                5 * 32 * 128: "This is a thin 1x5: a 5x5 has 25 cells.",
            },
            "128 between": {
                25 * 32 * 128 * 18 // 25: "This is 18/25 of the 5x5, which holds where all widths are equal. Are they?",
                9 * 32 * 128: "This is the first 3x3 alone.",
                9 * 128 * 128: "This is the second 3x3 alone.",
                2 * 9 * 128 * 128: "This lets both 3x3s read 128 channels: what does the first one read?",
            },
            "32 between": {
                25 * 32 * 128 * 18 // 25: "This is 18/25 of the 5x5, which holds where all widths are equal. Are they?",
                9 * 32 * 32: "This is the first 3x3 alone.",
                9 * 32 * 128: "This is the second 3x3 alone.",
            },
            "widest": {
                72: "This rounds up: at this width the pair is dearer already.",
                25 * 128 // 9: "This counts the first 3x3 alone.",
                25 * 32 // 9: "This counts the second 3x3 alone.",
            },
        },
        ask="None of the usual slips: write down for each 3x3 what it reads and what it outputs.",
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
            "The pool has a 1x1 behind it: in this block its channels pass through as they are.": projected,
            "The pool takes the mean: the paper's takes the largest value here.": lambda *w: halves(
                *w, pool=nn.AvgPool2d(3, 2, padding=1)
            ),
        },
    ),
    "quiet_unit": Builds(
        points=2,
        partial=False,
        shown=[((6, 16, 3), (6, 9, 9))],
        hidden=[((5, 12, 5), (5, 8, 7))],
        slips={
            "The width is out of the epsilon's place, and torch's default is in it now: which epsilon is asked "
            "for?": lambda *w: unit(*w, eps=1e-5),
            "The batch norm is gone: mend it, it is wanted.": unit,
            "A bias has come in: what does a batch norm do to it?": lambda *w: unit(*w, bias=True, eps=1e-3),
        },
    ),
    "ten_times": Answer(
        points=4,
        slips={
            "level 50": {
                8: "This is how many survive with batch norm: how many more are they?",
                5: "This counts 49.8 as 50.",
                7: "Look at the second row again: one of its two survivors was overlooked.",
            },
            "level 40": {
                8: "This is how many survive with batch norm: how many more are they?",
                6: "This is how many survive without batch norm, or a count at another level.",
                4: "Four runs without batch norm come in between the two levels: how many does that make in all?",
            },
            "rate 0.9": {
                0: "This compares thirty times with thirty times: the rates are then 9 and 0.9.",
                1: "This compares three times with three times: the rates are then 0.9 and 0.09.",
                8: "This compares ten times with thirty times: which multiple of 0.3 is 0.9?",
            },
            "verdict": {
                "A": "Compare your first two numbers: does it hold whatever survival means?",
                "B": "Look at the third number.",
                "D": "At thirty times its best rate no run with batch norm reaches 50 %.",
            },
        },
        ask="Count each arm by itself first, then subtract.",
    ),
    "reduced": Answer(
        points=1,
        slips={
            480 * 16: "This is the cost of one position: on how many does the layer stand?",
            2 * 480 * 16 * 196: "This is twice what it should be: a MAC is one multiplication with its addition.",
            481 * 16 * 196: "This counts a bias with the MACs.",
            9 * 480 * 16 * 196: "This is a 3x3.",
        },
        ask="How many weights has the layer, and how often does each work?",
    ),
}
