"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from math import ceil

from torch import nn

from inception_edu.arithmetic import conv_macs
from inception_edu.bricks import Concat
from inception_edu.classroom.keys import Answer, Builds, Computes, Designs
from inception_edu.shorthand import branch


def middle(channels, kernel, ones=2):
    """The widest middle that is cheaper, counting `ones` 1x1s."""
    direct = conv_macs(channels, channels, kernel)
    costs = [ones * channels * m + conv_macs(m, m, kernel) for m in range(1, channels + 1)]
    return max((m for m, cost in enumerate(costs, 1) if cost < direct), default=0)


def root(channels, kernel):
    """The positive root of 2 C m + k² m² = k² C²."""
    return channels * ((1 + kernel**4) ** 0.5 - 1) / kernel**2


def block(in_channels, n1x1, n3x3_reduce, n3x3, n5x5_reduce, n5x5, pool_proj, pool_first=True, stride=1):
    """GoogLeNet's block; or with the last 1x1 in front of the pool, or with a pool that strides."""
    pool = nn.MaxPool2d(3, stride, padding=1)
    last = branch(in_channels, pool, (pool_proj, 1)) if pool_first else branch(in_channels, (pool_proj, 1), pool)
    return Concat(
        branch(in_channels, (n1x1, 1)),
        branch(in_channels, (n3x3_reduce, 1), (n3x3, 3)),
        branch(in_channels, (n5x5_reduce, 1), (n5x5, 5)),
        last,
    )


KEY = {
    "layer_cost": Answer(
        points=3,
        slips={
            "per position": {
                5 * 5 * 192: "This is one output value. A position has one value for each output channel.",
                2 * 5 * 5 * 192 * 32: "This is twice what it should be: a MAC is one multiplication with its addition.",
                5 * 5 * 192 * 32 * 784: "This is the whole layer, all positions of it.",
            },
            "layer": {
                5 * 5 * 192 * 32: "This is the cost of one position: on how many positions does the layer stand?",
                5 * 5 * 192 * 32 * 24 * 24: "This equals a 24x24 output: what does the padding of 2 do to the grid?",
                2 * 5 * 5 * 192 * 32 * 784: "This is twice what it should be: a MAC is one multiplication with its "
                "addition.",
                (5 * 5 * 192 + 1) * 32 * 784: "This counts a bias with the MACs: MACs never do, and here is none.",
            },
            "parameters": {
                5 * 5 * 192 * 32 + 32: "This counts a bias for each output channel. The layer has none.",
                5 * 5 * 192 * 32 * 784: "This is the number of MACs: the same weights serve at every position.",
            },
        },
        ask="None of the usual slips: how many input values does a single output value need?",
        twin="Try it with other numbers first: a 3x3 from 480 to 16 channels on 14x14, padding 1, has 69,120 MACs per "
        "position and 13,547,520 in all.",
    ),
    "widest_middle": Computes(
        points=3,
        shown=[(256, 3), (64, 5), (4, 3)],
        hidden=[(100, 7), (37, 3), (3, 3), (2, 3), (1, 3), (12, 1)],
        slips={
            "This counts only one of the two 1x1s.": lambda c, k: middle(c, k, ones=1),
            "This rounds up: the middle above the break-even point is already dearer.": lambda c, k: ceil(root(c, k)),
            "This leaves the two 1x1s out, which have to be paid too.": lambda c, k: middle(c, k, ones=0),
        },
        ask="What do the three layers cost for a middle of 1, by hand? And the direct layer?",
    ),
    "detour": Builds(
        points=3,
        shown=[((64, 16), (64, 8, 8))],
        hidden=[((20, 7), (20, 9, 6))],
        slips={
            "The 3x3 expands already, so the last 1x1 has nothing left to do.": lambda c, m: branch(
                c, (m, 1), (c, 3), (c, 1)
            ),
            "Both ends and the middle are exchanged.": lambda c, m: branch(c, (c, 1), (c, 3), (m, 1)),
        },
    ),
    "block_4b": Builds(
        points=4,
        shown=[((512, 160, 112, 224, 24, 64, 64), (512, 14, 14))],
        hidden=[((24, 5, 6, 11, 3, 7, 4), (24, 9, 9))],
        slips={
            "The last branch pools behind its 1x1; in the paper the pool comes first.": lambda *widths: block(
                *widths, pool_first=False
            ),
            "The reductions stand the wrong way round: the larger window comes first in your second and third "
            "branch.": lambda c, a, b, d, e, f, g: Concat(
                branch(c, (a, 1)),
                branch(c, (b, 3), (d, 1)),
                branch(c, (e, 5), (f, 1)),
                branch(c, nn.MaxPool2d(3, 1, 1), (g, 1)),
            ),
        },
    ),
    "reduced_5x5": Builds(
        points=2,
        shown=[((192, 16, 32), (192, 28, 28))],
        hidden=[((10, 3, 5), (10, 11, 7))],
        partial=False,
        slips={
            "The padding went to the 1x1: it adds a ring of zeros there, and the grid comes out right by "
            "accident.": lambda c, r, n: nn.Sequential(
                *(nn.Conv2d(c, r, 1, padding=1), nn.ReLU(), nn.Conv2d(r, n, 5, padding=1), nn.ReLU())
            ),
            "The kernel became a 3x3, which keeps the grid but sees less.": lambda c, r, n: nn.Sequential(
                *(nn.Conv2d(c, r, 1), nn.ReLU(), nn.Conv2d(r, n, 3, padding=1), nn.ReLU())
            ),
        },
    ),
    "slim_branch": Designs(
        points=3,
        shape=(480, 14, 14),
        output=(48, 14, 14),
        most={"MACs": 5_000_000, "parameters": 26_000},
        least={"receptive field": 5},
    ),
    "flat_head": Answer(
        points=1,
        slips={
            1024 * 49 * 1000: "This flattens the grid: behind the pool a map is one number.",
            1024 * 1000 + 1000: "This counts the biases too; the question is for weights.",
            1024 * 49: "This is the length of the flattened maps, and it forgets the classes.",
        },
        ask="How many numbers come out of the pool?",
    ),
}
