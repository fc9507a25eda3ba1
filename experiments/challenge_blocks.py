"""What recorded runs of the challenge network with other blocks share: recipe, images, a training and its record."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch

import inception_edu as ie
from inception_edu.course.challenge import BUDGET, challenge_network
from inception_edu.data.fashion import LabelledImages, load_fashion, split_validation
from inception_edu.train.loop import accuracy, adamw, fit, flip, one_cycle
from tools.recording import Record, Run, cloud, device, tune

Arms = Mapping[str, Mapping[str, Any]]
"""The blocks of each arm, as `challenge_network` takes them."""

Images = tuple[LabelledImages, LabelledImages, LabelledImages]
"""The images to train on, to choose by and to test on."""

RECIPE: dict[str, Any] = {
    "epochs": 20,
    "batch_size": 100,
    "optimizer": adamw,
    "schedule": one_cycle,
    "augment": flip,
    "progress": False,
}
RATES = (0.003, 0.01, 0.03)
NETWORK = "challenge network: stem 24, batch norm after every convolution, blocks of one kind in each arm"


@cache
def clothes() -> Images:
    """The images as they are."""
    return *split_validation(load_fashion("train")), load_fashion("test")


def trained(blocks: Mapping[str, Any], images: Images, rate: float, seed: int) -> dict[str, Any]:
    """One training: shares of 1, and the mean training loss of each pass."""
    learn, valid, test = images
    torch.manual_seed(seed)
    net = challenge_network(**blocks).to(device())
    history = fit(net, learn, lr=rate, seed=seed, **RECIPE)
    return {
        "valid": round(accuracy(net, valid), 4),
        "test": round(accuracy(net, test), 4),
        "losses": [round(epoch.loss, 4) for epoch in history.epochs],
    }


def costs(arms: Arms) -> dict[str, dict[str, int]]:
    """Parameters and MACs of every arm."""
    nodes = {arm: ie.trace(challenge_network(**blocks), BUDGET.image) for arm, blocks in arms.items()}
    return {arm: {"params": node.params, "macs": node.macs} for arm, node in nodes.items()}


def record(
    name: str, script: str, run: Run, arms: Arms, images: Images, *, network: str = NETWORK, **more: Any
) -> None:
    """Chooses a rate for each arm, trains all with the same ten seeds, and keeps that with all that a page must say."""
    kept = Record(
        name,
        made_by=f"experiments/{script}.py",
        network=network,
        optimiser="AdamW, weight decay 0.01",
        schedule="one cycle: up for the first quarter of the steps, then a cosine down to zero",
        batch_size=RECIPE["batch_size"],
        images=len(images[0]),
        tested=len(images[2]),
        epochs=RECIPE["epochs"],
        augmentation="half of the images mirrored",
        **more,
        arms=costs(arms),
    )
    cloud(kept, run, tune(kept, run, dict.fromkeys(arms, RATES)))
