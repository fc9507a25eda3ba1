"""Whether two modules compute the same: a reader's own class, and the package's."""

from collections.abc import Iterator, Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from .running import evaluating
from .tracing import trace

EQUAL = 1e-9
"""Differences up to this share of the largest output are rounding: both compute in double precision."""


def agree(mine: nn.Module, theirs: nn.Module, shape: Sequence[int]) -> None:
    """Gives copies of two modules the same weights, and prints their parameters and how far their outputs differ.

    | argument | what it is                                                            |
    |----------|-----------------------------------------------------------------------|
    | `mine`   | your module                                                           |
    | `theirs` | the module that it should equal                                       |
    | `shape`  | the image that both read, (C, H, W)                                   |

    Weights are copied from theirs to mine layer by layer, in the order in which the layers run; so neither their names
    nor the order in which they were defined matters. They are random, of the size that He et al. give them (arXiv
    1502.01852), and so are biases, norms and their statistics: then what a layer does shows at the other end of a deep
    network. Both compute in evaluation mode and double precision, and both modules are left as they are.

    Raises ValueError with the first two tensors that do not fit, and what `trace` raises.
    """
    ours, yours = (deepcopy(module).double() for module in (theirs, mine))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in (*ours.parameters(), *ours.buffers()):
            if not tensor.is_floating_point():  # a table of places or a counter, which is what it is
                continue
            if tensor.dim() > 1:  # from torch's own start a deep network answers the same whatever it sees
                nn.init.kaiming_normal_(tensor, generator=generator)
            else:
                tensor.copy_(torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype) + 0.5)
    copy_weights(ours, yours, shape)
    images = torch.randn(2, *shape, generator=generator, dtype=torch.double)
    with torch.no_grad(), evaluating(ours), evaluating(yours):
        wanted, given = ours(images), yours(images)
    counts = [sum(p.numel() for p in module.parameters()) for module in (mine, theirs)]
    same = "equal" if len(set(counts)) == 1 else "not equal"
    print(f"parameters: {counts[0]:,} in yours, {counts[1]:,} in theirs: {same}")
    if wanted.shape != given.shape:
        print(f"outputs: {tuple(given.shape[1:])} from yours, {tuple(wanted.shape[1:])} from theirs: not equal")
        return
    largest, size = (wanted - given).abs().max().item(), wanted.abs().max().item()
    rounded = 0.0 if largest <= EQUAL * size else largest
    verdict = "equal" if not rounded else f"not equal (the largest output is {size:.3g})"
    print(f"outputs: {tuple(given.shape[1:])} from both, largest difference {rounded:.3g}: {verdict}")


def copy_weights(theirs: nn.Module, mine: nn.Module, shape: Sequence[int]) -> None:
    """Copies parameters and statistics from theirs to mine, as `agree` does; `shape` is (C, H, W). Raises as there."""
    _copy(list(_tensors(theirs, shape)), list(_tensors(mine, shape)))


def _copy(theirs: list[tuple[str, Tensor]], mine: list[tuple[str, Tensor]]) -> None:
    for number, ((from_name, value), (name, place)) in enumerate(zip(theirs, mine, strict=False), 1):
        if value.shape != place.shape:
            raise ValueError(
                f"tensor {number} in running order does not fit: your {name} has the shape {tuple(place.shape)}, "
                f"their {from_name} has {tuple(value.shape)}"
            )
    if len(theirs) != len(mine):
        raise ValueError(f"yours has {len(mine)} tensors of weights and statistics, theirs has {len(theirs)}")
    with torch.no_grad():
        for (_, value), (_, place) in zip(theirs, mine, strict=True):
            place.copy_(value)


def _tensors(module: nn.Module, shape: Sequence[int]) -> Iterator[tuple[str, Tensor]]:
    """The parameters and statistics of a module with their names, layer by layer in the order of running.

    What no layer that runs holds comes last, in the order in which it was defined.
    """
    names = {id(tensor): name for name, tensor in (*module.named_parameters(), *module.named_buffers())}
    # What has parts gives only what is its own, and its parts follow.
    parts = [(node.module, not node.children) for node in trace(module, shape).walk()]
    for layer, whole in (*parts, (module, True)):
        for tensor in (*layer.parameters(whole), *layer.buffers(whole)):
            if id(tensor) in names:
                name = names.pop(id(tensor))
                if not name.endswith("num_batches_tracked"):
                    yield name, tensor
