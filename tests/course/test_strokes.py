"""A pair of strokes is the nearest to its square, and exact with enough middle channels."""

import pytest
import torch
from torch import nn

import inception_edu as ie
from inception_edu.course.strokes import large_units, nearest_pair


def square(channels: int, out: int, n: int) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(channels, out, n, padding=n // 2, bias=False).double()


@pytest.mark.parametrize(("channels", "out", "n"), [(3, 5, 3), (8, 4, 3), (2, 2, 7)])
def test_with_enough_middle_channels_a_pair_is_exact_and_has_no_more(channels: int, out: int, n: int) -> None:
    layer, x = square(channels, out, n), torch.randn(2, channels, 9, 8, dtype=torch.double)
    enough = n * min(channels, out)
    for middle in (enough, enough + 1, 1000):
        pair = nearest_pair(layer, middle)
        torch.testing.assert_close(pair(x), layer(x))
        assert ie.trace(pair, (channels, 9, 8)).params == n * enough * (channels + out)


@pytest.mark.parametrize("middle", [1, 4, 11])
def test_no_other_pair_is_nearer(middle: int) -> None:
    """What is missing is what the singular values after the first `middle` say, the least that any pair can miss."""
    layer = square(4, 6, 3)
    down, across = (weight.detach() for weight in nearest_pair(layer, middle).parameters())
    made = torch.einsum("omx,miy->oiyx", across[:, :, 0], down[..., 0])
    left = torch.linalg.svdvals(layer.weight.detach().permute(0, 3, 1, 2).reshape(18, 12))[middle:]
    torch.testing.assert_close((layer.weight.detach() - made).square().sum(), left.square().sum())


@pytest.mark.parametrize(
    ("layer", "middle", "words"),
    [
        (nn.Conv2d(2, 3, 3, padding=1, bias=False), 0, "at least 1 middle channel, not 0"),
        (nn.Conv2d(2, 3, 3, padding=1), 1, "bias=False"),
        (nn.Conv2d(2, 3, 3, 2, padding=1, bias=False), 1, r"stride=\(2, 2\)"),
        (nn.Conv2d(2, 3, 3, bias=False), 1, r"padding=\(1, 1\)"),
        (nn.Conv2d(4, 4, 3, padding=1, bias=False, groups=2), 1, "groups=2"),
        (nn.Conv2d(2, 3, (1, 3), padding=(0, 1), bias=False), 1, r"kernel_size=\(1, 3\)"),
    ],
)
def test_what_is_no_plain_square_is_refused(layer: nn.Conv2d, middle: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        nearest_pair(layer, middle)


def test_the_large_units_are_those_that_begin_with_a_large_kernel() -> None:
    first = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    last = nn.Sequential(nn.Conv2d(2, 2, (1, 7)), nn.ReLU())
    net = nn.Sequential(nn.Sequential(), nn.ModuleList([first, nn.Sequential(nn.Conv2d(2, 2, 1)), last]))
    assert large_units(net) == [first, last]
