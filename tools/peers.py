"""The peers: other libraries' versions of our networks, randomly initialised, and what can be measured on them.

`python tools/peers.py` measures the installed peers again and writes tests/reference/peers.json.
"""

import importlib.metadata
import importlib.util
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

REFERENCE = Path(__file__).resolve().parents[1] / "tests" / "reference" / "peers.json"
_LIBRARIES: list[torch.library.Library] = []  # torch forgets operators whose Library is collected


@cache
def prepare_torchvision() -> None:
    """Lets torchvision be imported where its compiled operators do not fit the installed torch.

    torchvision registers shapes for two of them on import. No network here calls any, so
    declaring them is enough.
    """
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None:
        return
    try:
        torch.ops.load_library(next(Path(found.origin).parent.glob("_C*.*")))
    except (OSError, StopIteration):
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _LIBRARIES.append(library)


@dataclass(frozen=True)
class Peer:
    """One network of another library, and ours that equals it.

    `image` is the side of the square image at which the cost is counted; `sizes` are further ones on
    which the logits are compared: small, odd and even, and where the peer ends in a pool of fixed
    size, among the few on which that pool covers the grid. `stages` names the peer's module for
    each of our blocks, "-" if it has none.
    """

    name: str
    source: str
    ours: str
    build: Callable[[], nn.Module] = field(repr=False)
    image: int
    sizes: tuple[int, ...]
    stages: str = field(repr=False)
    options: dict[str, Any] = field(default_factory=dict)


def _torchvision(name: str, **options: Any) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        import torchvision.models

        return getattr(torchvision.models, name)(init_weights=False, **options)

    return build


def _timm(name: str, **options: Any) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        import timm

        return timm.create_model(name, **options)

    return build


def _facenet() -> nn.Module:
    import facenet_pytorch

    return facenet_pytorch.InceptionResnetV1(classify=True, num_classes=1000)


def _cadene(name: str) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        import pretrainedmodels

        return getattr(pretrainedmodels, name)(num_classes=1000, pretrained=None)

    return build


def _each(name: str, numbers: Iterable[int | str]) -> str:
    return " ".join(f"{name}{number}" for number in numbers)


GOOGLENET = (
    f"conv1 maxpool1 conv2 conv3 maxpool2 {_each('inception3', 'ab')} maxpool3 "
    f"{_each('inception4', 'abcde')} maxpool4 {_each('inception5', 'ab')}"
)
INCEPTION_V3 = (
    "Conv2d_1a_3x3 Conv2d_2a_3x3 Conv2d_2b_3x3 maxpool1 Conv2d_3b_1x1 Conv2d_4a_3x3 maxpool2 "
    f"{_each('Mixed_5', 'bcd')} {_each('Mixed_6', 'abcde')} {_each('Mixed_7', 'abc')}"
)
INCEPTION_V4 = _each("features.", range(22))
STEM = "conv2d_1a conv2d_2a conv2d_2b maxpool_3a conv2d_3b conv2d_4a"
INCEPTION_RESNET_V1 = (
    f"{STEM} conv2d_4b {_each('repeat_1.', range(5))} mixed_6a {_each('repeat_2.', range(10))} "
    f"mixed_7a {_each('repeat_3.', range(5))} block8"
)
INCEPTION_RESNET_V2 = (
    f"{STEM} maxpool_5a mixed_5b {_each('repeat.', range(10))} mixed_6a {_each('repeat_1.', range(20))} "
    f"mixed_7a {_each('repeat_2.', range(9))} block8 conv2d_7b"
)
BN_INCEPTION = f"conv1_relu_7x7 pool1_3x3_s2 conv2_relu_3x3_reduce conv2_relu_3x3 pool2_3x3_s2 {' '.join('-' * 10)}"
BLOCKS = _each("block", range(1, 13))

