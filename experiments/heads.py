"""The networks of chapter 01's recorded runs: one trunk of three convolutions, and either of two heads."""

import torch
from torch import nn

from inception_edu.network import InceptionNet, classifier
from inception_edu.shorthand import Item, chain


def head_network(head: str, side: int, seed: int = 0) -> InceptionNet:
    """Three convolutions and a head, "GAP" or "FC": (N, 1, side, side) -> (N, 10)."""
    torch.manual_seed(seed)
    items: dict[str, Item] = {
        "conv_1": (8, 3),
        "pool_1": nn.MaxPool2d(2),
        "conv_2": (24, 3),
        "pool_2": nn.MaxPool2d(2),
        "conv_3": (48, 3),
    }
    trunk = chain(1, items)
    flat = nn.Sequential(nn.Flatten(), nn.Linear(48 * (side // 4) ** 2, 10))
    return InceptionNet(trunk, classifier(48, 10) if head == "GAP" else flat, name=head)
