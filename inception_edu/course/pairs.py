"""Are these two of the same kind? Embeddings and verification of pairs, as face recognition does it.

A network's features are averaged over positions and scaled to length 1; the cosine of two such embeddings says how
alike two images are. A threshold on it, chosen on other pairs, answers yes or no, also for kinds that the network
never learned.
"""
# mypy: untyped-calls-exclude=torch

from typing import NamedTuple

import torch
from torch import Tensor

from ..network import InceptionNet
from ..running import evaluating, threads


class Pairs(NamedTuple):
    """Positions of two images each, and whether they are of the same class; all (N,)."""

    first: Tensor
    second: Tensor
    same: Tensor


def pairs_of(labels: Tensor, count: int, *, seed: int = 0) -> Pairs:
    """`count` pairs of the same class, then `count` of different classes, drawn from `labels` (N,).

    No image is paired with itself. Raises ValueError if there are no two classes with two images each.
    """
    if (torch.bincount(labels) > 1).sum() < 2:
        raise ValueError("pairs need at least two classes with two images each")
    chance = torch.Generator().manual_seed(seed)
    kinds = []
    for same in (True, False):
        found: list[Tensor] = []
        while sum(len(part) for part in found) < count:
            drawn = torch.randint(len(labels), (20 * count, 2), generator=chance)
            first, second = drawn.T
            found.append(drawn[((labels[first] == labels[second]) == same) & (first != second)])
        kinds.append(torch.cat(found)[:count])
    first, second = torch.cat(kinds).T
    return Pairs(first, second, torch.arange(2 * count) < count)


def embed(net: InceptionNet, images: Tensor, *, batch_size: int = 500) -> Tensor:
    """(N, C, H, W) -> (N, channels) of length 1: the output of the last block, averaged over positions.

    In evaluation mode, without gradients; the classifier is not used.
    """
    with evaluating(net), threads(), torch.no_grad():
        means = [net.features(batch).mean((2, 3)) for batch in images.split(batch_size)]
    return torch.nn.functional.normalize(torch.cat(means))


def likeness(embeddings: Tensor, pairs: Pairs) -> Tensor:
    """The cosine of each pair of embeddings of length 1: (N,), 1 for equal directions."""
    return (embeddings[pairs.first] * embeddings[pairs.second]).sum(1)


def roc(scores: Tensor, same: Tensor) -> tuple[Tensor, Tensor]:
    """For every threshold from high to low: the share of different pairs accepted, and of same pairs accepted.

    Both begin at 0 and end at 1. Pairs of equal score are accepted together. Raises ValueError if a kind is missing.
    """
    if same.all() or not same.any():
        raise ValueError("a ROC curve needs pairs of the same kind and of different kinds")
    order = scores.argsort(descending=True)
    scores, same = scores[order], same[order].double()
    last = torch.cat([scores[1:] != scores[:-1], torch.tensor([True])])
    true, false = same.cumsum(0)[last] / same.sum(), (1 - same).cumsum(0)[last] / (1 - same).sum()
    start = torch.zeros(1, dtype=torch.double)
    return torch.cat([start, false]), torch.cat([start, true])


def roc_area(scores: Tensor, same: Tensor) -> float:
    """The area under the ROC curve: how often a pair of the same kind scores above one of different kinds."""
    false, true = roc(scores, same)
    return float(torch.trapezoid(true, false))


def best_threshold(scores: Tensor, same: Tensor) -> float:
    """The score from which on a pair is taken for the same, such that most of these pairs are judged correctly."""
    order = scores.argsort(descending=True)
    right = same[order].double().cumsum(0) - (~same[order]).double().cumsum(0)
    return float(scores[order][right.argmax()])
