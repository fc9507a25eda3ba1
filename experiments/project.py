"""The stand-in of chapter 13, three cheaper variants and the small GoogLeNet, each with the same seeds.

"stand-in" is the network that the chapter builds. "separable" has a separable layer in place of its 3x3 on 14x14.
"narrower" keeps the 3x3 and has a narrower second block. "both changes" has both, so that it needs less than half of
the small GoogLeNet's multiply-adds. All learn by the recipe of the chapter: three passes over 5,000 images, judged on
1,000 others. The test images stay unseen.

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


ARMS: dict[str, Callable[[], nn.Module]] = {
    "small GoogLeNet": lambda: ie.build("googlenet", **SMALL_GOOGLENET),
    "stand-in": lambda: designed((48, 3), WIDE),
    "separable": lambda: designed(partial(separable, channels=48), WIDE),
    "both changes": lambda: designed(partial(separable, channels=48), NARROW),
    "narrower": lambda: designed((48, 3), NARROW),
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
