"""The family in one dimension: text and time series as maps of (C, 1, L), with kernels of 1 x k.

Nothing new is needed. A series of length L with C values at each step is an image one pixel high, so the bricks,
`trace` and the drawings work as they are. The blocks are GoogLeNet's and Inception-ResNet's with each k x k turned
into 1 x k, and InceptionTime's (Ismail Fawaz et al. 2019, arXiv 1909.04939). The two text classifiers are this
course's own; no paper of the family has one.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..bricks import Concat, ConvUnit, Residual
from ..data.text import PAD, Vocabulary
from ..data.weights import assign, read_about, read_weights, write_weights
from ..network import InceptionNet, classifier
from ..shorthand import Item, branch, chain, out_channels
from .googlenet import Widths
from .inception_resnet import residual

TEXT_ROW: Widths = (16, 16, 32, 8, 16, 16)
"""Widths of the text classifier's block in the order of GoogLeNet's Table 1, with 1x3 and 1x5 for 3x3 and 5x5."""


def inception_1d(in_channels: int, row: Widths, *, kernels: tuple[int, int] = (3, 5), **style: Any) -> Concat:
    """GoogLeNet's block with reductions, one pixel high: 1x1; 1x1, 1x3; 1x1, 1x5; pool, 1x1.

    (N, in_channels, 1, L) -> (N, sum of four widths, 1, L). `kernels` are the lengths of the second and third branch.
    """
    n1x1, second_reduce, second, third_reduce, third, pool_proj = row
    return Concat(
        branch(in_channels, (n1x1, 1), **style),
        branch(in_channels, (second_reduce, 1), (second, (1, kernels[0])), **style),
        branch(in_channels, (third_reduce, 1), (third, (1, kernels[1])), **style),
        branch(in_channels, nn.MaxPool2d((1, 3), 1, padding=(0, 1)), (pool_proj, 1), **style),
    )


def residual_1d(in_channels: int, width_inside: int = 16, *, scale: float = 0.17, **style: Any) -> nn.Module:
    """Inception-ResNet's 35x35 block (Fig. 10 of its paper), one pixel high: three branches, a linear 1x1, a sum."""
    w = width_inside
    return residual(
        in_channels, ((w, 1),), ((w, 1), (w, (1, 3))), ((w, 1), (w, (1, 3)), (w, (1, 3))), scale=scale, **style
    )


def time_block(
    in_channels: int, *, bottleneck: int = 32, each: int = 32, lengths: Sequence[int] = (9, 19, 39), **style: Any
) -> Concat:
    """InceptionTime's block: one linear 1x1 bottleneck, then a kernel of each length side by side; a pool and a 1x1.

    (N, in_channels, 1, L) -> (N, each * (len(lengths) + 1), 1, L). The paper's lengths are 10, 20 and 40; odd ones
    keep L with equal padding on both sides. A series of one channel has no bottleneck. The bottleneck has neither
    batch norm nor ReLU; the joined maps have both (here one pair after each convolution, which is the same).

    Raises ValueError for an even length.
    """
    if even := [length for length in lengths if length % 2 == 0]:
        raise ValueError(f"a kernel of length {even[0]} cannot be padded equally on both sides: take an odd length")
    plain = style | {"batch_norm": False, "relu": False, "bias": False}
    squeeze = branch(in_channels, (bottleneck, 1), **plain) if in_channels > 1 else nn.Identity()
    width = out_channels(squeeze, in_channels)
    kernels = Concat(*(branch(width, (each, (1, length)), **style) for length in lengths))
    pool = branch(in_channels, nn.MaxPool2d((1, 3), 1, padding=(0, 1)), (each, 1), **style)
    return Concat(nn.Sequential(OrderedDict(bottleneck=squeeze, kernels=kernels)), pool)


