"""How far a learning rate can be raised with and without batch norm: the recorded cloud of chapter 05.

A small BN-Inception (stem, 3a, 3c and 4a of the paper's table at an eighth of its width) for 28x28 images, with
batch norm and with biases instead. Both start from Kaiming weights. Each gets its own learning rate on
validation images; then that rate is multiplied, and a run counts as a survivor if its loss stays finite and
it classifies at least half of the test images correctly.

    python experiments/batch_norm.py       writes assets/records/05_batch_norm.json, in about ten minutes on one core
"""

from collections import OrderedDict
from functools import partial
from typing import Any

import torch
from starts import kaiming_start
from torch import nn

import inception_edu as ie
from inception_edu.data.fashion import load_fashion, split_validation
from inception_edu.models.bn_inception import TABLE, avg_pool, inception, reduction
from inception_edu.network import InceptionNet, stack
from inception_edu.train.loop import accuracy, cosine, fit, flip, sgd
from tools.recording import Record, cloud, tune

IMAGES, LEVEL = 2000, 0.5
RECIPE: dict[str, Any] = {"epochs": 3, "batch_size": 50, "optimizer": sgd, "schedule": cosine, "augment": flip}
RATES = [0.01, 0.03, 0.1, 0.3, 1.0]
ARMS = {"with": True, "without": False}
TIMES = (1, 3, 10, 30)


def network(batch_norm: bool) -> InceptionNet:
    """(N, 1, 28, 28) -> (N, 10); ten layers of weights on the longest path."""
    items = OrderedDict(
        conv_1=(64, 3, 2),
        inception_3a=partial(inception, row=TABLE["inception_3a"], pool=avg_pool()),
        inception_3c=partial(reduction, row=TABLE["inception_3c"], pool=nn.MaxPool2d(3, 2, padding=1)),
        inception_4a=partial(inception, row=TABLE["inception_4a"], pool=avg_pool()),
    )
    net = stack(1, 10, items, name="small bn_inception", width=0.125, batch_norm=batch_norm)
    kaiming_start(net)
    return net


def main() -> None:
    """Chooses a rate per arm, then runs every arm at every multiple of its rate with the same seeds."""
    train, valid = split_validation(load_fashion("train"))
    train, test = train[:IMAGES], load_fashion("test")
    cost = {arm: ie.trace(network(batch_norm), (1, 28, 28)) for arm, batch_norm in ARMS.items()}
    record = Record(
        "05_batch_norm",
        made_by="experiments/batch_norm.py",
        network="small bn_inception: conv_1, 3a, 3c, 4a at width 0.125, Kaiming start",
        size={arm: {"params": node.params, "macs": node.macs} for arm, node in cost.items()},
        images=IMAGES,
        level=LEVEL,
        rates_tried=RATES,
    )

    def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
        torch.manual_seed(seed)
        net = network(ARMS[arm.split(" x ")[0]])
        try:
            fit(net, train, lr=rate, seed=seed, progress=False, **RECIPE)
        except FloatingPointError as error:
            return {"diverged": str(error).split(",")[0], "valid": 0.0, "test": 0.0}
        return {"valid": accuracy(net, valid), "test": accuracy(net, test)}

    chosen = tune(record, run, dict.fromkeys(ARMS, RATES))
    rates = {f"{arm} x {times}": rate * times for arm, rate in chosen.items() for times in TIMES}
    record.about["rates"] = rates
    cloud(record, run, rates)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
