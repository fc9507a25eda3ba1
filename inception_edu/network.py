"""A whole network: named blocks, a classifier, and the auxiliary heads that some papers add for training."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from .bricks import Concat, Product, Residual
from .layers import Signal
from .shorthand import Item, branch, chain, out_channels, widen
from .tracing import Node, Reading, ShapeError, Walk, explain, rule, trace


class InceptionNet(nn.Module):
    """Named blocks in a row, then a classifier.

    (N, in_channels, H, W) -> (N, num_classes), always one tensor of logits, in training mode as in
    evaluation mode. `aux_heads` are keyed by the block whose output they read; only
    `forward_with_aux` runs them.

    An image that it cannot read, because it is too small or has another number of channels, raises one sentence with
    the place and the numbers (`ShapeError`, a ValueError): where torch fails, `trace` says why.
    """

    def __init__(
        self,
        blocks: Mapping[str, nn.Module],
        classifier: nn.Module,
        aux_heads: Mapping[str, nn.Module] | None = None,
        *,
        name: str = "",
    ) -> None:
        super().__init__()
        self.name = name
        self.features = nn.Sequential(OrderedDict(blocks))
        self.classifier = classifier
        self.aux_heads = nn.ModuleDict(aux_heads or {})
        if missing := [tap for tap in self.aux_heads if tap not in blocks]:
            raise ValueError(f"an auxiliary head reads {missing[0]!r}, but the blocks are {', '.join(blocks)}")

    def block_outputs(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Yields `(name, output)` of each block in order; outputs are (N, C, H, W)."""
        shape = x.shape
        for name, block in self.features.named_children():
            try:
                x = block(x)
            except (RuntimeError, ValueError) as error:
                self._explain(shape, error)
                raise
            yield name, x

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> logits (N, num_classes)."""
        try:
            logits: Tensor = self.classifier(self.features(x))
        except (RuntimeError, ValueError) as error:
            self._explain(x.shape, error)
            raise
        return logits

    def forward_with_aux(self, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits (N, num_classes), and those of each auxiliary head under the name of the block it reads."""
        aux, output = {}, x
        try:
            for name, output in self.block_outputs(x):
                if name in self.aux_heads:
                    aux[name] = self.aux_heads[name](output)
            return self.classifier(output), aux
        except (RuntimeError, ValueError) as error:
            self._explain(x.shape, error, aux=True)
            raise

    def _explain(self, shape: Sequence[int], error: Exception, aux: bool = False) -> None:
        """Raises ShapeError in place of torch's own error, if the shape of the image is the reason."""
        if reason := explain(self, shape[1:], aux=aux):
            if len(shape) == 3 and not explain(self, shape, aux=aux):
                reason = f"{self.name or 'the network'} reads batches (N, C, H, W): for one image of {tuple(shape)}, "
                reason += "pass image[None]"
            raise ShapeError(reason) from error


