"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from math import ceil

from torch import nn

from inception_edu.bricks import Concat
from inception_edu.classroom.keys import Answer, Builds, Computes, Designs
from inception_edu.shorthand import branch

FORK = 9 * 64 * 80  # MACs of exercise 1 at one position


def ends(reads, width):
    """A 1x3 and a 3x1 that read the same."""
    return Concat(branch(reads, (width, (1, 3))), branch(reads, (width, (3, 1))))


def row(reads, width):
    """The same two, one behind the other."""
    return branch(reads, (width, (1, 3)), (width, (3, 1)))


def block(channels, width, last=ends, pool=None):
    """The block of exercise 2; `last` makes the ends of its second and third branch."""
    pool = pool or nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return Concat(
        branch(channels, (width, 1)),
        nn.Sequential(branch(channels, (width, 1)), last(width, width)),
        nn.Sequential(branch(channels, (width, 1), (2 * width, 3)), last(2 * width, width)),
        branch(channels, pool, (width, 1)),
    )


def six(channels, width):
    """The block of exercise 2 with a branch for each tensor that it joins."""
    first, *_, last = block(channels, width)
    early, late = [(width, 1)], [(width, 1), (2 * width, 3)]
    inner = [branch(channels, *items, (width, kernel)) for items in (early, late) for kernel in ((1, 3), (3, 1))]
    return Concat(first, *inner, last)


def macs(channels, squeeze, out, large, small, pair=14):
    """MACs of the branch of exercise 4, if its first boxes stand on `large` and its last on `small` positions."""
    return (channels * squeeze + pair * squeeze**2) * large + 9 * squeeze * out * small


def half(grid, rounded=int):
    """The grid behind an unpadded window of 3 with stride 2."""
    return rounded((grid - 3) / 2) + 1


