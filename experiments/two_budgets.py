"""Five generations of the family, small, under one recipe and under two budgets: chapter 12.

    python experiments/two_budgets.py --device cuda --jobs 4      writes assets/records/12_two_budgets.json

Every network keeps its own blocks and their number, with batch norm in all of them; one factor on all its widths
brings it within 5 % of `MACS` on a (1, 28, 28) image, another within 5 % of `PARAMS`. No factor does both at once:
the late blocks of the younger networks hold many weights that are used on few positions. The learning rate of each is
chosen on validation images under the first budget and kept under the second; all else is the same for all.
"""

from functools import cache
from typing import Any

import torch

import inception_edu as ie
from inception_edu.data.fashion import LabelledImages, load_fashion, split_validation
from inception_edu.network import InceptionNet
from inception_edu.train.loop import accuracy, fit, flip
from tools.recording import Record, cloud, device, tune

MACS, PARAMS = 4_200_000, 100_000
WIDTHS = {
    "googlenet": (0.109, 0.128),
    "bn_inception": (0.091, 0.098),
    "inception_v3": (0.082, 0.066),
    "inception_v4": (0.0545, 0.049),
    "inception_resnet_v2": (0.052, 0.042),
}
"""Name -> width at equal MACs, and at equal parameters."""
ARMS = {
    f"{budget}/{name}": (name, each[number])
    for number, budget in enumerate(("macs", "params"))
    for name, each in WIDTHS.items()
}
RATES = (0.003, 0.01, 0.03)
RECIPE: dict[str, Any] = {"epochs": 15, "batch_size": 250, "augment": flip, "progress": False}


def small(arm: str) -> InceptionNet:
    """The network of an arm for (1, 28, 28) images and ten classes."""
    name, width = ARMS[arm]
    more = {"batch_norm": True} if name == "googlenet" else {}
    return ie.build(name, num_classes=10, in_channels=1, small=True, width=width, **more)


@cache
def images() -> tuple[LabelledImages, LabelledImages, LabelledImages]:
    """Training, validation and test images: 5,000, 1,000 and 10,000."""
    return *split_validation(load_fashion("train")), load_fashion("test")


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training: accuracies at the end, and the training loss of every pass."""
    train, valid, test = images()
    torch.manual_seed(seed)
    net = small(arm).to(device())
    history = fit(net, train, lr=rate, seed=seed, **RECIPE)
    return {
        "valid": accuracy(net, valid),
        "test": round(accuracy(net, test), 4),
        "train": round(history.last.accuracy, 4),
        "losses": [round(epoch.loss, 4) for epoch in history.epochs],
    }


def main() -> None:
    """Prices every network, chooses its rate, and runs two seeds under the first budget, then under the second."""
    nodes = {arm: ie.trace(small(arm), (1, 28, 28)) for arm in ARMS}
    for arm, node in nodes.items():
        spent, budget = (node.macs, MACS) if arm.startswith("macs/") else (node.params, PARAMS)
        assert abs(spent / budget - 1) < 0.05, f"{arm}: {spent:,}"
    record = Record(
        "12_two_budgets",
        made_by="experiments/two_budgets.py",
        images=5000,
        epochs=RECIPE["epochs"],
        batch_size=RECIPE["batch_size"],
        optimizer="AdamW, weight decay 0.01",
        schedule="one cycle: up from a tenth during the first quarter of the steps, then a cosine to zero",
        augment="flip",
        arms={arm: {"params": node.params, "macs": node.macs, "width": ARMS[arm][1]} for arm, node in nodes.items()},
    )
    rates = tune(record, run, {arm: RATES for arm in ARMS if arm.startswith("macs/")})
    cloud(record, run, rates, range(2))
    cloud(record, run, {arm.replace("macs/", "params/"): rate for arm, rate in rates.items()}, range(2))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
