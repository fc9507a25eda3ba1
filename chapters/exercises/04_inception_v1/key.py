"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from statistics import mean, pstdev, stdev, variance

import torch.nn.functional as F
from torch import nn

from inception_edu.arithmetic import out_size
from inception_edu.bricks import ConvUnit
from inception_edu.classroom.keys import Answer, Builds, Computes
from inception_edu.course.records import by_seed, load_record
from inception_edu.models.googlenet import inception

WEIGHTS = 256 * 128 + (256 * 128 + 9 * 128 * 192) + (256 * 32 + 25 * 32 * 96) + 256 * 64
NAIVE = 256 * 128 + 9 * 256 * 192 + 25 * 256 * 96
BIASES = 128 + 128 + 192 + 32 + 96 + 64


def sides(side, padding=3, pool_padding=0, ceil_mode=True):
    """GoogLeNet's five grids, or those of one who pads or rounds otherwise."""
    row = [out_size(side, 7, 2, padding)]
    while len(row) < 5:
        row.append(out_size(row[-1], 3, 2, pool_padding, ceil_mode=ceil_mode))
    return row


def stages(in_channels, first, second, pool):
    """Two blocks with `pool` between them."""
    between = sum(first) - first[1] - first[3]
    return nn.Sequential(inception(in_channels, first), pool, inception(between, second))


def ending(in_channels, first, second):
    """Two blocks and then the pool."""
    block, pool, other = stages(in_channels, first, second, nn.MaxPool2d(3, 2, ceil_mode=True))
    return nn.Sequential(block, other, pool)


def head(channels, grid, maps, hidden, classes, pool=None, dropped=0.7, relu=True):
    """An auxiliary head, or one with another pool, another dropout or no ReLU between its linear layers."""
    side = out_size(grid, 5, 3)
    last = [nn.ReLU()] if relu else []
    return nn.Sequential(
        pool or nn.AvgPool2d(5, 3),
        ConvUnit(channels, maps, 1, batch_norm=False),
        *(nn.Flatten(), nn.Linear(side * side * maps, hidden), *last, nn.Dropout(dropped)),
        nn.Linear(hidden, classes),
    )


def adaptive(channels, grid, *widths):
    """A head whose pool ends on the right side, through other windows."""
    return head(channels, grid, *widths, pool=nn.AdaptiveAvgPool2d(out_size(grid, 5, 3)))


def normed(maps, size, alpha, beta):
    """PyTorch's norm over `size` channels."""
    return F.local_response_norm(maps, size, alpha=alpha, beta=beta, k=1.0)


RECORD = load_record("04_aux_heads")
WITHOUT = [100 * share for share in by_seed(RECORD, "batch_norm/without/0.1")]
WITH = [100 * share for share in by_seed(RECORD, "batch_norm/with/0.05")]
PAIRS = [b - a for a, b in zip(WITHOUT, WITH, strict=True)]

