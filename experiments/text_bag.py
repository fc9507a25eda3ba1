"""Does a network that reads word order beat a bag of words? Definitions of ten subjects, for chapter 11.

    python experiments/text_bag.py         writes assets/records/11_text.json

At 1,000 and at 3,000 training texts, ten paired seeds, tested on 3,000 texts. The arms:

    words           a bag of words: one weight per word and subject
    runs            a bag of runs of one and two words
    known words     the bag without the words that occur once in the training texts
    network         a 1-D Inception that reads the words occurring twice or more; the rest are one unknown word
    all words       the same network with every word of the training texts in its vocabulary

The bags hash into 2^18 buckets, so that hardly two runs share one; with 2^14, 12,024 runs of 1,000 texts share 8,544,
and the bag of runs pays for that: "runs, 2^14 buckets" measures it. The bag of known words separates what the network
gains by reading in order from what it gains, or loses, by its vocabulary.

Steps: 6 arms x (3 rates + 10 seeds) x 300 at 1,000 texts, and 5 x 13 x 368 at 3,000: 47,000 in all.
"""

from functools import cache
from typing import Any

import torch
from torch import nn

from inception_edu import trace
from inception_edu.data.fashion import LabelledImages
from inception_edu.data.text import LENGTH, Texts, Vocabulary, load_glosses, ngrams, tokens
from inception_edu.models.text import NgramBag, inception_text
from inception_edu.train.loop import accuracy, fit
from tools.recording import Record, cloud, device, tune

BAGS = {"words": (1, 2**18), "runs": (2, 2**18), "known words": (1, 2**18), "runs, 2^14 buckets": (2, 2**14)}
"""Bag -> the longest run of words, and the number of buckets."""
NETS = {"network": 2, "all words": 1}
"""Network -> how often a word occurs in the training texts at least to be in its vocabulary."""
RECIPES = {1000: {"epochs": 20, "batch_size": 64}, 3000: {"epochs": 16, "batch_size": 128}}
"""Training texts, and the recipe at that size."""
RATES = {"bag": (0.003, 0.01, 0.03), "net": (0.01, 0.03, 0.09)}


@cache
def texts(split: str) -> Texts:
    """The split, read once."""
    return load_glosses(split)  # type: ignore[arg-type]


def known(data: Texts, words: Vocabulary) -> Texts:
    """The same texts without the words that are not in the vocabulary."""
    kept = (" ".join(word for word in tokens(text) if word in words.index) for text in data.texts)
    return Texts(data.words, tuple(kept), data.labels, data.class_names)


@cache
def prepared(arm: str, size: int) -> tuple[dict[str, LabelledImages], int]:
    """The splits as the numbers that an arm reads, and how many numbers there are."""
    splits = {"train": texts("train")[:size], "valid": texts("valid"), "test": texts("test")}
    if arm in NETS:
        words = Vocabulary.of(splits["train"].texts, NETS[arm])
        return {name: words.encode(data) for name, data in splits.items()}, len(words)
    if arm == "known words":
        words = Vocabulary.of(splits["train"].texts)
        splits = {name: known(data, words) for name, data in splits.items()}
    longest, buckets = BAGS[arm]
    return {name: ngrams(data, longest, buckets) for name, data in splits.items()}, buckets


def run(name: str, rate: float, seed: int) -> dict[str, Any]:
    """One training: shares of validation and test texts that are classified correctly."""
    arm, _, size = name.partition("@")
    data, numbers = prepared(arm, int(size))
    torch.manual_seed(seed)
    net: nn.Module = inception_text(numbers) if arm in NETS else NgramBag(numbers)
    net.to(device())
    history = fit(net, data["train"], lr=rate, seed=seed, progress=False, **RECIPES[int(size)])
    return {
        "valid": accuracy(net, data["valid"]),
        "test": accuracy(net, data["test"]),
        "losses": [round(epoch.loss, 3) for epoch in history.epochs],
    }


def facts(arm: str, size: int) -> dict[str, int]:
    """What an arm can tell apart: the numbers in its training texts, of the words or runs there are; and its size."""
    data, numbers = prepared(arm, size)
    different = int(data["train"].images.unique().count_nonzero())
    if arm in BAGS:
        return {"in use": different, "params": 10 * different + 10}
    net = inception_text(numbers)
    return {
        "in use": different,
        "params": sum(p.numel() for p in net.parameters()),
        "macs": trace(net.net, (net.width, 1, LENGTH)).macs,
    }


if __name__ == "__main__":
    arms = [
        f"{arm}@{size}" for size in RECIPES for arm in (*BAGS, *NETS) if size == 1000 or arm != "runs, 2^14 buckets"
    ]
    record = Record(
        "11_text",
        made_by="experiments/text_bag.py",
        task="WordNet definitions, ten subjects, 1,000 or 3,000 to learn from, 1,000 to choose by, 3,000 to test",
        recipe="AdamW, weight decay 0.01, one cycle (a quarter up, cosine down)",
        recipes={str(size): recipe for size, recipe in RECIPES.items()},
        different={
            str(size): {
                what: int(ngrams(texts("train")[:size], n, 2**60).images.unique().count_nonzero())
                for what, n in (("words", 1), ("runs", 2))
            }
            for size in RECIPES
        },
        arms={name: facts(name.partition("@")[0], int(name.partition("@")[2])) for name in arms},
    )
    rates = {name: RATES["net" if name.partition("@")[0] in NETS else "bag"] for name in arms}
    cloud(record, run, tune(record, run, rates))
