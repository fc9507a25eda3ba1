"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from math import ceil, gcd

from torch import nn

from inception_edu.bricks import Concat, ConvUnit
from inception_edu.classroom.keys import Answer, Builds, Computes, Designs
from inception_edu.shorthand import branch, separable

GRID = 20 * 20
SPACE, MIX, WHOLE = 25 * 96 * GRID, 96 * 160 * GRID, 25 * 96 * 160 * GRID
"""MACs of exercise 1: the depthwise half, the 1x1, the ordinary convolution."""


def need(times, kernel, whole=ceil, extra=0):
    """The width that exercise 2 asks for, rounded otherwise or one of `extra` more; 0 where there is none."""
    window = kernel**2
    return whole(times * window / (window - times)) + extra if times < window else 0


def beyond(times, kernel):
    """The smallest width that saves *more* than asked for."""
    return need(times, kernel, int, 1)


def block(channels, reduce, width, pool_proj, bare=False, handed_on=True, tower=separable):
    """The block of exercise 4: with a bare pool, without its reduction among the outputs, or with other towers."""
    towers = [tower(reduce, width, kernel) for kernel in (3, 5)]
    shared = Concat(nn.Identity(), *towers) if handed_on else Concat(*towers)
    pool = nn.MaxPool2d(3, stride=1, padding=1)
    last = pool if bare else branch(channels, pool, (pool_proj, 1))
    return Concat(nn.Sequential(branch(channels, (reduce, 1)), shared), last)


def with_relu(reads, channels, kernel):
    """A separable convolution with a ReLU between its halves, as tutorial 003 has it."""
    return nn.Sequential(
        ConvUnit(reads, reads, kernel, groups=reads, batch_norm=False, bias=False), ConvUnit(reads, channels, 1)
    )


def mixed_first(reads, channels, kernel):
    """The 1x1 first, then the depthwise half."""
    first = ConvUnit(reads, channels, 1, batch_norm=False, relu=False, bias=False)
    return nn.Sequential(first, ConvUnit(channels, channels, kernel, groups=channels))


def own_reductions(channels, reduce, width, pool_proj):
    """A reduction for each tower, as in GoogLeNet's block."""
    return Concat(
        branch(channels, (reduce, 1)),
        *(nn.Sequential(branch(channels, (reduce, 1)), separable(reduce, width, kernel)) for kernel in (3, 5)),
        branch(channels, nn.MaxPool2d(3, stride=1, padding=1), (pool_proj, 1)),
    )


def unbeaten(costs, scores, beats):
    """The places that no other place beats, by the rule `beats(cost, score, other cost, other score)`."""
    table = list(zip(costs, scores, strict=True))
    return [
        b for b, worse in enumerate(table) if not any(a != b and beats(*one, *worse) for a, one in enumerate(table))
    ]


MACS, MILLISECONDS = [5.45, 1.33, 3.49, 1.11, 1.84, 0.27], [1.31, 1.39, 1.05, 1.63, 0.68, 1.10]
ACCURACY = [72.1, 70.5, 70.3, 70.6, 69.5, 66.6]

