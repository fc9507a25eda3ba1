"""Do features of one half of the garments help to learn the other half? The recorded curves of chapter 12.

A small GoogLeNet learns the first five classes of Fashion-MNIST (T-shirt, trouser, pullover, dress, coat). The other
five (sandal, shirt, sneaker, bag, ankle boot) are then learned from 1 to 100 pictures each in three ways. "frozen": a
new linear layer on the trained network's means, nothing else changes. "tuned": the same new layer, and all of the
network is trained on. "scratch": the whole network, from its random start. A control at 10 pictures, "random": a new
layer on a network that has learned nothing. All take the same steps over the same pictures; each has its own rate for
each number of pictures, chosen on 500 validation images of the new classes. Every seed has its own first network, its
own pictures and its own start.

    python experiments/few_new.py          writes assets/records/12_few_new.json
"""

from copy import deepcopy
from functools import cache, lru_cache
from typing import Any

import torch
from torch import Tensor, nn

import inception_edu as ie
from inception_edu.data.fashion import LabelledImages, load_fashion, split_validation
from inception_edu.train.loop import SMALL_GOOGLENET, accuracy, adamw, fit, flip, one_cycle
from tools.recording import Record, cloud, tune

PICTURES = (1, 3, 10, 30, 100)
RATES = {
    "frozen": (0.01, 0.03, 0.1),
    "random": (0.01, 0.03, 0.1),
    "scratch": (0.003, 0.01, 0.03),
    "tuned": (0.001, 0.003, 0.01),
}
RECIPE: dict[str, Any] = {"optimizer": adamw, "schedule": one_cycle, "augment": flip, "progress": False}
STEPS, BATCH = 100, 25
TESTED = 2_000


class Probe(nn.Module):
    """A new linear layer on the means of a network that stays as it is: (N, 1, 28, 28) -> (N, classes)."""

    def __init__(self, trained: nn.Module, classes: int) -> None:
        super().__init__()
        self.features: Any = deepcopy(trained).requires_grad_(False)
        self.linear = nn.Linear(self.features.classifier[-1].in_features, classes)
        self.features.classifier[-1] = nn.Identity()

    def train(self, mode: bool = True) -> "Probe":
        super().train(mode)
        self.features.eval()  # else the batch norms would learn from the new pictures
        return self

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.features(x))
        return logits


def tunable(trained: nn.Module, classes: int) -> nn.Module:
    """A copy of a trained network with a new last layer, all of it still to be trained."""
    net: Any = deepcopy(trained)
    net.classifier[-1] = nn.Linear(net.classifier[-1].in_features, classes)
    whole: nn.Module = net
    return whole


def half(data: LabelledImages, new: bool) -> LabelledImages:
    """The images of the first five classes, or of the last five, with labels 0 to 4."""
    which = (data.labels >= 5) == new
    return LabelledImages(data.images[which], data.labels[which] % 5, data.class_names[5 * new :][:5])


@cache
def data() -> tuple[LabelledImages, LabelledImages, LabelledImages]:
    """The images to train on, to choose by and to test on, of all ten classes."""
    return *split_validation(load_fashion("train")), load_fashion("test")


def network(seed: int) -> nn.Module:
    """The small GoogLeNet for five classes, untrained."""
    torch.manual_seed(seed)
    return ie.build("googlenet", **SMALL_GOOGLENET | {"num_classes": 5})


@lru_cache(maxsize=1)
def trained(seed: int) -> nn.Module:
    """A network that has learned the first five classes from 2,500 images, in five passes."""
    net = network(seed)
    fit(net, half(data()[0], new=False), epochs=5, batch_size=50, lr=0.01, seed=seed, **RECIPE)
    return net


def draw(pool: LabelledImages, per_class: int, seed: int) -> LabelledImages:
    """`per_class` pictures of each class; more pictures of the same seed include the fewer."""
    order = torch.randperm(len(pool), generator=torch.Generator().manual_seed(seed))
    return pool[torch.cat([order[pool.labels[order] == label][:per_class] for label in range(5)])]


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training of an arm such as "frozen, 10": shares of 1."""
    kind, per_class = arm.split(", ")
    train, valid, test = (half(each, new=True) for each in data())
    pictures = draw(train, int(per_class), seed)
    if kind == "scratch":
        net = network(1000 + seed)
    else:
        first = network(2000 + seed) if kind == "random" else trained(seed)
        torch.manual_seed(seed)
        net = tunable(first, 5) if kind == "tuned" else Probe(first, 5)
    batch = min(BATCH, len(pictures))
    fit(net, pictures, epochs=STEPS * batch // len(pictures), batch_size=batch, lr=rate, seed=seed, **RECIPE)
    return {"valid": round(accuracy(net, valid), 4), "test": round(accuracy(net, test[:TESTED]), 4)}


def main() -> None:
    """Chooses a rate for each arm and number of pictures, then runs all with the same five seeds."""
    record = Record(
        "12_few_new",
        made_by="experiments/few_new.py",
        pictures=PICTURES,
        steps=STEPS,
        batch_size=BATCH,
        optimizer="AdamW, weight decay 0.01",
        schedule="one cycle: up from a tenth during the first quarter of the steps, then a cosine to zero",
        augment="flip",
        tested=TESTED,
    )
    arms = {f"{kind}, {count}": RATES[kind] for kind in ("frozen", "tuned", "scratch") for count in PICTURES}
    cloud(record, run, tune(record, run, arms | {"random, 10": RATES["random"]}), range(5))


if __name__ == "__main__":
    main()
