"""What a residual sum does for 16 blocks: the recorded cloud of chapter 08.

"plain" and "sum" have the same layers, start from the same weights and see the same images in the same order: one
block outputs `relu(F(x))`, the other `relu(x + 0.2 F(x))`. Both are trained with and without batch norm, from a He
start. "plain, default start" is the plain network without norm from PyTorch's own start, one seed at several rates.
Learning rates are chosen for each arm on 1,000 validation images. A pass is 50 steps, so a list of losses per pass
is one per 50 steps.

    python experiments/sums.py             writes assets/records/08_sums.json
"""

import math
from copy import deepcopy
from functools import cache
from typing import Any

import torch
from starts import kaiming_start
from torch import Tensor, nn
from torch.nn import functional

import inception_edu as ie
from inception_edu.data.fashion import LabelledImages, load_fashion, split_validation
from inception_edu.train.loop import accuracy, cosine, fit, flip, sgd
from tools.recording import Record, cloud, device, tune

BLOCKS, WIDTH, SCALE = 16, 48, 0.2
RECIPE: dict[str, Any] = {
    "epochs": 16,
    "batch_size": 100,
    "optimizer": sgd,
    "schedule": cosine,
    "augment": flip,
    "progress": False,
}
RATES = (0.01, 0.03, 0.1)
ARMS = ("plain with norm", "sum with norm", "plain without norm", "sum without norm")
WARNING = "plain without norm, default start"


def unit(in_channels: int, channels: int, kernel: int, stride: int = 1, *, norm: bool) -> nn.Sequential:
    """Convolution, batch norm if asked for, ReLU."""
    conv = nn.Conv2d(in_channels, channels, kernel, stride, kernel // 2, bias=not norm)
    return nn.Sequential(conv, *([nn.BatchNorm2d(channels)] if norm else []), nn.ReLU())


class Block(nn.Module):
    """Two branches of 16 channels and a linear 1x1 back to the trunk's width; `add` says whether x is added."""

    def __init__(self, *, norm: bool, add: bool) -> None:
        super().__init__()
        self.short = unit(WIDTH, 16, 1, norm=norm)
        self.long = nn.Sequential(unit(WIDTH, 16, 1, norm=norm), unit(16, 16, 3, norm=norm))
        self.expand = nn.Conv2d(32, WIDTH, 1)
        self.add = add

    def forward(self, x: Tensor) -> Tensor:
        """(N, 48, H, W) -> (N, 48, H, W)."""
        y = self.expand(torch.cat([self.short(x), self.long(x)], 1))
        return functional.relu(x + SCALE * y if self.add else y)


def network(arm: str, seed: int = 0) -> nn.Sequential:
    """(N, 1, 28, 28) -> (N, 10); the blocks are on a 4x4 grid."""
    torch.manual_seed(seed)
    norm, add = "without norm" not in arm, arm.startswith("sum")
    net = nn.Sequential(
        nn.Sequential(unit(1, 16, 3, 2, norm=norm), unit(16, 32, 3, 2, norm=norm), unit(32, WIDTH, 3, 2, norm=norm)),
        nn.Sequential(*(Block(norm=norm, add=add) for _ in range(BLOCKS))),
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(WIDTH, 10)),
    )
    return net if "default start" in arm else kaiming_start(net)


def first_look(net: nn.Sequential, batch: LabelledImages) -> dict[str, Any]:
    """What a first batch of N images meets before any step; lists are for the trunk before each block and at the end.

    "gradient" and "gradients" are norms of the loss's gradient, of all weights and along the trunk; "alike" is the
    mean cosine similarity between the trunk's maps for two different images.
    """
    net = deepcopy(net)
    stem, blocks, head = net
    trunk = [stem(batch.images)]
    for block in blocks:
        trunk.append(block(trunk[-1]))
    for maps in trunk:
        maps.retain_grad()
    functional.cross_entropy(head(trunk[-1]), batch.labels).backward()
    # With no limit, `clip_grad_norm_` only measures.
    weights = nn.utils.clip_grad_norm_(net.parameters(), math.inf)
    count = len(batch)
    directions = [functional.normalize(maps.detach().flatten(1)) for maps in trunk]
    return {
        "gradient": float(f"{weights.item():.3g}"),
        "gradients": [float(f"{maps.grad.norm().item():.3g}") for maps in trunk if maps.grad is not None],
        "alike": [round(((d @ d.T).sum().item() - count) / (count * (count - 1)), 4) for d in directions],
    }


@cache
def data() -> tuple[LabelledImages, LabelledImages, LabelledImages]:
    """The images to train on, to choose by and to test on."""
    return *split_validation(load_fashion("train")), load_fashion("test")


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training: shares of 1, the mean training loss of each pass, and `first_look`."""
    train, valid, test = data()
    net = network(arm, seed)
    first = first_look(net, train[: RECIPE["batch_size"]])
    net.to(device())
    told: dict[str, Any] = {}
    try:
        told["losses"] = [round(epoch.loss, 4) for epoch in fit(net, train, lr=rate, seed=seed, **RECIPE).epochs]
    except FloatingPointError as error:
        told["diverged"] = str(error).split(",")[0]
    return {"valid": round(accuracy(net, valid), 4), "test": round(accuracy(net, test), 4), **told, **first}


def main() -> None:
    """Chooses a rate for each of the four arms and trains them with ten seeds; then the warning."""
    train, _, test = data()
    costs = {arm: ie.trace(network(arm), (1, 28, 28)) for arm in ARMS}
    record = Record(
        "08_sums",
        made_by="experiments/sums.py",
        network=f"three 3x3s with stride 2, then {BLOCKS} blocks on a 4x4 grid of {WIDTH} channels; scale {SCALE}",
        start="He: convolutions 2 / inputs, biases 0",
        optimiser="SGD with Nesterov momentum 0.9, weight decay 5e-4, no clipping",
        schedule="half a cosine from the rate to zero, no warm-up",
        batch_size=RECIPE["batch_size"],
        images=len(train),
        tested=len(test),
        epochs=RECIPE["epochs"],
        steps_per_epoch=len(train) // RECIPE["batch_size"],
        augmentation="half of the images mirrored",
        arms={arm: {"params": node.params, "macs": node.macs} for arm, node in costs.items()},
    )
    cloud(record, run, tune(record, run, dict.fromkeys(ARMS, RATES)))
    cloud(record, run, {f"{WARNING} {rate:g}": rate for rate in RATES}, range(1))


if __name__ == "__main__":
    main()
