"""Do features tell classes apart that their network never saw? Pairs of clothes, for a side road of chapter 10.

A network that learned seven classes tells whether two images show the same class, by the cosine of its features, for
pairs of the seven and of the three classes that it never saw. Seed s leaves out classes s, s+3 and s+6, modulo 10. The
threshold is chosen on other images of the seven classes.

    python experiments/unseen_classes.py           writes assets/records/11_unseen_classes.json
"""

from typing import Any

import torch
from torch import Tensor, nn

from inception_edu.course.challenge import challenge_network
from inception_edu.course.pairs import best_threshold, embed, likeness, pairs_of, roc_area
from inception_edu.data.fashion import LabelledImages, load_fashion, split_validation
from inception_edu.train.loop import fit
from tools.recording import Record

RECIPE: dict[str, Any] = {"epochs": 2, "batch_size": 50, "progress": False}
TRAIN, VALID = split_validation(load_fashion("train"))
TEST = load_fashion("test")


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


if __name__ == "__main__":
    record = Record("11_unseen_classes", script="experiments/unseen_classes.py", recipe=RECIPE)
    for seed in range(2):
        record.once(f"split/{seed}", lambda s=seed: unseen(s))
