"""Three kinds of block under one budget: the record that an exercise of chapter 12 reads.

Each kind is as wide as the budget allows. Its learning rate is chosen on the validation images, then every kind
runs with the same ten seeds. About three minutes on one core: .venv/bin/python experiments/designs.py
"""

import torch

from inception_edu.course.challenge import Budget
from inception_edu.data.fashion import load_fashion, split_validation
from inception_edu.explorers.designer import WIDTHS, one_kind, widest
from inception_edu.train.loop import accuracy, fit, flip
from tools.recording import Record, cloud, tune

SMALL = Budget(params=50_000, macs=3_000_000)
"""A smaller budget than the challenge's, so that thirty runs are affordable."""
ARMS = {kind: widest(one_kind(kind), SMALL) for kind in ("plain 3x3", "Inception", "residual")}
RATES = dict.fromkeys(ARMS, (0.004, 0.01, 0.025))
IMAGES, TEST = 2000, 3000
RECIPE = {"epochs": 2, "batch_size": 50, "augment": flip, "progress": False}


def main() -> None:
    """Tunes, then runs every arm with ten seeds."""
    train, valid = split_validation(load_fashion("train"))
    train, test = train[:IMAGES], load_fashion("test")[:TEST]

    def run(arm: str, rate: float, seed: int) -> dict[str, float]:
        torch.manual_seed(seed)
        net = ARMS[arm].build()
        fit(net, train, lr=rate, seed=seed, **RECIPE)
        return {"valid": accuracy(net, valid)} | ({"test": accuracy(net, test)} if seed < 100 else {})

    record = Record(
        "12_designs",
        made_by="experiments/designs.py",
        recipe=f"{IMAGES} training images, 2 epochs, batches of 50, AdamW with one cycle, mirrored; {TEST} test images",
        budget={"params": SMALL.params, "macs": SMALL.macs},
        designs={
            arm: {
                "kind": arm,
                "widths": {name: getattr(design, name) for name in WIDTHS},
                "params": design.node.params,
                "macs": design.node.macs,
            }
            for arm, design in ARMS.items()
        },
    )
    cloud(record, run, tune(record, run, RATES))


if __name__ == "__main__":
    main()