def inception_time(
    *,
    num_classes: int,
    in_channels: int = 1,
    depth: int = 6,
    bottleneck: int = 32,
    each: int = 32,
    lengths: Sequence[int] = (9, 19, 39),
) -> InceptionNet:
    """One network of InceptionTime (its answer is the mean of five): (N, in_channels, 1, L) -> (N, num_classes).

    `depth` blocks in groups of three, each group with a shortcut, then an average over the series. Raises ValueError
    for a depth that is not a multiple of 3.
    """
    if depth < 3 or depth % 3:
        raise ValueError(f"a depth of {depth} makes no groups of three blocks: take 3, 6 or another multiple of 3")
    groups: dict[str, nn.Module] = {}
    channels = in_channels
    for number in range(1, depth // 3 + 1):
        names = [f"block_{i}" for i in range(1, 4)]
        block = partial(time_block, bottleneck=bottleneck, each=each, lengths=lengths)
        body = nn.Sequential(OrderedDict(chain(channels, dict.fromkeys(names, block))))
        width = out_channels(body, channels)
        shortcut = ConvUnit(channels, width, 1, relu=False)
        groups[f"group_{number}"] = nn.Sequential(Residual(body, shortcut), nn.ReLU())
        channels = width
    return InceptionNet(groups, classifier(channels, num_classes), name="inception_time")


def strongest(channels: int, num_classes: int, dropout: float = 0.0) -> nn.Sequential:
    """The strongest value of each channel over all positions, then one linear layer: text's usual head.

    (N, channels, H, W) -> (N, num_classes). An average, the family's own head, would be diluted by the empty places
    after a short text.
    """
    layers: dict[str, nn.Module] = {"pool": nn.AdaptiveMaxPool2d(1), "flatten": nn.Flatten()}
    if dropout:
        layers["dropout"] = nn.Dropout(dropout)
    layers["linear"] = nn.Linear(channels, num_classes)
    return nn.Sequential(OrderedDict(layers))


class TextNet(nn.Module):
    """An embedding, then a network of the family: word numbers (N, L) -> logits (N, num_classes).

    Each word is looked up as a vector, and the vectors of a text are side by side as maps of (width, 1, L).
    `trace` reads the part after the embedding: `trace(text.net, (text.width, 1, L))`. The embedding needs no
    multiply-adds; it has `len(vocabulary) * width` parameters. Number 0, the empty place, is a vector of zeros.
    """

    def __init__(self, vocabulary: int, width: int, net: InceptionNet) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=PAD)
        self.net = net

    @property
    def width(self) -> int:
        """How many values each word becomes."""
        return self.embedding.embedding_dim

    def maps(self, numbers: Tensor) -> Tensor:
        """(N, L) -> (N, width, 1, L)."""
        return self.embedding(numbers).transpose(1, 2).unsqueeze(2)

    def forward(self, numbers: Tensor) -> Tensor:
        """(N, L) -> logits (N, num_classes)."""
        return self.net(self.maps(numbers))


def _text_net(vocabulary: int, num_classes: int, width: int, items: Mapping[str, Item], name: str) -> TextNet:
    blocks = chain(width, {"dropout": nn.Dropout(0.2), **items})
    channels = width
    for block in blocks.values():
        channels = out_channels(block, channels)
    return TextNet(vocabulary, width, InceptionNet(blocks, strongest(channels, num_classes, 0.3), name=name))


def inception_text(vocabulary: int, *, num_classes: int = 10, width: int = 64, row: Widths = TEXT_ROW) -> TextNet:
    """A text classifier of two 1-D Inception blocks: (N, L) word numbers -> (N, num_classes)."""
    block = partial(inception_1d, row=row)
    return _text_net(vocabulary, num_classes, width, {"inception_1": block, "inception_2": block}, "inception_text")


def inception_resnet_text(
    vocabulary: int, *, num_classes: int = 10, width: int = 64, trunk: int = 64, inside: int = 16, blocks: int = 2
) -> TextNet:
    """A text classifier of 1-D Inception-ResNet blocks after one 1x3: (N, L) word numbers -> (N, num_classes)."""
    items: dict[str, Item] = {"conv_1": (trunk, (1, 3))}
    items |= {f"residual_{i + 1}": partial(residual_1d, width_inside=inside) for i in range(blocks)}
    return _text_net(vocabulary, num_classes, width, items, "inception_resnet_text")


