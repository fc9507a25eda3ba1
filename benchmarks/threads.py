"""One thread against two, and the two orders of a tensor in memory: `python benchmarks/threads.py`.

Trains and runs the small GoogLeNet on the same images each way, in turns, five times, and prints the
milliseconds for one image (the fastest turn of each). Run it on a machine that is otherwise idle.
"""

import time
from collections.abc import Callable
from itertools import product

import torch
from torch import nn

from inception_edu.data.fashion import LabelledImages, load_fashion
from inception_edu.family import build
from inception_edu.running import threads
from inception_edu.train.loop import SMALL_GOOGLENET, training_loss

BATCH, TURNS = 32, 5
ORDERS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}


def train(net: nn.Module, data: LabelledImages) -> None:
    """Forward and backward over all batches."""
    net.train()
    for start in range(0, len(data), BATCH):
        batch = data[start : start + BATCH]
        torch.autograd.backward(training_loss(net, batch.images, batch.labels)[0])


def infer(net: nn.Module, data: LabelledImages) -> None:
    """Forward alone, in larger batches."""
    net.eval()
    with torch.no_grad():
        for images in torch.split(data.images, 500):
            net(images)


def main() -> None:
    """Prints one line for each kind of work and order: both times and their ratio."""
    data = load_fashion("train")[:1000]
    work: dict[str, Callable[[nn.Module, LabelledImages], None]] = {"training": train, "inference": infer}
    quickest: dict[tuple[str, str, int], float] = {}
    for _, what, order, count in product(range(TURNS), work, ORDERS, (1, 2)):
        net = build("googlenet", **SMALL_GOOGLENET).to(memory_format=ORDERS[order])  # type: ignore[call-overload]
        with threads(count):
            work[what](net, data[:BATCH])
            start = time.perf_counter()
            work[what](net, data)
            seconds = time.perf_counter() - start
        key = what, order, count
        quickest[key] = min(seconds, quickest.get(key, seconds))
    for what, order in product(work, ORDERS):
        one, two = (quickest[what, order, count] / len(data) * 1000 for count in (1, 2))
        print(f"{what:<10} {order:<15} 1 thread {one:.2f} ms, 2 threads {two:.2f} ms, {one / two:.2f} times as fast")


if __name__ == "__main__":
    main()
