"""Small windows, large ones, or both? Patterns of two sizes hidden in noise, for chapter 02.

    python experiments/windows.py          writes assets/records/02_windows.json

Sixteen strong 3x3 stamps and four faint 9x9 ones; a picture has one, somewhere, and the network says which. It is one
layer of convolutions, the strongest answer of each channel, and a linear layer. The arms differ in their kernels only.
Four cost the same per pixel, 729 multiply-adds within 1 %: 3x3 alone, 7x7 alone, 9x9 alone, and 3x3 beside 9x9. A fifth
has as many channels as the mixture, all 9x9, at 3.7 times the cost: does it need the small kernels?

Steps: 5 arms x (3 rates + 10 seeds) x 620 = 40,300, and 620 more for each rate that a grid grows by.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from inception_edu.course.scales import STAMPS, hidden, right_by_size
from inception_edu.data.fashion import LabelledImages
from inception_edu.running import predict
from inception_edu.train.loop import accuracy, fit
from tools.recording import Record, cloud, device, tune

ARMS = {"3x3": {3: 81}, "7x7": {7: 15}, "9x9": {9: 9}, "3x3 and 9x9": {3: 27, 9: 6}, "9x9, wide": {9: 33}}
"""Arm -> kernel size -> channels."""

SMALL = 16
"""The first so many classes are small."""
SIZE = 28
RECIPE: dict[str, Any] = {"epochs": 10, "batch_size": 128}
RATES = (0.01, 0.03, 0.09)


class Windows(nn.Module):
    """Kernels of several sizes side by side: (N, 1, H, W) -> (N, 20)."""

    def __init__(self, widths: dict[int, int]) -> None:
        super().__init__()
        self.kernels = nn.ModuleList(nn.Conv2d(1, width, k, padding=k // 2) for k, width in widths.items())
        self.linear = nn.Linear(sum(widths.values()), len(STAMPS))
        for kernel in self.kernels:
            nn.init.kaiming_normal_(kernel.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        maps = torch.cat([kernel(x) for kernel in self.kernels], dim=1).relu()
        return self.linear(maps.amax(dim=(2, 3)))


@cache
def pictures(split: str) -> LabelledImages:
    """8,000 to learn from, 2,000 to choose by, 4,000 to test on."""
    count, seed = {"train": (8000, 0), "valid": (2000, 1), "test": (4000, 2)}[split]
    return hidden(STAMPS, SIZE, count, seed)


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training."""
    torch.manual_seed(seed)
    net = Windows(ARMS[arm]).to(device())
    history = fit(net, pictures("train"), lr=rate, seed=seed, progress=False, **RECIPE)
    test = pictures("test")
    return {
        "valid": accuracy(net, pictures("valid")),
        **right_by_size(predict(net, test.images), test.labels, SMALL),
        "losses": [round(epoch.loss, 3) for epoch in history.epochs],
    }


def costs(widths: dict[int, int]) -> dict[str, int]:
    """Parameters; MACs of the convolutions per pixel, and of the whole network per picture."""
    per_pixel = sum(width * k * k for k, width in widths.items())
    head = sum(widths.values()) * len(STAMPS)
    return {
        "params": sum(p.numel() for p in Windows(widths).parameters()),
        "macs_per_pixel": per_pixel,
        "macs": per_pixel * SIZE**2 + head,
    }


if __name__ == "__main__":
    record = Record(
        "02_windows",
        made_by="experiments/windows.py",
        task="16 stamps of 3x3 (values ±2.5) and 4 of 9x9 (±0.6), one at a random place in noise of spread 1, 28x28",
        images={split: len(pictures(split)) for split in ("train", "valid", "test")},
        network="one layer of convolutions, ReLU, the maximum of each channel, a linear layer; He start",
        recipe="AdamW, weight decay 0.01, one cycle (a quarter up, cosine down)",
        **RECIPE,
        arms={arm: {"channels": widths, **costs(widths)} for arm, widths in ARMS.items()},
    )
    cloud(record, run, tune(record, run, dict.fromkeys(ARMS, RATES)))
