"""The small GoogLeNet of chapter 04, trained on the 6,000 images in the package, on one core.

`python experiments/train_small.py choose` compares recipes on validation images only.
`python experiments/train_small.py measure` trains the chosen one on all 6,000 images with three seeds,
looks at the 10,000 test images once for each, and writes assets/records/small_googlenet.json.
"""

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch

from inception_edu.data.fashion import load_fashion, split_validation
from inception_edu.data.files import write_whole
from inception_edu.family import build
from inception_edu.train.loop import ONE_MINUTE, SMALL_GOOGLENET, accuracy, adamw, fit

RECORD = Path(__file__).resolve().parent.parent / "assets" / "records" / "small_googlenet.json"
SEEDS = (0, 1, 2)

CANDIDATES: dict[str, dict[str, Any]] = {
    "as published": ONE_MINUTE,
    "4 epochs": ONE_MINUTE | {"epochs": 4},
    "AdamW, rate 0.01": ONE_MINUTE | {"optimizer": adamw, "lr": 0.01},
    "no flips": ONE_MINUTE | {"augment": None},
}


def choose() -> None:
    """Prints each candidate's accuracy on 1,000 validation images: another split, start and order for each seed."""
    images = load_fashion("train")
    for name, options in CANDIDATES.items():
        shares = []
        for seed in SEEDS:
            train, valid = split_validation(images, seed=seed)
            torch.manual_seed(seed)
            history = fit(build("googlenet", **SMALL_GOOGLENET), train, valid, **options, seed=seed)
            shares.append(history.last.valid_accuracy or 0.0)
        print(f"{name:<20}", *(f"{share:.1%}" for share in shares), f"mean {statistics.mean(shares):.1%}", flush=True)


def measure() -> None:
    """Trains on all 6,000 images with each seed and records test accuracy and computing time in seconds."""
    train, test = load_fashion("train"), load_fashion("test")
    runs = []
    for seed in SEEDS:
        torch.manual_seed(seed)
        net = build("googlenet", **SMALL_GOOGLENET)
        start = time.process_time()
        fit(net, train, **ONE_MINUTE, seed=seed)
        seconds = time.process_time() - start
        runs.append({"seed": seed, "test_accuracy": round(accuracy(net, test), 4), "cpu_seconds": round(seconds, 1)})
        print(runs[-1], flush=True)
    record = {
        "what": "small GoogLeNet on the 6,000 bundled training images, tested on all 10,000 test images",
        "script": "experiments/train_small.py measure",
        "network": {"name": "googlenet", "options": SMALL_GOOGLENET},
        "recipe": describe(ONE_MINUTE),
        "torch": torch.__version__,
        "threads": 1,
        "runs": runs,
        "median_test_accuracy": statistics.median(run["test_accuracy"] for run in runs),
    }
    write_whole(RECORD, json.dumps(record, indent=1) + "\n")


def describe(options: dict[str, Any]) -> dict[str, Any]:
    """Options of `fit` as JSON can hold them: a function by its name, a `partial` as it prints without addresses."""
    return {key: getattr(value, "__name__", value) for key, value in options.items()}


if __name__ == "__main__":
    {"choose": choose, "measure": measure}[sys.argv[1] if len(sys.argv) > 1 else "measure"]()
