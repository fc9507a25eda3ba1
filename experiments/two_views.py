"""Two views of one picture and one of them missing, and pairs of classes never seen: two recorded clouds of chapter 11.

Views: the upper and the lower half of a Fashion-MNIST image go through a stem each; the maps are concatenated and read
by two more layers. One arm always sees both halves while it learns; the other loses one of them, chosen at random, in
two of three images. Both are tested with both halves, and with either missing (its pixels at the mean). Two more arms
see one half only, from the first image to the last: what a single view is worth at the same cost and learning rate.

Pairs: a network that learned seven classes tells whether two images show the same class, by the cosine of its
features, for pairs of the seven and of the three classes that it never saw. Seed s leaves out classes s, s+3 and s+6,
modulo 10. The threshold is chosen on other images of the seven classes.

    python experiments/two_views.py           writes assets/records/11_two_views.json and 11_unseen_classes.json
"""

from typing import Any

import torch
from torch import Tensor, nn

from inception_edu import trace
from inception_edu.course.challenge import challenge_network
from inception_edu.course.pairs import best_threshold, embed, likeness, pairs_of, roc_area
from inception_edu.course.views import drop_view, hide, two_view_network
from inception_edu.data.fashion import LabelledImages, load_fashion, split_validation
from inception_edu.train.loop import accuracy, fit
from tools.recording import Record, cloud, tune

RATES = (0.006, 0.02)
RECIPE: dict[str, Any] = {"epochs": 2, "batch_size": 50, "progress": False}
TRAIN, VALID = split_validation(load_fashion("train"))
TEST = load_fashion("test")
ARMS = ("both always", "one dropped", "upper only", "lower only")


def as_seen_by(arm: str, data: LabelledImages) -> LabelledImages:
    """What an arm reads of the images: all, or one half."""
    missing = {"upper only": "lower", "lower only": "upper"}.get(arm)
    return hide(data, missing) if missing else data


def run(arm: str, rate: float, seed: int) -> dict[str, float]:
    """One training; tuning (seeds from 100) looks at validation images only."""
    torch.manual_seed(seed)
    net = two_view_network()
    augment = drop_view if arm == "one dropped" else None
    fit(net, as_seen_by(arm, TRAIN), lr=rate, seed=seed, augment=augment, **RECIPE)
    if seed >= 100:
        return {"valid": accuracy(net, as_seen_by(arm, VALID))}
    if arm.endswith("only"):
        return {"test": accuracy(net, as_seen_by(arm, TEST))}
    return {
        "test": accuracy(net, TEST),
        "without upper": accuracy(net, hide(TEST, "upper")),
        "without lower": accuracy(net, hide(TEST, "lower")),
    }


def unseen(seed: int) -> dict[str, Any]:
    """One network of seven classes, and how well its features tell pairs of those seven and of the other three."""
    left_out = torch.tensor([(seed + k) % 10 for k in (0, 3, 6)])

    def known(data: LabelledImages) -> Tensor:
        return ~torch.isin(data.labels, left_out)

    torch.manual_seed(seed)
    net = challenge_network()
    fit(net, TRAIN[known(TRAIN)], lr=0.012, seed=seed, **RECIPE)
    choose = VALID[known(VALID)]
    pairs = pairs_of(choose.labels, 2000, seed=seed)
    threshold = best_threshold(likeness(embed(net, choose.images), pairs), pairs.same)
    found: dict[str, Any] = {"left out": left_out.tolist(), "threshold": threshold}
    torch.manual_seed(seed)
    untrained = challenge_network()
    for name, which in (("seen", known(TEST)), ("unseen", ~known(TEST))):
        images, labels = TEST.images[which][:3000], TEST.labels[which][:3000]
        pairs = pairs_of(labels, 2000, seed=seed)
        ways = {"trained": embed(net, images), "untrained": embed(untrained, images)}
        ways["pixels"] = nn.functional.normalize(images.flatten(1))
        scores = {way: likeness(embeddings, pairs) for way, embeddings in ways.items()}
        found[name] = {way: roc_area(score, pairs.same) for way, score in scores.items()}
        accepted = scores["trained"] >= threshold
        found[name]["right at the threshold"] = (accepted == pairs.same).double().mean().item()
    return found


def main() -> None:
    """Both experiments."""
    node = trace(two_view_network(), (1, 28, 28))
    views = Record("11_two_views", script="experiments/two_views.py", params=node.params, macs=node.macs, recipe=RECIPE)
    rates = tune(views, run, dict.fromkeys(ARMS[:2], RATES))
    rates |= dict.fromkeys(ARMS[2:], rates["both always"])
    cloud(views, run, {arm: rates[arm] for arm in ARMS[:2]}, range(6))
    cloud(views, run, {arm: rates[arm] for arm in ARMS[2:]}, range(3))
    record = Record("11_unseen_classes", script="experiments/two_views.py", recipe=RECIPE)
    for seed in range(2):
        record.once(f"split/{seed}", lambda s=seed: unseen(s))


if __name__ == "__main__":
    main()
