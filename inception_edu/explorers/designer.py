"""The designer: a stem and three blocks of chosen kinds and widths, priced against the budget of the challenge.

Its latency stays hidden until the reader has committed to a design and predicted it.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import nn

from ..bricks import ConvUnit, Residual
from ..course.challenge import BUDGET, Budget
from ..models.googlenet import inception
from ..network import InceptionNet, stack
from ..running import milliseconds
from ..shorthand import Item, branch, separable
from ..show.drawing import diagram
from ..show.html import table
from ..tracing import Node, trace
from .settings import Settings, choice, explorer, knob

if TYPE_CHECKING:
    from .panel import Panel


def bottleneck(in_channels: int, channels: int, **style: Any) -> nn.Module:
    """A 1x1 to a quarter of `channels`, a 3x3 there, a 1x1 to `channels`."""
    middle = _at_least(channels, 4, "a bottleneck") // 4
    return branch(in_channels, (middle, 1), (middle, 3), (channels, 1), **style)


def inception_block(in_channels: int, channels: int, **style: Any) -> nn.Module:
    """GoogLeNet's block with the proportions of its 3a, ending on `channels` channels."""
    part = _at_least(channels, 16, "an Inception block") // 16
    n1x1, n5x5, pool = 4 * part, 2 * part, 2 * part
    row = n1x1, 6 * part, channels - n1x1 - n5x5 - pool, part, n5x5, pool
    return inception(in_channels, row, **style)


def residual(in_channels: int, channels: int, **style: Any) -> nn.Module:
    """Two 3x3s, added to their input; a linear 1x1 brings that to `channels` if it has another number. Then a ReLU."""
    body = branch(in_channels, (channels, 3), ConvUnit(channels, channels, 3, relu=False), **style)
    shortcut = None if in_channels == channels else ConvUnit(in_channels, channels, 1, relu=False)
    return nn.Sequential(Residual(body, shortcut), nn.ReLU())


def _plain(channels: int) -> Item:
    return channels, 3


def _factorised(channels: int) -> Item:
    return partial(branch_of, items=((channels, (1, 3)), (channels, (3, 1))))


def branch_of(in_channels: int, items: tuple[Item, ...], **style: Any) -> nn.Module:
    """`branch` as a block function: the items one after the other."""
    return branch(in_channels, *items, **style)


KINDS: dict[str, Callable[[int], Item]] = {
    "plain 3x3": _plain,
    "bottleneck": lambda channels: partial(bottleneck, channels=channels),
    "Inception": lambda channels: partial(inception_block, channels=channels),
    "separable": lambda channels: partial(separable, channels=channels),
    "residual": lambda channels: partial(residual, channels=channels),
    "1x3, 3x1": _factorised,
}
"""Kind of a block -> what `branch` needs to build one with that many output channels."""


def _at_least(channels: int, least: int, what: str) -> int:
    if channels < least:
        raise ValueError(f"{what} {channels} channels wide has none left for its narrowest 1x1: take at least {least}")
    return channels


@dataclass(frozen=True)
class Design:
    """A network for (1, 28, 28) images and 10 classes: a 3x3 stem, a pool, a block, a pool, two blocks, a classifier.

    Kinds are names of `KINDS`, widths the channels that each part outputs. Raises ValueError for an unknown
    kind and for a width that its kind cannot have.
    """

    kind_1: str = "plain 3x3"
    kind_2: str = "plain 3x3"
    kind_3: str = "plain 3x3"
    stem: int = 24
    width_1: int = 48
    width_2: int = 64
    width_3: int = 96

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if name.startswith("kind") and value not in KINDS:
                raise ValueError(f"there is no kind of block named {value!r}; the kinds are {', '.join(KINDS)}")
            if not name.startswith("kind") and value < 1:
                raise ValueError(f"{name.replace('_', ' ')} must be at least 1, not {value}")
        self.node  # noqa: B018  a width that its kind cannot have is refused here, not at first use

    def build(self) -> InceptionNet:
        """The network, randomly initialised: (N, 1, 28, 28) -> logits (N, 10)."""
        items: dict[str, Item] = {
            "stem": (self.stem, 3),
            "pool_1": nn.MaxPool2d(2),
            "block_1": KINDS[self.kind_1](self.width_1),
            "pool_2": nn.MaxPool2d(2),
            "block_2": KINDS[self.kind_2](self.width_2),
            "block_3": KINDS[self.kind_3](self.width_3),
        }
        return stack(1, 10, items, name="design")

    @cached_property
    def node(self) -> Node:
        """The network as `trace` reads it for one (1, 28, 28) image; its weights have no values and no memory."""
        with torch.device("meta"):
            return trace(self.build(), BUDGET.image)

    def scaled(self, factor: float) -> "Design":
        """The same kinds with each width times `factor`, to the nearest multiple of 4.

        The stem is never narrower than 8 channels, a block never narrower than 16.
        """
        widths = {n: max(8 if n == "stem" else 16, 4 * round(factor * getattr(self, n) / 4)) for n in WIDTHS}
        return replace(self, **widths)


NO_PREDICTION = "predict the latency before you reveal it: set your prediction to more than 0"
WIDTHS = ("stem", "width_1", "width_2", "width_3")


def one_kind(kind: str) -> Design:
    """The plain design with all three blocks of another kind."""
    return Design(kind, kind, kind)


