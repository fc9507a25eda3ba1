"""Brings the weights of torchvision, timm, facenet-pytorch and Cadene's pretrainedmodels into our networks, by name.

For each of our blocks a table lists what the peer calls the layers inside, in the order in which *our*
block defines them. The order of the tensors in the file does not matter.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from .data.weights import COUNTER, read_weights
from .models import bn_inception, googlenet
from .network import InceptionNet

Source = Literal["torchvision", "timm", "facenet", "cadene"]
Triple = tuple[float, float, float]
Table = dict[str, list[str]]
"""A part of our network -> the peer's names of the layers with parameters in it, in our order."""


@dataclass(frozen=True)
class Preprocessing:
    """How an image must be prepared for a checkpoint: `mean` and `std` per channel, `size` of the training images.

    Both are for images in 0..1, with their channels in the order `channels`. Calling it prepares a
    batch: RGB images (N, 3, H, W) in 0..1 -> what the network reads, of the same shape.
    """

    mean: Triple
    std: Triple
    size: int
    channels: Literal["RGB", "BGR"] = "RGB"

    def __call__(self, images: Tensor) -> Tensor:
        if self.channels == "BGR":
            images = images.flip(1)
        mean, std = (images.new_tensor(values).view(3, 1, 1) for values in (self.mean, self.std))
        return (images - mean) / std


@dataclass(frozen=True)
class Peer:
    """Another library's version of one of our networks; `options` says how ours must be built to fit."""

    table: Table
    preprocessing: Preprocessing
    eps: float
    options: str = "its default widths and blocks"
    aliases: tuple[tuple[str, str], ...] = ()


def _boxes(names: str, prefix: str = "", layers: tuple[str, str] = ("{}.conv", "{}.bn")) -> list[str]:
    """The convolution and the batch norm of each box, called as the pattern `layers` says."""
    return [prefix + layer.format(name) for name in names.split() for layer in layers]


def _numbered(name: str, count: int, first: int = 1) -> list[str]:
    return [f"{name}{i}" for i in range(first, first + count)]


def _googlenet() -> Table:
    block = "branch1 branch2.0 branch2.1 branch3.0 branch3.1 branch4.1"
    return {
        **{f"features.conv_{i}": _boxes(f"conv{i}") for i in (1, 2, 3)},
        **{f"features.{name}": _boxes(block, f"{name.replace('_', '')}.") for name in googlenet.TABLE_1},
        "classifier": ["fc"],
        "aux_heads.inception_4a": [*_boxes("conv", "aux1."), "aux1.fc1", "aux1.fc2"],
        "aux_heads.inception_4d": [*_boxes("conv", "aux2."), "aux2.fc1", "aux2.fc2"],
    }


def _inception_v3() -> Table:
    stem = {"conv_1a": "3x3", "conv_2a": "3x3", "conv_2b": "3x3", "conv_3b": "1x1", "conv_4a": "3x3"}
    double = "branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3"
    a = f"branch1x1 branch5x5_1 branch5x5_2 {double} branch_pool"
    b = (
        "branch1x1 branch7x7_1 branch7x7_2 branch7x7_3 "
        "branch7x7dbl_1 branch7x7dbl_2 branch7x7dbl_3 branch7x7dbl_4 branch7x7dbl_5 branch_pool"
    )
    c = (
        "branch1x1 branch3x3_1 branch3x3_2a branch3x3_2b "
        "branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3a branch3x3dbl_3b branch_pool"
    )
    reduction_b = "branch3x3_1 branch3x3_2 branch7x7x3_1 branch7x7x3_2 branch7x7x3_3 branch7x7x3_4"
    blocks = dict.fromkeys(["5b", "5c", "5d"], a) | {"6a": f"branch3x3 {double}"}
    blocks |= dict.fromkeys(["6b", "6c", "6d", "6e"], b) | {"7a": reduction_b} | dict.fromkeys(["7b", "7c"], c)
    return {
        **{f"features.{name}": _boxes(f"Conv2d_{name[-2:]}_{kernel}") for name, kernel in stem.items()},
        **{f"features.mixed_{name}": _boxes(boxes, f"Mixed_{name}.") for name, boxes in blocks.items()},
        "classifier": ["fc"],
        "aux_heads.mixed_6e": [*_boxes("conv0 conv1", "AuxLogits."), "AuxLogits.fc"],
    }


