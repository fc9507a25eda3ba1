"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from itertools import pairwise

import torch
import torch.nn.functional as F

from inception_edu.classroom.keys import Answer, Computes, Designs


def ones(widths):
    """MACs per position of the 1x1s that follow a window."""
    return sum(reads * makes for reads, makes in pairwise(widths))


def real(maps, sizes, swapped=False, whole=False, everything=False):
    """The means of exercise 5, or with rows and columns exchanged, divided by all cells, or of the sum of all cells."""
    means = []
    for each, size in zip(maps, sizes, strict=True):
        rows, columns = reversed(size) if swapped else size
        kept = each[:, :rows, :columns]
        if everything:
            means.append(each.sum((1, 2)) / (rows * columns))
        else:
            means.append(kept.sum((1, 2)) / (each[0] if whole else kept[0]).numel())
    return torch.stack(means)


SETTINGS = [[4, 20, 20], [4, 44, 32], [2, 36, 31], [2, 44, 32], [1, 32, 27], [1, 44, 32]]
FOLLOW = (
    "Follow two neighbouring values through your layers: how many pixels are they apart after each one, and how many "
    "would they be in the reader?"
)
SYMPTOMS = {
    "neighbours": "Over which numbers does each mean run, and each deviation?",
    "votes": "Number the values of two small maps. Which of them end up in the same mean?",
    "parameters": "Write down every layer with its parameters. Which of them does `net.named_parameters()` list?",
    "MACs": "What is the grid after each layer, and which layers should be able to change it?",
    "whole": "If only 'whole' is left, read the docstring again: which values, exactly, are brought to mean 0?",
}

KEY = {
    "window_leads": Computes(
        points=3,
        shown=[(5, [192, 160, 96]), (3, [192, 192, 10]), (3, [9, 9, 9])],
        hidden=[(1, [4, 8]), (5, [64]), (7, [10, 20, 30, 40])],
        slips={
            "With this number both can cost the same; the window should cost more.": lambda kernel, widths: (
                -(-ones(widths) // (kernel**2 * widths[0]))
            ),
            "This counts the first 1x1 only.": lambda kernel, widths: ones(widths[:2]) // (kernel**2 * widths[0]) + 1,
            "This takes the side of the window for its area.": lambda kernel, widths: (
                ones(widths) // (kernel * widths[0]) + 1
            ),
            "This rounds down: with this number the 1x1s still cost at least as much.": lambda kernel, widths: (
                ones(widths) // (kernel**2 * widths[0])
            ),
            "Here every 1x1 reads what the window makes. What does the second one read?": lambda kernel, widths: (
                sum(widths[1:]) // kernel**2 + 1
            ),
        },
        ask="What does the window cost per position with your number, and what with one channel less?",
    ),
    "everywhere": Computes(
        points=6,
        shown=[[*setting, 0] for setting in SETTINGS],
        hidden=[[4, 31, 38, 1], [2, 37, 26, 1], [1, 29, 35, 1]],
        ask={
            "4": "Print the first window's maps and hidden values, yours and the reader's: where do they part?",
            "2": FOLLOW,
            "1": FOLLOW,
        },
    ),
    "forgiven": Computes(
        points=5,
        shown=[[what, 6, 2, 4] for what in SYMPTOMS],
        hidden=[[what, 5, 3, 2] for what in SYMPTOMS],
        ask=SYMPTOMS,
        digits=3,  # either definition of a deviation will do
    ),
    "largest": Computes(
        points=3,
        shown=[[{"tensor": [3, 50], "seed": 0}]],
        hidden=[[{"tensor": [3, 70], "seed": 1}], [{"tensor": [3, 4], "seed": 2}]],
        slips={
            "Where all three are negative this gives 0: a ReLU has cut something off.": lambda x: x.amax(
                0, keepdim=True
            ).clamp(min=0),
            "This adds up leads. What does it give for (3, 2, 1), and why that much?": (
                lambda x: x[2:] + F.relu(x[:1] - x[1:2]) + F.relu(x[1:2] - x[2:]) + F.relu(x[:1] - x[2:])
            ),
            "This is the larger of the first two. Where is the third?": lambda x: x[:2].amax(0, keepdim=True),
            "This is the smallest of the three.": lambda x: x.amin(0, keepdim=True),
        },
        ask="Send (1, 2, 3), (3, 2, 1) and (-1, -2, -3) through by hand: for which of them is it wrong?",
    ),
    "real_cells": Computes(
        points=3,
        shown=[[{"tensor": [3, 4, 5, 6], "seed": 0}, [[5, 6], [2, 3], [4, 1]]]],
        hidden=[
            [{"tensor": [2, 3, 7, 7], "seed": 1}, [[7, 2], [3, 7]]],
            [{"tensor": [1, 2, 1, 3], "seed": 2}, [[1, 2]]],
        ],
        slips={
            "Rows and columns are exchanged.": lambda maps, sizes: real(maps, sizes, swapped=True),
            "The other cells no longer add anything, but they are still counted.": lambda maps, sizes: real(
                maps, sizes, whole=True
            ),
            "This adds up all cells and divides by the number of real ones.": lambda maps, sizes: real(
                maps, sizes, everything=True
            ),
            "This is the mean over all cells, real or not.": lambda maps, sizes: maps.mean((2, 3)),
        },
        ask="What are the shape and the mean of a slice with the real cells of one picture?",
    ),
    "nine_looks": Answer(
        points=4,
        slips={
            "left out": {
                (8,): "These are the places where the mean is ahead. An interval can leave 0 out on either side.",
                (1, 5): "These are the places where the fully connected head is ahead. Is it the only one anywhere?",
                tuple(range(8)): "This is where the fully connected head has the higher mean. How wide are the "
                "intervals?",
                (): "This uses the wide intervals of the third question. This one asks for each place by itself.",
                tuple(range(9)): "These are all places: at most of them the interval contains 0.",
            },
            "by chance": {
                0.05: "This holds for a single look.",
                9 * 0.05: "Adding counts experiments in which two intervals are wrong twice.",
                0.95**9: "This is the probability that none of the nine is wrong.",
                0.05**9: "This is the probability that all nine are wrong.",
            },
            "half": {
                0.914: "This is for a single look: which t belongs to nine?",
                4.628: "This is t times the spread of single differences. How sure is a mean of ten?",
                1.388: "This divides the squares by ten; a sample of ten is divided by nine.",
                0.01463: "This is a share of 1. How many points is it?",
                2.927: "This is the whole width.",
                0.404: "This is the standard error: by which number is it still to be multiplied?",
            },
            "verdict": {
                "A": "Is 0.94 outside of the interval for nine looks?",
                "B": "This picks the places where the narrow intervals leave out 0. What do the wide ones say?",
                "D": "Nothing was shown. Is that the same as having shown that there is nothing?",
            },
        },
        digits=3,
        ask="None of the usual mistakes: write down the ten differences at eight pixels, their mean and their spread.",
    ),
    "fine_maps": Designs(
        points=4,
        shape=(1, 28, 28),
        output=(10, 14, 14),
        most={"MACs": 10_000_000, "parameters": 150_000},
        least={"receptive field": 28, "convolutions in a row": 12},
    ),
}
