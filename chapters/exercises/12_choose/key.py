"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from math import comb, sqrt

from inception_edu.classroom.keys import Answer, Computes, Designs
from inception_edu.course.choices import Choice, choices


def cascade(params, milliseconds, time=None, both=True, fastest=False):
    """The pair within both budgets; or by another price of a pair, or with another aim."""
    price = time or average
    pairs = []
    for place, large in enumerate(choices()):
        for small in choices()[:place]:
            needs = price(small, large)
            if large.params + both * small.params <= params and needs <= milliseconds:
                order = (-needs, large.top1) if fastest else (large.top1, -needs)
                pairs.append((order, [small.title, large.title]))
    return max(pairs)[1]


def average(small: Choice, large: Choice) -> float:
    """The milliseconds of a cascade for an image."""
    return small.milliseconds + (1 - small.top1 / 100) * large.milliseconds


def shared(small: Choice, large: Choice) -> float:
    """As if an image that is passed on had cost the small network nothing."""
    return average(small, large) - (1 - small.top1 / 100) * small.milliseconds


def kept(small: Choice, large: Choice) -> float:
    """As if the large network looked at those images that the small one gets right."""
    return small.milliseconds + small.top1 / 100 * large.milliseconds


def interval(both, first, second, neither, t=1.96, agree=True, points=100, apart=False):
    """The interval of second minus first; or from the disagreements alone, or as if the images were others."""
    images = both + first + second + neither if agree else first + second
    mean = (second - first) / images
    variance = (first + second - images * mean**2) / (images - 1)
    if apart:
        p, q = (both + first) / images, (both + second) / images
        variance = p * (1 - p) + q * (1 - q)
    half = t * sqrt(variance / images)
    return [points * (mean - half), points * (mean + half)]


def best(designs, images, share, worst=False):
    """The mean share of the best, or the worst, of so many designs."""
    at_most, total = 0.0, 0.0
    for k in range(images):
        at_most += comb(images, k) * share**k * (1 - share) ** (images - k)
        total += (1 - at_most) ** designs if worst else 1 - at_most**designs
    return total / images


PARTS = ("stem", "branches", "classes", "whole")
EXPERIMENTS = ("pace", "weights", "norms", "company", "whole")

KEY = {
    "two_budgets": Computes(
        points=4,
        shown=[(28_000_000, 70), (28_000_000, 39), (25_000_000, 80)],
        hidden=[(45_000_000, 70), (47_000_000, 80), (12_000_000, 40), (30_000_000, 36)],
        slips={
            "Every image passes through both networks here. Which ones does the large network get to see?": (
                lambda p, ms: cascade(p, ms, time=lambda a, b: a.milliseconds + b.milliseconds)
            ),
            "The small network looks at all images, those that it passes on as well.": (
                lambda p, ms: cascade(p, ms, time=shared)
            ),
            "Which images are passed on: those that the small network gets right?": (
                lambda p, ms: cascade(p, ms, time=kept)
            ),
            "Only the large network is downloaded here.": lambda p, ms: cascade(p, ms, both=False),
            "This is the fastest pair. The most accurate large network is asked for, and then the shortest time.": (
                lambda p, ms: cascade(p, ms, fastest=True)
            ),
        },
        ask="Write down for MobileNetV2 and Inception-v3 what both have to be downloaded, and the time per image: is "
        "it 35.3 ms?",
    ),
    "from_camera": Computes(
        points=6,
        shown=[[part, [4, 2, 3, 5, 2, 3, 4], ["cat", "ant", "bee", "dog"]] for part in PARTS],
        hidden=[[part, [6, 5, 2, 3, 4, 2, 1], ["yak", "zebra", "ox"]] for part in PARTS],
        ask="Put one picture through both programs, and stop at the first place where they differ.",
    ),
    "kept_still": Computes(
        points=5,
        shown=[[what, 0] for what in EXPERIMENTS],
        hidden=[[what, 1] for what in EXPERIMENTS],
        ask="Which methods does that experiment call, and what does each of them leave behind?",
    ),
    "three_kinds": Answer(
        points=4,
        digits=3,
        slips={
            "half": {
                2 * 0.519715: "This takes 2 for t, which is right for many pairs. There are ten.",
                2.228 * 0.519715: "This is t for eleven pairs: the list begins with two.",
                0.519715: "This is the standard error: by which number is it still to be multiplied?",
                2.262 * 1.643483: "This is t times the spread of single differences. How sure is a mean of ten?",
                2.262 * 0.493045: "This divides the squares by ten; a sample of ten is divided by nine.",
            },
            "residual behind": {
                0.636281: "This is the end of the interval that is nearer to 0.",
                1.286667: "This is the mean: the interval reaches further.",
                1.861746: "This takes 2 for t, which is right for many pairs. There are ten.",
            },
            "edges": {
                2: "The smallest rate that was tried is an edge, too.",
                1: "The largest rate that was tried is an edge, too.",
                0: "Read the three rates of each kind again: where in its row is the best one?",
            },
            "verdict": {
                "A": "Is 0 outside of your first interval?",
                "B": "Does your first interval hold 0 alone? And what would residual blocks do at a rate of 0.001?",
                "D": "How many kinds of small networks, how many rates and how many passes does the record know?",
            },
        },
        ask="None of the usual mistakes: write down the ten differences in points; the first of Inception minus plain "
        "is +0.43.",
    ),
    "same_images": Computes(
        points=3,
        shown=[(39_000, 1_000, 1_153, 8_847), (1_800, 60, 90, 50)],
        hidden=[(4_100, 350, 300, 250), (900, 11, 240, 49), (7_000, 1_500, 1_480, 20)],
        slips={
            "This is the formula for two sets of images: here both networks saw the same ones.": lambda *n: interval(
                *n, apart=True
            ),
            "This leaves out the images on which both agree: how many images were there?": lambda *n: interval(
                *n, agree=False
            ),
            "This is in shares of 1; points are hundredths.": lambda *n: interval(*n, points=1),
            "This reaches one standard error to each side.": lambda *n: interval(*n, t=1),
            "This is the first minus the second.": lambda a, b, c, d: interval(a, c, b, d),
        },
        ask="For 1,800, 60, 90 and 50: is the mean 1.5 points, and what do the squares of all differences add up to?",
    ),
    "flattery": Computes(
        points=4,
        shown=[(12, 1_000, 0.88), (2, 10, 0.5)],
        hidden=[(3, 50, 0.7), (5, 200, 0.93), (40, 1_000, 0.85)],
        slips={
            "This is the mean of the worst design: what must hold for <i>each</i> of them if the best is at most k?": (
                lambda m, n, p: 100 * (best(m, n, p, worst=True) - p)
            ),
            "This is the accuracy that the best one shows: by how much is it above the true one?": lambda m, n, p: (
                100 * best(m, n, p)
            ),
            "This is a share of 1; points are hundredths.": lambda m, n, p: best(m, n, p) - p,
        },
        ask="Try one design first: it flatters by 0 on average. Then two designs and one image, by hand.",
    ),
    "four_prices": Designs(
        points=6,
        shape=(1, 28, 28),
        output=(10,),
        most={"parameters": 50_000, "MACs": 3_000_000, "activations": 30_000, "convolutions": 9},
        least={"branches": 3, "convolutions in a row": 5},
    ),
}
