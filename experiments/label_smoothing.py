"""What label smoothing does to accuracy, logits and calibration: a recorded cloud of chapter 06.

Three convolutions and a classifier learn 400 images, with hard targets and with a tenth of each target spread over
all classes; in 8 passes, stopped early, and in 40, when nearly every training image is classified correctly. Each arm
gets its own learning rate on validation images, and so does the temperature that its logits are divided by at the end.

    python experiments/label_smoothing.py     writes assets/records/06_label_smoothing.json, in five minutes on one core
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

import inception_edu as ie
from inception_edu.data.fashion import load_fashion, split_validation
from inception_edu.network import InceptionNet, stack
from inception_edu.running import predict
from inception_edu.train.loop import fit, flip, sgd
from tools.recording import Record, cloud, tune

EPSILON = {"hard": 0.0, "smoothed": 0.1}
PASSES = (8, 40)
ARMS = [f"{target}, {passes} passes" for passes in PASSES for target in EPSILON]
RATES = [0.1, 0.3, 0.9]
IMAGES, BINS = 400, 10
TUNING = (100, 101)
"""The seeds that choose the rates."""
RECIPE: dict[str, Any] = {"batch_size": 25, "optimizer": sgd, "augment": flip}


def network() -> InceptionNet:
    """(N, 1, 28, 28) -> (N, 10)."""
    return stack(1, 10, {"conv_1": (16, 3, 2), "conv_2": (32, 3, 2), "conv_3": (64, 3)}, name="three layers")


def bins_of(logits: Tensor, labels: Tensor) -> list[list[float]]:
    """For each tenth of confidence: the share of images in it, their mean confidence, the share that is correct."""
    confidence, guess = logits.softmax(1).max(1)
    right, place = (guess == labels).float(), (confidence * BINS).long().clamp(max=BINS - 1)
    rows = []
    for b in range(BINS):
        inside = place == b
        found = bool(inside.any())
        means = [values[inside].mean().item() if found else 0.0 for values in (confidence, right)]
        rows.append([inside.float().mean().item(), *means])
    return rows


def calibration_error(rows: list[list[float]]) -> float:
    """Expected calibration error: |confidence - accuracy| of each bin, weighted by its share of the images."""
    return sum(share * abs(confidence - right) for share, confidence, right in rows)


def gap(logits: Tensor, labels: Tensor) -> float:
    """The true class's logit minus the mean of the other nine, in nats, over all images."""
    true = logits.gather(1, labels[:, None])[:, 0]
    return (true - (logits.sum(1) - true) / (logits.shape[1] - 1)).mean().item()


def best_temperature(logits: Tensor, labels: Tensor) -> float:
    """The divisor of the logits, to two decimals, with the lowest cross-entropy."""
    return min((t / 100 for t in range(20, 301)), key=lambda t: cross_entropy(logits / t, labels).item())


def rounded(value: Any) -> Any:
    """Every number rounded to four decimals."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, list) else round(value, 4)


def told(logits: Tensor, labels: Tensor) -> dict[str, float]:
    """Accuracy, logit gap, mean confidence, calibration error and cross-entropy."""
    return {
        "accuracy": (logits.argmax(1) == labels).float().mean().item(),
        "gap": gap(logits, labels),
        "confidence": logits.softmax(1).amax(1).mean().item(),
        "ece": calibration_error(bins_of(logits, labels)),
        "loss": cross_entropy(logits, labels).item(),
    }


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training; the seeds that tune never see a test image."""
    (train, valid), (target, passes, _) = split_validation(load_fashion("train")), arm.replace(",", "").split()
    train = train[:IMAGES]
    torch.manual_seed(seed)
    net = network()
    options = {"epochs": int(passes), "label_smoothing": EPSILON[target], "seed": seed, "progress": False}
    history = fit(net, train, lr=rate, **options, **RECIPE)
    on_valid = predict(net, valid.images)
    result: dict[str, Any] = {"valid": told(on_valid, valid.labels)["accuracy"]}
    if seed < min(TUNING):
        test = load_fashion("test")
        on_test = predict(net, test.images)
        temperature = best_temperature(on_valid, valid.labels)
        result |= {
            "losses": [epoch.loss for epoch in history.epochs],
            "training images": told(predict(net, train.images), train.labels),
            "test images": told(on_test, test.labels),
            "temperature": temperature,
            "test images, scaled": told(on_test / temperature, test.labels),
            "bins": bins_of(on_test, test.labels),
        }
    return rounded(result)


def main() -> None:
    """Chooses a rate per arm, then makes ten pairs at either length."""
    node = ie.trace(network(), (1, 28, 28))
    record = Record(
        "06_label_smoothing",
        made_by="experiments/label_smoothing.py",
        network="3x3/2 to 16, 3x3/2 to 32, 3x3 to 64, batch norm, average pool, linear",
        size={"params": node.params, "macs": node.macs},
        images=IMAGES,
        recipe="SGD, Nesterov momentum 0.9, weight decay 5e-4, one cycle, batches of 25, images mirrored at random",
        rates_tried=RATES,
    )
    cloud(record, run, tune(record, run, dict.fromkeys(ARMS, RATES), TUNING))


if __name__ == "__main__":
    main()