class NgramBag(nn.Module):
    """Logistic regression on a bag of n-grams, the baseline that text networks have to beat.

    (N, L) numbers from `data.text.ngrams`, 0 for empty places -> logits (N, num_classes): the sum of one weight per
    n-gram and class, and a bias. Weights start at zero. The position of a word makes no difference.
    """

    def __init__(self, buckets: int = 2**14, num_classes: int = 10) -> None:
        super().__init__()
        self.weights = nn.EmbeddingBag(buckets + 1, num_classes, mode="sum", padding_idx=PAD)
        self.bias = nn.Parameter(torch.zeros(num_classes))
        nn.init.zeros_(self.weights.weight)

    def forward(self, numbers: Tensor) -> Tensor:
        """(N, L) -> logits (N, num_classes)."""
        return self.weights(numbers) + self.bias


def save_text(net: TextNet, path: str | Path, vocabulary: Vocabulary, **facts: Any) -> Path:
    """Writes an `inception_text` of the usual widths with its vocabulary as safetensors, in half precision.

    `facts` (a recipe, an accuracy) may be anything that JSON can hold. Raises ValueError, before anything is written,
    if vocabulary and embedding differ in size, if the network has other widths, or if a weight is not finite in half
    precision.
    """
    halves = {name: _as(torch.half, tensor) for name, tensor in net.state_dict().items()}
    weights = read_weights(halves, "the network in half precision")
    _rebuild(weights, vocabulary, str(path))
    about = {"name": "inception_text", "words": vocabulary.words, "facts": facts}
    return write_weights(path, weights, about)


def load_text(path: str | Path) -> tuple[TextNet, Vocabulary, dict[str, Any]]:
    """The network that `save_text` wrote, in evaluation mode and single precision, its vocabulary and its facts.

    Raises ValueError for a file that `save_text` did not write, that is damaged, or whose weights are not finite.
    """
    about = read_about(path, "words", "facts", writer="save_text")
    vocabulary = Vocabulary(tuple(about["words"]))
    return _rebuild(read_weights(path), vocabulary, str(path)), vocabulary, about["facts"]


def copy_text(theirs: TextNet, mine: nn.Module) -> nn.Module:
    """Gives the weights of a text network to one of one's own with one-dimensional layers, and returns that.

    Both define their layers in the same order; a kernel (out, in, 1, k) becomes (out, in, k). Raises ValueError with
    the first two tensors that do not fit, before anything is copied.
    """
    values = [_flat(tensor) for tensor in theirs.state_dict().values()]
    places = mine.state_dict()
    for (name, place), value in zip(places.items(), values, strict=False):
        if place.shape != value.shape:
            raise ValueError(f"{name} of yours has the shape {tuple(place.shape)}, theirs {tuple(value.shape)}")
    if len(places) != len(values):
        raise ValueError(f"yours has {len(places)} tensors of weights and statistics, theirs {len(values)}")
    mine.load_state_dict(dict(zip(places, values, strict=True)))
    return mine


def _flat(tensor: Tensor) -> Tensor:
    """A kernel one pixel high without its height; anything else as it is."""
    return tensor.squeeze(2) if tensor.dim() == 4 else tensor


def _as(dtype: torch.dtype, tensor: Tensor) -> Tensor:
    """A weight in another precision; a counter as it is."""
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def _rebuild(weights: Mapping[str, Tensor], vocabulary: Vocabulary, path: str) -> TextNet:
    with torch.device("meta"):
        net = inception_text(len(vocabulary))
    try:
        assign(net, {name: _as(torch.float, tensor) for name, tensor in weights.items()})
    except ValueError as error:
        raise ValueError(
            f"{path}: the weights do not fit {len(vocabulary)} word numbers and the usual widths, because {error}"
        ) from error
    return net.eval()
