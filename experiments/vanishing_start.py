"""Recorded runs of chapter 04: without batch norm, what gets training started: auxiliary heads or better weights?

`python experiments/vanishing_start.py` writes assets/records/04_vanishing_start.json, in about ten minutes on
one core. "without" and "with" start from the same weights, torch's own; "kaiming" has Kaiming's weights in the
convolutions and no heads. The learning rate is chosen for each arm separately, on a seed that is not used
again; where none gets training started, the larger is kept.
"""

from typing import Any

import torch
from aux_heads import NETWORK, RECIPE
from starts import kaiming_start

from inception_edu.data.fashion import load_fashion, split_validation
from inception_edu.family import build
from inception_edu.train.loop import fit
from tools.recording import Record

PLAIN: dict[str, Any] = {**NETWORK, "batch_norm": False, "width": 0.125}
ARMS: dict[str, dict[str, Any]] = {
    "without": {"aux_weight": 0.0},
    "with": {"aux_weight": 0.3},
    "kaiming": {"aux_weight": 0.0, "kaiming": True},
}
TUNING_SEED, SEEDS, RATES = 100, range(3), (0.1, 0.03)


def run(seed: int, lr: float, *, aux_weight: float, kaiming: bool = False) -> list[float]:
    """The validation accuracy, as a share of 1, after each of the epochs."""
    torch.manual_seed(seed)
    net = build("googlenet", **PLAIN)
    if kaiming:
        kaiming_start(net)
    recipe = {**RECIPE, "batch_size": 32}  # learning starts late, so twice as many steps
    train, valid = split_validation(load_fashion("train"))
    history = fit(net, train, valid, lr=lr, aux_weight=aux_weight, seed=seed, progress=False, **recipe)
    return [round(epoch.valid_accuracy or 0.0, 4) for epoch in history.epochs]


def main() -> None:
    """Chooses a rate for each arm, then makes the runs; those already in the file are not repeated."""
    record = Record(
        "04_vanishing_start",
        made_by="experiments/vanishing_start.py",
        network={**PLAIN, "table": list(PLAIN["table"])},
    )

    def once(arm: str, lr: float, seed: int) -> list[float]:
        found: list[float] = record.once(f"{arm}/{lr}/{seed}", lambda: run(seed, lr, **ARMS[arm]))
        return found

    chosen = {}
    for arm in ARMS:
        tried = {lr: once(arm, lr, TUNING_SEED)[-1] for lr in RATES}
        chosen[arm] = max(tried, key=tried.__getitem__)
    record.about["chosen_on_validation"] = chosen
    for seed in SEEDS:
        for arm, lr in chosen.items():
            once(arm, lr, seed)
    record.write()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
