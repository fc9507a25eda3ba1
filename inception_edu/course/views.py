"""Pictures as two views, upper and lower half, one of which may be missing."""

from typing import Literal

import torch
from torch import Tensor, nn

from ..bricks import Concat
from ..data.fashion import LabelledImages
from ..network import InceptionNet, stack
from ..shorthand import Item, branch

Half = Literal["upper", "lower"]

_ROWS: dict[str, slice] = {"upper": slice(0, 14), "lower": slice(14, 28)}


def two_view_network(*, num_classes: int = 10) -> InceptionNet:
    """A network with a stem for each half of a (1, 28, 28) image: (N, 1, 28, 28) -> (N, num_classes).

    A padding of -14 rows cuts the other half off, so each stem reads (1, 14, 28) and outputs (24, 7, 14). The two
    are concatenated on channels, and two more convolutions read both.
    """
    stems = (branch(1, nn.ZeroPad2d(cut), (24, 3), nn.MaxPool2d(2)) for cut in ((0, 0, 0, -14), (0, 0, -14, 0)))
    items: dict[str, Item] = {
        "views": Concat(*stems),
        "block_1": (32, 3),
        "pool": nn.MaxPool2d(3, 2, padding=1),
        "block_2": (64, 3),
    }
    return stack(1, num_classes, items, name="two_views")


def hide(data: LabelledImages, missing: Half) -> LabelledImages:
    """The same images without one half: its pixels are 0, which is the mean grey after normalising.

    Raises ValueError for another half than "upper" or "lower".
    """
    if missing not in _ROWS:
        raise ValueError(f"there is no {missing!r} half: it is 'upper' or 'lower'")
    images = data.images.clone()
    images[..., _ROWS[missing], :] = 0
    return LabelledImages(images, data.labels, data.class_names)


def drop_view(images: Tensor, chance: torch.Generator) -> Tensor:
    """For `fit(augment=...)`: a third of the images loses its upper half, a third its lower half, a third nothing."""
    lost = torch.randint(3, (len(images), 1, 1, 1), generator=chance)
    row = torch.arange(28)[:, None]
    return images.masked_fill(((lost == 1) & (row < 14)) | ((lost == 2) & (row >= 14)), 0)