KEY = {
    "separable_cost": Answer(
        points=3,
        digits=3,
        slips={
            "depthwise": {
                25 * 96: "This is the cost of one position: on how many positions does the layer stand?",
                2 * SPACE: "This is twice what it should be: a MAC is one multiplication with its addition.",
                WHOLE: "This is the ordinary convolution: how many channels does a depthwise value read?",
                25 * 160 * GRID: "This has an output for each of 160 channels: how many does the depthwise half have?",
                25 * 96 * 96 * GRID: "Here every channel reads every other. What does “depthwise” say?",
                25 * 96 * 16 * 16: "This equals a 16x16 output: what does the padding do to the grid?",
            },
            "pointwise": {
                96 * 160: "This is the cost of one position: on how many positions does the layer stand?",
                2 * MIX: "This is twice what it should be: a MAC is one multiplication with its addition.",
                WHOLE: "This is the ordinary convolution: how large is the window of the second half?",
                96 * 96 * GRID: "This outputs 96 channels; the second half leads to the output's.",
                160 * GRID: "This mixes nothing: how many channels does a value of the 1x1 read?",
            },
            "times cheaper": {
                25: "This is the limit for very many output channels, not the value for 160.",
                1 / (1 / 96 + 1 / 25): "This has the input channels in the formula. Which ones cancel?",
                1 / 160 + 1 / 25: "This is the share that is left. How many times cheaper is that?",
                WHOLE / SPACE: "This leaves out the 1x1.",
            },
        },
        ask="None of the usual slips: how many channels does one value of each half read, and on how many positions?",
        twin="Try it with other numbers first: a 3x3 from 32 to 48 channels on 15x15, padded, costs 64,800 and "
        "345,600, together 7.58 times less than the ordinary one.",
    ),
    "smallest_width": Computes(
        points=3,
        shown=[(8, 3), (4, 3), (9, 3)],
        hidden=[(20, 5), (30, 7), (2, 3), (40, 5), (48, 7)],
        slips={
            "This rounds down: does the width that you return save enough?": lambda t, k: need(t, k, int),
            "Where the division comes out even, this is a channel more than needed: “at least” is asked for.": beyond,
            "This rounds to the nearest: does the width that you return always save enough?": lambda t, k: need(
                t, k, round
            ),
            "This leaves out the depthwise half, which is paid at every width.": lambda t, k: t,
        },
        ask="Put your width into 1/N + 1/k², by hand for the second call, and then one channel less.",
    ),
    "depthwise": Builds(
        points=2,
        shown=[((6, 2), (6, 9, 9))],
        hidden=[((5, 3), (5, 7, 8)), ((4, 1), (4, 6, 6))],
        partial=False,
        slips={
            "Without groups every map reads every channel: an ordinary convolution.": lambda c, m: nn.Conv2d(
                c, c * m, 3, padding=1, bias=False
            ),
            "The groups divide both numbers now, but how many channels does a group hold?": lambda c, m: nn.Conv2d(
                c, c * m, 3, padding=1, bias=False, groups=gcd(c, m)
            ),
            "There is one map for each channel now: where is the multiplier?": lambda c, m: nn.Conv2d(
                c, c, 3, padding=1, bias=False, groups=c
            ),
        },
    ),
    "mended_block": Builds(
        points=4,
        shown=[((48, 8, 12, 10), (48, 9, 9))],
        hidden=[((21, 5, 7, 4), (21, 8, 6))],
        slips={
            "The pool hands on all that it reads, so the next block is dearer.": lambda c, r, w, p: block(
                c, r, w, p, bare=True
            ),
            "Each tower has a reduction of its own; here they share one.": own_reductions,
            "The reduction itself is not among the outputs.": lambda c, r, w, p: block(c, r, w, p, handed_on=False),
            "A ReLU stands between the halves of the separable convolutions.": lambda c, r, w, p: block(
                c, r, w, p, tower=with_relu
            ),
            "The halves are exchanged: a separable convolution looks at space first.": lambda c, r, w, p: block(
                c, r, w, p, tower=mixed_first
            ),
        },
    ),
    "front": Computes(
        points=3,
        shown=[(MACS, ACCURACY), (MILLISECONDS, ACCURACY)],
        hidden=[
            ([3, 1, 2, 2], [70, 60, 60, 65]),
            ([2, 2, 5, 1], [71, 71, 71, 55]),
            ([4, 4, 1, 6], [80, 75, 20, 90]),
            ([29.5, 23.8, 27.3, 20.5, 12.4, 12.0], ACCURACY),
        ],
        slips={
            "This throws out whoever is worse than some other in one of the two. Beaten is beaten in both.": (
                lambda costs, scores: unbeaten(costs, scores, lambda c, s, oc, os: c < oc or s > os)
            ),
            "This prizes cost: less of it is better.": (
                lambda costs, scores: unbeaten(
                    costs, scores, lambda c, s, oc, os: c >= oc and s >= os and (c > oc or s > os)
                )
            ),
            "With equal entries this differs: who costs more for the same score, or scores less at the same cost, is "
            "beaten too.": (lambda costs, scores: unbeaten(costs, scores, lambda c, s, oc, os: c < oc and s > os)),
            "Twins that are equal in both throw each other out here.": (
                lambda costs, scores: unbeaten(costs, scores, lambda c, s, oc, os: c <= oc and s >= os)
            ),
        },
        ask="For each place that is missing or too many: which other network beats it, and in what?",
    ),
    "light_branch": Designs(
        points=3,
        shape=(256, 14, 14),
        output=(160, 14, 14),
        most={"MACs": 3_000_000, "parameters": 16_000},
        least={"receptive field": 7},
    ),
    "deviation_of_trunk": Answer(
        points=1,
        slips={
            25: "This is a variance, or a sum of deviations: what is asked for, and what adds up?",
            24**0.5: "This forgets the variance with which the trunk begins.",
            24: "This adds deviations and forgets the first.",
            1: "This is what a scale of 0 would give: the sums change something.",
        },
        ask="What is the variance of the trunk after the first block?",
    ),
}
