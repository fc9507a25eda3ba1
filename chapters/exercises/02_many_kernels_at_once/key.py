"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from math import ceil, floor, sqrt

import torch
from torch import nn

from inception_edu.bricks import Concat, ConvUnit
from inception_edu.classroom.keys import Answer, Builds, Computes

PER_CHANNEL = 32 + 9 * 48 + 25 * 16


def block(in_channels, windows, pool=None, behind=()):
    """A branch for each [kernel, channels] and a pool branch, which may be another one or have layers behind it."""
    units = [ConvUnit(in_channels, channels, kernel) for kernel, channels in windows]
    return Concat(*units, nn.Sequential(pool or nn.MaxPool2d(3, 1, 1), *behind))


def pair(shares):
    """MACs for a pair of channels."""
    return sum(share * kernel**2 for kernel, share in shares)


class Mended(nn.Module):
    """The block of `lost_branches`, mended, but without its pool or without biases."""

    def __init__(self, widths, pool=True, bias=True):
        super().__init__()
        in_channels, *outs = widths
        convolutions = [
            nn.Conv2d(in_channels, n, k, padding=k // 2, bias=bias) for n, k in zip(outs, (1, 3, 5), strict=True)
        ]
        self.branches = nn.ModuleList(convolutions + [nn.MaxPool2d(3, 1, 1)] * pool)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], dim=1)


def seen(block, images):
    """As `seen` in the notebook."""
    for values in block.parameters():
        torch.manual_seed(values.numel())
        nn.init.uniform_(values, -0.5, 0.5)
    return {"parameters": sum(values.numel() for values in block.parameters()), "output": block(images)}


