"""What a bottleneck costs in accuracy: the recorded cloud of chapter 03.

Three versions of the challenge network: plain 3x3 blocks; each replaced by a bottleneck of the same output
width; and plain blocks narrowed until they cost as many MACs as the bottlenecks. Learning rates are chosen
per arm on validation images; then every arm is trained with the same seeds and tested once.

    python experiments/bottleneck_accuracy.py          writes assets/records/03_bottleneck_accuracy.json
"""

import json
from functools import partial
from pathlib import Path

import torch
from tqdm.auto import tqdm

import inception_edu as ie
from inception_edu.course.challenge import BUDGET, challenge_network
from inception_edu.data.fashion import load_fashion, split_validation
from inception_edu.data.files import write_whole
from inception_edu.shorthand import branch
from inception_edu.train.loop import accuracy, fit, flip

RATES = (0.004, 0.01, 0.025)
TUNING_SEEDS = (100, 101)
SEEDS = range(10)
RECIPE = {"epochs": 3, "batch_size": 50, "augment": flip, "progress": False}


def bottleneck(in_channels, middle, channels, **style):
    """A 1x1 to `middle`, a 3x3 there, a 1x1 to `channels`."""
    return branch(in_channels, (middle, 1), (middle, 3), (channels, 1), **style)


WIDTHS = {"block_1": 48, "block_2": 64, "block_3": 96}
ARMS = {
    "plain": {},
    "bottleneck": {name: partial(bottleneck, middle=c // 4, channels=c) for name, c in WIDTHS.items()},
    "narrow": {name: (c, 3) for name, c in {"block_1": 14, "block_2": 24, "block_3": 32}.items()},
}


def run(arm, rate, seed, train, test):
    """Test accuracy of one training."""
    torch.manual_seed(seed)
    net = challenge_network(**ARMS[arm])
    fit(net, train, lr=rate, seed=seed, **RECIPE)
    return accuracy(net, test)


def main():
    """Chooses a rate per arm, trains every arm with every seed, and records both."""
    train, valid = split_validation(load_fashion("train"))
    test = load_fashion("test")
    record = {"script": "experiments/bottleneck_accuracy.py", "torch": torch.__version__, "arms": {}}
    with tqdm(total=len(ARMS) * (len(TUNING_SEEDS) * len(RATES) + len(SEEDS)), unit="run") as bar:
        for arm, blocks in ARMS.items():
            node = ie.trace(challenge_network(**blocks), BUDGET.image)
            tuning = {}
            for rate in RATES:
                scores = []
                for seed in TUNING_SEEDS:
                    scores.append(run(arm, rate, seed, train, valid))
                    bar.update()
                tuning[rate] = sum(scores) / len(scores)
            best = max(tuning, key=tuning.__getitem__)
            scores = []
            for seed in SEEDS:
                scores.append(run(arm, best, seed, train, test))
                bar.update()
            record["arms"][arm] = {
                "params": node.params,
                "macs": node.macs,
                "validation accuracy by rate": tuning,
                "rate": best,
                "test accuracy by seed": scores,
            }
    path = Path(__file__).parent.parent / "assets" / "records" / "03_bottleneck_accuracy.json"
    path.parent.mkdir(exist_ok=True)
    write_whole(path, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
