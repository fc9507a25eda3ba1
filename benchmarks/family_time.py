"""Milliseconds per image of every network of the family for colour images, next to MobileNetV2 and SqueezeNet 1.1.

    pip install -c constraints.txt torchvision
    python benchmarks/family_time.py [--rounds 5]          writes assets/records/12_times.json, for chapter 12

One image at a time on one thread: as built, with channels last, and with channels last and the norms folded in
(`ie.fuse`). All take turns, so that all meet the same machine; the numbers are medians of the processor's time, and
belong to the machine that the record names. Weights are random, on which the time does not depend.
"""

import argparse
from copy import deepcopy
from functools import partial
from importlib.metadata import version
from statistics import median
from time import thread_time

import torch
from torch import nn
from tqdm import tqdm

import inception_edu as ie
from inception_edu.network import as_bricks
from tools.peers import prepare_torchvision
from tools.recording import Record
from tools.results import in_turns, machine

PEERS = {"mobilenet_v2": "MobileNetV2", "squeezenet1_1": "SqueezeNet 1.1"}
"""Networks of torchvision -> their titles. Both read (3, 224, 224)."""


def networks() -> dict[str, tuple[str, nn.Module, tuple[int, int, int]]]:
    """Name -> title, network in evaluation mode, and the (C, H, W) it was made for: those that read 224 or 299."""
    prepare_torchvision()
    from torchvision import models

    torch.manual_seed(0)
    nets = {
        name: (entry.title, ie.build(name).eval(), entry.image)
        for name, entry in ie.FAMILY.items()
        if entry.image[1] >= 224
    }
    return nets | {name: (title, getattr(models, name)().eval(), (3, 224, 224)) for name, title in PEERS.items()}


@torch.inference_mode()
def main() -> None:
    """Measures every network in every way and writes the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    record = Record(
        "12_times",
        made_by="benchmarks/family_time.py",
        torchvision=version("torchvision"),
        threads=1,
        batch=1,
        rounds=rounds,
        machine=machine(),
        milliseconds="processor time per image, medians of the rounds",
    )
    record.runs.clear()
    works = {}
    for name, (title, net, shape) in tqdm(networks().items(), unit="network"):
        image = torch.randn(1, *shape)
        last = image.contiguous(memory_format=torch.channels_last)
        works[name, "plain"] = partial(net, image)
        works[name, "channels last"] = partial(deepcopy(net).to(memory_format=torch.channels_last), last)
        node = ie.trace(net, shape)
        works[name, "fused"] = fused = partial(ie.fuse(as_bricks(node).eval()), last)
        gap = (fused() - net(image)).abs().max() / net(image).abs().max()
        assert gap < 1e-4, f"{name}: fused, its logits differ by {gap:.0e} of the largest"
        record.runs[name] = {"title": title, "image": shape[1], "params": node.params, "macs": node.macs}
        record.runs[name]["milliseconds"] = {}
    for (name, way), seconds in in_turns(works, rounds, clock=thread_time).items():
        record.runs[name]["milliseconds"][way] = round(1000 * median(seconds), 1)
    record.write()


if __name__ == "__main__":
    main()
