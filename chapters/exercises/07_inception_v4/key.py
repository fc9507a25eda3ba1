"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from math import ceil

from torch import nn

from inception_edu.bricks import Concat, ConvUnit
from inception_edu.classroom.keys import Answer, Builds, Computes, Designs
from inception_edu.shorthand import branch

ENDS = "This takes one end of each fork. All of them are joined."
FORK = 9 * 64 * 80  # MACs of `stem_fork` at one position


def meant(c, w, *, second=3, fourth=2, kernels=((1, 7), (7, 1)), more=0):
    """The block of `as_meant`, or a wrong one; `second`, `fourth` and 3 + `more` are the last widths, in units of w."""
    first, then = kernels
    return Concat(
        nn.MaxPool2d(3, 2),
        branch(c, (w, 1), (second * w, 3, 2, 0)),
        branch(c, (w, 1), (w, first), (2 * w, then), ((3 + more) * w, 3, 2, 0)),
        branch(c, (w, 1), (2 * w, 3), (fourth * w, 3, 2, 0)),
    )


def listed(c, w, *, whole=False, deep=True, split=True, pool=nn.MaxPool2d):
    """The block of `from_file`, or a wrong one: `whole` has a norm and a ReLU in c, `deep` and `split` have groups."""
    around = ConvUnit(2 * w, 2 * w, 3, stride=2, padding=1, groups=2 * w if deep else 1)
    last = ConvUnit(2 * w, 2 * w, 3, stride=2, padding=1, groups=2 if split else 1)
    return Concat(
        nn.Sequential(branch(c, (2 * w, 1)), around, branch(2 * w, (3 * w, 1))),
        nn.Sequential(branch(c, (w, 1), (w, (1, 7)), (2 * w, (7, 1))), last),
        ConvUnit(c, w, 3, stride=2, padding=1, batch_norm=whole, relu=whole),
        pool(3, 2, padding=1),
    )


def macs(channels, squeeze, out, large, small, pair=14):
    """MACs of the branch of `far_branch_macs`, its first boxes on `large` and its last on `small` positions."""
    return (channels * squeeze + pair * squeeze**2) * large + 9 * squeeze * out * small


