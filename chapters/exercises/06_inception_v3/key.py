"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from math import log, log10

from inception_edu.bricks import Concat
from inception_edu.classroom.keys import Answer, Builds, Computes, Designs
from inception_edu.shorthand import branch

POSITION = 9 * 192 * 384


def strokes(in_channels, between, out, first, second, early=False):
    """A pair of kernels beside two pairs; with `early` the first kernel of each branch widens already."""
    start = out if early else between
    return Concat(
        branch(in_channels, (between, 1), (start, first), (out, second)),
        branch(in_channels, (between, 1), (start, second), (start, first), (start, second), (out, first)),
    )


def alike(in_channels, between, out, n):
    """A block whose second branch begins with a row, as its first does."""
    row, column = (1, n), (n, 1)
    return Concat(
        branch(in_channels, (between, 1), (between, row), (out, column)),
        branch(in_channels, (between, 1), (between, row), (between, column), (between, row), (out, column)),
    )


def layer_by_layer(gradients, limit):
    """Each layer cut to the limit by itself."""
    lengths = [sum(x**2 for x in layer) ** 0.5 for layer in gradients]
    pairs = zip(gradients, lengths, strict=True)
    return [[x * limit / max(length, limit) for x in layer] for layer, length in pairs]


def scaled(gradients, limit, power=2, longer=False):
    """All layers times one factor; with `longer` a short gradient is made as long as the limit."""
    whole = sum(sum(x**2 for x in layer) ** (power / 2) for layer in gradients) ** (1 / power)
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


def right_alone(classes, epsilon):
    """The wrong classes are left out of the loss."""
    right, other = 1 - epsilon + epsilon / classes, epsilon / classes
    return log(right / other), -right * log(right)


KEY = {
    "three_ways": Answer(
        points=4,
        slips={
            "pool first": {
                POSITION: "This is the cost of one position: on how many does the layer stand?",
                POSITION * 625: "This is the large grid: where does the pool stand in this way?",
                POSITION * 169: "This is a 13x13 grid: without padding, where does the last window of 3 fit into 25?",
                2 * POSITION * 144: "This is twice what it should be: a MAC is one multiplication with its addition.",
            },
            "convolve first": {
                POSITION * 144: "This is the small grid: where does the convolution stand in this way?",
                POSITION * 529: "This is a 23x23 grid: the convolution keeps its grid here.",
                9 * 384 * 384 * 625: "This lets the convolution read 384 channels: what comes in?",
                2 * POSITION * 625: "This is twice what it should be: a MAC is one multiplication with its addition.",
            },
            "side by side": {
                POSITION * 144: "This lets the convolution make all channels of the output: what does the pool bring?",
                9 * 192 * 192 * 625: "This counts the grid that the convolution reads: how often does a window of "
                "stride 2 stand on it?",
                9 * 192 * 192: "This is the cost of one position: on how many does the layer stand?",
            },
            "narrowest": {
                192: "This is its number of channels: on how many positions?",
                384 * 144: "This is the output: what is there between pool and convolution?",
                192 * 625: "This is the input: what is there between pool and convolution?",
                192 * 169: "This is a 13x13 grid: without padding, where does the last window of 3 fit into 25?",
            },
        },
        ask="None of the usual slips: write down the channels and the grid behind each single layer.",
        twin="Try it with 64 channels on 9x9 to 128 on 4x4 first: 1,179,648, 5,971,968 and 589,824 MACs, and 1,024 "
        "values at the narrowest place.",
    ),
    "thin_block": Builds(
        points=3,
        shown=[((16, 6, 10, 5), (16, 9, 9))],
        hidden=[((11, 4, 7, 3), (11, 8, 10))],
        slips={
            "Rows and columns are exchanged throughout: a kernel is height by width.": lambda c, m, o, n: strokes(
                c, m, o, (n, 1), (1, n)
            ),
            "Your kernels are squares: where are the strokes?": lambda c, m, o, n: strokes(c, m, o, n, n),
            "The first stroke widens already: then all that follow read the wide maps.": lambda c, m, o, n: strokes(
                c, m, o, (1, n), (n, 1), early=True
            ),
            "The second branch begins like the first: it begins with the other stroke.": alike,
        },
    ),
    "wide_view": Designs(
        points=4,
        shape=(192, 17, 17),
        output=(128, 17, 17),
        most={"MACs": 18_200_000, "parameters": 64_000, "convolutions in a row": 3},
        least={"receptive field": 11},
    ),
    "one_step": Answer(
        points=2,
        slips={
            tuple("CFDEAG"): "Here the clipping comes before there are gradients: it cuts what was just cleared.",
            tuple("CFEADG"): "Here the clipping comes when the gradients have been used already.",
            tuple("CBEDAG"): "This takes a softmax of the logits for a loss that takes one itself.",
            tuple("CFEHAG"): "This cuts every number by itself, which turns the step: the paper limits the length of "
            "the whole gradient.",
            tuple("CFEDGA"): "Here the average is taken before the weights have moved.",
            tuple("FECDAG"): "This clears the gradients after they were computed: nothing is left to step with.",
        },
        ask="With which line does the step begin, and which line needs which other one before it?",
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
            "This leaves the wrong classes out of the loss: each of them has a target, too.": right_alone,
            "This is the logarithm to base 10: softmax has e for its base.": decimal,
        },
        ask="Write down all targets for 4 classes and 0.2: do they add up to 1?",
    ),
    "passed_on": Answer(
        points=1,
        slips={
            192 + 256: "This is two branches: what does the pool hand on?",
            192 + 256 + 288: "This halves the channels of the pool: what does a stride of 2 halve?",
            576: "This is what goes in. What do the three branches output?",
        },
        ask="What does each of the three branches output?",
    ),
}
