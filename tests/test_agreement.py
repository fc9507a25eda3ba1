"""`agree` says whether a reader's class computes what ours does, and leaves both alone."""

import copy
import re
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import inception_edu as ie
from inception_edu.bricks import ConvUnit
from inception_edu.models.googlenet import inception

ROW = (64, 96, 128, 16, 32, 32)


class Inception(nn.Module):
    """As a student writes it; the layers are defined in another order than they run."""

    def __init__(
        self, channels: int, n1: int, n3_reduce: int, n3: int, n5_reduce: int, n5: int, pool_proj: int
    ) -> None:
        super().__init__()
        self.five = nn.Conv2d(n5_reduce, n5, 5, padding=2)
        self.one = nn.Conv2d(channels, n1, 1)
        self.pool_proj = nn.Conv2d(channels, pool_proj, 1)
        self.three_reduce = nn.Conv2d(channels, n3_reduce, 1)
        self.five_reduce = nn.Conv2d(channels, n5_reduce, 1)
        self.three = nn.Conv2d(n3_reduce, n3, 3, padding=1)
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        one = F.relu(self.one(x))
        three = F.relu(self.three(F.relu(self.three_reduce(x))))
        five = F.relu(self.five(F.relu(self.five_reduce(x))))
        return torch.cat([one, three, five, F.relu(self.pool_proj(self.pool(x)))], dim=1)


def said(capsys: pytest.CaptureFixture[str], mine: nn.Module, theirs: nn.Module, shape: tuple[int, ...]) -> list[str]:
    ie.agree(mine, theirs, shape)
    return capsys.readouterr().out.splitlines()


def test_a_students_block_agrees_with_ours_and_both_are_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    mine, theirs = Inception(192, *ROW), inception(192, ROW, batch_norm=False)
    before = [copy.deepcopy(module.state_dict()) for module in (mine, theirs)]
    assert said(capsys, mine, theirs, (192, 28, 28)) == [
        "parameters: 163,696 in yours, 163,696 in theirs: equal",
        "outputs: (256, 28, 28) from both, largest difference 0: equal",
    ]
    for module, state in zip((mine, theirs), before, strict=True):
        assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
        assert module.training


class Padded(nn.Module):
    def __init__(self, norms: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.second = nn.BatchNorm2d(4, eps=1e-3)
        self.first = nn.BatchNorm2d(4, eps=1e-3 if norms else 1e-2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(self.first(self.conv(x))))


@pytest.mark.parametrize(
    ("mine", "theirs", "sentence"),
    [
        (
            nn.Conv2d(3, 4, 3),
            nn.Conv2d(3, 4, 3, padding=1),
            r"\(4, 6, 6\) from yours, \(4, 8, 8\) from theirs: not equal",
        ),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), nn.Conv2d(3, 4, 3), r"largest difference [\d.]+: not equal"),
        (
            nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sigmoid()),
            ConvUnit(3, 4, 1, batch_norm=False),
            r"not equal \(the largest",
        ),
        # statistics are not all alike, so a norm with another epsilon is seen
        (Padded(), Padded(norms=True), "not equal"),
        (Padded(norms=True), Padded(norms=True), "difference 0: equal"),
    ],
)
def test_what_differs_is_said(capsys: Any, mine: nn.Module, theirs: nn.Module, sentence: str) -> None:
    outputs = said(capsys, mine, theirs, (3, 8, 8))[1]
    assert re.search(sentence, outputs), outputs


def test_weights_that_do_not_fit_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r"tensor 1 .*: your weight has the shape \(5, 3, 3, 3\), their weight"):
        ie.agree(nn.Conv2d(3, 5, 3), nn.Conv2d(3, 4, 3), (3, 8, 8))
    with pytest.raises(ValueError, match="yours has 1 tensors of weights and statistics, theirs has 2"):
        ie.agree(nn.Conv2d(3, 4, 3, bias=False), nn.Conv2d(3, 4, 3), (3, 8, 8))
    assert not capsys.readouterr().out


class HandNorm(nn.Module):
    """A batch norm as a reader writes it: no layer of torch's, so it is read as a whole."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = self.weight / (self.running_var + 1e-5).sqrt()
        return (x - self.running_mean[:, None, None]) * scale[:, None, None] + self.bias[:, None, None]


def test_a_norm_of_the_readers_own_keeps_its_place_between_other_layers(capsys: pytest.CaptureFixture[str]) -> None:
    mine, theirs = (
        nn.Sequential(nn.Conv2d(4, 8, 3), norm(8), nn.ReLU(), nn.Conv2d(8, 6, 1), norm(6))
        for norm in (HandNorm, nn.BatchNorm2d)
    )
    ie.agree(mine, theirs, (4, 9, 9))
    assert capsys.readouterr().out.endswith("largest difference 0: equal\n")


def test_layers_that_changed_places_in_a_deep_network_show_at_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    def stem(first: nn.Module, second: nn.Module) -> nn.Module:
        convs = [layer for _ in range(20) for layer in (nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())]
        return nn.Sequential(nn.Conv2d(3, 8, 3), first, second, *convs, nn.AdaptiveAvgPool2d(1), nn.Flatten())

    lrn, pool = nn.LocalResponseNorm(5, alpha=0.1), nn.MaxPool2d(3, 2)
    ie.agree(stem(lrn, pool), stem(pool, lrn), (3, 32, 32))
    assert "not equal" in capsys.readouterr().out


class Shuffle(nn.Module):
    """Channels in the order of a table of whole numbers, which no start can draw."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)
        self.register_buffer("order", torch.tensor([[3, 1], [0, 2]]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        order: Any = self.order
        return self.conv(x)[:, order.flatten()]


def test_a_table_of_whole_numbers_stays_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    ie.agree(Shuffle(), Shuffle(), (4, 5, 5))
    assert capsys.readouterr().out.endswith("largest difference 0: equal\n")
