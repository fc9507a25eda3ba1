# mypy: untyped-calls-exclude=torch

import pytest
import torch
from torch import Tensor, nn

from inception_edu.course.fooling import attacked, towards
from inception_edu.data.fashion import BLACK, WHITE, load_fashion
from inception_edu.data.files import asset
from inception_edu.train.loop import load


class Difference(nn.Module):
    """Two classes: the logit of class 1 is the sum of `slopes` * pixels, that of class 0 is 0."""

    def __init__(self, slopes: Tensor) -> None:
        super().__init__()
        self.slopes = nn.Parameter(slopes)

    def forward(self, x: Tensor) -> Tensor:
        score = (x * self.slopes).sum((1, 2, 3))
        return torch.stack([torch.zeros_like(score), score], 1)


SLOPES = torch.tensor([[[3.0, 0.0], [4.0, 0.0]]])


def test_an_attack_goes_the_whole_radius_down_the_slope_of_the_true_class() -> None:
    images = torch.full((2, 1, 2, 2), 0.5)
    moved = attacked(Difference(SLOPES), images, torch.tensor([1, 0]), radius=0.1)
    torch.testing.assert_close(moved - images, 0.1 * torch.stack([-SLOPES / 5, SLOPES / 5]))


def test_an_attack_keeps_within_black_and_white_and_leaves_alone_what_has_no_slope() -> None:
    black = torch.full((1, 1, 2, 2), BLACK)
    assert torch.equal(attacked(Difference(SLOPES), black, torch.tensor([1]), radius=5.0), black)
    up = attacked(Difference(SLOPES), black, torch.tensor([0]), radius=50.0)
    torch.testing.assert_close(up, torch.tensor([[[[WHITE, BLACK], [WHITE, BLACK]]]]))


def test_every_image_is_attacked_by_itself_at_most_the_radius_away() -> None:
    net, test = load(asset("checkpoints/small_googlenet.safetensors")).train(), load_fashion("test")[:20]
    moved = attacked(net, test.images, test.labels, radius=1.0)
    assert net.training
    assert all(parameter.grad is None for parameter in net.parameters())
    assert (moved - test.images).flatten(1).norm(dim=1).max() <= 1.0 + 1e-4
    assert moved.min() >= BLACK
    assert moved.max() <= WHITE
    torch.testing.assert_close(attacked(net, test.images[3:4], test.labels[3:4], radius=1.0), moved[3:4])
    with torch.no_grad():
        net.eval()
        true = net(test.images).argmax(1) == test.labels
        still = net(moved).argmax(1) == test.labels
    assert still.sum() <= true.sum() / 2


def test_the_ascent_takes_steps_of_its_length_towards_the_class() -> None:
    start = torch.full((1, 1, 2, 2), 0.5)
    wish = towards(Difference(SLOPES), start, label=1, steps=3, size=0.2)
    torch.testing.assert_close(wish - start, 0.6 * SLOPES[None] / 5)
    assert (start == 0.5).all()
    white = towards(Difference(SLOPES), start, label=1, steps=100, size=0.2)
    torch.testing.assert_close(white, torch.tensor([[[[WHITE, 0.5], [WHITE, 0.5]]]]))


@pytest.mark.parametrize(("radius", "steps"), [(-0.1, 7), (1.0, 0)])
def test_an_attack_that_cannot_be_is_refused(radius: float, steps: int) -> None:
    with pytest.raises(ValueError, match=f"an attack of radius {radius} in {steps} steps cannot be"):
        attacked(Difference(SLOPES), torch.zeros(1, 1, 2, 2), torch.tensor([1]), radius, steps)