def half(grid, rounded=int):
    """The grid after an unpadded window of 3 with stride 2."""
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
                FORK: "This is the cost of one position: at how many does the convolution work?",
                64 * 80 * 41**2: "This is a ninth of it: how many values does a 3x3 read from each channel?",
                9
                * 64
                * 144
                * 41**2: "This lets the convolution make all channels of the output: which are the pool's?",
                2 * FORK * 41**2: "This is twice what it should be: a MAC is one multiplication with its addition.",
                FORK * 42**2: "This equals a 42x42 output: is there any padding?",
                FORK * 81**2: "This equals a stride of 1: a layer pays for the positions that it outputs.",
                FORK * 83**2: "This pays for the positions that are read: a layer pays for those that it outputs.",
                (FORK + 9 * 64) * 41**2: "This counts the pool's windows too: a pool multiplies nothing.",
            },
        },
        ask="None of the usual mistakes: where does the last window begin, and how many begin before it?",
        twin="Try it with other numbers first: 32 channels on 51x51 and a convolution to 40 give a 25x25 grid, 72 "
        "channels and 7,200,000 MACs.",
    ),
    "as_meant": Builds(
        points=6,
        partial=False,
        shown=[((64, 16), (64, 17, 17))],
        hidden=[((10, 3), (10, 17, 17))],
        slips={
            "The grids agree now, and the channels do not: how many should come out?": lambda c, w: meant(
                c, w, second=2
            ),
            "The channels agree now. Do the parameters, to the last one?": lambda c, w: meant(c, w, second=2, fourth=3),
            "The number of channels is right. Do the parameters agree, to the last one?": lambda c, w: meant(
                c, w, second=2, more=1
            ),
            "All counts agree. How high and how wide does each branch see?": lambda c, w: meant(
                c, w, kernels=((1, 7), (1, 7))
            ),
            "All counts and views agree. In which order do a row and its column come?": lambda c, w: meant(
                c, w, kernels=((7, 1), (1, 7))
            ),
        },
    ),
    "from_file": Builds(
        points=5,
        shown=[((64, 16), (64, 14, 14))],
        hidden=[((10, 3), (10, 6, 8))],
        slips={
            "The third convolution has a bias in the file and no norm. Does the note ask for a ReLU there?": (
                lambda c, w: listed(c, w, whole=True)
            ),
            "Each output of a.1 reads one channel in the file. How many does yours read?": lambda c, w: listed(
                c, w, deep=False
            ),
            "Each output of b.3 reads w channels in the file, and 2w arrive there.": lambda c, w: listed(
                c, w, split=False
            ),
            "The pool averages here; the note says which kind it is.": lambda c, w: listed(c, w, pool=nn.AvgPool2d),
        },
    ),
    "which_end": Answer(
        points=3,
        slips={
            "branches": {
                7: "This counts what arrives at the concatenation. How many ways read the input?",
                3: "This leaves out the pool, which reads the input as well.",
                6: "This counts what convolutions pass to the concatenation. How many ways read the input?",
            },
            "tensors": {
                4: "This counts what reads the input. How many tensors arrive at the other end?",
                6: "One branch has no convolution at all, and still passes something on.",
                3: "This counts the branches that convolve. What does a fork pass on?",
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
                48 + 32 + 24 + 192: ENDS,
                48 + 32 + 16 + 192: ENDS,
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
            "Everything is on the large grid here, also the box that strides.": lambda c, s, n, g: macs(
                c, s, n, g**2, g**2
            ),
            "Everything is on the small grid here, also the boxes before the stride.": lambda c, s, n, g: macs(
                c, s, n, half(g) ** 2, half(g) ** 2
            ),
            "The small grid is rounded up: does the last window still fit?": lambda c, s, n, g: macs(
                c, s, n, g**2, half(g, ceil) ** 2
            ),
            "The small grid is that of a padded box.": lambda c, s, n, g: macs(c, s, n, g**2, ((g - 1) // 2 + 1) ** 2),
            "The pair is priced as a 7x7: what do a 1x7 and a 7x1 cost together?": lambda c, s, n, g: macs(
                c, s, n, g**2, half(g) ** 2, pair=49
            ),
            "Half of 17 is no number of positions: where does the last window of 3 begin?": lambda c, s, n, g: macs(
                c, s, n, g**2, (g / 2) ** 2
            ),
            "These are the weights: at how many positions does each of them work?": lambda c, s, n, g: macs(
                c, s, n, 1, 1
            ),
            "Only one of the two long kernels is paid for.": lambda c, s, n, g: macs(
                c, s, n, g**2, half(g) ** 2, pair=7
            ),
        },
        ask="Say for each of the four boxes on which grid it outputs its values, and what it costs at one position.",
    ),
    "faded": Answer(
        points=2,
        slips={
            "two": {
                16 / 81: "This takes 4/9 of 4/9. What are the corner's neighbours after the first pool?",
                5 / 9: "This is the end of a row. A corner is at the end of a row and of a column.",
                56 / 81: "This is what is lost. What is left?",
                4 / 9: "This is one pool.",
            },
            "three": {
                64 / 729: "This multiplies 4/9 three times. What are the corner's neighbours after each pool?",
                13 / 27: "This is the end of a row. A corner is at the end of a row and of a column.",
                196 / 729: "This takes the second value of the row for 1: it has faded a little, too.",
                560 / 729: "This is what is lost. What is left?",
                25 / 81: "These are two pools.",
            },
        },
        digits=4,
        ask="None of the usual mistakes: write down the first three values of a row after each pool.",
        twin="Try it with a window of 5 first: the end of a row of ones is 3/5, and after a second pool 12/25.",
    ),
    "lean_reduction": Designs(
        points=4,
        shape=(64, 14, 14),
        output=(160, 7, 7),
        most={"MACs": 700_000, "parameters": 10_000},
        least={"branches": 3, "receptive field": 9},
    ),
}