def classifier(channels: int, num_classes: int, dropout: float = 0.0) -> nn.Sequential:
    """Global average pooling, dropout and one linear layer: (N, channels, H, W) -> (N, num_classes).

    The papers print a 7x7 or 8x8 average pool; at their image sizes that is the whole grid, and
    written as a global pool it reads other sizes too. `dropout` is the share that is *dropped*.
    """
    if num_classes < 1:
        raise ValueError(f"a classifier needs at least 1 class, got {num_classes}")
    layers: dict[str, nn.Module] = {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
    if dropout:
        layers["dropout"] = nn.Dropout(dropout)
    layers["linear"] = nn.Linear(channels, num_classes)
    return nn.Sequential(OrderedDict(layers))


def aux_head(
    channels: int, num_classes: int, pool: nn.Module, *, grid: int = 4, dropout: float = 0.7, **style: Any
) -> nn.Sequential:
    """GoogLeNet's auxiliary head (GoogLeNet paper, §5): pool to `grid` x `grid`, 1x1 to 128, two linear layers."""
    conv = branch(channels, (128, 1), **style)
    maps, hidden = out_channels(conv, channels), widen(1024, style.get("width", 1.0))
    return nn.Sequential(
        OrderedDict[str, nn.Module](
            pool=pool,
            conv=conv,
            flatten=nn.Flatten(),
            linear_1=nn.Linear(grid * grid * maps, hidden),
            relu=nn.ReLU(),
            dropout=nn.Dropout(dropout),
            linear_2=nn.Linear(hidden, num_classes),
        )
    )


def aux_head_bn(channels: int, num_classes: int, *, small: bool = False, **style: Any) -> nn.Sequential:
    """Inception-v3's auxiliary head ("Rethinking" paper, Fig. 8): pool, 1x1 to 128, a 5x5 over the whole grid to 768.

    The 5/3 pool turns the 17x17 grid into 5x5. With `small` the pool always ends on 5x5, for grids under 17.
    """
    layers = chain(
        channels,
        {
            "pool": nn.AdaptiveAvgPool2d(5) if small else nn.AvgPool2d(5, 3),
            "conv_1": (128, 1),
            "conv_2": (768, 5, 1, 0),
        },
        **style,
    )
    features = nn.Sequential(OrderedDict(layers))
    return nn.Sequential(
        OrderedDict(features=features, classifier=classifier(out_channels(features, channels), num_classes))
    )


def stack(
    in_channels: int,
    num_classes: int,
    items: Mapping[str, Item],
    *,
    name: str,
    dropout: float = 0.0,
    aux: Mapping[str, Callable[[int], nn.Module]] | None = None,
    **style: Any,
) -> InceptionNet:
    """The network of named items (see `bricks.chain`) with the usual classifier after them.

    `aux` gives, for the name of a block, a function from that block's channels to an auxiliary head.
    """
    blocks = chain(in_channels, items, **style)
    heads, channels = {}, in_channels
    for tap, block in blocks.items():
        channels = out_channels(block, channels)
        if aux and tap in aux:
            heads[tap] = aux[tap](channels)
    return InceptionNet(blocks, classifier(channels, num_classes, dropout), heads, name=name)


def small_stem(*widths: int) -> dict[str, Item]:
    """Items that replace a paper's stem for images of 28 to 64 pixels: 3x3 convolutions, then one pool by 2."""
    convs: dict[str, Item] = {f"conv_{i}": (width, 3) for i, width in enumerate(widths, 1)}
    return convs | {"pool_1": nn.MaxPool2d(3, 2, padding=1)}


def stem(node: Node) -> Node:
    """The part of a traced network before its first block: before the first Concat or Residual that keeps its grid.

    Raises ValueError for a network without such a block, NIN for one.
    """
    parts: dict[str, nn.Module] = {}
    for child in node.children:
        blocks = any(isinstance(inner.form, Concat | Residual) for inner in child.walk())
        if blocks and child.input.sides == child.output.sides:
            part = trace(nn.Sequential(OrderedDict(parts)), node.input.shape)
            return replace(part, name="stem")
        parts[child.name] = child.module
    raise ValueError(f"{getattr(node.module, 'name', '') or node.name} has no stem: no Concat or Residual follows one")


def as_bricks(node: Node) -> nn.Module:
    """A traced module as a tree of bricks over its own layers: itself where it is one, else what its `forward` does."""
    inside = {child.name: as_bricks(child) for child in node.children}
    if node.form is node.module and all(inside[child.name] is child.module for child in node.children):
        return node.module
    match node.form:
        case Concat():
            return Concat(*inside.values())
        case Product():
            return Product(*inside.values())
        case Residual():
            return Residual(inside["body"], inside["shortcut"], node.form.scale)
        case InceptionNet():
            last = inside.pop("classifier")
            return InceptionNet(inside, last, dict(node.form.aux_heads.items()), name=node.form.name)
    if not inside:
        return node.form
    row = nn.Sequential()
    row._modules.update(inside)  # as they are: a name may be one that nn.Sequential uses itself
    return row


@rule(InceptionNet)
def _network(module: InceptionNet, signal: Signal, walk: Walk) -> Reading:
    nodes, aux = [], []
    for name, block in module.features._modules.items():
        assert block is not None
        nodes.append(node := walk(name, block, signal))
        signal = node.output
        if walk.aux and name in module.aux_heads:
            aux.append(walk(name, module.aux_heads[name], signal))
    nodes.append(walk("classifier", module.classifier, signal))
    if not walk.aux:
        walk.skip(module.aux_heads)
    return Reading(nodes[-1].output, children=tuple(nodes), aux=tuple(aux))
