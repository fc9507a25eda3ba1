"""The stand-in of chapter 13, the small GoogLeNet and cheaper variants of both, each with the same seeds.

"stand-in" is the network that the chapter builds. "separable" has a separable layer in place of its 3x3 on 14x14.
"narrower" keeps the 3x3 and has a narrower second block. "separable stem" is the small GoogLeNet with the second layer
of its stem made separable: the last task of chapter 09. "cheaper" also has a separable 3x3 in its first block, and
"better" has wider blocks after that stem. Each reaches the goal of that name, so the chapter's map leaves them out. All
learn by the recipe of the chapter: three passes over 5,000 images, judged on 1,000 others. The test images stay unseen.

    python experiments/project.py          writes assets/records/13_project.json
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch
from torch import nn

import inception_edu as ie
from inception_edu.course.challenge import BUDGET
from inception_edu.data.fashion import LabelledImages, load_fashion, split_validation
from inception_edu.models.googlenet import inception
from inception_edu.network import stack
from inception_edu.shorthand import Item, separable
from inception_edu.train.loop import SMALL_GOOGLENET, accuracy, fit, flip, sgd
from tools.recording import Record, cloud

WIDE, NARROW = (48, 48, 96, 12, 48, 32), (48, 32, 64, 12, 32, 32)
"""Widths of the second block in the order of GoogLeNet's Table 1."""
RATE = 0.1


def designed(plain: Item, second: tuple[int, int, int, int, int, int]) -> nn.Module:
    """The stand-in with another layer on 14x14 and other widths of its second block: (N, 1, 28, 28) -> (N, 10)."""
    items: dict[str, Item] = {
        "stem": (24, 3),
        "pool_1": nn.MaxPool2d(2),
        "plain": plain,
        "pool_2": nn.MaxPool2d(2),
        "block_1": partial(inception, row=(24, 32, 48, 8, 16, 16)),
        "block_2": partial(inception, row=second),
    }
    return stack(1, 10, items, name="design")


def googlenet(*, block: bool) -> nn.Module:
    """The small GoogLeNet with a separable 3x3 in its stem, and with `block` also in 3a: (N, 1, 28, 28) -> (N, 10)."""
    net: Any = ie.build("googlenet", **SMALL_GOOGLENET)
    net.features.conv_2 = separable(16, 48)
    if block:
        net.features.inception_3a[1][1] = separable(24, 32)
    return net


WIDER: dict[str, Item] = {
    "stem": (16, 3),
    "separable": partial(separable, channels=48),
    "pool_1": nn.MaxPool2d(3, 2, padding=1),
    "block_1": partial(inception, row=(24, 32, 48, 8, 16, 16)),
    "pool_2": nn.MaxPool2d(3, 2, padding=1),
    "block_2": partial(inception, row=(48, 32, 64, 8, 24, 24)),
    "pool_3": nn.MaxPool2d(3, 2, padding=1),
    "block_3": partial(inception, row=(64, 48, 96, 8, 32, 32)),
}


ARMS: dict[str, Callable[[], nn.Module]] = {
    "small GoogLeNet": lambda: ie.build("googlenet", **SMALL_GOOGLENET),
    "stand-in": lambda: designed((48, 3), WIDE),
    "separable": lambda: designed(partial(separable, channels=48), WIDE),
    "narrower": lambda: designed((48, 3), NARROW),
    "separable stem": lambda: googlenet(block=False),
    "cheaper": lambda: googlenet(block=True),
    "better": lambda: stack(1, 10, WIDER, name="design"),
}


@cache
def data() -> tuple[LabelledImages, LabelledImages]:
    """The images to learn from and the images to judge by."""
    return split_validation(load_fashion("train"))


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training: the share of the validation images that are classified correctly."""
    learn, valid = data()
    torch.manual_seed(seed)
    net = ARMS[arm]()
    fit(net, learn, epochs=3, lr=rate, batch_size=32, optimizer=sgd, augment=flip, seed=seed, progress=False)
    return {"valid": round(accuracy(net, valid), 4)}


def main() -> None:
    """Runs all arms with the same seeds."""
    nodes = {arm: ie.trace(make(), BUDGET.image) for arm, make in ARMS.items()}
    record = Record(
        "13_project",
        made_by="experiments/project.py",
        recipe="SGD, momentum 0.9, weight decay 5e-4, batches of 32, three passes, one cycle up to 0.1, mirrored",
        costs={arm: {"params": node.params, "macs": node.macs} for arm, node in nodes.items()},
    )
    cloud(record, run, dict.fromkeys(ARMS, RATE), range(6))


if __name__ == "__main__":
    main()
