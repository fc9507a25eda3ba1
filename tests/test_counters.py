"""The benchmark of counters sees what a counter leaves behind, and `trace` leaves nothing and counts as torch does."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import inception_edu as ie
from tools.counting import TOOLS, beside, functions_put_back, leftovers, plain


def small() -> nn.Module:
    net = ie.build("googlenet_torchvision", small=True, width=0.1, num_classes=3)
    return nn.Sequential(net.features, net.classifier)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 1, 1), (1, 32, 32)], ids=["good", "too small", "too few channels"])
def test_trace_leaves_nothing_behind(training: bool, shape: tuple[int, int, int]) -> None:
    net = small().train(training)
    outcome, left = leftovers(net, lambda: ie.trace(net, shape))
    assert left == []
    assert isinstance(outcome, ie.ShapeError) == (shape != (3, 32, 32))


def _patch(_: nn.Module) -> None:
    for owner, name in ((F, "relu"), (nn.Conv2d, "forward")):
        setattr(owner, name, lambda *given: given)


def _fail(net: nn.Module) -> None:
    net.eval()
    raise RuntimeError("half way")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda net: net(torch.randn(2, 3, 32, 32)), ["changed batch-norm statistics"]),
        (lambda net: net[0][0].register_forward_hook(print), ["1 hooks"]),
        (lambda net: net[1].register_buffer("total_ops", torch.zeros(1)), ["1 state-dict keys"]),
        (lambda net: setattr(net[0], "seen", 3), ["1 attributes"]),
        (lambda net: net.eval(), ["evaluation mode"]),
        (_patch, ["2 patched functions"]),
        (_fail, ["evaluation mode"]),
    ],
)
def test_what_is_left_behind_is_found_and_put_back(spoil: Callable[[Any], Any], words: list[str]) -> None:
    net = small().train()
    relu, forward = F.relu, nn.Conv2d.forward
    with functions_put_back():
        _, left = leftovers(net, lambda: spoil(net))
    assert left == words
    assert (F.relu, nn.Conv2d.forward) == (relu, forward)


@pytest.mark.parametrize("name", ie.FAMILY)
def test_trace_counts_what_torch_counts_on_the_whole_family(name: str) -> None:
    net, x = plain(name, "meta")
    ours, theirs = (tool.count(net, x) for tool in TOOLS[:2])
    assert ours == theirs == ie.FAMILY[name].macs


@pytest.mark.parametrize("name", ["googlenet_torchvision", "inception_resnet_v2"])
def test_what_another_counter_counts_beside_is_known_to_the_last_one(name: str) -> None:
    torchinfo = next(tool for tool in TOOLS if tool.name == "torchinfo")
    if not torchinfo.installed:
        pytest.skip("torchinfo is not installed")
    net, x = plain(name, "meta")
    node = ie.trace(net, tuple(x.shape[1:]))
    assert torchinfo.count(net, x) - node.macs == sum(
        times * beside(node)[what] for what, times in torchinfo.beside.items()
    )
