"""Global average pooling against a fully connected head when the pictures move: the recorded cloud of chapter 01.

Trained on 1,500 pictures in the middle of a black 48x48 canvas, tested on 2,000 pictures moved to the right by 0 to 8
pixels; the arms "... moved" are trained on pictures that are moved by up to 8 pixels at random, up or down and left or
right. The networks of a seed start from the same convolutions and see the same images in the same order. Learning rates
are chosen for each arm on validation images, which are moved if the training images are.

    python experiments/head_shifts.py      writes assets/records/01_head_shifts.json
"""

from functools import cache, partial
from typing import Any

import torch
from heads import head_network
from torch import nn

import inception_edu as ie
from inception_edu.data.fashion import BLACK, LabelledImages, balanced_choice, load_fashion, split_validation
from inception_edu.train.loop import accuracy, adamw, fit, flip, flip_and_shift, one_cycle
from tools.recording import Record, cloud, device, tune

SIDE, MARGIN, FARTHEST = 48, 10, 8
RECIPE: dict[str, Any] = {
    "epochs": 60,
    "batch_size": 100,
    "optimizer": adamw,
    "schedule": one_cycle,
    "progress": False,
}
RATES = (0.01, 0.03, 0.1)
ARMS = ("GAP", "FC", "GAP moved", "FC moved")
move = partial(flip_and_shift, pixels=FARTHEST)


def on_canvas(data: LabelledImages, right: int = 0) -> LabelledImages:
    """The pictures on a black canvas of 48x48, `right` pixels to the right of its centre."""
    margins = (MARGIN + right, MARGIN - right, MARGIN, MARGIN)
    return LabelledImages(nn.functional.pad(data.images, margins, value=BLACK), data.labels)


@cache
def data() -> tuple[LabelledImages, LabelledImages, LabelledImages, list[LabelledImages]]:
    """The images to train on, to choose by, to choose by where they move, and to test on at each place."""
    train, valid = split_validation(load_fashion("train"))
    train, valid = on_canvas(train[balanced_choice(train.labels, 150)]), on_canvas(valid)
    moved = LabelledImages(move(valid.images, torch.Generator().manual_seed(0)), valid.labels)
    test = load_fashion("test")[:2000]
    return train, valid, moved, [on_canvas(test, right) for right in range(FARTHEST + 1)]


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training: shares of 1, at each place for the test images, and the mean training loss of each pass."""
    train, valid, moved, places = data()
    wanders = arm.endswith("moved")
    net = head_network(arm.split()[0], SIDE, seed).to(device())
    history = fit(net, train, lr=rate, augment=move if wanders else flip, seed=seed, **RECIPE)
    shifts = [round(accuracy(net, place), 4) for place in places]
    return {
        "valid": round(accuracy(net, moved if wanders else valid), 4),
        "test": shifts[0],
        "shifts": shifts,
        "losses": [round(epoch.loss, 4) for epoch in history.epochs],
    }


def main() -> None:
    """Chooses a rate for each of the four arms, then trains them with the same ten seeds."""
    train, _, _, places = data()
    costs = {arm: ie.trace(head_network(arm.split()[0], SIDE), (1, SIDE, SIDE)) for arm in ARMS}
    record = Record(
        "01_head_shifts",
        made_by="experiments/head_shifts.py",
        network="3x3 to 8, pool, 3x3 to 24, pool, 3x3 to 48, batch norm and ReLU after each; then the head",
        optimiser="AdamW, weight decay 0.01",
        schedule="one cycle: up for the first quarter of the steps, then a cosine down to zero",
        batch_size=RECIPE["batch_size"],
        images=len(train),
        tested=len(places[0]),
        epochs=RECIPE["epochs"],
        augmentation=f"half mirrored; in the moved arms also moved by up to {FARTHEST} pixels each way",
        arms={arm: {"params": node.params, "macs": node.macs} for arm, node in costs.items()},
    )
    cloud(record, run, tune(record, run, dict.fromkeys(ARMS, RATES)))


if __name__ == "__main__":
    main()
