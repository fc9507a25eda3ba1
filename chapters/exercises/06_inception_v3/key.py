"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from math import exp, log, log10

from torch import nn

from inception_edu.bricks import Concat, ConvUnit
from inception_edu.classroom.keys import Answer, Builds, Computes, Designs
from inception_edu.shorthand import branch

POSITION = 9 * 192 * 384
ONE = "This is the cost of one position: at how many does the layer work?"
SQUARED = "This is the square of the share: in how many directions does a row look?"
PADDED = "This is the share of zeros in a padded row: how often is each of its cells used?"
REST = "This is the share of the products that are of use: which are asked for?"
UNWEIGHED = "This is a ninth of it: how many values does a 3x3 read from each channel?"


def worded(channels, w, n, *, order="rccr", early=False, own=False, row=False, counted=False, whole=False):
    """The block of `in_words`, or a wrong one.

    `order` are its four strokes, with `early` all of them have 2w channels, with `own` each side of the fork has a 1x1
    of its own, with `row` its two sides come one after the other, with `counted` the pool counts its padding, and with
    `whole` the 1x1 that mixes has a norm and a ReLU.
    """
    kernels = [{"r": (1, n), "c": (n, 1)}[each] for each in order]
    widths = (2 * w if early else w,) * 2 + (2 * w,) * 2
    sides = Concat(branch(w, (w, (1, n))), branch(w, (w, (n, 1))))
    fork = nn.Sequential(branch(channels, (w, 1)), sides)
    if own:
        fork = Concat(branch(channels, (w, 1), (w, (1, n))), branch(channels, (w, 1), (w, (n, 1))))
    if row:
        fork = branch(channels, (w, 1), (w, (1, n)), (w, (n, 1)))
    mix = ConvUnit(w if row else 2 * w, w, 1, batch_norm=whole, relu=whole)
    pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=counted)
    return Concat(
        branch(channels, (w, 1)),
        nn.Sequential(fork, mix),
        branch(channels, (w, 1), *zip(widths, kernels, strict=True)),
        branch(channels, pool, (w, 1)),
    )


def layer_by_layer(gradients, limit):
    """Each layer cut to the limit by itself."""
    lengths = [sum(x**2 for x in layer) ** 0.5 for layer in gradients]
    pairs = zip(gradients, lengths, strict=True)
    return [[x * limit / max(length, limit) for x in layer] for layer, length in pairs]


def scaled(gradients, limit, power=2, longer=False, root=True):
    """All layers times one factor; with `longer` a short gradient is made as long as the limit."""
    whole = sum(sum(x**2 for x in layer) ** (power / 2) for layer in gradients) ** (1 / power if root else 1)
    return [[x * limit / (whole if longer else max(whole, limit)) for x in layer] for layer in gradients]


def by_value(gradients, limit):
    """Every number cut at the limit."""
    return [[max(-limit, min(limit, x)) for x in layer] for layer in gradients]


def target(right, other, others, logarithm=log):
    """Gap and lowest loss of a target with `others` wrong classes."""
    return logarithm(right / other), -right * logarithm(right) - others * other * logarithm(other)


def without_share(classes, epsilon):
    """The right class does not get its share of epsilon."""
    return target(1 - epsilon, epsilon / classes, classes - 1)


def decimal(classes, epsilon):
    """The logarithm to base 10."""
    return target(1 - epsilon + epsilon / classes, epsilon / classes, classes - 1, log10)


def counting(classes, epsilon, others):
    """Only so many of the wrong classes are counted in the loss."""
    return target(1 - epsilon + epsilon / classes, epsilon / classes, others)