KEY = {
    "row_of_blocks": Answer(
        points=4,
        slips={
            "channels": {
                96: "These are the channels of the three convolutions. What does the pool output?",
                128: "This would be a sum of branches; here they are stacked, and the pool with them.",
                128 * 4: "Four branches of 128? Each convolution has a width of its own.",
            },
            "MACs": {
                128 * PER_CHANNEL: "This is the cost of one position: on how many does the block stand?",
                2 * 128 * PER_CHANNEL * 400: "This is twice what it should be: a MAC is one multiplication with its "
                "addition.",
                (128 * PER_CHANNEL + 96) * 400: "This counts biases with the MACs: MACs never do, and here are none.",
                128 * (PER_CHANNEL + 9 * 128) * 400: "This counts the pool as a 3x3 convolution; a pool multiplies "
                "nothing.",
                128 * (32 * 20**2 + 9 * 48 * 18**2 + 25 * 16 * 16**2): "This equals branches without padding, on grids "
                "of 20, 18 and 16: could they be joined?",
            },
            "channels behind four": {
                4 * 224: "This multiplies what one block outputs by four, as if each made it anew.",
                96 * 4: "This forgets what the first block read, and the pools hand on.",
                128 + 3 * 96: "This is what stands in front of the fourth block.",
                224 * 2**3: "This doubles from block to block. How many channels does a block make by itself?",
            },
            "MACs of the fourth": {
                128 * PER_CHANNEL * 400: "This is the first block again: how many channels does the fourth read?",
                512 * PER_CHANNEL * 400: "This reads what the fourth block outputs: how many go into it?",
                416 * PER_CHANNEL: "This is the cost of one position: on how many does the block stand?",
            },
        },
        ask="None of the usual slips: how many channels does this block read, and how many does each branch output?",
        twin="Try it with other numbers first: widths 16, 24 and 8 on 10x10, reading 64 channels, make 112 channels "
        "for 2,764,800 MACs; behind four blocks there are 256 channels, and the fourth costs 8,985,600.",
    ),
    "windows": Builds(
        points=4,
        shown=[((192, [[1, 64], [3, 128], [5, 32]]), (192, 28, 28))],
        hidden=[((6, [[7, 3], [1, 5], [3, 2], [5, 4]]), (6, 9, 11)), ((5, [[3, 4]]), (5, 8, 7))],
        slips={
            "The pool has a 1x1 behind it: the naive block hands on all that the pool reads.": lambda c, windows: block(
                c, windows, behind=[ConvUnit(c, c, 1)]
            ),
            "The last branch averages; a max pool is asked for.": lambda c, windows: block(
                c, windows, nn.AvgPool2d(3, 1, 1)
            ),
            "The last branch hands on what it reads without pooling.": lambda c, windows: block(
                c, windows, nn.Identity()
            ),
        },
    ),
    "lost_branches": Computes(
        points=2,
        shown=[[{"tensor": [2, 8, 6, 7], "seed": 0}, 8, 4, 6, 2]],
        hidden=[[{"tensor": [1, 5, 9, 4], "seed": 1}, 5, 3, 2, 7]],
        partial=False,
        slips={
            "The convolutions are found now, but the pool branch is gone.": lambda images, *widths: seen(
                Mended(widths, pool=False), images
            ),
            "The convolutions are found now, but they have lost their biases.": lambda images, *widths: seen(
                Mended(widths, bias=False), images
            ),
        },
        ask="How many parameters has the 1x1 by itself, and how many does the block show in all?",
    ),
    "silence": Answer(
        points=2,
        slips={
            ("D", "F", "G", "B"): "A zero behind a ReLU says 'nothing here', and the classifier would believe it: what "
            "was to stand in its place?",
            ("D", "F", "E", "B"): "These are 20 channels from number 44 on: a few 3x3s, and most of the 5x5s.",
            ("D", "F", "A", "B"): "This silences some pictures, and all branches of them: which dimension are the "
            "channels?",
        },
        ask="Which line makes a name that the next one uses?",
        twin="Try it with other numbers first: to silence the second of branches with 10, 5 and 7 channels, it is "
        "channels 10 to 14 that are replaced.",
    ),
    "fair_width": Computes(
        points=3,
        shown=[([[1, 0.25], [3, 0.5], [5, 0.25]], 64), ([[5, 1]], 64)],
        hidden=[([[1, 0.5], [7, 0.5]], 40), ([[1, 1]], 5), ([[1, 0.125], [3, 0.375], [5, 0.5]], 96), ([[3, 1]], 10)],
        slips={
            "This averages the kernels and squares the mean: what do a 1x1 and a 5x5 cost on average?": (
                lambda shares, channels: floor(3 * channels / sum(share * kernel for kernel, share in shares))
            ),
            "This lets the width shrink as the cost of a pair grows. But both the input and the output get narrower.": (
                lambda shares, channels: floor(9 * channels / pair(shares))
            ),
            "This rounds up: then the mixture costs more than the 3x3s.": lambda shares, channels: ceil(
                3 * channels / sqrt(pair(shares))
            ),
            "This stays below the MACs of the 3x3s; just as many are allowed.": lambda shares, channels: (
                ceil(3 * channels / sqrt(pair(shares))) - 1
            ),
        },
        ask="What does a pair of channels cost on average in the first mixture, by hand?",
    ),
    "lucky_pair": Answer(
        points=3,
        slips={
            "3x3, same seed": {
                9: "These are the seeds with which the 3x3s win.",
                13: "These are the wins among all 100 meetings: here only equal seeds meet.",
            },
            "3x3, any two": {
                87: "These are the meetings that the 3x3s win.",
                1: "These are the wins with the same seed: here any two runs meet.",
                10: "This is ten times the wins with the same seed: other seeds meet as well.",
            },
            "5x5, any two": {
                8: "These are the meetings that the 5x5s win.",
                10: "These are the wins with the same seed: here any two runs meet.",
                100: "This is ten times the wins with the same seed: other seeds meet as well.",
            },
        },
        ask="How many runs of the other arm does the mixture's first run beat?",
    ),
    "class_maps": Answer(
        points=1,
        slips={
            256 * 10: "This takes the mean first. NIN's 1x1 stands in front of it: at how many positions?",
            256 * 10 * 7: "This equals a grid of 7 cells: how many cells has a map of 7x7?",
            256 * 10 * 49 + 490: "This counts the biases: they are additions without a multiplication.",
            2 * 256 * 10 * 49: "This is twice what it should be: a MAC is one multiplication with its addition.",
        },
        ask="How many MACs does the 1x1 do at one position?",
        twin="Try it with other numbers first: from 64 channels to 5 class maps on 6x6 it is 11,520.",
    ),
}
