"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from math import ceil, floor, sqrt

import torch

from inception_edu.classroom.keys import Answer, Computes, Designs


def tensor(*shape, seed):
    """A tensor among the arguments of a function."""
    return {"tensor": shape, "seed": seed}


def linear(features, weight, bias=0.0):
    """Features (N, K, h, w) through a linear layer at each position; `bias` as it can be added there."""
    return torch.einsum("nkyx,ck->ncyx", features, weight) + bias


def bar(cells, canvases, errors=2):
    """The hits that lie `errors` standard errors above blind pointing."""
    return canvases / cells + errors * sqrt(canvases * (cells - 1)) / cells


def losses(image, weight, size, keep=False, exchanged=False):
    """What covered squares cost a linear score; `keep` leaves every square in, `exchanged` takes rows for columns."""
    down, along = image.shape[1] // size, image.shape[2] // size
    lost, total = [], torch.zeros(())
    for place in range(down * along):
        first, second = divmod(place, along)
        top, left = (second, first) if exchanged else (first, second)
        square = (slice(None), slice(top * size, (top + 1) * size), slice(left * size, (left + 1) * size))
        here = (image[square] * weight[square]).sum()
        total = total + here if keep else here
        lost.append(total)
    return torch.stack(lost).reshape(down, along)


KEY = {
    "four_positions": Answer(
        points=3,
        slips={
            "logit": {
                6: "This is the sum of the four positions: what does the pool do with them?",
                1: "This is the logit without the bias.",
                4.5: "This adds the positions of each map up before it weights them: the pool takes their mean.",
                3.5: "This adds what speaks against the class: look at the sign of the second weight.",
            },
            "map": {
                (12, -2, -6, 0): "This is the map without the bias, as its first paper has it: its mean is not the "
                "logit.",
                (12.5, 0, 0, 0.5): "The negative values are cut off here: then the mean is no longer the logit.",
                (3.125, -0.375, -1.375, 0.125): "These four add up to the logit. The map is scaled so that they "
                "average to it.",
                (12.125, -1.875, -5.875, 0.125): "The bias is shared out among the four positions here: is the mean "
                "of these four the logit?",
            },
            "top left": {
                12.5: "This is what stands in the map. How much of one number does a mean of four keep?",
                3: "This leaves the bias out: the four shares would miss the logit by 0.5.",
            },
        },
        ask="None of the usual slips: what are the means of the two maps?",
        twin="Try it with other numbers first: with the weights 1 and 2 and the bias -1 the map is 3, 3, 11, -1 and "
        "the logit 4.",
    ),
    "every_position": Computes(
        points=3,
        shown=[
            (tensor(2, 5, 3, 3, seed=0), tensor(4, 5, seed=1), tensor(4, seed=2)),
            (tensor(1, 3, 2, 4, seed=3), tensor(6, 3, seed=4), tensor(6, seed=5)),
        ],
        hidden=[
            (tensor(3, 7, 6, 1, seed=6), tensor(2, 7, seed=7), tensor(2, seed=8)),
            (tensor(2, 4, 4, 4, seed=9), tensor(4, 4, seed=10), tensor(4, seed=11)),
        ],
        slips={
            "This leaves the bias out: the mean of a map misses its logit by just that.": lambda f, w, b: linear(f, w),
            "This shares the bias out among the positions: compare the mean of a map, not its sum, with the "
            "logit.": lambda f, w, b: linear(f, w, b[:, None, None] / f[0, 0].numel()),
            "This gives the logits: the mean was taken first, and the places are gone.": lambda f, w, b: (
                f.mean((2, 3)) @ w.T + b
            ),
            "The negative values are cut off: what speaks against a class belongs to its logit too.": lambda f, w, b: (
                linear(f, w, b[:, None, None]).relu()
            ),
        },
        ask="Take the mean of your maps over both positions: what should it equal?",
    ),
    "beats_chance": Computes(
        points=3,
        shown=[(9, 100), (9, 200), (5, 64)],
        hidden=[(2, 100), (16, 300), (4, 48), (9, 130), (25, 60)],
        slips={
            "This lies one standard error above blind pointing; two are asked for.": lambda c, n: (
                floor(bar(c, n, 1)) + 1
            ),
            "This rounds to the nearest whole number, which can lie below the bar.": lambda c, n: round(bar(c, n)),
            "Where the bar is itself a whole number, this takes it: more than two standard errors are asked "
            "for.": lambda c, n: ceil(bar(c, n)),
            "This does not let the error shrink with the number of canvases.": lambda c, n: (
                floor(n / c + 2 * n * sqrt(c - 1) / c) + 1
            ),
        },
        ask="For 9 cells and 100 canvases: how many hits does blind pointing expect, and what is one standard error "
        "in hits?",
    ),
    "hidden_squares": Computes(
        points=2,
        shown=[
            (tensor(1, 6, 6, seed=0), tensor(1, 6, 6, seed=1), 2),
            (tensor(3, 4, 8, seed=2), tensor(3, 4, 8, seed=3), 4),
        ],
        hidden=[
            (tensor(2, 6, 5, seed=4), tensor(2, 6, 5, seed=5), 3),
            (tensor(1, 5, 6, seed=6), tensor(1, 5, 6, seed=7), 3),
            (tensor(1, 7, 4, seed=8), tensor(1, 7, 4, seed=9), 1),
        ],
        partial=False,
        slips={
            "The losses pile up from place to place: how much of the picture is still there at the last one?": (
                lambda image, weight, size: losses(image, weight, size, keep=True)
            ),
            "The square's rows and columns are exchanged: a picture that is not square shows it.": (
                lambda image, weight, size: losses(image, weight, size, exchanged=True)
            ),
        },
        ask="Print the picture after the first place: what is still covered?",
    ),
    "what_it_shows": Answer(
        points=3,
        slips={
            "a": {
                "not shown": "There is a control for just this: the same networks before they were trained.",
                "refuted": "Compare the trained map with the untrained one.",
            },
            "b": {
                "not shown": "How many standard errors is the paired difference away from 0?",
                "refuted": "Look at the sign of the paired difference, which is map less occlusion.",
            },
            "c": {
                "shown": "Which paint was played here? Grey and black need not agree.",
                "refuted": "No row speaks against it: which paint was played here?",
            },
            "d": {
                "shown": "Look at the last row: what does the pin know?",
                "not shown": "There is a row that settles it: what does the pin know?",
            },
            "e": {
                "shown": "What else differs between the shipped network's row and the others?",
                "refuted": "No row speaks against it. But how many things differ between the two rows?",
            },
            "f": {
                "shown": "25 hits of 200: how many are expected, and how far does chance alone move them?",
                "refuted": "The numbers do not speak against it; do they speak for it?",
            },
        },
        ask='The verdicts are "shown", "not shown" and "refuted".',
    ),
    "near_sighted": Designs(
        points=3,
        shape=(1, 28, 28),
        output=(48, 7, 7),
        most={"receptive field": 8, "parameters": 10_000, "MACs": 500_000},
        least={"convolutions in a row": 4},
    ),
    "whose_channels": Answer(
        points=1,
        slips={
            (576, 640): "This counts the reductions, which never reach the output.",
            (401, 464): "This counts the channels from 1; Python counts from 0.",
            (400, 463): "This names the last channel; a slice stops behind it.",
            (464, 528): "These are the channels of the pool's branch.",
            (112, 400): "These are the channels of the 3x3 branch.",
        },
        ask="How many channels stand in front of the 5x5 branch's?",
    ),
}
