"""A file with the names of a released one and random weights, for a course that works without a network."""

from pathlib import Path

import torch
from torch import nn

from ..checkpoints import peer_names
from ..data.weights import COUNTER
from ..family import build
from ..models.googlenet import TABLE_1 as TABLE_1

NAME = "googlenet_torchvision"


def write_released(path: str | Path) -> Path:
    """Writes what torchvision's GoogLeNet, auxiliary heads included, keeps in its file: its names and shapes.

    The weights are random (He et al.'s start, and batch norms that have seen something), so that every layer matters
    to the logits. 13,004,888 parameters, 52 MB. Raises what `torch.save` raises if the file cannot be written.
    """
    net = build(NAME, aux=True)
    chance = torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, generator=chance)
        elif isinstance(module, nn.BatchNorm2d) and module.running_mean is not None and module.running_var is not None:
            for tensor in (module.weight.data, module.running_var):
                tensor.uniform_(0.8, 1.2, generator=chance)
            for tensor in (module.bias.data, module.running_mean):
                tensor.normal_(0, 0.1, generator=chance)
    weights = peer_names(net, "torchvision")
    norms = [name.removesuffix("running_mean") for name in weights if name.endswith("running_mean")]
    weights |= {norm + COUNTER: torch.tensor(0) for norm in norms}
    torch.save(weights, path)
    return Path(path)
