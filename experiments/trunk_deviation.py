"""Measured once for chapter 08: the deviation of a trunk after each of 60 residual blocks, before any training.

`python experiments/trunk_deviation.py` writes assets/records/08_trunk_deviation.json, in about a minute on one core.

The blocks are the residual bricks of the course with batch norm in their branches and a Kaiming start, so that the
output of a branch has deviation 1; the trunk starts with deviation 1, too. Means over three random networks.
"""

from functools import partial

import torch
from torch import nn

from inception_edu.models.inception_resnet import residual
from tools.recording import Record

SCALES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.45, 0.7, 1.0, 1.4, 2.0)
BLOCKS, CHANNELS, SEEDS = 60, 64, range(3)


@torch.no_grad()
def deviations(scale: float, relu: bool, seed: int) -> list[float]:
    """The standard deviation over all values of a batch (16, 64, 6, 6): at the start, then after every block."""
    torch.manual_seed(seed)
    x = torch.randn(16, CHANNELS, 6, 6)
    x = x.relu() if relu else x
    x = x / x.std()
    seen = [1.0]
    for _ in range(BLOCKS):
        block = residual(CHANNELS, ((16, 1),), ((16, 1), (16, 3)), scale=scale, relu=relu)
        for module in block.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        x = block(x)
        seen.append(x.std().item())
    return seen


def mean_deviations(scale: float, relu: bool) -> list[float]:
    """The mean of the three networks' deviations after 0 to 60 blocks."""
    runs = torch.tensor([deviations(scale, relu, seed) for seed in SEEDS])
    return [round(value, 4) for value in runs.mean(0).tolist()]


def main() -> None:
    """Every scale, with nothing and with a ReLU after the sum."""
    record = Record("08_trunk_deviation", made_by="experiments/trunk_deviation.py", scales=list(SCALES))
    for after in ("nothing", "ReLU"):
        for scale in SCALES:
            record.once(f"{after}/{scale}", partial(mean_deviations, scale, after == "ReLU"))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
