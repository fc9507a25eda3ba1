"""How many texts does it take? Learning curves of 1-D Inceptions and of bags of words, for chapter 11.

Task: a definition from WordNet, one of ten subjects. Arms: a 1-D Inception and a 1-D Inception-ResNet, both with
embeddings learned from these texts only, and logistic regression on words and on runs of one and two words. Each arm
learns from the first 100, 300, 1,000 and 3,000 texts. Its learning rate is chosen on 1,000 validation texts, once, at
1,000 texts. All are tested on 3,000 texts twice: unchanged, and with the words of each shuffled. At 1,000 texts every
arm runs with ten seeds, at other sizes with three; a seed chooses weights and the order of training, never the texts.
One more arm at 1,000 learns from shuffled texts as well, with five seeds.

    python experiments/text_curves.py           writes assets/records/11_text_curves.json
    python experiments/text_curves.py ship      trains assets/checkpoints/text_inception.safetensors
"""

import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from inception_edu import trace
from inception_edu.data.text import LENGTH, Texts, Vocabulary, load_glosses, ngrams, shuffled
from inception_edu.models.text import NgramBag, inception_resnet_text, inception_text, save_text
from inception_edu.train.loop import accuracy, fit
from tools.recording import Record, cloud, tune

SIZES = {
    100: {"epochs": 40, "batch_size": 20},
    300: {"epochs": 24, "batch_size": 32},
    1000: {"epochs": 14, "batch_size": 64},
    3000: {"epochs": 6, "batch_size": 64},
}
"""Training texts, and the recipe at that size; both were set in a probe with one seed on validation texts."""

NETS = {"inception": inception_text, "inception-resnet": inception_resnet_text, "shuffled inception": inception_text}
BAGS = {"words": 1, "n-grams": 2}
RATES = {"net": (0.01, 0.03, 0.06), "bag": (0.01, 0.03, 0.1)}
TRAIN, VALID, TEST = (load_glosses(split) for split in ("train", "valid", "test"))
CHECKPOINT = Path(__file__).resolve().parent.parent / "assets" / "checkpoints" / "text_inception.safetensors"


def learn(arm: str, train: Texts, rate: float, seed: int) -> tuple[nn.Module, Any]:
    """A trained model, and the function that turns texts into what it reads."""
    torch.manual_seed(seed)
    net: nn.Module
    if arm in BAGS:
        net, encode = NgramBag(), lambda data: ngrams(data, BAGS[arm])
    else:
        words = Vocabulary.of(train.texts)
        net, encode = NETS[arm](len(words)), words.encode
    fit(net, encode(train), lr=rate, seed=seed, progress=False, **SIZES[len(train)])
    return net, encode


def run(name: str, rate: float, seed: int) -> dict[str, Any]:
    """One training: shares of validation texts, test texts and shuffled test texts that are classified correctly."""
    arm, size = name.split("@")
    change = shuffled if arm.startswith("shuffled") else lambda data: data
    net, encode = learn(arm, change(TRAIN[: int(size)]), rate, seed)
    if seed >= 100:  # tuning: the test texts stay unseen
        return {"valid": accuracy(net, encode(change(VALID)))}
    return {
        "valid": accuracy(net, encode(change(VALID))),
        "test": accuracy(net, encode(TEST)),
        "shuffled": accuracy(net, encode(shuffled(TEST))),
    }


def ship(seed: int = 0, rate: float = 0.03) -> None:
    """Trains the network of the explorer on all 3,000 texts and saves it."""
    net, encode = learn("inception", TRAIN, rate, seed)
    save_text(
        net,
        CHECKPOINT,
        Vocabulary.of(TRAIN.texts),
        made_by="experiments/text_curves.py ship",
        recipe={"texts": len(TRAIN), "rate": rate, "seed": seed, **SIZES[len(TRAIN)]},
        test_accuracy=accuracy(net, encode(TEST)),
    )


def main() -> None:
    """Tunes, then runs every arm at every size."""
    costs = {}
    for name in ("inception", "inception-resnet"):
        net = NETS[name](len(Vocabulary.of(TRAIN.texts)))
        node = trace(net.net, (net.width, 1, LENGTH))
        costs[name] = {"params": node.params, "macs": node.macs, "embedding": net.embedding.weight.numel()}
    record = Record(
        "11_text_curves",
        script="experiments/text_curves.py",
        test="3,000 definitions; 'shuffled': the same with the words of each in another order",
        recipes={str(size): recipe for size, recipe in SIZES.items()},
        costs=costs,
    )
    arms = [f"{arm}@{size}" for size in SIZES for arm in (*BAGS, "inception", "inception-resnet")]
    arms.append("shuffled inception@1000")
    middle = [arm for arm in arms if arm.endswith("@1000")]
    tuned = tune(record, run, {arm: RATES["bag" if arm.split("@")[0] in BAGS else "net"] for arm in middle})
    rates = {arm: tuned[f"{arm.split('@')[0]}@1000"] for arm in arms}
    ten = [arm for arm in arms if arm.endswith("@1000") and not arm.startswith("shuffled")]
    cloud(record, run, {arm: rates[arm] for arm in arms[:-1] if arm not in ten}, range(3))
    cloud(record, run, {arms[-1]: rates[arms[-1]]}, range(5))
    cloud(record, run, {arm: rates[arm] for arm in ten})


if __name__ == "__main__":
    if sys.argv[1:] == ["ship"]:
        ship()
    else:
        main()
