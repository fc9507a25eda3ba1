"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from math import ceil, floor, prod

import torch
import torch.nn.functional as F

from inception_edu.classroom.keys import Answer, Computes, Designs


def patch(windows, late=True):
    """The receptive field; or that of somebody who lets each stride count for its own window already."""
    seen, jump = 1, 1
    for kernel, stride in windows:
        seen += (kernel - 1) * (jump if late else jump * stride)
        jump *= stride
    return seen


def added_strides(windows):
    """The receptive field of somebody who adds the strides that come before."""
    strides = [stride for _, stride in windows]
    return 1 + sum((kernel - 1) * (sum(strides[:i]) or 1) for i, (kernel, _) in enumerate(windows))


KEY = {
    "sizes": Answer(
        points=3,
        slips={
            "conv": {
                45: "This leaves out the padding, which is 3 pixels on each side.",
                46: "This pads one side only.",
                49: "This rounds up; convolutions round down.",
                47: "These are the steps: the position that the window began at is missing.",
                96: "This leaves out the stride.",
            },
            "pool up": {
                23: "These are the steps, or the rounding went down: which of the two?",
                22.5: "These are the steps, and no whole number of them.",
                46: "This leaves out the stride.",
            },
            "pool down": {
                24: "This rounds up.",
                22: "These are the steps: the position that the window began at is missing.",
                46: "This leaves out the stride.",
            },
            "valid": {
                24: "This keeps the size, which takes a padding; here is none.",
                19: "These are the steps: the position that the window began at is missing.",
                22: "This takes two pixels off; without padding, how far does a 5x5 stay away from each edge?",
            },
            "padding": {
                6: "This is for both sides together.",
                7: "This is the window itself.",
                2: "This is what a 5x5 needs.",
                3.5: "This is half the window: does its middle lie between two pixels?",
            },
            "at least": {
                20: "This multiplies by the stride; but the last window is wider than its step.",
                23: "This counts ten steps: how many lie between ten positions?",
                19: "These are the steps in pixels, and one pixel: how wide is the window that they move?",
                22: "This works as well, and its last pixel goes unread: can it be fewer?",
            },
        },
        ask="None of the usual slips: by how many pixels can the window still move, and how many steps is that?",
        twin="Try it with other numbers first: a 5x5 with stride 3 and padding 1 on 20 pixels gives 6, rounded up 7.",
    ),
    "sees": Computes(
        points=3,
        shown=[([[3, 1], [3, 2], [3, 1]],), ([[7, 2], [3, 2], [3, 1]],)],
        hidden=[([[5, 3], [1, 2], [3, 1], [2, 2]],), ([[11, 4]],), ([[3, 2], [3, 2], [3, 2], [5, 1]],)],
        slips={
            "This leaves out the strides: behind a stride of 2 a step is two pixels.": lambda windows: (
                1 + sum(kernel - 1 for kernel, _ in windows)
            ),
            "This lets each stride count for its own window already; it pulls apart what the next one reads.": (
                lambda windows: patch(windows, late=False)
            ),
            "This adds the strides of the windows before. A stride of 2 behind a stride of 2: how far apart?": (
                added_strides
            ),
            "This looks only at the stride right before a window; what did the earlier ones do?": lambda windows: (
                1
                + sum((k - 1) * before for (k, _), before in zip(windows, [1, *(s for _, s in windows)], strict=False))
            ),
            "This multiplies the kernels.": lambda windows: prod(kernel for kernel, _ in windows),
        },
        ask="How many pixels does the first window see by itself, and how many does the second one add?",
    ),
    "what_is_left": Answer(
        points=3,
        digits=3,
        slips={
            "1/n": {
                1: "This leaves out the ReLU: what becomes of a mean square when the negative half is set to zero?",
                0.5: "This is behind one layer.",
                1 / 16: "This is the size of the signal, the root of what is asked for.",
                4: "This adds a half for each layer; do eight halvings add up?",
            },
            "1/(3n)": {
                (1 / 3) ** 8: "This leaves out the ReLU: what becomes of a mean square when the negative half is set "
                "to zero?",
                1 / 6: "This is behind one layer.",
                (1 / 6) ** 4: "This is the size of the signal, the root of what is asked for.",
            },
            "4/n": {
                4**8: "This leaves out the ReLU: what becomes of a mean square when the negative half is set to zero?",
                2: "This is behind one layer.",
                16: "This is the size of the signal, the root of what is asked for, or two for each layer, added.",
                8: "This puts the power the wrong way round.",
                64: "This puts the power the wrong way round.",
            },
        },
        ask="What does one layer make of a mean square of 1, before its ReLU and behind it?",
        twin="Try it with other numbers first: with the variance 3/n and four layers 5.06 is left.",
    ),
    "stuck_loss": Computes(
        points=2,
        shown=[[{"tensor": [4, 10], "seed": 0}, [3, 9, 0, 3]]],
        hidden=[[{"tensor": [6, 3], "seed": 1}, [2, 0, 1, 1, 2, 0]], [{"tensor": [1, 2], "seed": 2}, [1]]],
        partial=False,
        slips={
            "This is the mean of the probabilities, negative: `nll_loss` wants their logarithms.": (
                lambda scores, labels: F.nll_loss(scores.softmax(1), torch.tensor(labels))
            ),
            "This is the sum over the images; the mean is asked for.": lambda scores, labels: F.cross_entropy(
                scores, torch.tensor(labels), reduction="sum"
            ),
            "This takes the scores for logarithms of probabilities, and their softmax is missing now.": (
                lambda scores, labels: F.nll_loss(scores, torch.tensor(labels))
            ),
            "This is still what the function gave at first.": lambda scores, labels: F.cross_entropy(
                scores.softmax(1), torch.tensor(labels)
            ),
        },
        ask="Which loss do the scores (9, 0) and the label 0 have by hand, and which one does the function give?",
    ),
    "seeds_needed": Computes(
        points=3,
        shown=[(0.5, 0.45), (0.2, 0.45)],
        hidden=[(3.0, 0.5), (1.0, 1.0), (0.25, 2.0), (0.7, 1.5)],
        slips={
            "This forgets the square: the standard error goes down with the root of the number of pairs.": (
                lambda difference, deviation: max(2, floor(2 * deviation / difference) + 1)
            ),
            "This compares the mean with one standard error.": lambda difference, deviation: max(
                2, floor((deviation / difference) ** 2) + 1
            ),
            "This counts a mean of just two standard errors; it has to be more.": lambda difference, deviation: max(
                2, ceil((2 * deviation / difference) ** 2)
            ),
            "This lets a single pair be enough: what is the standard deviation of one difference?": (
                lambda difference, deviation: floor((2 * deviation / difference) ** 2) + 1
            ),
            "This rounds down: one pair too few.": lambda difference, deviation: max(
                2, floor((2 * deviation / difference) ** 2)
            ),
        },
        ask="What are two standard errors with your number of pairs, by hand?",
    ),
    "far_sight": Designs(
        points=3,
        shape=(3, 32, 32),
        output=(16, 8, 8),
        most={"MACs": 250_000, "convolutions": 3},
        least={"receptive field": 21},
    ),
    "one_layer": Answer(
        points=1,
        slips={
            28 * 28 * 10: "This leaves out the biases.",
            28 * 28 * 10 + 1: "This has one bias for the whole layer: how many outputs are there?",
            28 * 10 + 10: "This equals a row of 28 pixels: how many has the picture?",
            28 * 28 * 10 + 28 * 28: "This has a bias for each input; what is a bias added to?",
        },
        ask="How many numbers does each output weigh?",
        twin="Try it with other numbers first: a 10x10 picture and five outputs make 505.",
    ),
}
