"""What the checks of these exercises know besides the solutions; see inception_edu/classroom/keys.py."""

from math import log, prod

import torch
from torch import nn

from inception_edu.classroom.keys import Answer, Builds, Computes, Designs


def multiples(apart, most):
    """The multiples of `apart` up to `most`."""
    return list(range(apart, most + 1, apart))


def head(in_channels, kernel, width, classes, *, last_relu=False, mean_first=False, padding=None, window=None):
    """NIN's head as asked for, or with a ReLU behind the class maps, means too early, no padding, a fixed window."""
    padding = kernel // 2 if padding is None else padding
    mean = nn.AvgPool2d(window) if window else nn.AdaptiveAvgPool2d(1)
    window_conv = [nn.Conv2d(in_channels, width, kernel, padding=padding), nn.ReLU()]
    if mean_first:
        linear = [nn.Linear(width, width), nn.ReLU(), nn.Linear(width, classes)]
        return nn.Sequential(*window_conv, mean, nn.Flatten(), *linear)
    ones = [nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, classes, 1)]
    return nn.Sequential(*window_conv, *ones, *([nn.ReLU()] * last_relu), mean, nn.Flatten())


def ported(images, up=(True, True, True), padding=0, stretch=False):
    """What NIN's skeleton computes with pools that round up or down, or padded, or with its maps stretched to 6x6."""
    pools = [nn.MaxPool2d(3, 2, padding, ceil_mode=each) for each in up]
    network = nn.Sequential(
        *(nn.Conv2d(3, 4, 11, stride=4), nn.ReLU(), pools[0]),
        *(nn.Conv2d(4, 4, 5, padding=2), nn.ReLU(), pools[1]),
        *(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), pools[2]),
        nn.Conv2d(4, 2, 3, padding=1),
        nn.AdaptiveAvgPool2d(6) if stretch else nn.Identity(),
    )
    torch.manual_seed(0)  # as `filled` in the notebook
    for values in network.parameters():
        nn.init.uniform_(values, -0.5, 0.5)
    return network(images)


def images(side):
    """One image of noise as a setting."""
    return [{"tensor": [1, 3, side, side], "seed": 0}]


KEY = {
    "head_price": Answer(
        points=4,
        slips={
            "flattened parameters": {
                192 * 64 * 100: "This leaves out the biases, and the question is for all parameters.",
                192 * 8 * 100 + 100: "This equals a grid of 8 cells: how many cells has a map of 8x8?",
                192 * 100 + 100: "This is what is left if each map is only one number.",
            },
            "averaged parameters": {
                192 * 100: "This leaves out the biases, and the question is for all parameters.",
                0: "The mean itself has none, that is true. But what makes 100 scores out of 192 means?",
                192 * 64 * 100 + 100: "This has a weight for each cell: what does the pool leave of a map?",
            },
            "class maps MACs": {
                192 * 100: "This is the cost at one position: where does the 1x1 run?",
                192 * 64 * 100 + 6400: "This counts the biases: they are additions without a multiplication.",
                2 * 192 * 64 * 100: "This is twice what it should be: a MAC is one multiplication with its addition.",
                192 * 8 * 100: "This equals a grid of 8 cells: how many cells has a map of 8x8?",
            },
            "averaged MACs": {
                192 * 64 * 100: "This runs the layer at every position: how many are left behind the mean?",
                192 * 100 + 100: "This counts the biases: they are additions without a multiplication.",
                2 * 192 * 100: "This is twice what it should be: a MAC is one multiplication with its addition.",
                192 * 64 + 192 * 100: "This counts the additions of the mean, which convolutions and linear layers "
                "do not do.",
            },
        },
        ask="None of the usual slips: how many numbers does the layer read, and how often does it run?",
        twin="Try it with other numbers first: 64 maps of 6x6 to 20 classes have 46,100 parameters flattened and 1,300 "
        "averaged; 46,080 MACs as class maps and 1,280 averaged.",
    ),
    "nin_head": Builds(
        points=4,
        shown=[((192, 3, 192, 10), (192, 8, 8))],
        hidden=[((7, 5, 6, 3), (7, 9, 8))],
        slips={
            "A ReLU stands behind the class maps: a class can then say no only down to 0.": lambda *a: head(
                *a, last_relu=True
            ),
            "The means come before the 1x1s: these should read the maps at each position.": lambda *a: head(
                *a, mean_first=True
            ),
            "The first convolution does not keep the grid.": lambda *a: head(*a, padding=0),
        },
    ),
    "lost_row": Computes(
        points=2,
        shown=[images(224), images(227)],
        hidden=[images(238), images(100)],
        partial=False,
        slips={
            "Only the first pool rounds up now. At 224 pixels that is enough; the original's all do.": (
                lambda images: ported(images, (True, False, False))
            ),
            "The pools are padded now. That moves every window by a pixel, and Caffe's were not.": (
                lambda images: ported(images, (False, False, False), padding=1)
            ),
            "The last maps are stretched to 6x6: all that they were computed from still lacks a row.": (
                lambda images: ported(images, (False, False, False), stretch=True)
            ),
        },
        ask="Which grid should stand behind the first pool, by hand, and which one does?",
    ),
    "still": Computes(
        points=3,
        shown=[([2, 2, 2], 16), ([1, 2, 1, 3], 12)],
        hidden=[([1, 1], 3), ([2, 2], 9), ([5, 1, 3], 31)],
        slips={
            "This returns every shift, as if the mean stood right behind the picture.": lambda strides, most: multiples(
                1, most
            ),
            "This adds the strides. Behind a stride of 2, how many pixels is a step of 2?": lambda strides, most: (
                multiples(sum(strides), most)
            ),
            "This looks at one stride only, the largest.": lambda strides, most: multiples(max(strides), most),
            "This looks at one stride only, the last.": lambda strides, most: multiples(strides[-1], most),
            "This leaves out the last shift: up to most, and most itself too.": lambda strides, most: [
                shift for shift in multiples(prod(strides), most) if shift < most
            ],
        },
        ask="How many pixels lie between two neighbouring cells of the last maps?",
    ),
    "ahead": Answer(
        points=3,
        slips={
            "FC ahead": {
                (0, 1, 2): "This is where the mean is higher: is it by two standard errors everywhere?",
                (3, 4, 5, 6, 7, 8): "At these shifts it is the other one that leads.",
            },
            "GAP ahead": {
                (0, 1): "At these shifts it is the other one that leads.",
                (2, 3, 4, 5, 6, 7, 8): "At one of these shifts nobody leads by two standard errors.",
            },
            "FC moved ahead": {
                tuple(range(8)): "This is where the mean is higher: is it by two standard errors everywhere?",
                (5, 6): "This sets a lower bar than two standard errors.",
                (8,): "This is where GAP's mean is the higher one.",
            },
        },
        ask="What are the mean and the standard error of the ten differences at a shift of 2 pixels, by hand?",
    ),
    "light_head": Designs(
        points=3,
        shape=(1024, 7, 7),
        output=(1000,),
        most={"parameters": 300_000, "MACs": 300_000},
        least={"parameters": 100_000},
    ),
    "shrug": Answer(
        points=1,
        digits=4,
        slips={
            log(100) / log(2): "This is in bits: the logarithm is to base 2.",
            2: "This is a logarithm to base 10; nats take the natural one.",
            0.01: "This is the probability of the truth. What does the cross-entropy do with it?",
            log(10): "This would be right for ten classes.",
            -log(100): "Mind the sign: a loss is never below 0.",
        },
        ask="Which probability does the true class get?",
        twin="Try it with other numbers first: for 1,000 classes it is 6.908 nats.",
    ),
}
