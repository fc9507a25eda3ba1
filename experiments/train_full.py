"""The trained network in assets/checkpoints: the small GoogLeNet, on the full Fashion-MNIST, on one core.

`python experiments/train_full.py` takes 55,000 of the 60,000 training images to train on and watches the
other 5,000; the 10,000 test images are looked at once, at the end, and the accuracy is stored in the file.
"""

import sys
from pathlib import Path
from typing import Any

import torch

from inception_edu.data.fashion import full_fashion, load_fashion, split_validation
from inception_edu.family import build
from inception_edu.train.loop import SMALL_GOOGLENET, accuracy, fit, flip_and_shift, save, sgd

CHECKPOINT = Path(__file__).resolve().parent.parent / "assets" / "checkpoints" / "small_googlenet.safetensors"
SEED = 0
RECIPE: dict[str, Any] = {"epochs": 10, "lr": 0.1, "batch_size": 128, "optimizer": sgd, "augment": flip_and_shift}


def main(path: Path) -> None:
    """Trains, tests once, and saves to `path`."""
    folder = full_fashion()
    train, valid = split_validation(load_fashion("train", folder), 500, seed=SEED)
    torch.manual_seed(SEED)
    net = build("googlenet", **SMALL_GOOGLENET)
    history = fit(net, train, valid, **RECIPE, seed=SEED)
    test_accuracy = accuracy(net, load_fashion("test"))
    save(
        net,
        path,
        options=SMALL_GOOGLENET,
        trained_on=f"Fashion-MNIST: {len(train)} of the 60,000 training images, {len(valid)} others for validation",
        script="experiments/train_full.py",
        recipe={key: getattr(value, "__name__", value) for key, value in RECIPE.items()} | {"seed": SEED},
        torch=torch.__version__,
        valid_accuracy=history.last.valid_accuracy,
        test_accuracy=test_accuracy,
        history=[{"epoch": e.number, "loss": e.loss, "valid_accuracy": e.valid_accuracy} for e in history.epochs],
    )
    print(f"validation {history.last.valid_accuracy:.2%}, test {test_accuracy:.2%}, {history.seconds:.0f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else CHECKPOINT)