KEY = {
    "stem_fork": Answer(
        points=3,
        slips={
            "grid": {
                42: "This is what a padding of 1 gives, or rounding up: neither branch is padded.",
                40: "These are the steps between the first window and the last: how many windows are that?",
                81: "This is a stride of 1.",
            },
            "channels": {
                80: "These are the convolution's. What does the pool do with the channels that it reads?",
                64: "These are the pool's. What is joined to them?",
                64 * 80: "Joining puts channels side by side; it multiplies nothing.",
            },
            "MACs": {
                FORK: "This is the cost of one position: on how many does the convolution stand?",
                2 * FORK * 41**2: "This is twice what it should be: a MAC is one multiplication with its addition.",
                FORK * 42**2: "This equals a 42x42 output: is there any padding?",
                FORK * 81**2: "This equals a stride of 1: a layer pays for the positions that it outputs.",
                FORK * 83**2: "This pays for the positions that are read: a layer pays for those that it outputs.",
                (FORK + 9 * 64) * 41**2: "This counts the pool's windows too: a pool multiplies nothing.",
            },
        },
        ask="None of the usual slips: where does the last window begin, and how many begin before it?",
        twin="Try it with other numbers first: 32 channels on 51x51 and a convolution to 40 give a 25x25 grid, 72 "
        "channels and 7,200,000 MACs.",
    ),
    "forked_block": Builds(
        points=4,
        shown=[((40, 12), (40, 8, 8))],
        hidden=[((18, 5), (18, 7, 10))],
        slips={
            "The 1x3 and the 3x1 stand in a row; in a fork both read the same tensor.": lambda c, w: block(c, w, row),
            "There are six branches, each with a 1x1 of its own: the ends of a fork share the way up to it.": six,
            "The pool counts the zeros of its padding.": lambda c, w: block(c, w, pool=nn.AvgPool2d(3, 1, 1)),
            "A max pool stands where an average is asked for.": lambda c, w: block(c, w, pool=nn.MaxPool2d(3, 1, 1)),
        },
    ),
    "which_end": Answer(
        points=3,
        slips={
            "branches": {
                7: "This counts what arrives at the concatenation. How many ways read the input?",
                3: "This leaves out the pool, which reads the input as well.",
                6: "These are the convolutions and forks at the far end. How many ways read the input?",
            },
            "tensors": {
                4: "This counts what reads the input. How many tensors arrive at the other end?",
                6: "One branch has no convolution at all, and still hands something on.",
                3: "This counts the branches that convolve. What does a fork hand on?",
            },
            "channels": {
                48 + 64 + 64: "This leaves out the pool: how many channels does a pool output?",
                48
                + 64
                + 64
                + 64
                + 80
                + 64
                + 192: "This adds widths inside the branches too, which the next box reads.",
                48 + 32 + 24 + 192: "This takes one end of each fork. All of them are joined.",
            },
        },
        ask="Draw the block as lines from the input to the bar, and count at the end that is asked for.",
        twin="Try it with another block first: V3's 8x8 block has a 1x1 to 320, two branches that each fork into two "
        "ends of 384, and a pool with a 1x1 to 192: 4 branches, 6 tensors, 2,048 channels.",
    ),
    "far_branch_macs": Computes(
        points=3,
        shown=[(256, 64, 96, 17), (32, 8, 16, 12)],
        hidden=[(100, 30, 50, 35), (7, 3, 5, 8), (48, 20, 20, 13)],
        slips={
            "Everything stands on the large grid here, also the box that strides.": lambda c, s, n, g: macs(
                c, s, n, g**2, g**2
            ),
            "Everything stands on the small grid here, also the boxes before the stride.": lambda c, s, n, g: macs(
                c, s, n, half(g) ** 2, half(g) ** 2
            ),
            "The small grid is rounded up: does the last window still fit?": lambda c, s, n, g: macs(
                c, s, n, g**2, half(g, ceil) ** 2
            ),
            "The small grid is that of a padded box.": lambda c, s, n, g: macs(c, s, n, g**2, ((g - 1) // 2 + 1) ** 2),
            "The pair is priced as a 7x7: what do a 1x7 and a 7x1 cost together?": lambda c, s, n, g: macs(
                c, s, n, g**2, half(g) ** 2, pair=49
            ),
            "Only one of the two long kernels is paid for.": lambda c, s, n, g: macs(
                c, s, n, g**2, half(g) ** 2, pair=7
            ),
        },
        ask="Say for each of the four boxes on which grid it outputs its values, and what it costs at one position.",
    ),
    "thinned": Computes(
        points=2,
        shown=[([1.0, 2.0, 3.0, 4.0, 5.0], [0.7, 0.1, 0.9, 0.3, 0.5], 0.8)],
        hidden=[
            ([3.0, 1.0, 4.0, 1.5, 9.0, 2.0], [0.05, 0.35, 0.65, 0.95, 0.25, 0.85], 0.6),
            ([2.0, 7.0, 1.0, 8.0], [0.6, 0.2, 0.4, 0.85], 0.3),
        ],
        partial=False,
        slips={
            "This loses the share that should be kept. Which share does the second line compare with?": (
                lambda values, noise, keep: [
                    0.0 if u < keep else v / (1 - keep) for v, u in zip(values, noise, strict=True)
                ]
            ),
            "The right values survive, but they are scaled by the other share: is the mean what it was?": (
                lambda values, noise, keep: [
                    0.0 if u < 1 - keep else v / (1 - keep) for v, u in zip(values, noise, strict=True)
                ]
            ),
            "The factor is right, but the wrong values survive.": (
                lambda values, noise, keep: [0.0 if u < keep else v / keep for v, u in zip(values, noise, strict=True)]
            ),
            "The share is right, but other values survive than before: only the first line is wrong.": (
                lambda values, noise, keep: [v / keep if u < keep else 0.0 for v, u in zip(values, noise, strict=True)]
            ),
            "The survivors are not scaled: what becomes of the mean?": (
                lambda values, noise, keep: [0.0 if u < 1 - keep else v for v, u in zip(values, noise, strict=True)]
            ),
        },
        ask="How many of the five values survive in the first call, and how many should?",
    ),
    "lean_reduction": Designs(
        points=4,
        shape=(160, 31, 31),
        output=(384, 15, 15),
        most={"MACs": 35_000_000, "parameters": 100_000},
        least={"branches": 3, "receptive field": 5},
    ),
    "two_for_one": Answer(
        points=1,
        slips={
            9 / 25: "This is one of the two.",
            7 / 25: "This is what is saved. What is left?",
            6 / 5: "This compares sides; a kernel's weights are an area.",
            (9 / 25) ** 2: "This multiplies where two layers add their weights.",
        },
        ask="How many weights have the two kernels for one pair of channels, and how many has the 5x5?",
    ),
}