KEY = {
    "three_ways": Answer(
        points=4,
        slips={
            "pool first": {
                POSITION: ONE,
                POSITION * 16: UNWEIGHED,
                POSITION * 625: "This is the large grid: is the pool before or after in this way?",
                POSITION * 169: "This is a 13x13 grid: without padding, where does the last window of 3 fit into 25?",
                2 * POSITION * 144: "This is twice what it should be: a MAC is one multiplication with its addition.",
            },
            "convolve first": {
                POSITION: ONE,
                POSITION * 625 / 9: UNWEIGHED,
                POSITION * 144: "This is the small grid: is the convolution before or after the pool in this way?",
                POSITION * 529: "This is a 23x23 grid: the convolution keeps its grid here.",
                9 * 384 * 384 * 625: "This lets the convolution read 384 channels: what comes in?",
                2 * POSITION * 625: "This is twice what it should be: a MAC is one multiplication with its addition.",
            },
            "side by side": {
                POSITION * 144: "This is twice what it should be: which channels does the pool bring? And a MAC is one "
                "multiplication with its addition.",
                192 * 192 * 144: UNWEIGHED,
                9 * 192 * 192 * 625: "This counts the grid that the convolution reads: at how many places does a "
                "window with stride 2 stop?",
                9 * 192 * 192: ONE,
            },
            "narrowest": {
                192: "This is its number of channels: on how many positions?",
                384 * 144: "This is the output: what is there between pool and convolution?",
                192 * 625: "This is the input: what is there between pool and convolution?",
                192 * 169: "This is a 13x13 grid: without padding, where does the last window of 3 fit into 25?",
            },
        },
        ask="None of the usual mistakes: write down the channels and the grid after each single layer.",
        twin="Try it with 64 channels on 9x9 to 128 on 4x4 first: 1,179,648, 5,971,968 and 589,824 MACs, and 1,024 "
        "values at the narrowest place.",
    ),
    "in_words": Builds(
        points=5,
        shown=[((64, 16, 7), (64, 17, 17))],
        hidden=[((10, 3, 5), (10, 6, 8))],
        slips={
            "Each side of the fork has a 1x1 of its own here: where does the way fork?": lambda *a: worded(
                *a, own=True
            ),
            "The two sides of the fork come one after the other here: they read the same maps.": lambda *a: worded(
                *a, row=True
            ),
            "The strokes alternate here: in which order were they described?": lambda *a: worded(*a, order="rcrc"),
            "The rows and columns of the four strokes are swapped: a kernel is height by width.": lambda *a: worded(
                *a, order="crrc"
            ),
            "All four strokes are wide here: which of them have 2w?": lambda *a: worded(*a, early=True),
            "The 1x1 that mixes has a norm and a ReLU: what does “linear” leave out?": lambda *a: worded(
                *a, whole=True
            ),
            "The pool counts the zeros of its padding: the description says that they do not count.": lambda *a: worded(
                *a, counted=True
            ),
        },
    ),
    "side_effects": Computes(
        points=6,
        shown=[[what, 0] for what in ("kick", "side", "average", "whole")],
        hidden=[[what, 1] for what in ("kick", "side", "average", "whole")],
        ask="Which lines have to do with that symptom, and what is the state of things just before each of them? If "
        "only 'whole' is left, compare every line with the description once more.",
    ),
    "small_grid": Answer(
        points=3,
        slips={
            "7 on 17": {
                6 / 119: "This counts one edge: a row has two.",
                6 / 17: "These are the positions whose window touches the padding. How many of their products do?",
                (12 / 119) ** 2: SQUARED,
                6 / 23: PADDED,
                107 / 119: REST,
                12 / 17: "By how many products is this to be divided? There are n at each position.",
            },
            "7 on 8": {
                6 / 56: "This counts one edge: a row has two.",
                6 / 8: "These are the positions whose window touches the padding. How many of their products do?",
                (12 / 56) ** 2: SQUARED,
                6 / 14: PADDED,
                44 / 56: REST,
                12 / 8: "By how many products is this to be divided? There are n at each position.",
            },
            "13 on 8": {
                21 / 104: "This counts one edge: a row has two.",
                (42 / 104) ** 2: SQUARED,
                12 / 20: PADDED,
                62 / 104: REST,
                36 / 104: "This counts one edge for each position: can a window reach beyond both?",
                12 / 104: "This loses as much as a 1x7. How far does a 1x13 reach beyond the edge?",
                8 / 8: "These are the positions whose window touches the padding. How many of their products do?",
            },
        },
        digits=4,
        ask="None of the usual mistakes: write down, for each position of one row, how many cells are outside.",
        twin="Try it with a 1x5 on a 10x10 grid first: 6 of 50 products, 0.12.",
    ),
    "clipped": Computes(
        points=2,
        partial=False,
        shown=[([[3.0, 4.0], [0.0, 12.0]], 2.0), ([[0.3], [0.4]], 2.0)],
        hidden=[([[1.0, -2.0, 2.0], [6.0], [0.5, 0.5]], 1.5), ([[0.9, 0.1], [1.4]], 1.0), ([[2.0, 0.5], [0.2]], 2.5)],
        slips={
            "Each layer is still cut by itself, so the step turns: which length is meant?": layer_by_layer,
            "Short gradients are made longer: they are to stay as they are.": lambda g, limit: scaled(
                g, limit, longer=True
            ),
            "The lengths of the layers are added: lengths add up by their squares.": lambda g, limit: scaled(
                g, limit, power=1
            ),
            "Every number is cut by itself, so the step turns: it is the length that is limited.": by_value,
            "The limit is compared with the square of the length here.": lambda g, limit: scaled(g, limit, root=False),
        },
        ask="How long is the whole gradient of the first example, 3, 4, 0 and 12 together?",
    ),
    "smoothed": Computes(
        points=3,
        shown=[(10, 0.1), (4, 0.2)],
        hidden=[(5, 0.3), (100, 0.05), (1000, 0.4)],
        slips={
            "This spreads epsilon over the wrong classes alone: here the right one gets its share, too.": lambda k, e: (
                target(1 - e, e / (k - 1), k - 1)
            ),
            "The targets do not add up to 1: the right class gets its share of epsilon, too.": without_share,
            "This leaves the wrong classes out of the loss: each of them has a target, too.": lambda k, e: counting(
                k, e, 0
            ),
            "The loss counts one wrong class: how many are there?": lambda k, e: counting(k, e, 1),
            "The loss counts the right class twice: how many are wrong?": lambda k, e: counting(k, e, k),
            "The two numbers are in the wrong order: first the gap, then the loss.": lambda k, e: counting(k, e, k - 1)[
                ::-1
            ],
            "The gap is a ratio of probabilities here: what turns it into a difference of logits?": lambda k, e: (
                exp(counting(k, e, 0)[0]),
                counting(k, e, k - 1)[1],
            ),
            "This is the logarithm to base 10: softmax has e for its base.": decimal,
        },
        ask="Write down all targets for 4 classes and 0.2: do they add up to 1? All logarithms are natural.",
    ),
    "wide_view": Designs(
        points=5,
        shape=(64, 14, 14),
        output=(96, 14, 14),
        most={"MACs": 2_400_000, "parameters": 12_200, "convolutions in a row": 3},
        least={"receptive field": 13, "branches": 3},
    ),
}
