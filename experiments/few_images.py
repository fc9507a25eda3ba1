"""Global average pooling against a fully connected head on 20 images per class: the recorded cloud of a side road.

The images are 28x28, without a canvas; each seed draws its own 200. In the arms "... anywhere" every image, also those
to choose by and to test on, has a random place on a black canvas of 48x48, where it stays. The networks of a seed start
from the same convolutions and see the same images in the same order. Learning rates are chosen for each arm on
validation images, by three runs for each rate.

    python experiments/few_images.py      writes assets/records/01_few_images.json
"""

from functools import cache
from typing import Any

import torch
from heads import head_network

import inception_edu as ie
from inception_edu.data.fashion import BLACK, LabelledImages, balanced_choice, load_fashion, split_validation
from inception_edu.network import InceptionNet
from inception_edu.train.loop import accuracy, adamw, fit, flip, one_cycle
from tools.recording import Record, cloud, device, tune

PER_CLASS, SIDE, CANVAS = 20, 28, 48
RECIPE: dict[str, Any] = {
    "epochs": 120,
    "batch_size": 50,
    "optimizer": adamw,
    "schedule": one_cycle,
    "augment": flip,
    "progress": False,
}
RATES = {
    "FC": (0.001, 0.003, 0.01),
    "GAP": (0.03, 0.1, 0.3),
    "FC anywhere": (0.001, 0.003, 0.01),
    "GAP anywhere": (0.03, 0.1, 0.3),
}


def anywhere(data: LabelledImages, seed: int) -> LabelledImages:
    """Each picture at a random place of a black canvas."""
    images = torch.full((len(data), 1, CANVAS, CANVAS), BLACK)
    places = torch.randint(CANVAS - SIDE + 1, (len(data), 2), generator=torch.Generator().manual_seed(seed))
    for image, picture, (top, left) in zip(images, data.images, places.tolist(), strict=True):
        image[:, top : top + SIDE, left : left + SIDE] = picture
    return LabelledImages(images, data.labels)


@cache
def data() -> tuple[LabelledImages, LabelledImages, LabelledImages]:
    """The images to draw from, to choose by and to test on."""
    return *split_validation(load_fashion("train")), load_fashion("test")[:2000]


@cache
def scattered() -> tuple[LabelledImages, LabelledImages]:
    """The images to choose by and to test on, each at its place."""
    _, valid, test = data()
    return anywhere(valid, 1), anywhere(test, 2)


def build(arm: str, seed: int = 0) -> InceptionNet:
    """The network of an arm."""
    return head_network(arm.split()[0], CANVAS if arm.endswith("anywhere") else SIDE, seed)


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training: shares of 1, and the mean training loss of each pass."""
    pool, valid, test = data()
    few = pool[balanced_choice(pool.labels, PER_CLASS, seed=seed)]
    if arm.endswith("anywhere"):
        few, (valid, test) = anywhere(few, seed + 1000), scattered()
    net = build(arm, seed).to(device())
    history = fit(net, few, lr=rate, seed=seed, **RECIPE)
    shares = {"valid": valid, "train": few, "test": test}
    return {name: round(accuracy(net, images), 4) for name, images in shares.items()} | {
        "losses": [round(epoch.loss, 4) for epoch in history.epochs]
    }


def main() -> None:
    """Chooses a rate for each arm, then trains all with the same ten seeds."""
    nets = {arm: build(arm) for arm in RATES}
    sides = {arm: CANVAS if arm.endswith("anywhere") else SIDE for arm in RATES}
    costs = {arm: ie.trace(net, (1, sides[arm], sides[arm])) for arm, net in nets.items()}
    record = Record(
        "01_few_images",
        made_by="experiments/few_images.py",
        network="3x3 to 8, pool, 3x3 to 24, pool, 3x3 to 48, batch norm and ReLU after each; then the head",
        optimiser="AdamW, weight decay 0.01",
        schedule="one cycle: up for the first quarter of the steps, then a cosine down to zero",
        batch_size=RECIPE["batch_size"],
        images=10 * PER_CLASS,
        tested=len(data()[2]),
        epochs=RECIPE["epochs"],
        augmentation="half mirrored",
        arms={arm: {"params": node.params, "macs": node.macs} for arm, node in costs.items()},
    )
    cloud(record, run, tune(record, run, RATES, seeds=(100, 101, 102)))


if __name__ == "__main__":
    main()
