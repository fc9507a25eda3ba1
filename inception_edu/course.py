"""What every chapter shares: a prediction held against its answer, and the budget challenge."""

from dataclasses import dataclass

from torch import nn

from .bricks import Item, chain, out_channels
from .network import InceptionNet, classifier
from .tracing import trace


def compare(guess: float | None, answer: float, unit: str = "") -> str:
    """A reader's guess beside the answer, in a sentence; `None` means that nothing was guessed."""
    words = f"{answer:,} {unit}".strip()
    if guess is None:
        return f"You wrote no guess this time. It is {words}."
    if guess == answer:
        return f"Exactly: {words}."
    if guess <= 0 or answer <= 0:
        return f"You wrote {guess:,}. It is {words}."
    ratio = guess / answer
    off = f"{ratio:.3g} times too high" if ratio > 1 else f"{1 / ratio:.3g} times too low"
    return f"You wrote {guess:,}, which is {off}. It is {words}."


@dataclass(frozen=True)
class Budget:
    """The limits of the challenge: parameters, and MACs (conv and linear multiply-adds) for one (1, 28, 28) image."""

    params: int = 150_000
    macs: int = 10_000_000
    image: tuple[int, int, int] = (1, 28, 28)

    def verdict(self, net: nn.Module) -> str:
        """What `net` costs, and whether it stays within the budget.

        Raises ShapeError when the network cannot read the image or does not end in 10 logits.
        """
        node = trace(net, self.image)
        if node.output.shape != (10,):
            raise ValueError(f"the challenge has 10 classes, and this network puts out {node.output.shape}")
        over = [
            f"{have - limit:,} {what} too many"
            for have, limit, what in ((node.params, self.params, "parameters"), (node.macs, self.macs, "MACs"))
            if have > limit
        ]
        cost = f"{node.params:,} of {self.params:,} parameters, {node.macs:,} of {self.macs:,} MACs"
        return f"{cost}: " + (" and ".join(over) if over else "within the budget")


BUDGET = Budget()
"""The budget of the challenge that runs through the course."""


def challenge_network(**blocks: Item) -> InceptionNet:
    """The network that the reader owns: a stem and three named blocks on grids of 14 and 7, (N, 1, 28, 28) -> (N, 10).

    Without arguments its blocks are plain 3x3 convolutions. `block_1`, `block_2` and `block_3` replace
    them one by one; anything that `branch` accepts will do. Raises ValueError for another name.
    """
    items: dict[str, Item] = {
        "stem": (24, 3),
        "pool_1": nn.MaxPool2d(2),
        "block_1": (48, 3),
        "pool_2": nn.MaxPool2d(2),
        "block_2": (64, 3),
        "block_3": (96, 3),
    }
    if unknown := [name for name in blocks if name not in ("block_1", "block_2", "block_3")]:
        raise ValueError(f"the challenge network has no {unknown[0]!r}; block_1, block_2 and block_3 can be replaced")
    built = chain(1, items | blocks)
    channels = 1
    for block in built.values():
        channels = out_channels(block, channels)
    return InceptionNet(built, classifier(channels, 10), name="challenge")