def widest(design: Design, budget: Budget = BUDGET) -> Design:
    """The design scaled, in steps of a twentieth, as far as the budget allows.

    Raises ValueError where not even the narrowest fits.
    """

    def too_large(step: int) -> bool:
        node = design.scaled(step / 20).node
        return node.params > budget.params or node.macs > budget.macs

    steps = range(2, 400)
    allowed = bisect_left(steps, True, key=too_large)  # wider costs more, so all that fit come first
    if not allowed:
        raise ValueError(
            f"even at its narrowest, this design exceeds {budget.params:,} parameters or {budget.macs:,} MACs"
        )
    return design.scaled(steps[allowed - 1] / 20)


@lru_cache(maxsize=256)
def latency(design: Design) -> tuple[float, float]:
    """Milliseconds of `design` and of the plain design for one image, as `running.milliseconds` measures them.

    Measured once for a design and kept.
    """
    mine, plain = milliseconds([design.build(), Design().build()], torch.zeros(1, *BUDGET.image))
    return mine, plain


def design_sentence(design: Design, budget: Budget = BUDGET) -> str:
    """What the design costs of the budget, in one sentence."""
    params, macs = design.node.params, design.node.macs
    cost = f"{params:,} of {budget.params:,} parameters, {macs:,} of {budget.macs:,} MACs"
    over = [
        f"{have - limit:,} {what} over"
        for have, limit, what in ((params, budget.params, "parameters"), (macs, budget.macs, "MACs"))
        if have > limit
    ]
    return f"{cost}: {' and '.join(over) or 'within the budget'}"


def reveal(design: Design, prediction: float) -> str:
    """The measured latency next to the prediction, both as multiples of the plain design's.

    Raises ValueError without a prediction: the latency of a design that nobody committed to is not shown.
    """
    if prediction <= 0:
        raise ValueError(NO_PREDICTION)
    mine, plain = latency(design)
    ratio = mine / plain
    share = design.node.macs / Design().node.macs
    return (
        f"It takes {mine:.2f} ms on this machine and the plain design {plain:.2f} ms: {ratio:.2f} times as long. "
        f"You predicted {prediction:.2f}; it has {share:.2f} times the plain design's MACs"
    )


def design_table(design: Design, budget: Budget = BUDGET) -> str:
    """HTML: kind, output, parameters, MACs and receptive field of each part, the totals and the shares of the budget.

    MACs count conv and linear multiply-adds of one image.
    """
    kinds = {"block_1": design.kind_1, "block_2": design.kind_2, "block_3": design.kind_3, "stem": "3x3"}
    total = design.node
    rows = [
        (
            part.name,
            kinds.get(part.name, ""),
            "x".join(map(str, part.output.shape)),
            part.params,
            part.macs,
            part.output.field[0] if part.output.field else "unknown",
        )
        for part in total.children
    ]
    shares = f"{total.params / budget.params:.0%}", f"{total.macs / budget.macs:.0%}"
    heads = ("part", "kind", "output (C, H, W)", "parameters", "MACs", "receptive field")
    sums = [("total", "", "", total.params, total.macs, ""), ("share of the budget", "", "", *shares, "")]
    return table(heads, [*rows, *sums], total=-2)


@dataclass(frozen=True)
class Designer(Settings):
    """A design, and the reader's prediction of its latency as a multiple of the plain design's.

    Raises ValueError for a width that a kind cannot have, and for a latency revealed before it was predicted.
    """

    kind_1: str = choice("plain 3x3", "Block 1, on 14x14", KINDS)
    width_1: int = knob(48, "Width of block 1", 4, 320)
    kind_2: str = choice("plain 3x3", "Block 2, on 7x7", KINDS)
    width_2: int = knob(64, "Width of block 2", 4, 320)
    kind_3: str = choice("plain 3x3", "Block 3, on 7x7", KINDS)
    width_3: int = knob(96, "Width of block 3", 4, 400)
    stem: int = knob(24, "Width of the stem, on 28x28", 4, 160)
    prediction: float = knob(0.0, "Your prediction: latency as a multiple of the plain network's", 0, 10, 0.05)
    latency: str = choice("hidden", "Latency", ("hidden", "revealed"))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.latency == "revealed" and not self.prediction:
            raise ValueError(NO_PREDICTION)
        self.design  # noqa: B018  a width that its kind cannot have is refused here, not at first use

    @cached_property
    def design(self) -> Design:
        return Design(**{each.name: getattr(self, each.name) for each in fields(Design)})

    def sentence(self) -> str:
        cost = f"{design_sentence(self.design)}."
        return cost if self.latency == "hidden" else f"{cost} {reveal(self.design, self.prediction)}."

    def versus(self, pinned: Self) -> str:
        now, was = self.design.node, pinned.design.node
        if self.design == pinned.design:
            return ""
        params, macs = now.params / was.params - 1, now.macs / was.macs - 1
        return f"Compared with the pinned setting: {params:+.1%} parameters, {macs:+.1%} MACs."

    def view(self) -> str:
        """The network's drawing and a table of its parts; the latency only once it is revealed."""
        hidden = (
            "<p>Latency hidden: settle on a design, predict its latency, reveal it.</p>"
            if self.latency == "hidden"
            else ""
        )
        return diagram(self.design.node, macs_share=True) + design_table(self.design) + hidden


def presets() -> dict[str, Design]:
    """The plain design, and the widest of each other kind that the budget allows."""
    return {"the plain network": Design()} | {
        f"all {kind}, as wide as the budget allows": widest(one_kind(kind)) for kind in KINDS
    }


def designer_explorer() -> "Panel":
    """The explorer of chapter 13: design, commit, predict, reveal."""
    settings = {name: Designer(**asdict(design)) for name, design in presets().items()}
    return explorer("Design a network for the budget", Designer, settings)
