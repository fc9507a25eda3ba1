"""The four strategies of lightweight design, each alone and all together: the recorded cloud of chapter 09.

One network of four small Inception blocks, and what is left of its accuracy, MACs, parameters, memory and time
when it is made lighter by 1x1 reductions, by smaller kernels, by separable convolutions, by fewer blocks, and by
all of them. The separable arm runs in three versions, because papers disagree on what belongs between its halves.
Learning rates are chosen per arm on validation images; then every arm is trained with the same seeds.

    python experiments/lightweight.py          writes assets/records/09_lightweight.json (about 8 minutes, one core)
"""

from functools import cache, partial
from time import process_time

import torch
from torch import nn

import inception_edu as ie
from inception_edu import bricks
from inception_edu.bricks import Concat, ConvUnit
from inception_edu.course.memory import peak_bytes
from inception_edu.data.fashion import load_fashion, split_validation
from inception_edu.network import stack
from inception_edu.shorthand import branch
from inception_edu.train.loop import accuracy, fit, flip
from tools.recording import Record, cloud, tune

RATES = (0.005, 0.012, 0.03)
TUNING_SEED = 100
RECIPE = {"epochs": 2, "batch_size": 50, "augment": flip, "progress": False}


def separable(in_channels, channels, kernel, between, **style):
    """Depthwise, then 1x1; `between` them nothing, a ReLU, or a batch norm and a ReLU."""
    depthwise = {"batch_norm": between == "batch norm, ReLU", "relu": between != "nothing", "bias": False}
    return nn.Sequential(
        ConvUnit(in_channels, in_channels, kernel, groups=in_channels, **depthwise),
        ConvUnit(in_channels, channels, 1),
    )


def block(in_channels, channels, reduce=False, small=False, between=None, **style):
    """1x1 | 3x3 | 5x5 | pool, 1x1: a quarter of the channels from each branch."""
    quarter = channels // 4

    def tower(kernel):
        kernels = [3, 3] if small and kernel == 5 else [kernel]
        convs = [partial(separable, channels=quarter, kernel=k, between=between) for k in kernels]
        reduction = [(quarter // 2, 1)] if reduce else []
        return branch(in_channels, *reduction, *(convs if between else [(quarter, k) for k in kernels]))

    pool = nn.MaxPool2d(3, 1, padding=1)
    return Concat(branch(in_channels, (quarter, 1)), tower(3), tower(5), branch(in_channels, pool, (quarter, 1)))


def network(fewer=False, **how):
    """Stem, blocks to 32 channels on 14x14, blocks to 64 on 7x7: two each, or one each if `fewer`."""
    items = {"stem": (16, 3, 2), "block_1": partial(block, channels=32, **how)}
    if not fewer:
        items["block_2"] = partial(block, channels=32, **how)
    items |= {"pool": nn.MaxPool2d(2), "block_3": partial(block, channels=64, **how)}
    if not fewer:
        items["block_4"] = partial(block, channels=64, **how)
    return stack(1, 10, items, name="light")


ARMS = {
    "plain": {},
    "1 reductions": {"reduce": True},
    "2 small kernels": {"small": True},
    "3 separable": {"between": "nothing"},
    "4 fewer blocks": {"fewer": True},
    "all four": {"reduce": True, "small": True, "between": "nothing", "fewer": True},
    "3 with ReLU": {"between": "ReLU"},
    "3 with batch norm, ReLU": {"between": "batch norm, ReLU"},
}


@cache
def images():
    """Training, validation and test images: 1,500, 1,000 and 2,000."""
    train, valid = split_validation(load_fashion("train"))
    return train[:1500], valid, load_fashion("test")[:2000]


def run(arm, rate, seed):
    """Validation accuracy of one training, and test accuracy unless it only helps to choose the rate."""
    train, valid, test = images()
    torch.manual_seed(seed)
    net = network(**ARMS[arm])
    fit(net, train, lr=rate, seed=seed, **RECIPE)
    scores = {"valid": accuracy(net, valid)}
    return scores if seed >= TUNING_SEED else scores | {"test": accuracy(net, test)}


@torch.inference_mode()
def milliseconds(nets, x, rounds):
    """Processor time of the fastest of several turns for each network, because disturbances only make a turn longer."""
    x = x.to(memory_format=torch.channels_last)
    quickest = dict.fromkeys(nets, float("inf"))
    for _ in range(rounds):
        for name, net in nets.items():
            start = process_time()
            net(x)
            quickest[name] = min(quickest[name], 1000 * (process_time() - start))
    return quickest


def speed_ups(runs=15):
    """MobileNet's layer of 512 channels on 14x14: how many times as fast the separable way is, in each of some runs."""
    ways = {"standard": ConvUnit(512, 512, 3), "separable": bricks.separable(512, 512)}
    ways = {name: ie.fuse(way.eval()) for name, way in ways.items()}
    times = [milliseconds(ways, torch.randn(1, 512, 14, 14), rounds=30) for _ in range(runs)]
    return [each["standard"] / each["separable"] for each in times]


def main():
    """Counts and times every arm, chooses its rate, and trains it with every seed."""
    torch.set_num_threads(1)
    nets = {arm: network(**how).eval() for arm, how in ARMS.items()}
    record = Record("09_lightweight", made_by="experiments/lightweight.py", images=1500, epochs=2)
    nodes = {arm: ie.trace(net, (1, 28, 28)) for arm, net in nets.items()}
    record.about["arms"] = {
        arm: {"params": node.params, "macs": node.macs, "peak bytes": peak_bytes(node)} for arm, node in nodes.items()
    }
    rates = tune(record, run, dict.fromkeys(ARMS, RATES), (TUNING_SEED,))
    cloud(record, run, rates)
    fused = {arm: ie.fuse(net) for arm, net in nets.items()}
    for batch, rounds in ((1, 300), (100, 30)):
        x = torch.randn(batch, 1, 28, 28)
        for kind, which in (("fused", fused), ("plain", nets)):
            record.once(f"milliseconds/{kind}/{batch}", partial(milliseconds, which, x, rounds))
    record.once("speed-ups of a separable layer", speed_ups)


if __name__ == "__main__":
    main()
