"""What the starting weights do to GoogLeNet without batch norm: its first gradient, and whether it starts to learn.

    python experiments/first_gradient.py              writes assets/records/04_first_gradient.json: signal and gradient
                                                      at each block before any training, a minute on one core
    python experiments/first_gradient.py training --device cuda --jobs 3
                                                      writes assets/records/04_first_steps.json: the nine blocks at an
                                                      eighth of their width, trained on Fashion-MNIST

Three starts. "torch": what torch's layers do by themselves, uniform with variance 1 / (3 inputs), biases alike.
"caffe": the filler that Caffe calls *xavier*, uniform with variance 1 / inputs, and biases of 0.2, as in the released
GoogLeNet. "he": normal with variance 2 / inputs (He et al., arXiv 1502.01852), and biases of 0.
"""

import sys
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import inception_edu as ie
from inception_edu.data.fashion import PHOTOS, LabelledImages, load_fashion, load_photo, split_validation
from inception_edu.network import InceptionNet
from inception_edu.running import evaluating
from inception_edu.train.loop import accuracy, fit, flip
from tools.recording import Record, device, fill

ARMS = {"torch": ("torch", 0.0), "torch, heads": ("torch", 0.3), "caffe": ("caffe", 0.0), "he": ("he", 0.0)}
"""Name -> start, and weight of the auxiliary heads' losses: 0 leaves them out of the computation."""
SMALL: dict[str, Any] = {"num_classes": 10, "in_channels": 1, "small": True, "width": 0.125}


def begin(net: InceptionNet, how: str) -> InceptionNet:
    """The network with every weight drawn from one of the three starts; the layers of the classes get biases of 0."""
    layers = [module for module in net.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    last = layers[-1].weight.shape[0]
    for layer in layers if how != "torch" else ():
        if how == "caffe":
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="linear")
        else:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        assert layer.bias is not None
        hidden = isinstance(layer, nn.Conv2d) or layer.out_features != last
        nn.init.constant_(layer.bias, 0.2 if how == "caffe" and hidden else 0.0)
    return net


# Before training


def photos() -> tuple[Tensor, Tensor]:
    """Two opposite corners (3, 224, 224) of each photograph, normalised together, with a class for each photograph."""
    corners = (0, 32)
    images = torch.stack([load_photo(name)[:, at : at + 224, at : at + 224] for name in PHOTOS for at in corners])
    return (images - images.mean()) / images.std(), torch.arange(len(PHOTOS)).repeat_interleave(len(corners))


def garments() -> tuple[Tensor, Tensor]:
    """A hundred garments (1, 28, 28) with their classes."""
    some = load_fashion("train")[:100]
    return some.images, some.labels


def rms(values: Tensor) -> float:
    """Root mean square, to four digits."""
    return float(f"{values.double().square().mean().sqrt().item():.4g}")


def along(net: InceptionNet, images: Tensor, labels: Tensor, aux_weight: float) -> dict[str, Any]:
    """The loss and, by block, root mean squares: of its output, and of the gradient of its weights.

    `signal` is the output's, `differs` that of what is left of it without its mean over the images: all that later
    layers can tell the images apart by. Dropout is off; each auxiliary head adds `aux_weight` times its own loss.
    """
    found: dict[str, Any] = {}
    with evaluating(net):
        outputs = dict(net.block_outputs(images))
        heads = [head(outputs[tap]) for tap, head in net.aux_heads.items()]
        outputs["classifier"] = net.classifier(outputs[list(outputs)[-1]])
        loss = F.cross_entropy(outputs["classifier"], labels)
        (loss + aux_weight * sum(F.cross_entropy(logits, labels) for logits in heads)).backward()
    for name, output in outputs.items():
        block = net.classifier if name == "classifier" else net.features.get_submodule(name)
        slopes = [each.grad.flatten() for each in block.parameters() if each.grad is not None and each.ndim > 1]
        if slopes:
            differs = rms(output - output.mean(0))
            found[name] = {"signal": rms(output), "differs": differs, "gradient": rms(torch.cat(slopes))}
    return {"loss": round(loss.item(), 4), "blocks": found}


def before_training() -> None:
    """Both networks in every arm, with ten seeds."""
    record = Record(
        "04_first_gradient",
        made_by="experiments/first_gradient.py",
        images={"full": "8 pieces of four photographs, 224x224", "small": "100 garments, 28x28"},
        networks={"full": "GoogLeNet as in the paper", "small": SMALL},
        arms=ARMS,
    )
    for name, options, data in (("small", SMALL, garments()), ("full", {}, photos())):
        for seed in range(10):
            for arm, (how, aux_weight) in ARMS.items():
                torch.manual_seed(seed)
                net = begin(ie.build("googlenet", **options, aux=True), how)
                record.runs[f"{name}/{arm}/{seed}"] = along(net, *data, aux_weight)
    record.write()


# Training

RATES = (0.01, 0.03, 0.1)
EPOCHS, BATCH = 16, 100


def momentum(parameters: Any, lr: float) -> torch.optim.Optimizer:
    """GoogLeNet's own: gradient descent with momentum 0.9, and Caffe's weight decay of 0.0002."""
    return torch.optim.SGD(parameters, lr, momentum=0.9, weight_decay=2e-4)


@cache
def images() -> tuple[LabelledImages, LabelledImages, LabelledImages]:
    """Training, validation and test images: 5,000, 1,000 and 10,000."""
    return *split_validation(load_fashion("train")), load_fashion("test")


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """Plain cross-entropy on the validation images after each pass, without the heads' share, and the end."""
    how, weight = ARMS[arm]
    train, valid, test = images()
    torch.manual_seed(seed)
    net = begin(ie.build("googlenet", **SMALL, aux=True), how).to(device())
    recipe = {"epochs": EPOCHS, "batch_size": BATCH, "optimizer": momentum, "schedule": None, "augment": flip}
    found: dict[str, Any] = {}
    try:
        history = fit(net, train, valid, lr=rate, aux_weight=weight, seed=seed, progress=False, **recipe)
        found["losses"] = [round(epoch.valid_loss or 0.0, 4) for epoch in history.epochs]
    except FloatingPointError as error:
        found |= {"losses": [], "diverged": str(error)}
    return found | {"valid": accuracy(net, valid), "test": round(accuracy(net, test), 4)}


def training() -> None:
    """Every arm at every rate with every seed: which rate an arm needs, and whether it starts at all, is the result."""
    net = ie.trace(ie.build("googlenet", **SMALL), (1, 28, 28))
    record = Record(
        "04_first_steps",
        made_by="experiments/first_gradient.py training",
        network=SMALL,
        params=net.params,
        macs=net.macs,
        arms=ARMS,
        rates=RATES,
        images=5000,
        epochs=EPOCHS,
        batch_size=BATCH,
        weight_decay=2e-4,
        schedule="constant rate",
        optimizer="SGD, momentum 0.9",
        losses="cross-entropy of the main head on 1,000 validation images, after each pass; 2.303 is guessing",
    )
    fill(record, run, {f"{a}/{r}/{s}": (a, r, s) for s in range(2) for a in ARMS for r in RATES})


if __name__ == "__main__":
    torch.set_num_threads(1)
    training() if "training" in sys.argv else before_training()
