"""The designer: a stem and three blocks of chosen kinds and widths, priced against the budget of the challenge.

Its latency stays hidden until the reader has committed to a design and written down a prediction.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache, partial
from html import escape
from statistics import median
from time import thread_time
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ..bricks import ConvUnit, Residual
from ..course.challenge import BUDGET, Budget
from ..models.googlenet import inception
from ..network import InceptionNet, stack
from ..running import threads
from ..shorthand import Item, branch, separable
from ..show.drawing import diagram
from ..tracing import Node, trace

if TYPE_CHECKING:
    from .panel import Panel, View


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
    """Two 3x3s, added to what came in; a linear 1x1 brings that to `channels` where they differ. A ReLU follows."""
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
"""Kind of a block -> what `branch` needs to build one that puts out so many channels."""


def _at_least(channels: int, least: int, what: str) -> int:
    if channels < least:
        raise ValueError(f"{what} {channels} channels wide leaves its narrowest 1x1 none: take at least {least}")
    return channels


@dataclass(frozen=True)
class Design:
    """A network for (1, 28, 28) images and 10 classes: a 3x3 stem, a pool, a block, a pool, two blocks, a classifier.

    Kinds are names of `KINDS`, widths the channels that each part puts out. Raises ValueError for an unknown
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
                raise ValueError(f"{value!r} is no kind of block; the kinds are {', '.join(KINDS)}")
            if not name.startswith("kind") and value < 1:
                raise ValueError(f"{name.replace('_', ' ')} is {value}, and must be at least 1")
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


WIDTHS = ("stem", "width_1", "width_2", "width_3")


def one_kind(kind: str) -> Design:
    """The plain design with all three blocks of another kind."""
    return Design(kind, kind, kind)


def widest(design: Design, budget: Budget = BUDGET) -> Design:
    """The design scaled, in steps of a twentieth, as far as the budget allows.

    Raises ValueError where not even the narrowest fits.
    """

    def too_dear(step: int) -> bool:
        node = design.scaled(step / 20).node
        return node.params > budget.params or node.macs > budget.macs

    steps = range(2, 400)
    allowed = bisect_left(steps, True, key=too_dear)  # wider is dearer, so all that fit come first
    if not allowed:
        raise ValueError(f"no width of this design fits {budget.params:,} parameters and {budget.macs:,} MACs")
    return design.scaled(steps[allowed - 1] / 20)


@lru_cache(maxsize=256)
def latency(design: Design) -> tuple[float, float]:
    """Milliseconds of `design` and of the plain design for one image on one thread: medians of 40 turns each.

    Measured once for a design and kept. What is read is the thread's own time on the processor, which on an idle
    machine is the time that passes, and the two take turns, so that a busy machine disturbs both alike. It is an
    observation all the same: another run may differ by a tenth or more.
    """
    nets = [_channels_last(each.build().eval()) for each in (design, Design())]
    image = torch.zeros(1, *BUDGET.image)
    times: tuple[list[float], list[float]] = [], []
    with threads(), torch.inference_mode():
        for turn in range(45):
            for net, seen in zip(nets, times, strict=True):
                start = thread_time()
                net(image)
                if turn >= 5:
                    seen.append(1000 * (thread_time() - start))
    return median(times[0]), median(times[1])


def _channels_last(net: nn.Module) -> nn.Module:
    """The order of memory in which `fit` trains and `predict` computes."""
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def design_sentence(design: Design, budget: Budget = BUDGET) -> str:
    """What the design costs of the budget, in one sentence."""
    params, macs = design.node.params, design.node.macs
    cost = f"{params:,} of {budget.params:,} parameters, {macs:,} of {budget.macs:,} MACs"
    over = [
        f"{have - limit:,} {what} too many"
        for have, limit, what in ((params, budget.params, "parameters"), (macs, budget.macs, "MACs"))
        if have > limit
    ]
    return f"{cost}: {' and '.join(over) or 'within the budget'}"


def reveal(design: Design, prediction: float) -> str:
    """The measured latency beside the prediction, both as multiples of the plain design's.

    Raises ValueError without a prediction: the latency of a design that nobody committed to is not shown.
    """
    if prediction <= 0:
        raise ValueError("a latency is revealed only beside a prediction: set your own to more than 0 first")
    mine, plain = latency(design)
    ratio = mine / plain
    share = design.node.macs / Design().node.macs
    return (
        f"{mine:.2f} ms, where the plain design takes {plain:.2f} ms here: {ratio:.2f} times as long. "
        f"You predicted {prediction:.2f}; its MACs are {share:.2f} times the plain design's"
    )


