"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from math import floor

import torch
from torch import nn

from inception_edu.bricks import Concat, ConvUnit
from inception_edu.classroom.keys import Answer, Builds, Computes, Designs


def images(first, second, errors=2, power=2, both=True):
    """The images at which two errors in per cent differ by `errors` standard errors; or by another formula."""
    p, q = first / 100, second / 100
    spread = p * (1 - p) + (q * (1 - q) if both else 0)
    return errors**2 * spread / abs(p - q) ** power


def ghost(in_channels, channels, groups=True, first=True):
    """The Ghost module; or without groups, or with the halves exchanged."""
    half = channels // 2
    halves = [nn.Identity(), ConvUnit(half, half, 3, groups=half if groups else 1)]
    return nn.Sequential(ConvUnit(in_channels, half, 1), Concat(*(halves if first else halves[::-1])))


def top_error(logits, labels, batch_size, k=5, means=True, drop=False):
    """The share of labels that are not among the k best: a mean of the batches' means, or without the last batch."""
    wrong = (logits.topk(k, dim=1).indices != torch.tensor(labels)[:, None]).all(dim=1).double()
    batches = [part for part in wrong.split(batch_size) if not drop or len(part) == batch_size]
    shares = torch.stack([part.mean() for part in batches]) if means else torch.cat(batches)
    return 100 * shares.mean().item()


def evaluation(images, classes, batch_size, seed):
    """Arguments for `top5_error`."""
    labels = torch.randint(classes, (images,), generator=torch.Generator().manual_seed(seed)).tolist()
    return {"tensor": [images, classes], "seed": seed + 1}, labels, batch_size


KEY = {
    "price_of_an_answer": Answer(
        points=3,
        digits=3,
        slips={
            "passes": {
                148: "This adds networks and crops: does each network see each crop?",
                144: "These are the passes of one network.",
                4: "These are the passes of one crop.",
            },
            "tera-MACs": {
                6.57792: "This is twice what it should be: a MAC is one multiplication with its addition.",
                0.82224: "This is the price for one of the four networks.",
                3288.96: "This is in G MACs.",
                0.84508: "This follows from networks and crops added up: does each network see each crop?",
            },
            "seconds": {
                131.5584: "This is twice what it should be: the processor's speed is told in MACs too.",
                16.4448: "This is the time of one of the four networks.",
                0.0657792: "This divides T MACs by G MACs a second.",
            },
        },
        ask="None of the usual slips: how many G MACs do all passes of one network take?",
        twin="Try it with other numbers first: 6 networks with 10 crops each and 1.93 G MACs a pass take 60 passes, "
        "0.116 T MACs and, at 50 G a second, 2.32 seconds.",
    ),
    "images_needed": Computes(
        points=3,
        shown=[(21.2, 20.0), (10.07, 9.15), (29, 23)],
        hidden=[(25.2, 30.2), (7.8, 5.6), (50, 47), (5.6, 7.8), (40.6, 21.2)],
        slips={
            "This is the number at which the difference equals one standard error.": lambda a, b: (
                floor(images(a, b, errors=1)) + 1
            ),
            "This takes one of the two errors for certain: both were measured.": lambda a, b: (
                floor(images(a, b, both=False)) + 1
            ),
            "The difference is not squared here: how does n stand in the standard error?": lambda a, b: (
                floor(images(a, b, power=1)) + 1
            ),
            "This rounds down: at that number the difference is not yet more than two standard errors.": (
                lambda a, b: floor(images(a, b))
            ),
        },
        ask="For 29 and 23 %: what are p(1 - p) + q(1 - q), and the square of p - q?",
    ),
    "ghost": Builds(
        points=4,
        shown=[((64, 96), (64, 14, 14))],
        hidden=[((10, 14), (10, 9, 7)), ((21, 6), (21, 5, 8))],
        slips={
            "Your 3x3 mixes all channels of the half: how would each be read by itself?": lambda i, c: ghost(
                i, c, groups=False
            ),
            "The halves are exchanged: the first one is to stand in front.": lambda i, c: ghost(i, c, first=False),
            "Both boxes read the block's input here: what does the 3x3 read in the description?": lambda i, c: Concat(
                ConvUnit(i, c // 2, 1), ConvUnit(i, c // 2, 3)
            ),
            "The first half is lost: the 3x3 replaces it, and nothing is joined.": lambda i, c: nn.Sequential(
                ConvUnit(i, c // 2, 1), ConvUnit(c // 2, c // 2, 3, groups=c // 2)
            ),
        },
    ),
    "top5_error": Computes(
        points=2,
        shown=[evaluation(10, 12, 4, seed=0), evaluation(9, 20, 9, seed=2)],
        hidden=[evaluation(11, 8, 5, seed=4), evaluation(7, 15, 3, seed=6), evaluation(13, 30, 6, seed=8)],
        partial=False,
        slips={
            "This is still the mean of the batches' means: an image of the last batch weighs more than the others.": (
                top_error
            ),
            "The last batch is left out: every image counts.": lambda logits, labels, n: top_error(
                logits, labels, n, means=False, drop=True
            ),
            "This is the top-1 error.": lambda logits, labels, n: top_error(logits, labels, n, k=1, means=False),
            "This is a share of 1; per cent are asked for.": lambda logits, labels, n: (
                top_error(logits, labels, n, means=False) / 100
            ),
        },
        ask="Count by hand for the first setting: how many of the ten images are wrong?",
    ),
    "ten_seeds": Answer(
        points=3,
        digits=2,
        slips={
            "ahead": {3: "With so many seeds the plain network is ahead."},
            "mean": {
                -0.686666: "This is plain less Inception.",
                0.00686666: "This is in shares of 1; points are hundredths.",
                0.549999: "This is the median.",
            },
            "standard error": {
                1.643483: "This is the spread of the single differences, not the uncertainty of their mean.",
                0.493045: "This takes the deviation over ten where stdev takes it over nine.",
                0.446418: "This forgets that the runs come in pairs: take the differences first.",
                0.164348: "This divides by ten, not by its root.",
                0.00519715: "This is in shares of 1; points are hundredths.",
            },
            "verdict": {
                "effect": "How many standard errors is the mean away from 0?",
            },
            "seeds": {
                22: "This rounds down: with so many seeds it is not yet more than two standard errors.",
                6: "This stops at one standard error.",
                13: "These are the seeds to be added to the ten.",
                3: "This takes the standard error of ten seeds for the deviation of one.",
            },
        },
        ask="None of the usual slips: write down the ten differences in points; the first is +0.43.",
    ),
    "four_prices": Designs(
        points=4,
        shape=(1, 28, 28),
        output=(10,),
        most={"parameters": 50_000, "MACs": 3_000_000, "activations": 30_000, "convolutions": 9},
        least={"branches": 3, "convolutions in a row": 5},
    ),
    "smooth_target": Answer(
        points=1,
        slips={
            0.8: "This leaves out what the uniform part gives to the true class.",
            0.85: "This shares the 0.2 out among the four wrong classes and then adds such a part to the true one.",
            0.04: "This is what every wrong class gets.",
            0.2: "This is what all classes of the uniform part share.",
        },
        ask="What do the other four classes get, and what is left of 1?",
    ),
}
