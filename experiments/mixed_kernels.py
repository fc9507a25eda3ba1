"""The recorded clouds of chapter 02: do kernels of several sizes side by side help when things come in several sizes?

`python experiments/mixed_kernels.py` writes assets/records/02_real_scales.json and 02_made_scales.json; a
stopped run continues where it was. About 15 minutes on one core.

Three arms that differ in kernels only, at equal MACs within 2 %: 3x3 alone, 5x5 alone, or 1x1, 3x3 and 5x5 side by
side. "real" is the challenge network on clothes at ten sizes; "made" is a network of one block on pairs of dots.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

import inception_edu as ie
from inception_edu.bricks import Concat, ConvUnit
from inception_edu.course.challenge import BUDGET, challenge_network
from inception_edu.course.scales import at_many_sizes, dot_pairs, mixed, one_block, right_by_class
from inception_edu.data.fashion import LabelledImages, load_fashion, split_validation
from inception_edu.network import InceptionNet
from inception_edu.running import predict
from inception_edu.train.loop import accuracy, fit, flip
from tools.recording import Record, cloud, tune

Arms = dict[str, Callable[[], InceptionNet]]

REAL: Arms = {
    "3x3": partial(challenge_network, block_1=(32, 3), block_2=(40, 3), block_3=(64, 3)),
    "5x5": partial(challenge_network, block_1=(15, 5), block_2=(21, 5), block_3=(37, 5)),
    "mixed": partial(
        challenge_network, **{f"block_{i}": partial(mixed, channels=c) for i, c in ((1, 28), (2, 36), (3, 56))}
    ),
}
MADE: Arms = {
    "3x3": lambda: one_block(ConvUnit(1, 100, 3), 100),
    "5x5": lambda: one_block(ConvUnit(1, 36, 5), 36),
    "mixed": lambda: one_block(Concat(ConvUnit(1, 4, 1), ConvUnit(1, 44, 3), ConvUnit(1, 20, 5)), 68),
}


def experiment(
    name: str, arms: Arms, rates: tuple[float, ...], train: LabelledImages, test: LabelledImages, **recipe: Any
) -> None:
    """Tunes a rate for each arm on a sixth of the training images, then runs ten seeds of each."""
    costs = {arm: ie.trace(build(), BUDGET.image) for arm, build in arms.items()}
    facts = {arm: {"params": node.params, "macs": node.macs} for arm, node in costs.items()}
    learn, valid = split_validation(train, len(train) // 60)
    record = Record(
        name, made_by="experiments/mixed_kernels.py", arms=facts, images=len(learn), epochs=recipe["epochs"]
    )

    def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
        torch.manual_seed(seed)
        net = arms[arm]()
        fit(net, learn, lr=rate, batch_size=50, seed=seed, progress=False, **recipe)
        by_class = right_by_class(predict(net, test.images), test.labels)
        return {
            "valid": round(accuracy(net, valid), 4),
            "test": round(sum(by_class) / 10, 4),
            "by_class": [round(share, 3) for share in by_class],
        }

    cloud(record, run, tune(record, run, dict.fromkeys(arms, rates)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    made = dot_pairs(2400, 0), dot_pairs(2000, 1)
    experiment("02_made_scales", MADE, (0.05, 0.1, 0.2), *made, epochs=6)
    real = at_many_sizes(load_fashion("train"), 0), at_many_sizes(load_fashion("test")[:5000], 1)
    experiment("02_real_scales", REAL, (0.005, 0.015, 0.045), *real, epochs=2, augment=flip)