def design_view(design: Design, reference: Design | None = None) -> str:
    """HTML: the network's drawing, a table of its parts, its totals, and the change against `reference`."""
    return diagram(design.node, macs_share=True)._repr_html_() + design_table(design, reference)


def design_table(design: Design, reference: Design | None = None, budget: Budget = BUDGET) -> str:
    """HTML: kind, output, parameters, MACs and receptive field of each part, the totals and the shares of the budget.

    MACs count conv and linear multiply-adds of one image.
    """
    kinds = {"block_1": design.kind_1, "block_2": design.kind_2, "block_3": design.kind_3, "stem": "3x3"}
    rows = [
        [child.name, kinds.get(child.name, ""), "x".join(map(str, child.output.shape)), *_cost(child)]
        for child in design.node.children
    ]
    total = design.node
    rows.append(["together", "", "", *_cost(total)[:2], ""])
    shares = [f"{have / limit:.0%}" for have, limit in ((total.params, budget.params), (total.macs, budget.macs))]
    rows.append(["of the budget", "", "", *shares, ""])
    if reference and reference != design:
        was = reference.node
        change = [f"{new / old - 1:+.1%}" for new, old in ((total.params, was.params), (total.macs, was.macs))]
        rows.append(["against the reference", "", "", *change, ""])
    heads = ("part", "kind", "output (C, H, W)", "parameters", "MACs", "receptive field")
    body = "".join(
        f"<tr{' class=' + chr(34) + 'ie-total' + chr(34) if row[0] == 'together' else ''}><th scope='row'>{row[0]}</th>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    head = "".join(f"<th>{name}</th>" for name in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cost(node: Node) -> tuple[str, str, str]:
    return f"{node.params:,}", f"{node.macs:,}", f"{node.output.field[0] if node.output.field else 'unknown'}"


def _design(settings: Mapping[str, float]) -> Design:
    names = list(KINDS)
    kind_1, kind_2, kind_3 = (names[int(settings[name])] for name in ("kind_1", "kind_2", "kind_3"))
    return Design(kind_1, kind_2, kind_3, *(int(settings[name]) for name in WIDTHS))


def _view(*, reference: Mapping[str, float] | None = None, **settings: float) -> "View":
    from .panel import View

    design = _design(settings)
    sentence = design_sentence(design)
    html = design_view(design, _design(reference) if reference else None) + f"<p><b>{sentence}.</b></p>"
    if settings["latency"]:
        told = reveal(design, settings["prediction"])
        return View(f"{html}<p>{told}.</p>", f"{sentence}. {told}")
    return View(f"{html}<p>Latency: hidden. Commit to the design, predict, then reveal.</p>", sentence)


def presets() -> dict[str, Design]:
    """The plain design, and the widest of each other kind that the budget allows."""
    return {"the plain network": Design()} | {
        f"all {kind}, as wide as the budget allows": widest(one_kind(kind)) for kind in KINDS
    }


def designer_explorer() -> "Panel":
    """The explorer of chapter 12: design, commit, predict, reveal."""
    from .panel import Control, Panel, choose

    names = list(KINDS)
    hidden = {"prediction": 0.0, "latency": 0}

    def settings(design: Design) -> dict[str, float]:
        return {n: names.index(v) if n.startswith("kind") else v for n, v in asdict(design).items()} | hidden

    return Panel(
        "Design a network for the budget",
        {
            "kind_1": choose("Block 1, on 14x14", *names),
            "width_1": Control("Width of block 1", 4, 320),
            "kind_2": choose("Block 2, on 7x7", *names),
            "width_2": Control("Width of block 2", 4, 320),
            "kind_3": choose("Block 3, on 7x7", *names),
            "width_3": Control("Width of block 3", 4, 400),
            "stem": Control("Width of the stem, on 28x28", 4, 160),
            "prediction": Control("Your prediction: latency, times the plain network's", 0, 10, 0.05),
            "latency": choose("Latency", "hidden", "revealed"),
        },
        {name: settings(design) for name, design in presets().items()},
        _view,
    )
