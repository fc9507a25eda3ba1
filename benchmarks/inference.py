"""Inference, measured in turns: our networks plain and fused against torchvision's and timm's, none of them compiled.

    python benchmarks/inference.py [--batch 1] [--rounds 15] [--threads 1] [--record]

`--record` keeps the table in assets/records/09_inference.json for chapter 09. Each round times every network once,
so that all meet the same moods of the machine; the medians are printed, with the time that the MACs would take at
the speed of a large matrix product, below which no float32 kernel can go.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch
from tabulate import tabulate
from torch import nn
from tqdm import tqdm

import inception_edu as ie

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from peers import PEERS, prepare_torchvision, randomised
from recording import Record

NAMES = (
    "torchvision googlenet",
    "torchvision inception_v3",
    "timm inception_v4",
    "timm inception_resnet_v2",
)


def seconds(work: Callable[[], Any]) -> float:
    """How long one call takes."""
    start = perf_counter()
    work()
    return perf_counter() - start


def ways(name: str) -> tuple[dict[str, nn.Module], tuple[int, int, int]]:
    """The peer, ours with its weights, and ours fused; and the shape of an image."""
    peer = next(peer for peer in PEERS if peer.name == name)
    theirs = randomised(peer).float().eval()
    ours = ie.build(peer.ours, **peer.options).eval()
    ie.load_checkpoint(ours, theirs.state_dict(), peer.source)
    return {"peer": theirs, "plain": ours, "fused": ie.fuse(ours)}, (3, peer.image, peer.image)


@torch.inference_mode()
def main() -> None:
    """Prints a row for each network: medians in milliseconds, and how many times as fast as the peer."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for option, default in (("--batch", 1), ("--rounds", 15), ("--threads", 1)):
        arguments.add_argument(option, type=int, default=default)
    arguments.add_argument("--record", action="store_true")
    chosen = arguments.parse_args()
    torch.set_num_threads(chosen.threads)
    prepare_torchvision()
    square = torch.randn(1024, 1024)
    rows: list[list[str]] = []
    found: dict[str, dict[str, float]] = {}
    for name in tqdm(NAMES, unit="network"):
        nets, shape = ways(name)
        images = torch.randn(chosen.batch, *shape)
        exact, quick = nets["peer"](images), nets["fused"](images)
        assert (exact - quick).abs().max() < 1e-4 * exact.abs().max(), name
        times: dict[str, list[float]] = {way: [] for way in (*nets, "product")}
        for _ in range(chosen.rounds):
            for way, net in nets.items():
                times[way].append(seconds(partial(net, images)))
            times["product"].append(seconds(partial(torch.matmul, square, square)))
        middle = {way: median(each) for way, each in times.items()}
        macs = ie.trace(nets["plain"], shape).macs * chosen.batch
        middle["limit"] = macs / (1024**3 / middle.pop("product"))
        found[name] = {way: 1000 * each for way, each in middle.items()}
        rows.append(
            [
                name,
                *(f"{found[name][way]:.1f}" for way in nets),
                *(f"{middle['peer'] / middle[way]:.2f}" for way in ("plain", "fused")),
                f"{found[name]['limit']:.1f}",
            ]
        )
    heads = ("network", "peer, ms", "plain, ms", "fused, ms", "plain, times", "fused, times", "limit, ms")
    print(f"batch {chosen.batch}, {chosen.threads} thread(s), {chosen.rounds} rounds, torch {torch.__version__}")
    print(tabulate(rows, heads, disable_numparse=True, stralign="right"))
    if chosen.record:
        record = Record("09_inference", made_by="benchmarks/inference.py", threads=chosen.threads, rounds=chosen.rounds)
        record.runs[f"milliseconds/{chosen.batch}"] = found
        record.write()


if __name__ == "__main__":
    main()