def _inception_v4() -> Table:
    a = "branch0 branch1.0 branch1.1 branch2.0 branch2.1 branch2.2 branch3.1"
    b = "branch0 branch1.0 branch1.1 branch1.2 branch2.0 branch2.1 branch2.2 branch2.3 branch2.4 branch3.1"
    c = "branch0 branch1_0 branch1_1a branch1_1b branch2_0 branch2_1 branch2_2 branch2_3a branch2_3b branch3.1"
    blocks = {
        "mixed_3a": "conv",
        "mixed_4a": "branch0.0 branch0.1 branch1.0 branch1.1 branch1.2 branch1.3",
        "mixed_5a": "conv",
        **dict.fromkeys(_numbered("inception_a_", 4), a),
        "reduction_a": "branch0 branch1.0 branch1.1 branch1.2",
        **dict.fromkeys(_numbered("inception_b_", 7), b),
        "reduction_b": "branch0.0 branch0.1 branch1.0 branch1.1 branch1.2 branch1.3",
        **dict.fromkeys(_numbered("inception_c_", 3), c),
    }
    return {
        **{f"features.{name}": _boxes(f"features.{i}") for i, name in enumerate(("conv_1a", "conv_2a", "conv_2b"))},
        **{f"features.{name}": _boxes(boxes, f"features.{i}.") for i, (name, boxes) in enumerate(blocks.items(), 3)},
        "classifier": ["last_linear"],
    }


def _residual(boxes: str, prefix: str) -> list[str]:
    """A residual block: its boxes, then the linear 1x1 that expands them."""
    return [*_boxes(boxes, prefix), f"{prefix}conv2d"]


def _inception_resnet_v1() -> Table:
    return {
        **{f"features.conv_{name}": _boxes(f"conv2d_{name}") for name in ("1a", "2a", "2b", "3b", "4a", "4b")},
        **{
            f"features.block35_{i + 1}": _residual(
                "branch0 branch1.0 branch1.1 branch2.0 branch2.1 branch2.2", f"repeat_1.{i}."
            )
            for i in range(5)
        },
        "features.reduction_a": _boxes("branch0 branch1.0 branch1.1 branch1.2", "mixed_6a."),
        **{
            f"features.block17_{i + 1}": _residual("branch0 branch1.0 branch1.1 branch1.2", f"repeat_2.{i}.")
            for i in range(10)
        },
        "features.reduction_b": _boxes(
            "branch0.0 branch0.1 branch1.0 branch1.1 branch2.0 branch2.1 branch2.2", "mixed_7a."
        ),
        **{
            f"features.block8_{i}": _residual("branch0 branch1.0 branch1.1 branch1.2", f"{peer}.")
            for i, peer in enumerate([*_numbered("repeat_3.", 5, first=0), "block8"], 1)
        },
        "classifier": ["last_linear", "last_bn", "logits"],
    }


def _inception_resnet_v2(classifier: str) -> Table:
    three = "branch0 branch1.0 branch1.1 branch1.2"
    return {
        **{f"features.conv_{name}": _boxes(f"conv2d_{name}") for name in ("1a", "2a", "2b", "3b", "4a", "7b")},
        "features.mixed_5b": _boxes("branch0 branch1.0 branch1.1 branch2.0 branch2.1 branch2.2 branch3.1", "mixed_5b."),
        **{
            f"features.block35_{i + 1}": _residual(
                "branch0 branch1.0 branch1.1 branch2.0 branch2.1 branch2.2", f"repeat.{i}."
            )
            for i in range(10)
        },
        "features.reduction_a": _boxes(three, "mixed_6a."),
        **{f"features.block17_{i + 1}": _residual(three, f"repeat_1.{i}.") for i in range(20)},
        "features.reduction_b": _boxes(
            "branch0.0 branch0.1 branch1.0 branch1.1 branch2.0 branch2.1 branch2.2", "mixed_7a."
        ),
        **{
            f"features.block8_{i}": _residual(three, f"{peer}.")
            for i, peer in enumerate([*_numbered("repeat_2.", 9, first=0), "block8"], 1)
        },
        "classifier": [classifier],
    }


def _xception(classifier: str) -> Table:
    def separables(block: str, *indices: int) -> list[str]:
        """The separable convolutions at these indices of the peer's nn.Sequential, each with its batch norm."""
        return [f"{block}.rep.{name}" for i in indices for name in (f"{i}.conv1", f"{i}.pointwise", f"{i + 1}")]

    def down(block: str, *indices: int) -> list[str]:
        return [*separables(block, *indices), f"{block}.skip", f"{block}.skipbn"]

    return {
        "features.conv_1": ["conv1", "bn1"],
        "features.conv_2": ["conv2", "bn2"],
        "features.entry_1": down("block1", 0, 3),  # the first block starts without a ReLU
        "features.entry_2": down("block2", 1, 4),
        "features.entry_3": down("block3", 1, 4),
        **{f"features.middle_{i}": separables(f"block{i + 3}", 1, 4, 7) for i in range(1, 9)},
        "features.exit_1": down("block12", 1, 4),
        "features.exit_2": ["conv3.conv1", "conv3.pointwise", "bn3"],
        "features.exit_3": ["conv4.conv1", "conv4.pointwise", "bn4"],
        "classifier": [classifier],
    }


