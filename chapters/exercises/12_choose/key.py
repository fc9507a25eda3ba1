"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from math import comb, sqrt
from pathlib import Path

from inception_edu.classroom import sealing
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


NOTEBOOK = Path(__file__).with_name("exercises.ipynb")
given = sealing.given(NOTEBOOK)


def camera(old, new):
    """What the camera's weights give after a slip: the solution with `new` in place of `old`."""
    space = vars(given).copy()
    code = sealing.cells(NOTEBOOK)["from_camera"]
    assert code.count(old) == 1, old
    exec(code.replace(old, new), space)
    return lambda *case: given.loaded(space["translated"], *case)


PARTS = ("stem", "branches", "classes", "whole")
EXPERIMENTS = ("pace", "weights", "norms", "company", "whole")

KEY = {
    "two_budgets": Computes(
        points=4,
        shown=[(36_000_000, 100), (28_000_000, 39), (25_000_000, 80)],
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
            "The small network comes first.": lambda p, ms: cascade(p, ms)[::-1],
        },
        ask="Write down for MobileNetV2 and Inception-v3 what both have to be downloaded, and the time per image: is "
        "it 35.3 ms?",
    ),
    "from_camera": Computes(
        points=6,
        shown=[[part, [4, 2, 3, 5, 2, 3, 4], ["cat", "ant", "bee", "dog"]] for part in PARTS],
        hidden=[[part, [6, 5, 2, 3, 4, 2, 1], ["yak", "zebra", "ox"]] for part in PARTS],
        slips={
            "In the stem, the three colours are still in the camera's order.": camera(".flip(1)", ""),
            "The stem's weights are right, but its bias is not: what does the camera read where your picture is 0?": (
                camera("bias = bias + weight.sum((1, 2, 3))", "pass")
            ),
            "The stem's bias takes up the middle of the range before the weights are multiplied.": camera(
                "bias = bias + weight.sum((1, 2, 3))", "bias = bias + weight.sum((1, 2, 3)) / 127.5"
            ),
            "The stem treats a value of 1 as the camera does: which of its values is your 1?": camera(
                "weight = 127.5 * weight.flip(1)\n            bias = bias + weight.sum((1, 2, 3))",
                "weight = weight.flip(1)",
            ),
            "All convolutions are right. What does a norm with mean 0 and variance 1 do to what it reads, exactly?": (
                camera("torch.full_like(bias, 1 - 1e-3)", "torch.ones_like(bias)")
            ),
            "The wide 1x1 is cut in the order of your branches: who reads its first channels in the camera?": camera(
                'order = [file["names"]',
                """n = file["ones.bias"].numel()
    roll = n - file["middle.weight"].shape[1] - file["large.weight"].shape[1]
    file = file | {f"ones.{p}": file[f"ones.{p}"].roll(-roll, 0) for p in ("weight", "bias")}
    order = [file["names"]""",
            ),
            "The classes are still in the camera's order.": camera(
                'file["names"].index(name) for name in names', "i for i, _ in enumerate(names)"
            ),
            "The classes are reordered the wrong way round: which of the camera's rows is your first class?": camera(
                'file["names"].index(name) for name in names', 'names.index(name) for name in file["names"]'
            ),
        },
        ask="Put one picture through both programs, and stop at the first place where they differ.",
    ),
    "kept_still": Computes(
        points=5,
        shown=[[what, 0] for what in EXPERIMENTS],
        hidden=[[what, 1] for what in EXPERIMENTS],
        ask={
            "pace": "Which rate does each group have before `slow`, and which after it?",
            "weights": "What moves a weight in `step` when it learns nothing from the images?",
            "norms": "In which mode was the network before `loss_on`, and in which is it afterwards?",
            "company": "Over which numbers do the mean and the deviation go?",
            "whole": "If only this is wrong, a repair has changed something that was right before: what does `Start` "
            "promise?",
        },
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
                2 * 2.262157 * 0.519715: "This is the whole width, from one end to the other.",
                0.0226216 * 0.519715: "This is in shares of 1; points are hundredths.",
                2.262 * 0.493045: "This divides the squares by ten; a sample of ten is divided by nine.",
            },
            "residual behind": {
                0.636281: "This is the end of the interval that is nearer to 0.",
                1.286667: "This is the mean: the interval reaches further.",
                -1.937052: "This has a sign: it says how far ahead.",
                0.0193705: "This is in shares of 1; points are hundredths.",
                1.574194: "This goes one standard error from the mean: by which number is it to be multiplied?",
                3.343367: "This takes t times the spread of single differences. How sure is a mean of ten?",
                1.861720: "This takes 2 for t, which is right for many pairs. There are ten.",
            },
            "edges": {
                2: "The smallest rate that was tried is an edge, too.",
                1: "The largest rate that was tried is an edge, too.",
                0: "Read the three rates of each kind again: where in its row is the best one?",
            },
            "verdict": {
                "A": "Is 0 outside of your first interval?",
                "B": "Does your first interval hold 0 alone? And what would residual blocks do at a rate of 0.001?",
                "D": "Your second interval does not hold 0. Doubts about the rates limit which networks that is about.",
            },
        },
        ask="None of the usual mistakes: write down the ten differences in points; the first of Inception minus plain "
        "is +0.43.",
    ),
    "same_images": Computes(
        points=3,
        shown=[(39_000, 1_000, 1_153, 8_847), (36_000, 900, 1_600, 1_500)],
        hidden=[(41_000, 3_500, 3_000, 2_500), (9_000, 110, 2_400, 490), (70_000, 15_000, 14_800, 200)],
        slips={
            "This is the formula for two sets of images: here both networks saw the same ones.": lambda *n: interval(
                *n, apart=True
            ),
            "This leaves out the images on which both agree: how many images were there?": lambda *n: interval(
                *n, agree=False
            ),
            "This is in shares of 1; points are hundredths.": lambda *n: interval(*n, points=1),
            "This reaches one standard error to each side.": lambda *n: interval(*n, t=1),
            "This reaches 1.96 spreads of single images. How sure is the mean of so many?": lambda *n: interval(
                *n, t=1.96 * sqrt(sum(n))
            ),
            "This is the first minus the second.": lambda a, b, c, d: interval(a, c, b, d),
        },
        ask="Try the numbers of hint 2, where both are right on 1,800: what are the mean of the differences and "
        "their variance?",
    ),
    "flattery": Computes(
        points=4,
        shown=[(12, 1_000, 0.88), (2, 10, 0.5)],
        hidden=[(3, 50, 0.7), (5, 200, 0.93), (40, 1_000, 0.85)],
        slips={
            "This is the mean of the worst design: what must hold for each of them if the best is at most k?": (
                lambda m, n, p: 100 * (best(m, n, p, worst=True) - p)
            ),
            "This is the accuracy that the best one shows: by how much is it above the true one?": lambda m, n, p: (
                100 * best(m, n, p)
            ),
            "This is a share of 1; points are hundredths.": lambda m, n, p: best(m, n, p) - p,
            "This counts images; points are hundredths of all images.": lambda m, n, p: n * (best(m, n, p) - p),
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
