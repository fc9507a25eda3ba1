"""Chapter 05's pictures: what they draw is what their descriptions say."""

from statistics import median

import pytest
import torch
from torch import nn

from inception_edu.course.pictures import inception_v2 as pictures
from inception_edu.course.records import by_seed, load_record
from inception_edu.data.fashion import LabelledImages


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


def test_the_losses_are_those_at_the_rate() -> None:
    assert "without from 1.75 to 0.41, 5 seeds; with from 1.13 to 0.26" in repr(
        pictures.losses(load_record("05_norm_and_rate"), 0.03)
    )


class OneKernel(nn.Module):
    """(N, 1, 28, 28) -> (N, 10): a convolution where a small GoogLeNet has the 3x3 of block 3a, all weights 1."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        conv = nn.Conv2d(1, 10, 4, bias=False)
        nn.init.ones_(conv.weight)
        self.block_3a = nn.Module()
        self.block_3a.three = nn.Sequential(nn.Identity(), nn.Sequential(conv, norm, nn.ReLU()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.block_3a.three(x)  # type: ignore[operator]
        return y.mean((2, 3))


def test_the_brake_tells_lengths_and_steps_and_leaves_the_networks_as_they_are() -> None:
    torch.manual_seed(0)
    data = LabelledImages(torch.randn(768, 1, 28, 28), torch.randint(10, (768,)))
    nets = {"without": OneKernel(nn.Identity()), "with": OneKernel(nn.BatchNorm2d(10))}
    said = repr(pictures.brake(nets, data))
    weight = nets["with"].block_3a.three[1][0].weight  # type: ignore[index,union-attr]
    assert said.count("length 12.6, ") == 2  # the root of 160 ones
    assert torch.equal(weight, torch.ones(10, 1, 4, 4))
    loss = nn.functional.cross_entropy(nets["with"](data.images[:64]), data.labels[:64])
    (gradient,) = torch.autograd.grad(loss, weight)
    first = 100 * 3 * gradient.norm().item() / 160**0.5
    assert "with batch norm, before steps 1 to 12: length 12.6, " in said
    assert said.rpartition("step in percent of it ")[2].startswith(f"{first:.2g}, ")


def test_a_step_at_a_right_angle_makes_weights_longer_and_turns_long_ones_less() -> None:
    said = repr(pictures.right_angle())
    assert "weights of length 1, step 1: turned by 45°, 41.4% longer" in said
    assert "weights of length 3, step 0.33: turned by 6°, 0.6% longer" in said


def test_losses_are_drawn_as_means_of_ten() -> None:
    losses = {"one": [1.0] * 5 + [3.0] * 5 + [1.5] * 10, "two": [0.5] * 20, "three": [4.0] * 10 + [0.0] * 10}
    said = repr(pictures.by_tens(losses))
    assert "over 20 steps, means of ten: one from 2.00 to 1.50; two from 0.50 to 0.50; three from 4.00 to 0.00" in said