def _bn_inception() -> Table:
    layers = ("{}", "{}_bn")
    stem = {"conv_1": "conv1_7x7_s2", "conv_2": "conv2_3x3_reduce", "conv_3": "conv2_3x3"}
    table = {f"features.{name}": _boxes(peer, layers=layers) for name, peer in stem.items()}
    for name, row in bn_inception.TABLE.items():
        boxes = "3x3_reduce 3x3 double_3x3_reduce double_3x3_1 double_3x3_2"
        if row[0]:  # a block that keeps its grid also has a 1x1 and a projected pool
            boxes = f"1x1 {boxes} pool_proj"
        table[f"features.{name}"] = _boxes(boxes, f"{name}_", layers)
    return table | {"classifier": ["last_linear"]}


def _half(size: int) -> Preprocessing:
    """0..1 becomes -1..1. It is also what torchvision's `transform_input` makes of images normalised its usual way."""
    return Preprocessing((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), size)


PEERS: dict[tuple[str, str], Peer] = {
    ("torchvision", "googlenet_torchvision"): Peer(_googlenet(), _half(224), 1e-3),
    ("torchvision", "inception_v3"): Peer(_inception_v3(), _half(299), 1e-3),
    ("timm", "inception_v3"): Peer(_inception_v3(), _half(299), 1e-3),
    ("timm", "inception_v4"): Peer(_inception_v4(), _half(299), 1e-3),
    ("timm", "inception_resnet_v2"): Peer(_inception_resnet_v2("classif"), _half(299), 1e-3),
    ("timm", "xception"): Peer(_xception("fc"), _half(299), 1e-5),
    # (x - 127.5) / 128 for bytes
    ("facenet", "inception_resnet_v1"): Peer(
        _inception_resnet_v1(),
        Preprocessing((0.5, 0.5, 0.5), (128 / 255, 128 / 255, 128 / 255), 160),
        1e-3,
        "as_facenet=True",
    ),
    # as in Caffe: bytes in the order blue, green, red, minus their mean
    ("cadene", "bn_inception"): Peer(
        _bn_inception(),
        Preprocessing((104 / 255, 117 / 255, 128 / 255), (1 / 255, 1 / 255, 1 / 255), 224, "BGR"),
        1e-5,
        "as_cadene=True",
    ),
    ("cadene", "inception_v4"): Peer(_inception_v4(), _half(299), 1e-3),
    ("cadene", "inception_resnet_v2"): Peer(_inception_resnet_v2("last_linear"), _half(299), 1e-3),
    # the released file says fc where the model in memory says last_linear
    ("cadene", "xception"): Peer(_xception("last_linear"), _half(299), 1e-5, aliases=(("fc.", "last_linear."),)),
}
"""(source, our network's name) -> `Peer`."""


def load_checkpoint(
    net: InceptionNet, state_dict_or_path: Mapping[str, Tensor] | str | Path, source: Source
) -> Preprocessing:
    """Copies another library's weights into `net` and returns how images must be prepared for them.

    | argument             | what it is                                                                         |
    |----------------------|------------------------------------------------------------------------------------|
    | `net`                | a network from `build`; its `name` says which one it is                            |
    | `state_dict_or_path` | names with tensors, or a file of them: safetensors, or what `torch.save` wrote     |
    | `source`             | "torchvision", "timm", "facenet" or "cadene"; `PEERS` lists what each of them has  |

    Only tensors are read from a file; no code runs. If a training saved its weights next to its
    epoch, or a wrapper put a prefix before every name, `read_weights` finds them and prints what it
    did.

    Layers are found by their names, and every shape is compared before anything is copied: a
    checkpoint that does not fit leaves `net` unchanged. Auxiliary heads are ignored if `net` has
    none. Every batch norm gets the epsilon of the peer, which belongs to the weights although no
    file stores it (1e-3 in the Inceptions, 1e-5 in Xception and Cadene's BN-Inception).

    What cannot be detected: two layers of equal shape that are swapped in the file, a file from
    another training of the same network, or one from another peer that uses the same names. The
    `Preprocessing` is that of the weights that the peer released; timm's `inception_v3.gluon_in1k`
    and a torchvision network trained without `transform_input` need torchvision's usual mean
    (0.485, 0.456, 0.406) and std (0.229, 0.224, 0.225) instead.

    Raises ValueError with one sentence about the first misfit: an unknown source or network, a file
    that is not one of weights, a weight that is NaN, infinite, whole or complex, a missing layer,
    another shape, or a tensor left over; OSError for a file that cannot be opened.
    """
    peer = _peer(net, source)
    where = f"{source}'s {net.name}"
    state = read_weights(state_dict_or_path)
    for old, new in peer.aliases:
        state = {new + key.removeprefix(old) if key.startswith(old) else key: value for key, value in state.items()}
    plan = []
    for path, ours, key in _pairs(net, peer, where):
        if key not in state:
            raise ValueError(f"the checkpoint has no {key!r}, where {where} keeps {path}. Nothing was loaded")
        theirs = state.pop(key)
        if theirs.shape != ours.shape:
            raise ValueError(
                f"{path} of this network has shape {tuple(ours.shape)}, but {key!r} in the checkpoint has "
                f"{tuple(theirs.shape)}; build the network with {_classes(path, theirs) or peer.options}. "
                "Nothing was loaded"
            )
        if ours.is_meta:
            raise ValueError("the network is on the meta device, where tensors have no values. Nothing was loaded")
        values = theirs.to(ours.dtype)
        if not values.isfinite().all():
            raise ValueError(
                f"{key!r} in the checkpoint reaches {theirs.abs().max():.3g}, more than this network's {ours.dtype} "
                f"can hold: convert the network with net.to({theirs.dtype}). Nothing was loaded"
            )
        plan.append((ours, values))
    if left := [key for key in state if not _ignorable(key, net, peer)]:
        raise ValueError(
            f"the checkpoint holds {left[0]!r}"
            + (f" and {len(left) - 1} more" if left[1:] else "")
            + f", for which {net.name} has no place; build the network with {peer.options}. Nothing was loaded"
        )
    with torch.no_grad():
        for ours, values in plan:
            ours.copy_(values)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.eps = peer.eps
    return peer.preprocessing


