"""What does a light small GoogLeNet lose in three passes? Ten seeds of each: the record of chapter 09.

    python experiments/light_googlenet.py --device cuda --jobs 8      writes assets/records/09_light.json

The recipe is that of the chapter's own cell, which is chapter 04's: its run is one more draw from these.
"""

import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from inception_edu.data.fashion import load_fashion, split_validation
from inception_edu.shorthand import separable
from inception_edu.train.loop import accuracy, fit, flip, sgd
from tools.recording import Record, cloud, device

sys.path.append(str(Path(__file__).resolve().parent.parent / "chapters"))
from my_inception import SmallGoogLeNet, conv_norm_relu

RECIPE: dict[str, Any] = {"epochs": 3, "batch_size": 32, "optimizer": sgd, "augment": flip, "progress": False}


def light(channels: int, out: int, kernel: int) -> nn.Module:
    """The chapter's: 1x1s and the first layer stay as they are."""
    if kernel == 1 or channels == 1:
        return conv_norm_relu(channels, out, kernel)
    return separable(channels, out, kernel)


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training of the full or of the light network."""
    train, valid = split_validation(load_fashion("train"))
    torch.manual_seed(seed)
    net = SmallGoogLeNet(unit=light if arm == "light" else conv_norm_relu).to(device())
    fit(net, train, lr=rate, seed=seed, **RECIPE)
    return {"valid": accuracy(net, valid), "test": round(accuracy(net, load_fashion("test")), 4)}


if __name__ == "__main__":
    record = Record(
        "09_light",
        made_by="experiments/light_googlenet.py",
        recipe="5,000 images, 3 passes, batches of 32, flip, SGD (momentum 0.9, weight decay 5e-4), one cycle to 0.1",
    )
    cloud(record, run, {"full": 0.1, "light": 0.1})
