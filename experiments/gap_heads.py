"""The recorded cloud of exercises 01: global average pooling against a fully connected head, on one trunk.

`python experiments/gap_heads.py` writes assets/records/01_shifts.json; about five minutes on one core. Runs that are
already in the file are not repeated.

Both networks of a seed start from the same convolutions and see the same images in the same order. They are trained on
1,500 pictures in the middle of a black canvas, and tested on 500 pictures moved to the right by 0 to 8 pixels; the arms
"... moved" are trained on pictures that are moved by up to 8 pixels at random. Learning rates are chosen for each arm
on validation images, which are moved if the training images are.
"""

from functools import partial
from typing import Any

import torch
from heads import head_network
from torch import nn

import inception_edu as ie
from inception_edu.data.fashion import LabelledImages, balanced_choice, load_fashion, normalise, split_validation
from inception_edu.train.loop import accuracy, fit, flip, flip_and_shift
from tools.recording import Record, cloud, tune

MARGIN, FARTHEST, SEEDS = 10, 8, range(10)
RATES = (0.003, 0.01, 0.03)
ARMS = ("GAP", "FC", "GAP moved", "FC moved")


def on_canvas(data: LabelledImages, right: int = 0) -> LabelledImages:
    """The pictures on a black canvas of 48x48, `right` pixels to the right of its centre."""
    margins = (MARGIN + right, MARGIN - right, MARGIN, MARGIN)
    canvas = nn.functional.pad(data.images, margins, value=float(normalise(torch.zeros(()))))
    return LabelledImages(canvas, data.labels)


def shifts(learn: LabelledImages, valid: LabelledImages, test: LabelledImages) -> None:
    """Four arms, ten seeds, nine places."""
    costs = {arm: ie.trace(head_network(arm.split()[0], 48, 0), (1, 48, 48)) for arm in ARMS}
    facts = {arm: {"params": node.params, "macs": node.macs} for arm, node in costs.items()}
    record = Record("01_shifts", made_by="experiments/gap_heads.py", images=len(learn), epochs=3, arms=facts)
    places = [on_canvas(test, right) for right in range(FARTHEST + 1)]
    learn, valid = on_canvas(learn), on_canvas(valid)
    move = partial(flip_and_shift, pixels=FARTHEST)
    moved = LabelledImages(move(valid.images, torch.Generator().manual_seed(0)), valid.labels)

    def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
        head, *wanders = arm.split()
        net = head_network(head, 48, seed)
        augment = move if wanders else flip
        fit(net, learn, epochs=3, lr=rate, batch_size=50, augment=augment, seed=seed, progress=False)
        result: dict[str, Any] = {"valid": round(accuracy(net, moved if wanders else valid), 4)}
        if seed in SEEDS:
            result["shifts"] = [round(accuracy(net, place), 4) for place in places]
            result["test"] = result["shifts"][0]
        return result

    cloud(record, run, tune(record, run, dict.fromkeys(ARMS, RATES)), SEEDS)


if __name__ == "__main__":
    torch.set_num_threads(1)
    train, valid = split_validation(load_fashion("train"))
    test = load_fashion("test")
    shifts(train[balanced_choice(train.labels, 150)], valid, test[:500])