AUX = {"aux": True}
PEERS = [
    Peer(
        "torchvision googlenet",
        *("torchvision", "googlenet_torchvision", _torchvision("googlenet", aux_logits=False)),
        *(224, (15, 75), GOOGLENET),
    ),
    Peer(
        "torchvision googlenet with aux",
        *("torchvision", "googlenet_torchvision", _torchvision("googlenet", aux_logits=True)),
        *(224, (33, 64), GOOGLENET, AUX),
    ),
    Peer(
        "torchvision inception_v3",
        *("torchvision", "inception_v3", _torchvision("inception_v3", aux_logits=False)),
        *(299, (75, 107), INCEPTION_V3),
    ),
    Peer(
        "torchvision inception_v3 with aux",
        *("torchvision", "inception_v3", _torchvision("inception_v3", aux_logits=True)),
        *(299, (75, 96), INCEPTION_V3, AUX),
    ),
    Peer(
        "timm inception_v3",
        *("timm", "inception_v3", _timm("inception_v3")),
        *(299, (75, 107), INCEPTION_V3.replace("maxpool", "Pool")),
    ),
    Peer("timm inception_v4", "timm", "inception_v4", _timm("inception_v4"), 299, (75, 107), INCEPTION_V4),
    Peer(
        "timm inception_resnet_v2",
        *("timm", "inception_resnet_v2", _timm("inception_resnet_v2")),
        *(299, (75, 107), INCEPTION_RESNET_V2),
    ),
    Peer(
        "timm legacy_xception",
        *("timm", "xception", _timm("legacy_xception")),
        *(299, (32, 71), f"act1 act2 {BLOCKS} act3 act4"),
    ),
    Peer(
        "facenet InceptionResnetV1",
        *("facenet", "inception_resnet_v1", _facenet),
        *(160, (75, 107), INCEPTION_RESNET_V1, {"as_facenet": True}),
    ),
    Peer(
        "cadene bninception",
        *("cadene", "bn_inception", _cadene("bninception")),
        *(224, (223, 230), BN_INCEPTION, {"as_cadene": True}),
    ),
    Peer("cadene inceptionv4", "cadene", "inception_v4", _cadene("inceptionv4"), 299, (307,), INCEPTION_V4),
    Peer(
        "cadene inceptionresnetv2",
        *("cadene", "inception_resnet_v2", _cadene("inceptionresnetv2")),
        *(299, (307,), INCEPTION_RESNET_V2),
    ),
    Peer("cadene xception", "cadene", "xception", _cadene("xception"), 299, (32, 71), f"- - {BLOCKS} - -"),
]


def on_meta(peer: Peer) -> nn.Module:
    """The peer without any values, in evaluation mode: quick to build, and enough to count on."""
    with torch.device("meta"):
        return peer.build().eval()


def randomised(peer: Peer, seed: int = 0) -> nn.Module:
    """The peer in double precision and evaluation mode, every weight and every statistic drawn at random.

    Convolutions keep the size of the signal (He et al.); batch norms get scales, shifts, means and
    variances of their own, so that no two layers can be swapped unnoticed.
    """
    torch.manual_seed(seed)
    model = on_meta(peer).to_empty(device="cpu").double()
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight, std=math.sqrt(2 / module.weight[0].numel()))
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.1)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.7, 1.3)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.7, 1.3)
            module.num_batches_tracked.zero_()
    return model


def macs(model: nn.Module, size: int) -> int:
    """Multiply-adds of convolutions and linear layers for one image on the meta device, as torch counts them."""
    with FlopCounterMode(display=False) as counter:
        model(torch.empty(1, 3, size, size, device="meta"))
    return counter.get_total_flops() // 2  # torch counts a multiply and an add as two


def measure(peer: Peer) -> dict[str, Any]:
    """Parameters, MACs, and the output shape (C, H, W) of each stage."""
    model = on_meta(peer)
    shapes: dict[str, list[int]] = {}
    for name in peer.stages.split():
        if name != "-":

            def keep(module: nn.Module, args: Any, output: Tensor, name: str = name) -> None:
                shapes[name] = list(output.shape[1:])

            model.get_submodule(name).register_forward_hook(keep)
    return {
        "image": peer.image,
        "params": sum(p.numel() for p in model.parameters()),
        "macs": macs(model, peer.image),
        "stages": shapes,
    }


def versions() -> dict[str, str]:
    """The installed versions of torch and of the peers."""
    names = ("torch", "torchvision", "timm", "facenet-pytorch", "pretrainedmodels")
    return {name: importlib.metadata.version(name) for name in names}


def write() -> None:
    """Writes tests/reference/peers.json, one line per stage."""
    about = (
        "Measured by tools/peers.py on randomly initialised models: parameters, MACs (multiply-adds of convolutions "
    )
    about += "and linear layers, one image, evaluation mode) and the output (C, H, W) of each stage."
    lines = [f' "about": {json.dumps(about)}', f' "versions": {json.dumps(versions())}']
    for peer in PEERS:
        found = measure(peer)
        stages = ",\n".join(f"   {json.dumps(name)}: {shape}" for name, shape in found.pop("stages").items())
        head = json.dumps(found)[1:-1]
        lines.append(f' {json.dumps(peer.name)}: {{{head}, "stages": {{\n{stages}\n }}}}')
    REFERENCE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    prepare_torchvision()
    write()
