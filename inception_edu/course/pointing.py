"""The pointing game: nine pictures on one canvas, and the question where the one of a given class is.

A picture that fills its image makes the game pointless, because the middle is always a hit. On a canvas
of `CELLS` x `CELLS` pictures the middle is right once in nine times.
"""
# mypy: untyped-calls-exclude=torch

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..data.fashion import BLACK, LabelledImages
from ..explain import class_maps
from ..network import InceptionNet
from ..running import predict

CELLS = 3


@dataclass(frozen=True)
class Canvases:
    """Canvases `images` (N, 1, 84, 84); `labels` (N,) of their targets and `cells` (N,), 0 to 8, where these are."""

    images: Tensor
    labels: Tensor
    cells: Tensor

    def __len__(self) -> int:
        return len(self.labels)


def canvases(data: LabelledImages, count: int, seed: int) -> Canvases:
    """`count` canvases: a target in a random cell, and eight pictures of other classes in the rest.

    Raises ValueError if all pictures are of one class.
    """
    if len(data.labels.unique()) < 2:
        raise ValueError("a canvas needs pictures of at least 2 classes: these are all of one")
    chance = torch.Generator().manual_seed(seed)
    targets = torch.randint(len(data), (count,), generator=chance)
    cells = torch.randint(CELLS**2, (count,), generator=chance)
    pictures = torch.empty(count, CELLS**2, dtype=torch.long)
    for row, target in enumerate(targets.tolist()):
        others = (data.labels != data.labels[target]).nonzero().flatten()
        pictures[row] = others[torch.randint(len(others), (CELLS**2,), generator=chance)]
    pictures[torch.arange(count), cells] = targets
    _, _, height, width = data.images.shape
    laid = data.images[pictures].reshape(count, CELLS, CELLS, height, width).transpose(2, 3)
    images = laid.reshape(count, 1, CELLS * height, CELLS * width)
    return Canvases(images, data.labels[targets], cells)


def cell_means(maps: Tensor) -> Tensor:
    """Maps (N, h, w) averaged over each cell: (N, 9), row by row."""
    return nn.functional.adaptive_avg_pool2d(maps[:, None], CELLS).flatten(1)


def by_map(net: InceptionNet, game: Canvases) -> Tensor:
    """The cell (N,) in which the class activation map of the target's class is highest on average."""
    maps = class_maps(net, game.images)
    return cell_means(maps[torch.arange(len(game)), game.labels]).argmax(1)


def by_occlusion(net: nn.Module, game: Canvases) -> Tensor:
    """The cell (N,) that lowers the logit of the target's class most when it is painted black."""
    side = game.images.shape[2] // CELLS
    left = []
    for cell in range(CELLS**2):
        top, start = cell // CELLS * side, cell % CELLS * side
        covered = game.images.clone()
        covered[:, :, top : top + side, start : start + side] = BLACK
        left.append(predict(net, covered)[torch.arange(len(game)), game.labels])
    return torch.stack(left, 1).argmin(1)


def by_brightness(game: Canvases) -> Tensor:
    """The cell (N,) with the highest mean pixel, which knows nothing about classes."""
    return cell_means(game.images[:, 0]).argmax(1)


def hits(pointed: Tensor, game: Canvases) -> float:
    """The share of canvases on which the cell pointed at is the target's."""
    return (pointed == game.cells).float().mean().item()
