"""The second trained network in assets/checkpoints: the small GoogLeNet, trained further against small disturbances.

    python experiments/train_robust.py --device cuda --data FOLDER       writes robust_googlenet.safetensors
                                                                         and assets/records/10_robust.json
    ... --device cuda --data FOLDER --clean                              a control without attacks, recorded only
    python experiments/train_robust.py --steps 60 --to FOLDER            a trial on a CPU, written elsewhere

It starts from the weights of small_googlenet.safetensors. Every batch is attacked before the network learns from it,
with a radius that rises to `RADIUS` during the first half. FOLDER holds the four published files of Fashion-MNIST;
without it, training uses the 6,000 images in the package. Then both networks face a stronger attack than the one in
training, on test images that no choice was made on. Distances are in normalised pixels; times 0.3537 they are shares
of full white.
"""

import argparse
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from statistics import fmean
from time import perf_counter

import torch
from torch import Tensor, nn

from inception_edu.course.fooling import attacked
from inception_edu.data.fashion import LabelledImages, load_fashion, split_validation
from inception_edu.data.files import asset
from inception_edu.train.loop import (
    SMALL_GOOGLENET,
    Objective,
    accuracy,
    flip_and_shift,
    load,
    one_cycle,
    save,
    sgd,
    train_steps,
)
from tools.recording import RECORDS, Record, device

CHECKPOINTS = RECORDS.parent / "checkpoints"
RADIUS, ATTACK_STEPS = 2.0, 5
BATCH, LR, SEED = 256, 0.05, 0
TESTED, RADII, TEST_STEPS = 1000, (0.5, 1.0, 2.0), (5, 50)


def shuffled(data: LabelledImages, chance: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches without end, flipped and shifted by a pixel; every pass has an order of its own."""
    while True:
        for batch in torch.randperm(len(data), generator=chance).split(BATCH)[: len(data) // BATCH]:
            yield flip_and_shift(data.images[batch], chance), data.labels[batch]


def under_attack(
    net: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], steps: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Each batch attacked on the network as it is then, the radius rising to `RADIUS` over half of the steps."""
    for number, (images, labels) in enumerate(islice(batches, steps)):
        x, y = images.to(device()), labels.to(device())
        yield attacked(net, x, y, RADIUS * min(1.0, 2 * (number + 1) / steps), ATTACK_STEPS), y


def resistance(net: nn.Module, data: LabelledImages) -> dict[str, float]:
    """Share of `data` classified correctly by radius, after attacks of few and of many steps: "1.0/50" for example."""
    found = {"0": accuracy(net, data)}
    for radius in RADII:
        for steps in TEST_STEPS:
            x = attacked(net, data.images.to(device()), data.labels.to(device()), radius, steps).cpu()
            found[f"{radius}/{steps}"] = accuracy(net, LabelledImages(x, data.labels))
    return {key: round(share, 4) for key, share in found.items()}


def main() -> None:
    """Trains, saves the network, and attacks it and the one it came from."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with all of Fashion-MNIST")
    parser.add_argument("--steps", type=int, default=2200, help="steps of the optimizer")
    parser.add_argument("--to", type=Path, default=CHECKPOINTS, help="folder for the trained network")
    parser.add_argument("--clean", action="store_true", help="the same steps on images that nobody attacked")
    asked = parser.parse_known_args()[0]
    torch.set_num_threads(1)
    images = load_fashion("train", asked.data)
    train, valid = split_validation(images, 500 if len(images) == 60_000 else 100, seed=SEED)
    net = load(asset("checkpoints/small_googlenet.safetensors")).to(device(), memory_format=torch.channels_last)
    chance, start = torch.Generator().manual_seed(SEED), perf_counter()
    torch.manual_seed(SEED)
    optimizer = sgd(net.parameters(), LR)
    batches = shuffled(train, chance)
    attacks = under_attack(net, batches, asked.steps)
    if asked.clean:
        attacks = ((images.to(device()), labels.to(device())) for images, labels in islice(batches, asked.steps))
    history = []
    net.train()
    every = max(1, asked.steps // 20)
    steps = train_steps(Objective(net), attacks, optimizer, one_cycle(optimizer, asked.steps), epoch=1)
    while some := list(islice(steps, every)):
        loss, clean = fmean(step.loss for step in some), accuracy(net, valid)
        history.append({"steps": len(some), "loss": round(loss, 4), "clean": round(clean, 4)})
        print(f"loss {loss:.3f}, {clean:.1%} of clean images, {perf_counter() - start:.0f} s", flush=True)
    test = load_fashion("test")
    recipe = {"optimizer": "sgd", "schedule": "one_cycle", "lr": LR, "batch_size": BATCH, "steps": asked.steps}
    recipe |= {"augment": "flip_and_shift", "radius": RADIUS, "attack_steps": ATTACK_STEPS, "seed": SEED}
    facts = {
        "trained_on": f"{len(train)} training images of Fashion-MNIST, attacked; {len(valid)} others for validation",
        "started_from": "small_googlenet.safetensors",
        "script": "experiments/train_robust.py",
        "recipe": recipe,
        "torch": torch.__version__,
        "test_accuracy": accuracy(net, test),
        "history": history,
    }
    print(f"test {facts['test_accuracy']:.2%}, {perf_counter() - start:.0f} s", flush=True)
    record = Record("10_robust", made_by=facts["script"], tested=TESTED, attack_steps=TEST_STEPS, recipe=recipe)
    if asked.clean:
        record.runs["clean"] = resistance(net, test[:TESTED])
        record.write()
        return
    asked.to.mkdir(parents=True, exist_ok=True)
    save(net.cpu(), asked.to / "robust_googlenet.safetensors", options=SMALL_GOOGLENET, **facts)
    if asked.to == CHECKPOINTS:
        for name in ("small_googlenet", "robust_googlenet"):
            one = load(CHECKPOINTS / f"{name}.safetensors").to(device())
            record.runs[name] = resistance(one, test[:TESTED])
        record.write()


if __name__ == "__main__":
    main()
