"""Peak memory: the count off the structure against a bookkeeping of the tensors that torch really holds."""

import weakref
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import inception_edu as ie
from inception_edu.bricks import Concat, ConvUnit, Residual
from inception_edu.course.memory import peak_bytes
from inception_edu.models.lightweight import light_block_as_written
from inception_edu.shorthand import branch, separable
from inception_edu.tracing import trace


class Bookkeeper(TorchDispatchMode):
    """Adds up the bytes of the tensors made inside the block, and takes them off when they are freed."""

    def __init__(self, x: torch.Tensor, weights: Iterable[torch.Tensor]) -> None:
        super().__init__()
        self.alive = self.peak = x.untyped_storage().nbytes()
        self.known = {tensor.untyped_storage().data_ptr() for tensor in (x, *weights)}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple) else (result,):
            storage = tensor.untyped_storage()
            if isinstance(tensor, torch.Tensor) and tensor.numel() and storage.data_ptr() not in self.known:
                self.known.add(storage.data_ptr())
                self.alive += storage.nbytes()
                weakref.finalize(storage, self.free, storage.nbytes(), storage.data_ptr())
        self.peak = max(self.peak, self.alive)
        return result

    def free(self, size: int, address: int) -> None:
        self.alive -= size
        self.known.discard(address)


@torch.no_grad()
def measured(module: nn.Module, shape: tuple[int, ...]) -> int:
    x = torch.zeros(1, *shape)
    module.eval()(x)  # a network reads its own shapes at the first image
    with Bookkeeper(x, module.parameters()) as book:
        module(x)
    return book.peak


MODULES = {
    "conv": ConvUnit(8, 12, 3, batch_norm=False, relu=False),
    "conv, BN, ReLU": ConvUnit(8, 12, 3),
    "two in a row": branch(8, (4, 1), (16, 3)),
    "pool": nn.MaxPool2d(2),
    "LRN": nn.LocalResponseNorm(5),
    "nested": nn.Sequential(branch(8, (4, 1), (6, 3)), branch(6, (12, 3), (4, 1))),
    "block": Concat(branch(8, (4, 1)), branch(8, (6, 1), (9, 3)), branch(8, nn.MaxPool2d(3, 1, padding=1), (5, 1))),
    "residual": Residual(branch(8, (4, 1), (8, 3)), scale=0.1),
    "residual with shortcut": Residual(branch(8, (4, 1), (20, 3)), ConvUnit(8, 20, 1)),
    "separable": separable(8, 16),
    "identity branch": light_block_as_written(8),
    "identity first": nn.Sequential(nn.Identity(), ConvUnit(8, 8, 3), ConvUnit(8, 4, 3)),
    "classifier": nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5), nn.Linear(8, 3)),
}


@pytest.mark.parametrize("name", MODULES)
def test_the_peak_is_what_torch_holds(name: str) -> None:
    module = MODULES[name]
    assert peak_bytes(trace(module, (8, 14, 14))) == measured(module, (8, 14, 14))


@pytest.mark.parametrize("name", [name for name in ie.FAMILY if name != "nin_cifar10"])
def test_the_peak_of_whole_networks_is_what_torch_holds(name: str) -> None:
    net = ie.build(name, num_classes=10, in_channels=1, width=0.25, small=True)
    assert peak_bytes(trace(net, (1, 28, 28))) == measured(net, (1, 28, 28))


def test_the_peak_is_not_the_sum() -> None:
    node = trace(branch(8, *[(8, 3)] * 10, batch_norm=False, relu=False), (8, 10, 10))
    assert node.activation_bytes == 10 * 3200
    assert peak_bytes(node) == 3 * 3200  # the input of the row, and what a layer reads and makes