KEY = {
    "block_3b": Answer(
        points=3,
        slips={
            "channels": {
                128 + 128 + 192 + 32 + 96 + 64: "This adds all six numbers of the row. Which of them leave the block?",
                128 + 192 + 96 + 256: "This lets the pool hand on all 256 channels: what does the 1x1 behind it do?",
                128 + 192 + 96: "This is three branches. What does the fourth bring?",
            },
            "weights": {
                WEIGHTS + BIASES: "This counts a bias for each channel: the question is for weights alone.",
                NAIVE + 256 * 64: "This lets the 3x3 and the 5x5 read all 256 channels: what do they read behind "
                "their reductions?",
                WEIGHTS - 256 * 128 - 256 * 32: "This leaves out the two reductions: they have weights, too.",
            },
            "MACs": {
                WEIGHTS: "This is the cost of one position: on how many positions does the block stand?",
                2 * WEIGHTS * 784: "This is twice what it should be: a MAC is one multiplication with its addition.",
                (WEIGHTS + BIASES) * 784: "This counts the biases with the MACs: adding one is no multiplication.",
                WEIGHTS * 14 * 14: "This is a 14x14 output: does the pool inside a block shrink the grid?",
            },
        },
        ask="None of the usual slips: write down for each of the six convolutions what it reads and what it outputs.",
        twin="Try it with block 3a first: 192 channels in, the row 64, 96, 128, 16, 32, 32 gives 256 channels, 163,328 "
        "weights and 128,049,152 MACs.",
    ),
    "grids": Computes(
        points=3,
        shown=[(224,), (299,)],
        hidden=[(127,), (230,), (333,), (600,)],
        slips={
            "This rounds down in the pools, as PyTorch does unless told otherwise.": lambda s: sides(
                s, ceil_mode=False
            ),
            "This forgets the padding of the first convolution.": lambda s: sides(s, padding=0),
            "These are the grids of padded pools: the task's have no padding and round up.": lambda s: sides(
                s, pool_padding=1, ceil_mode=False
            ),
        },
        ask="What does the very first convolution make of the side? Then one pool at a time.",
    ),
    "two_stages": Builds(
        points=3,
        shown=[((24, [8, 6, 12, 2, 4, 4], [10, 6, 14, 3, 5, 3]), (24, 12, 12))],
        hidden=[((13, [5, 3, 7, 2, 6, 4], [9, 4, 8, 3, 2, 5]), (13, 10, 15))],
        slips={
            "The pool rounds down: on an even grid the last window is dropped.": lambda c, a, b: stages(
                c, a, b, nn.MaxPool2d(3, 2)
            ),
            "The pool is padded: the grid comes out right, but each window stands one pixel further left and "
            "up.": lambda c, a, b: stages(c, a, b, nn.MaxPool2d(3, 2, padding=1)),
            "The pool keeps the grid, as the one inside a block does: which one stands between two "
            "stages?": lambda c, a, b: stages(c, a, b, nn.MaxPool2d(3, 1, padding=1)),
            "The pool stands behind both blocks: then both belong to one stage.": ending,
        },
    ),
    "side_head": Builds(
        points=3,
        shown=[((12, 14, 5, 9, 4), (12, 14, 14))],
        hidden=[((7, 17, 3, 11, 6), (7, 17, 17)), ((6, 10, 4, 5, 3), (6, 10, 10))],
        slips={
            "Keep and drop are exchanged: 70 % of the outputs are to be dropped.": lambda *a: head(*a, dropped=0.3),
            "The pool is adaptive, as in torchvision: its windows are not the paper's 5x5 with stride 3.": adaptive,
            "Nothing bends between the two linear layers, so they are one.": lambda *a: head(*a, relu=False),
            "The pool takes the largest value, the paper's takes the mean.": lambda *a: head(
                *a, pool=nn.MaxPool2d(5, 3)
            ),
        },
    ),
    "ported_norm": Computes(
        points=2,
        partial=False,
        shown=[({"tensor": [2, 12, 3, 3], "seed": 0}, 2, 0.5, 0.75)],
        hidden=[({"tensor": [1, 9, 2, 4], "seed": 1}, 1, 0.3, 0.5), ({"tensor": [2, 8, 3, 2], "seed": 2}, 3, 0.2, 1.0)],
        slips={
            "The window is right now; alpha still multiplies a mean as if it were the sum.": lambda m, r, a, b: normed(
                m, 2 * r + 1, a, b
            ),
            "Alpha fits the window now, but the window reaches to one side too little: which channels does a radius "
            "include?": lambda m, r, a, b: normed(m, 2 * r, 2 * r * a, b),
            "This divides alpha by the window: PyTorch divides already.": lambda m, r, a, b: normed(
                m, 2 * r + 1, a / (2 * r + 1), b
            ),
            "Alpha is mended, the window is still the radius.": lambda m, r, a, b: normed(m, r, a * r, b),
        },
        ask="For a radius of 2: how many channels are read, and by what does PyTorch divide the sum of their squares?",
    ),
    "ten_pairs": Answer(
        points=4,
        digits=4,
        slips={
            "mean": {
                -mean(PAIRS): "The sign is turned round: with heads less without.",
                mean(PAIRS) / 100: "This is a share: in points of accuracy it is a hundred times as much.",
                sum(PAIRS): "This is the sum of the differences, not their mean.",
            },
            "half width": {
                2.262 * stdev(PAIRS): "This is 2.262 standard deviations of one difference: the mean of ten lies "
                "closer by the root of ten.",
                2.262 * pstdev(PAIRS) / 10**0.5: "This deviation divides by n: to estimate a spread from a sample, "
                "divide by one less.",
                2.262 * ((variance(WITHOUT) + variance(WITH)) / 10) ** 0.5: "This treats the two rows as if they had "
                "nothing to do with each other: the runs come in pairs.",
                2 * 2.262 * stdev(PAIRS) / 10**0.5: "This is the whole width of the interval, from end to end.",
                stdev(PAIRS) / 10**0.5: "This is the standard error alone: it wants a factor for 95 %.",
                1.96
                * stdev(PAIRS)
                / 10**0.5: "1.96 is for a spread that is known: with ten pairs the factor is 2.262.",
            },
            "ahead": {3: "This is the number of pairs in which the run without heads is ahead."},
            "verdict": {
                "A": "A coin wins seven tosses of ten or more in 17 of 100 tries: how often one is ahead says little "
                "about how much.",
                "B": "Is an effect that was not seen one that is not there? Look at the upper end of the interval.",
                "D": "Alike at the start is not alike at the end: what do the differences scatter by?",
            },
        },
        ask="None of the usual slips: write down the first three of the ten differences.",
    ),
    "naive_width": Answer(
        points=1,
        slips={
            256 + 320 + 128 + 128: "This has a projection behind the pool: that is the block of GoogLeNet.",
            256 + 320 + 128: "This is three branches: what does the pool hand on?",
            528: "This is what goes in. Is joining adding?",
        },
        ask="What does each of the four branches output?",
    ),
}
