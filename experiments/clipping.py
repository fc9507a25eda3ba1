"""What clipping the gradient's norm at 2.0 rescues, rate by rate: a recorded cloud of chapter 06.

The stem and the blocks 5b and 6a of Inception-v3 at an eighth of their width, without batch norm, from Kaiming
weights, so that training is easily upset. Every rate runs with and without clipping, from the same weights and with
the same images in the same order. A run survives if its loss stays finite and it classifies at least 30 % of
2,000 test images correctly; one whose loss does not stay finite is recorded with 10 %, the result of guessing.

    python experiments/clipping.py         writes assets/records/06_clipping.json, in ten minutes on one core
"""

from functools import partial
from typing import Any

import torch
from starts import kaiming_start

import inception_edu as ie
from inception_edu.data.fashion import load_fashion, split_validation
from inception_edu.models.inception_v3 import inception_a, reduction_a
from inception_edu.network import InceptionNet, stack
from inception_edu.train.loop import accuracy, fit, flip, sgd
from tools.recording import Record, cloud

IMAGES, TEST_IMAGES, LEVEL = 1000, 2000, 0.3
RATES = (0.05, 0.1, 0.2, 0.4)
CLIP: dict[str, float | None] = {"free": None, "clipped": 2.0}
RECIPE: dict[str, Any] = {"epochs": 12, "batch_size": 50, "optimizer": sgd, "schedule": None, "augment": flip}


def network() -> InceptionNet:
    """(N, 1, 28, 28) -> (N, 10), without batch norm."""
    items = {"conv_1": (64, 3, 2), "mixed_5b": partial(inception_a, pool_proj=32), "mixed_6a": reduction_a}
    net = stack(1, 10, items, name="small inception_v3", width=0.125, batch_norm=False)
    kaiming_start(net)
    return net


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training, clipped or free, from the seed's start."""
    train = split_validation(load_fashion("train"))[0][:IMAGES]
    torch.manual_seed(seed)
    net = network()
    try:
        history = fit(net, train, lr=rate, clip_norm=CLIP[arm.split()[0]], seed=seed, progress=False, **RECIPE)
    except FloatingPointError as error:
        return {"diverged": str(error).split(",")[0], "test": 0.1}
    return {
        "test": round(accuracy(net, load_fashion("test")[:TEST_IMAGES]), 4),
        "gradient": [round(epoch.gradient, 2) for epoch in history.epochs],
        "losses": [round(epoch.loss, 3) for epoch in history.epochs],
    }


def main() -> None:
    """Ten seeds for every rate, with and without clipping."""
    node = ie.trace(network(), (1, 28, 28))
    record = Record(
        "06_clipping",
        made_by="experiments/clipping.py",
        network="small inception_v3: conv_1, mixed_5b, 6a at width 0.125, no batch norm, Kaiming start",
        size={"params": node.params, "macs": node.macs},
        recipe="SGD, Nesterov momentum 0.9, weight decay 5e-4, flat rate, 12 passes in batches of 50, images mirrored",
        images=IMAGES,
        test_images=TEST_IMAGES,
        level=LEVEL,
        rates=RATES,
    )
    cloud(record, run, {f"{arm} {rate}": rate for rate in RATES for arm in CLIP})


if __name__ == "__main__":
    main()
