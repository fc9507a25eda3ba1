"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

import random
from pathlib import Path
from statistics import fmean, stdev

import torch
from torch import nn
from torch.nn import functional as F

from inception_edu.bricks import Concat, Residual
from inception_edu.classroom import sealing
from inception_edu.classroom.keys import Answer, Builds, Computes, Designs

given = sealing.given(Path(__file__).with_name("exercises.ipynb"))


def conv(channels, out, length):
    """A convolution without bias that keeps the length."""
    return nn.Conv1d(channels, out, length, padding=length // 2, bias=False)


def block(channels, each, squeezed=True, narrow_pool=False, apart=False):
    """InceptionTime's block; with `narrow_pool` its pool reads what the squeeze outputs, and `apart` are its norms."""

    def conv_norm(*geometry):
        return nn.Sequential(conv(*geometry), *[nn.BatchNorm1d(each, eps=1e-3), nn.ReLU()] * apart)

    squeeze = [conv(channels, each, 1)] if squeezed else []
    kernels = Concat(*(conv_norm(each if squeezed else channels, each, length) for length in (9, 19, 39)))
    reads = each if narrow_pool and squeezed else channels
    pool = nn.Sequential(nn.MaxPool1d(3, 1, padding=1), conv_norm(reads, each, 1))
    if narrow_pool:
        joined = nn.Sequential(*squeeze, Concat(*kernels, pool))
    else:
        joined = Concat(nn.Sequential(*squeeze, kernels), pool) if squeezed else Concat(*kernels, pool)
    return joined if apart else nn.Sequential(joined, nn.BatchNorm1d(4 * each, eps=1e-3), nn.ReLU())


def series(channels, classes, each, around=3, always=False, norm=True, identity=False, last=True, **faults):
    """The network of `series_network`, or one with a misconception."""
    wide = 4 * each
    blocks = [block(wide if i else channels, each, bool(i) or channels > 1 or always, **faults) for i in range(6)]
    row = []
    for first in range(0, 6, around):
        past = [conv(wide if first else channels, wide, 1)] + [nn.BatchNorm1d(wide, eps=1e-3)] * norm
        way = nn.Identity() if identity and first else nn.Sequential(*past)
        row += [Residual(nn.Sequential(*blocks[first : first + around]), way)] + [nn.ReLU()] * last
    return nn.Sequential(*row, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(wide, classes))


def wrong(**faults):
    """A builder of `series` with these faults."""
    return lambda *given: series(*given, **faults)


def read(bias, mask=False):
    """The experiments of `reader` with or without biases in the windows and a `mask` at empty places."""

    class Reader(nn.Module):
        def __init__(self, vectors):
            super().__init__()
            self.table = nn.Embedding.from_pretrained(vectors, freeze=False, padding_idx=0)
            self.table.weight.data[0] = 0
            made = [nn.Conv1d(vectors.shape[1], 5, size, padding=size // 2, bias=bias) for size in (1, 3, 5)]
            self.windows, self.linear = nn.ModuleList(made), nn.Linear(15, 4)

        def forward(self, numbers):
            x = self.table(numbers).transpose(1, 2)
            maps = torch.cat([F.relu(window(x)) for window in self.windows], dim=1)
            return self.linear((maps * (numbers > 0)[:, None] if mask else maps).amax(dim=2))

    return lambda what, seed: given.examine(Reader, what, seed)


def drawn(texts, seed):
    """A right draw."""
    count = len(given.Vocabulary.of(texts, min_count=2).words)
    return random.Random(seed).sample(given.Vocabulary.of(texts, min_count=1).words, count)


def judged(t=lambda n: given.T[n - 2], unit=100, root=True, paired=True):
    """The answers of `control` with a slip in `judge`."""

    def judge(first, second):
        differences = [unit * (b - a) for a, b in zip(first, second, strict=True)]
        n = len(differences)
        spread = stdev(differences) if paired else unit * (stdev(first) ** 2 + stdev(second) ** 2) ** 0.5
        return [fmean(differences), t(n) * spread / (n**0.5 if root else 1)]

    answers = {"drawn": drawn, "judge": judge, "verdict": "B"}
    return lambda what, *more: given.asked(answers, what, *more)


def tensor(*shape, seed):
    """A tensor among the arguments of a function."""
    return {"tensor": shape, "seed": seed}


def reads(series, kernels, before, after, first=True):
    """The layers of `forecast` with these shares of k - 1 zeros before and after; maybe only in the first layer."""
    x = series
    for number, kernel in enumerate(kernels):
        zeros = kernel.shape[2] - 1
        half = zeros // 2
        pads = (half, half) if number and not first else (int(before * zeros), int(after * zeros))
        x = F.conv1d(F.pad(F.relu(x), pads), kernel)
    return x


def moved(series, kernels, steps=1):
    """The output of the faulty layers, moved to the right, with None until nothing reads ahead."""
    steps = steps or sum(kernel.shape[2] // 2 for kernel in kernels)
    return F.pad(reads(series, kernels, 0.5, 0.5), (steps, 0))[..., : series.shape[2]]


TEN = [0.61, 0.62, 0.6, 0.63, 0.615, 0.605, 0.62, 0.61, 0.6, 0.625]
MORE = [0.62, 0.625, 0.615, 0.63, 0.63, 0.6, 0.64, 0.615, 0.62, 0.635]

KEY = {
    "drift": Answer(
        points=4,
        slips={
            "first": {
                481: "This has 20 zeros on the left and 19 on the right.",
                461: "This lets a kernel begin at its own step: how many zeros are on its left?",
                500: "This lets a kernel end at its own step: how many zeros are on its right?",
            },
            "last": {
                520: "This has 20 zeros on the left and 19 on the right.",
                500: "This lets a kernel begin at its own step: how many zeros are on its left?",
                539: "This lets a kernel end at its own step: how many zeros are on its right?",
            },
            "middle": {
                499.5: "This is the middle after one layer.",
                503: "The other way: does the first layer move it to the left or to the right?",
                500: "A kernel of even length has no middle cell: look at your first and last step.",
                494: "This takes a whole step for each layer.",
            },
            "alternating": {
                497: "Here every second layer moves it the other way.",
                503: "Here every second layer moves it the other way.",
                498.5: "Three layers move it to the left. And the other three?",
            },
        },
        ask="None of the usual mistakes: write down which steps the outputs 479, 480, 519 and 520 read.",
        twin="Try it with hint 2 first: six kernels of 4 move the middle from 50 to 47.",
    ),
    "series_network": Builds(
        points=6,
        shown=[((1, 5, 6), (1, 50)), ((12, 3, 8), (12, 44))],
        hidden=[((1, 4, 3), (1, 47)), ((2, 3, 4), (2, 60))],
        slips={
            "A single channel is squeezed here, which can only make it wider.": wrong(always=True),
            "There is a shortcut around every block: it leads around three.": wrong(around=1),
            "There is one shortcut around all six blocks: each leads around three.": wrong(around=6),
            "The shortcuts have no norm.": wrong(norm=False),
            "The second shortcut adds what the three blocks read as it is: it has a 1x1 and a norm, too.": wrong(
                identity=True
            ),
            "No ReLU follows the sums.": wrong(last=False),
            "Each branch has a norm of its own: one norm follows where the four are joined.": wrong(apart=True),
            "The pool reads the squeezed channels: it reads what the block reads.": wrong(narrow_pool=True),
        },
    ),
    "reader": Computes(
        points=8,
        shown=[[what, 0] for what in ("places", "company", "moved", "whole")],
        hidden=[[what, 1] for what in ("places", "company", "moved", "whole")],
        slips={
            "The windows have lost their biases: at the words they should have them.": read(bias=False, mask=True),
            "The windows have lost their biases. And next to the last word, does an empty place answer nothing "
            "now?": read(bias=False),
            "What is answered at empty places still counts.": read(bias=True),
        },
        ask={
            "places": "Print a text before and after the `reshape`: does a column still hold one word?",
            "company": "It has two causes. What does a window answer at an empty place, and what does it see there?",
            "moved": "Which of its parameters does the optimiser get?",
            "whole": "Go through the docstring: rows, empty places, the strongest answer at a word.",
        },
    ),
    "tomorrow": Computes(
        points=2,
        shown=[
            (tensor(1, 1, 12, seed=0), tensor(3, 1, 5, seed=1), tensor(1, 3, 3, seed=2)),
            (tensor(2, 1, 20, seed=3), tensor(2, 1, 3, seed=4), tensor(1, 2, 7, seed=5)),
        ],
        hidden=[
            (tensor(1, 1, 15, seed=6), tensor(4, 1, 9, seed=7), tensor(1, 4, 1, seed=8)),
            (tensor(3, 1, 9, seed=9), tensor(2, 1, 1, seed=10), tensor(1, 2, 5, seed=11)),
        ],
        partial=False,
        slips={
            "It still reads ahead.": lambda x, a, b: reads(x, [a, b], 0.5, 0.5),
            "All zeros are on the right: now it reads nothing but its own step and the future.": lambda x, a, b: reads(
                x, [a, b], 0, 1
            ),
            "The output is moved by one step. How far ahead do two layers read?": lambda x, a, b: moved(x, [a, b]),
            "The output is moved until nothing reads ahead. Does each step still read its own value?": lambda x, a, b: (
                moved(x, [a, b], steps=None)
            ),
            "The first layer no longer reads ahead. And the second?": lambda x, a, b: reads(
                x, [a, b], 1, 0, first=False
            ),
        },
        ask="Change the last value of a series: which outputs may change?",
    ),
    "control": Computes(
        points=5,
        shown=[
            ["drawn", 0, 1000, 0],
            ["judge", [0.62, 0.6, 0.61, 0.63, 0.615], [0.61, 0.605, 0.6, 0.61, 0.62]],
            ["verdict"],
        ],
        hidden=[["drawn", 300, 500, 4], ["judge", TEN, MORE]],
        slips={
            "`judge` takes 2 for t: for few pairs it is more.": judged(t=lambda n: 2),
            "`judge` takes t for one pair too many: the list begins with two pairs.": judged(
                t=lambda n: given.T[n - 1]
            ),
            "`judge` gives shares: points are hundredths.": judged(unit=1),
            "`judge` has the sign the wrong way round: second minus first.": judged(unit=-100),
            "`judge` gives t times the spread of single differences. How sure is their mean?": judged(root=False),
            "`judge` takes the two arms apart, although seed by seed they are pairs.": judged(paired=False),
            "`judge` gives the whole width: half of it is asked for.": judged(t=lambda n: 2 * given.T[n - 2]),
        },
        ask={
            "drawn": "Print a few words of two draws: how many of them occur only once in the texts?",
            "judge": "Try `judge` with the example in hint 2.",
            "verdict": "Run both arms and judge the five pairs: where does the interval end?",
        },
    ),
    "closing_gap": Answer(
        points=4,
        digits=4,
        slips={
            "closed": {
                -3.676665: "The sign: is the gap at 3,000 the larger one?",
                8.716667: "This is the gap at 1,000 texts.",
                5.04: "This is the gap at 3,000 texts.",
                0.03676665: "This is in shares: points are hundredths.",
                1.838333: "This is for each thousand texts: from 1,000 to 3,000 is asked for.",
            },
            "half": {
                0.635031: "This takes 2 for t.",
                0.317515: "This is the standard error: by which number is it still to be multiplied?",
                1.436440: "This is the whole width.",
                0.874789: "This is for the gap at 1,000 texts alone: what does each seed give?",
                0.414937: "This is for the gap at 3,000 texts alone: what does each seed give?",
                0.702299: "This is for the bag of the words that the network knows.",
                0.707425: "This is t for eleven pairs: the list begins with two.",
                2.271211: "This is t times the spread of single differences. How sure is their mean?",
            },
            "same words": {
                1.533332: "This compares the two bags with each other: where is the network?",
                3.676665: "This is against the bag of all words.",
                6.19: "This is the gap at 1,000 texts.",
                4.046667: "This is the gap at 3,000 texts.",
            },
            "sentence": {
                "A": "How many sizes were tried? A line goes through any two points.",
                "C": "What closes against a bag that knows the same words?",
                "D": "Where does your interval end?",
            },
        },
        ask="None of the usual mistakes: write down the two gaps of seed 0, then of all seeds.",
    ),
    "one_row": Designs(
        points=5,
        shape=(1, 1, 784),
        output=(10, 1, 49),
        most={"parameters": 150_000, "MACs": 10_000_000},
        least={"receptive field": 392, "convolutions in a row": 8, "branches": 3},
    ),
}
