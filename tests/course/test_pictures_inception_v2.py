"""Chapter 05's pictures: what they draw is what their descriptions say."""

from statistics import median

import pytest
import torch
from torch import nn

from inception_edu.course.pictures import inception_v2 as pictures
from inception_edu.course.records import by_seed, load_record


class Shifted(nn.Module):
    """Two 1x1s of six channels; of what each ReLU reads, channel c has the mean `shifts[c]` and deviation 1."""

    def __init__(self, shifts: list[float]) -> None:
        super().__init__()
        self.block_4a, self.block_5a = nn.Module(), nn.Module()
        for block in (self.block_4a, self.block_5a):
            conv = nn.Conv2d(1, len(shifts), 1)
            nn.init.ones_(conv.weight)
            conv.bias = nn.Parameter(torch.tensor(shifts))
            block.one = nn.Sequential(conv, nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.block_4a.one(x) + self.block_5a.one(x)  # type: ignore[operator]
        return y


def test_a_relu_is_idle_for_channels_far_to_either_side_of_zero() -> None:
    images = torch.randn(8, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    nets = {"without": Shifted([-4.0, -4, 0, 0, 4, 4]), "with": Shifted([0.0] * 6)}
    said = repr(pictures.before_the_relus(nets, images))
    for block in ("4a", "5a"):
        assert f"without batch norm, 1x1 of block {block}: standard deviation 3.4, idle for 4 of 6 channels" in said
        assert f"with batch norm, 1x1 of block {block}: standard deviation 1.0, idle for 0 of 6 channels" in said


@pytest.mark.parametrize("arm", ["without", "with"])
def test_each_median_is_told(arm: str) -> None:
    record = load_record("05_norm_and_rate")
    middles = [f"{100 * median(by_seed(record, f'{arm} {rate:g}')):.0f} at {rate:g}" for rate in record["rates"]]
    assert f"{arm} batch norm {', '.join(middles)}" in repr(pictures.against_the_rate(record))
