"""The recorded cloud of chapter 04's exercises: does a small GoogLeNet learn better with its auxiliary heads?

`python experiments/aux_heads.py` writes assets/records/04_aux_heads.json. It takes about half an hour on one
core; runs that are already in the file are not repeated, so it can be stopped and restarted.

Both arms of a pair start from the same weights and see the same images in the same order: every
network is built with its heads, and the arm "without" gives them the weight 0 in the loss, which leaves
them out of the computation. Learning rates are chosen for each arm separately on 1,000 validation images.
"""

import time
from typing import Any

import torch

from inception_edu.data.fashion import load_fashion, split_validation
from inception_edu.family import build
from inception_edu.models.googlenet import TABLE_1
from inception_edu.train.loop import accuracy, fit, flip, sgd
from tools.recording import Record

NETWORK: dict[str, Any] = {
    "num_classes": 10,
    "in_channels": 1,
    "small": True,
    "batch_norm": True,
    "width": 0.2,
    "table": {f"inception_{name}": TABLE_1[f"inception_{name}"] for name in ("3a", "4a", "4d", "5b")},
    "aux": True,
}
"""One block of each stage, and 4d, because an auxiliary head sits there; a fifth of the paper's widths."""

RECIPE: dict[str, Any] = {"epochs": 4, "batch_size": 64, "optimizer": sgd, "augment": flip}
ARMS = {"without": 0.0, "with": 0.3}
TUNING_SEED, SEEDS = 100, range(10)
RATES = (0.05, 0.1, 0.2)


def run(seed: int, aux_weight: float, lr: float) -> dict[str, Any]:
    """One training run: accuracies as shares of 1; `valid` after each epoch, the others at the end."""
    before = time.process_time()
    torch.manual_seed(seed)
    net = build("googlenet", **NETWORK)
    train, valid = split_validation(load_fashion("train"))
    history = fit(net, train, valid, lr=lr, aux_weight=aux_weight, seed=seed, progress=False, **RECIPE)
    return {
        "valid": [round(epoch.valid_accuracy or 0.0, 4) for epoch in history.epochs],
        "train": round(accuracy(net, train), 4),
        "test": round(accuracy(net, load_fashion("test")), 4),
        "cpu_seconds": round(time.process_time() - before),
    }


def main() -> None:
    """Chooses a rate for each arm, then makes the ten pairs."""
    record = Record(
        "04_aux_heads",
        made_by="experiments/aux_heads.py",
        network={**NETWORK, "table": list(NETWORK["table"])},
    )

    def once(cloud: str, arm: str, seed: int, lr: float) -> dict[str, Any]:
        found: dict[str, Any] = record.once(f"{cloud}/{arm}/{lr}/{seed}", lambda: run(seed, ARMS[arm], lr))
        return found

    chosen = {}
    for arm in ARMS:
        tried = {lr: once("tuning", arm, TUNING_SEED, lr)["valid"][-1] for lr in RATES}
        chosen[arm] = max(tried, key=tried.__getitem__)
    record.about["chosen_on_validation"] = chosen
    for seed in SEEDS:
        for arm in ARMS:
            once("batch_norm", arm, seed, chosen[arm])
    record.write()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
