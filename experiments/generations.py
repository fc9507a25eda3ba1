"""The second recorded cloud of chapter 12: five generations of the family, small, at equal MACs under one recipe.

`python experiments/generations.py` writes assets/records/12_generations.json; about ten minutes on one core. Runs that
are already in the file are not repeated.

Every network keeps its own blocks and their number; a common factor on all its widths brings it within 5 % of
`MACS` on a (1, 28, 28) image, with batch norm in all of them. The learning rate is chosen for each on validation
images; all else is the same.
"""

from typing import Any

import torch

import inception_edu as ie
from inception_edu.course.challenge import BUDGET
from inception_edu.data.fashion import load_fashion, split_validation
from inception_edu.network import InceptionNet
from inception_edu.train.loop import accuracy, fit, flip
from tools.recording import Record, cloud, tune

MACS = 4_200_000
WIDTHS = {
    "googlenet": 0.108,
    "bn_inception": 0.091,
    "inception_v3": 0.083,
    "inception_v4": 0.0545,
    "inception_resnet_v2": 0.0519,
}
RATES = dict.fromkeys(WIDTHS, (0.003, 0.01))
IMAGES, EPOCHS, TESTED, TUNING = 1500, 2, 1000, 100


def small(name: str) -> InceptionNet:
    """The network of that name for (1, 28, 28) images and ten classes, narrowed to `MACS`."""
    more = {"batch_norm": True} if name == "googlenet" else {}
    return ie.build(name, num_classes=10, in_channels=1, small=True, width=WIDTHS[name], **more)


def main() -> None:
    """Prices every network, chooses its rate and runs ten seeds."""
    train, valid = split_validation(load_fashion("train"))
    learn, test = train[:IMAGES], load_fashion("test")[:TESTED]
    nodes = {name: ie.trace(small(name), BUDGET.image) for name in WIDTHS}
    for name, node in nodes.items():
        assert abs(node.macs / MACS - 1) < 0.05, f"{name}: {node.macs:,}"
    facts = {name: {"params": node.params, "macs": node.macs, "width": WIDTHS[name]} for name, node in nodes.items()}
    about = {"images": IMAGES, "epochs": EPOCHS, "tested": TESTED, "arms": facts}
    record = Record("12_generations", made_by="experiments/generations.py", **about)

    def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
        torch.manual_seed(seed)
        net = small(arm)
        history = fit(net, learn, epochs=EPOCHS, lr=rate, batch_size=50, augment=flip, seed=seed, progress=False)
        share = {"valid": accuracy(net, valid)} if seed == TUNING else {"test": accuracy(net, test)}
        return {name: round(value, 4) for name, value in (share | {"train": history.last.accuracy}).items()}

    cloud(record, run, tune(record, run, RATES, (TUNING,)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