def peer_names(net: InceptionNet, source: Source) -> dict[str, Tensor]:
    """The weights of `net` under the names that another library gives them, batch norms' counters left out.

    Raises ValueError as `load_checkpoint` does for an unknown source or network, or one of another build.
    """
    where = f"{source}'s {net.name}"
    return {theirs: ours.detach() for _, ours, theirs in _pairs(net, _peer(net, source), where)}


def _peer(net: InceptionNet, source: str) -> Peer:
    sources = {key for key, _ in PEERS}
    if source not in sources:
        raise ValueError(f"there is no source {source!r}; the sources are {', '.join(sorted(sources))}")
    name = getattr(net, "name", "") or type(net).__name__
    if (source, name) not in PEERS:
        there = ", ".join(network for key, network in PEERS if key == source)
        elsewhere = " and ".join(key for key, network in PEERS if network == name)
        hint = f"; {name} is in {elsewhere}" if elsewhere else ""
        raise ValueError(f"{source} has no {name}; of the family it has {there}{hint}")
    return PEERS[source, name]


def _pairs(net: InceptionNet, peer: Peer, where: str) -> Iterator[tuple[str, Tensor, str]]:
    """Yields `(our path, our tensor, the peer's name for it)`."""
    parts = [f"features.{name}" for name, _ in net.features.named_children()] + ["classifier"]
    parts += [f"aux_heads.{name}" for name in net.aux_heads]
    layers = {part: _layers(net, part) for part in parts}
    for part in (*layers, *peer.table):
        ours, theirs = len(layers.get(part, ())), len(peer.table.get(part, ()))
        if ours != theirs and not (part.startswith("aux_heads.") and part not in layers):
            raise ValueError(
                f"layers with parameters in {part}: {ours} in this network, {theirs} in {where}; "
                f"build the network with {peer.options}. Nothing was loaded"
            )
    for part, found in layers.items():
        for (path, layer), name in zip(found, peer.table.get(part, ()), strict=True):
            tensors = {**dict(layer.named_parameters(recurse=False)), **dict(layer.named_buffers(recurse=False))}
            for tensor, value in tensors.items():
                if tensor != COUNTER:
                    yield f"{path}.{tensor}", value, f"{name}.{tensor}"


def _layers(net: InceptionNet, part: str) -> list[tuple[str, nn.Module]]:
    """The layers of a part that have parameters of their own, in the order in which the part defines them."""
    return [
        (f"{part}.{name}" if name else part, module)
        for name, module in net.get_submodule(part).named_modules()
        if any(True for _ in module.parameters(recurse=False))
    ]


def _ignorable(key: str, net: InceptionNet, peer: Peer) -> bool:
    """Whether a tensor may be left over: a counter, or part of an auxiliary head that `net` does not have."""
    heads = [
        names
        for part, names in peer.table.items()
        if part.startswith("aux_heads.") and part.removeprefix("aux_heads.") not in net.aux_heads
    ]
    unused = {name for names in heads for name in names}
    return key.endswith(COUNTER) or key.rpartition(".")[0] in unused


def _classes(path: str, theirs: Tensor) -> str:
    return f"num_classes={theirs.shape[0]}" if path.startswith("classifier.") and theirs.dim() else ""
