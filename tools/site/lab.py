"""Writes what the page "The network in this page" loads: the shipped network as ONNX, and what the package knows of it.

lab/network.onnx    pixels (N, 1, H, W), normalised -> logits (N, 10) and the output of each block (N, C, h, w)
lab/facts.json      names, sizes, the rule of the canvas, the ten pictures, the linear layer
"""

import json
import logging
import warnings
from pathlib import Path
from typing import Any

import explorers
import torch
from torch import Tensor, nn

from inception_edu import trace
from inception_edu.bricks import Concat
from inception_edu.course import canvas
from inception_edu.data.fashion import BLACK, CLASS_NAMES, MEAN, STD, to_pixels
from inception_edu.explorers.canvas import Canvas
from inception_edu.network import InceptionNet
from inception_edu.show.labels import label
from inception_edu.show.palette import BLUE, CYCLE, VERMILLION
from inception_edu.tracing import Node


class Told(nn.Module):
    """The logits of a network, and the output of each of its blocks."""

    def __init__(self, net: InceptionNet) -> None:
        super().__init__()
        self.net = net
        self.blocks = [name for name, block in net.features.named_children() if isinstance(block, Concat)]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        outputs = dict(self.net.block_outputs(images))
        return self.net.classifier(outputs[self.blocks[-1]]), *(outputs[name] for name in self.blocks)


def export(path: Path) -> None:
    """Writes the network for any number and size of images, with each batch norm folded into its convolution."""
    told = Told(canvas.without_norm(canvas.network()).to(memory_format=torch.contiguous_format)).eval()
    sizes = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    # torch asks sympy for simpler words for the sizes that fit, and reports at length that there are none.
    logging.getLogger("torch.fx.experimental.symbolic_shapes").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch about its own trees
        program: Any = torch.onnx.export(
            told,
            (torch.zeros(2, 1, canvas.HEIGHT, canvas.WIDTH),),
            dynamo=True,
            input_names=["images"],
            output_names=["logits", *told.blocks],
            dynamic_shapes=(sizes,),
            verbose=False,
        )
    for node in program.model.graph:
        node.metadata_props.clear()  # a seventh of the file: the lines of Python that it comes from, on this machine
    program.save(path)


def branches(block: Node) -> list[dict[str, Any]]:
    """The branches of a block in the order of its channels: their layers, and how many channels each has."""
    return [
        {
            "name": ", ".join(label(layer.module) for layer in branch.children or [branch]),
            "channels": branch.output.channels,
        }
        for branch in block.children
    ]


def facts() -> dict[str, Any]:
    """What the page's script has from the package, so that nothing is written down twice."""
    net = canvas.network()
    blocks = [node for node in trace(net, (1, canvas.SIDE, canvas.SIDE)).children if isinstance(node.module, Concat)]
    linear = net.get_submodule("classifier.linear")
    arrangements = {each["name"]: Canvas(**each["values"]).garments for each in explorers.panel("canvas").presets}
    return {
        "classes": CLASS_NAMES,
        "mean": MEAN,
        "std": STD,
        "black": BLACK,
        "side": canvas.SIDE,
        "height": canvas.HEIGHT,
        "width": canvas.WIDTH,
        "sure": canvas.SURE,
        "step": canvas.STEP,
        "reach": canvas.REACH,
        "light": canvas.LIGHT,
        "nearTheMiddle": canvas.NEAR_THE_MIDDLE.tolist(),
        "pictures": to_pixels(canvas.pictures().images).flatten(1).tolist(),
        "arrangements": {name: [each._asdict() for each in garments] for name, garments in arrangements.items()},
        "blocks": [{"name": block.name, "branches": branches(block)} for block in blocks],
        "weight": linear.weight.tolist(),
        "bias": linear.bias.tolist(),
        "colours": {"for": BLUE, "against": VERMILLION, "frames": CYCLE},
    }


def write(folder: Path) -> None:
    """Writes both files into a folder's `lab`."""
    (folder / "lab").mkdir(parents=True, exist_ok=True)
    export(folder / "lab" / "network.onnx")
    (folder / "lab" / "facts.json").write_text(json.dumps(facts()), encoding="utf-8")
