"""Short kernels, long ones, or both? Motifs of two lengths hidden in noisy series, for chapter 11.

    python experiments/series.py           writes assets/records/11_series.json

Twenty strong motifs of 9 steps and four faint ones of 39; a series of 192 steps has one, somewhere, and the network
says which. It is one block like InceptionTime's: kernels of several lengths, beside a pool with a 1x1; joined, batch
norm, ReLU. The strongest answer of each channel goes to a linear layer. (A series of one channel has nothing for a
bottleneck to squeeze.) The arms differ in their kernels only. Four cost the same per step within 5 %: length 9 alone,
19 alone, 39 alone, and the three side by side. A fifth has as many kernels as the mixture, all of length 39, at 2.6
times the cost.

Steps: 5 arms x (3 rates + 10 seeds) x 620 = 40,300, and 620 more for each rate that a grid grows by.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from inception_edu.course.scales import MOTIFS, hidden, right_by_size
from inception_edu.data.fashion import LabelledImages
from inception_edu.running import predict
from inception_edu.train.loop import accuracy, fit
from tools.recording import Record, cloud, device, tune

ARMS = {"9": {9: 50}, "19": {19: 23}, "39": {39: 11}, "mixture": {9: 20, 19: 6, 39: 4}, "39, wide": {39: 30}}
"""Arm -> length of the kernels -> channels."""

POOLED = 4
"""Channels of the branch with the pool."""
SHORT = 20
"""The first so many classes are short."""
STEPS = 192
RECIPE: dict[str, Any] = {"epochs": 10, "batch_size": 128}
RATES = (0.01, 0.03, 0.09)


class Block(nn.Module):
    """Kernels of several lengths and a pool, side by side: (N, 1, L) -> (N, channels, L)."""

    def __init__(self, widths: dict[int, int]) -> None:
        super().__init__()
        self.kernels = nn.ModuleList(nn.Conv1d(1, width, k, padding=k // 2, bias=False) for k, width in widths.items())
        self.pool = nn.Sequential(nn.MaxPool1d(3, stride=1, padding=1), nn.Conv1d(1, POOLED, 1, bias=False))
        self.norm = nn.BatchNorm1d(sum(widths.values()) + POOLED)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(torch.cat([*(kernel(x) for kernel in self.kernels), self.pool(x)], dim=1)).relu()


class SeriesNet(nn.Module):
    """One block, the strongest answer of each channel, a linear layer: (N, 1, L) -> (N, 24)."""

    def __init__(self, widths: dict[int, int]) -> None:
        super().__init__()
        self.block = Block(widths)
        self.linear = nn.Linear(sum(widths.values()) + POOLED, len(MOTIFS))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.block(x).amax(dim=2))


@cache
def series(split: str) -> LabelledImages:
    """8,000 to learn from, 2,400 to choose by, 4,800 to test on."""
    count, seed = {"train": (8000, 0), "valid": (2400, 1), "test": (4800, 2)}[split]
    return hidden(MOTIFS, STEPS, count, seed)


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training."""
    torch.manual_seed(seed)
    net = SeriesNet(ARMS[arm]).to(device())
    history = fit(net, series("train"), lr=rate, seed=seed, progress=False, **RECIPE)
    test = series("test")
    return {
        "valid": accuracy(net, series("valid")),
        **right_by_size(predict(net, test.images), test.labels, SHORT),
        "losses": [round(epoch.loss, 3) for epoch in history.epochs],
    }


def costs(widths: dict[int, int]) -> dict[str, int]:
    """Parameters; MACs of the block per step of the series, and of the whole network per series."""
    per_step = sum(width * k for k, width in widths.items()) + POOLED
    net = SeriesNet(widths)
    return {
        "params": sum(p.numel() for p in net.parameters()),
        "macs_per_step": per_step,
        "macs": per_step * STEPS + net.linear.weight.numel(),
    }


if __name__ == "__main__":
    record = Record(
        "11_series",
        made_by="experiments/series.py",
        task="20 motifs of 9 steps (values ±2.5), 4 of 39 (±0.8); one at a random place in noise of spread 1, 192 long",
        series={split: len(series(split)) for split in ("train", "valid", "test")},
        network="kernels and a pool with a 1x1 side by side, batch norm, ReLU, the maximum of each channel, linear",
        recipe="AdamW, weight decay 0.01, one cycle (a quarter up, cosine down)",
        **RECIPE,
        arms={arm: {"channels": widths, **costs(widths)} for arm, widths in ARMS.items()},
    )
    cloud(record, run, tune(record, run, dict.fromkeys(ARMS, RATES)))
