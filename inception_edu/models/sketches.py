"""Network sketches that tutorials print, corrected so that they run, each with a list of its faults."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import nn

from ..network import InceptionNet, stack
from .googlenet import TABLE_1, inception, lrn, max_pool
from .inception_resnet import inception_resnet_v2_paper
from .lightweight import light_block, light_block_as_written


def sketch_001(*, num_classes: int = 1000, in_channels: int = 3) -> InceptionNet:
    """Tutorial 001's short GoogLeNet, corrected only as far as it needs to run: 1,016,280 parameters.

    (N, 3, 224, 224) -> (N, 1000). Its two blocks are GoogLeNet's 3a and 3b, but 3a reads the 64 channels
    of a stem that leaves out the second convolution, on a 56x56 grid.
    """
    return stack(
        in_channels,
        num_classes,
        {
            "conv_1": (64, 7, 2),
            "pool_1": nn.MaxPool2d(3, 2, padding=1),
            "lrn_1": lrn(),
            "inception_3a": partial(inception, row=TABLE_1["inception_3a"]),
            "inception_3b": partial(inception, row=TABLE_1["inception_3b"]),
        },
        name="sketch_001",
        batch_norm=False,
    )


def sketch_002(*, num_classes: int = 1000, in_channels: int = 3, tail_as_written: bool = False) -> InceptionNet:
    """Tutorial 002's Inception-ResNet with the parts that it calls but does not define, from the paper.

    (N, 3, 299, 299) -> (N, 1000). `tail_as_written` keeps its 1x1 average pool, which changes nothing, so
    that 8 x 8 x 2144 = 137,216 values are flattened into a linear layer of 137.2 M weights.
    """
    net = inception_resnet_v2_paper(num_classes=num_classes, in_channels=in_channels)
    net.name = "sketch_002"
    if tail_as_written:
        net.classifier = nn.Sequential(
            nn.AvgPool2d(1), nn.Flatten(), nn.Dropout(0.5), nn.Linear(8 * 8 * 2144, num_classes)
        )
    return net


def sketch_003(*, num_classes: int = 10, in_channels: int = 3, corrected: bool = True) -> InceptionNet:
    """Three of tutorial 003's modules after a small stem: (N, 3, 32, 32) -> (N, 10).

    Corrected, every module outputs 256 channels; as written, each adds 160 to its input.
    """
    block = partial(light_block, row=TABLE_1["inception_3a"]) if corrected else light_block_as_written
    return stack(
        in_channels,
        num_classes,
        {"conv_1": (192, 3, 2), "module_1": block, "module_2": block, "pool_2": max_pool(), "module_3": block},
        name="sketch_003",
    )


@dataclass(frozen=True)
class Sketch:
    """A tutorial's sketch: where it is, what was wrong with it, and the function that builds it corrected."""

    title: str
    address: str
    faults: tuple[str, ...]
    builder: Callable[..., InceptionNet]


SKETCHES: dict[str, Sketch] = {
    "sketch_001": Sketch(
        "GoogLeNet的核心创新:Inception模块",
        "www.dnsts.com.cn/news/241087.html",
        (
            'the page strips the "=" signs, so the code as shown is not Python',
            "the script ends after building and printing the network, so no forward pass shows the faults below",
            "3b is told 192 input channels, but 3a outputs 256",
            "the linear layer is told 1024 features, but 3b outputs 480",
            "no ReLU anywhere: a 1x1 and the 3x3 after it are then one linear map",
            "the second convolution of the stem (1x1 to 64, 3x3 to 192), its LRN and its pool are missing",
            "LRN(2) takes TF's depth_radius for torch's window size: the same setting in torch is LRN(5)",
            "seven of the nine blocks, two pools, dropout and both auxiliary heads are missing",
        ),
        sketch_001,
    ),
    "sketch_002": Sketch(
        "Inception-Resnet, by ATRCG",
        "www.506064.com/zh-tw/n/368016.html",
        (
            "the stem, the three blocks and both reductions are called and never defined",
            "no model is made from the layers and nothing is returned",
            "a 1x1 average pool is the identity; the paper averages over the 8x8 grid",
            "so 137,216 values are flattened, and the linear layer has 137.2 M weights where the paper has 2.1 M",
            "dropout 0.5, where the paper keeps 0.8, which drops 0.2",
            "the residual scales 0.17, 0.10 and 0.20 hide behind a switch without their values",
        ),
        sketch_002,
    ),
    "sketch_003": Sketch(
        "23 Inception之轻量化设计, AI免费学习网",
        "zglg.work/ai-30-neural-networks/23/",
        (
            "the pool branch is not projected, so every module adds 160 channels",
            "one 1x1 to 32 channels feeds both towers",
            "there is a ReLU between depthwise and pointwise, where Xception found that none is better",
            "no batch norm",
        ),
        sketch_003,
    ),
}
"""Name -> `Sketch`."""
