"""Training a network on images and saving it: the loop, its history, and safetensors files.

>>> train, valid = split_validation(load_fashion("train"))
>>> torch.manual_seed(0)
>>> net = build("googlenet", **SMALL_GOOGLENET)
>>> history = fit(net, train, valid, **ONE_MINUTE)
>>> history.plot()

`fit` does it all; the functions around it are its parts, each of which can be replaced.
"""
# mypy: untyped-calls-exclude=torch

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler
from tqdm.auto import tqdm

from ..data.fashion import LabelledImages
from ..data.weights import assign, read_about, read_weights, write_weights
from ..family import build
from ..models.googlenet import TABLE_1
from ..network import InceptionNet
from ..running import device_of, evaluating, predict, threads

if TYPE_CHECKING:  # importing matplotlib takes a second, and training does without it
    from matplotlib.figure import Figure

    from ..show.figures import Picture

Augment = Callable[[Tensor, torch.Generator], Tensor]
"""Images (N, C, H, W) and a random generator -> images of the same shape."""


def one_cycle(optimizer: Optimizer, steps: int) -> LRScheduler:
    """Straight up from a tenth of the learning rate during the first quarter of the steps, then a cosine down to zero.

    torch's own OneCycleLR divides by zero when a quarter of the steps is one step.
    """
    rise = steps / 4

    def share(step: int) -> float:
        return 0.1 + 0.9 * step / rise if step < rise else (1 + math.cos(math.pi * (step - rise) / (steps - rise))) / 2

    return LambdaLR(optimizer, share)


def cosine(optimizer: Optimizer, steps: int) -> LRScheduler:
    """From the learning rate down to zero along half a cosine."""
    return CosineAnnealingLR(optimizer, steps)


def adamw(parameters: Iterable[nn.Parameter], lr: float) -> Optimizer:
    """AdamW with weight decay 0.01."""
    return torch.optim.AdamW(parameters, lr, weight_decay=0.01)


def sgd(parameters: Iterable[nn.Parameter], lr: float) -> Optimizer:
    """Stochastic gradient descent with Nesterov momentum 0.9 and weight decay 5e-4."""
    return torch.optim.SGD(parameters, lr, momentum=0.9, nesterov=True, weight_decay=5e-4)


def flip(images: Tensor, chance: torch.Generator) -> Tensor:
    """Each image (N, C, H, W) mirrored left to right with probability one half."""
    mirrored = torch.rand(len(images), generator=chance) < 0.5
    return torch.where(mirrored[:, None, None, None], images.flip(3), images)


def flip_and_shift(images: Tensor, chance: torch.Generator, *, pixels: int = 1) -> Tensor:
    """`flip`, then each image moved by up to `pixels` up or down and left or right; its border is repeated."""
    count, _, height, width = images.shape
    wide = nn.functional.pad(flip(images, chance), (pixels,) * 4, mode="replicate")
    down, right = torch.randint(2 * pixels + 1, (2, count, 1), generator=chance)
    rows, columns = down + torch.arange(height), right + torch.arange(width)
    # Indices on both sides of the channel axis put that axis last: (N, H, W, C).
    moved = wide[torch.arange(count)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


SMALL_GOOGLENET: dict[str, Any] = {
    "num_classes": 10,
    "in_channels": 1,
    "small": True,
    "batch_norm": True,
    "width": 0.25,
    "table": {name: TABLE_1[name] for name in ("inception_3a", "inception_4a", "inception_5a")},
}
"""Options of `build("googlenet", ...)`: the first block of each stage of Table 1 at a quarter of its width.

92,442 parameters and 8.9 M MACs (conv + linear) for a (1, 28, 28) image.
"""

ONE_MINUTE: dict[str, Any] = {"epochs": 3, "lr": 0.1, "batch_size": 32, "optimizer": sgd, "augment": flip}
"""Options of `fit` for `SMALL_GOOGLENET`: on the 6,000 images in the package, about a minute on one core.

Network, optimizer and augmentation were chosen on 1,000 validation images. Three epochs keep it short; a fourth
gained about one point. Over three seeds it classified 87.0, 87.4 and 86.8 % of the validation images correctly after
training on the other 5,000, and 86.0, 86.7 and 86.5 % of the 10,000 test images after training on all 6,000
(experiments/train_small.py).
"""


@dataclass(frozen=True)
class Epoch:
    """One pass over the training images. Losses are means, in nats; accuracies are shares of 1.

    `loss` is the training loss with all its parts (auxiliary heads, label smoothing) and `accuracy` the share
    of training images classified correctly, both measured while the weights changed. The validation loss is plain
    cross-entropy at the end of the epoch. `gradient` is the mean Euclidean norm of the whole gradient, before clipping.
    """

    number: int
    loss: float
    accuracy: float
    valid_loss: float | None
    valid_accuracy: float | None
    lr: float
    gradient: float
    seconds: float = field(compare=False)

    def __str__(self) -> str:
        told = f"epoch {self.number}: loss {self.loss:.3f}, accuracy {self.accuracy:.1%}"
        return told if self.valid_accuracy is None else f"{told}, validation {self.valid_accuracy:.1%}"


@dataclass(frozen=True)
class History:
    """What `fit` measured in each epoch. Two runs with the same seed have equal histories; seconds are not compared."""

    epochs: tuple[Epoch, ...]

    @property
    def last(self) -> Epoch:
        """The last epoch."""
        return self.epochs[-1]

    @property
    def seconds(self) -> float:
        """How long all epochs took, in seconds, validation included."""
        return sum(epoch.seconds for epoch in self.epochs)

    def plot(self) -> "Picture":
        """Loss and accuracy over the epochs, side by side, with a description: what a notebook shows."""
        import matplotlib.pyplot as plt

        from ..show.figures import show, style

        first, last = self.epochs[0], self.last
        description = (
            f"Two line plots over {last.number} epochs. Left: the training loss goes from {first.loss:.2f} to "
            f"{last.loss:.2f} nats. Right: the training accuracy goes from {first.accuracy:.1%} to {last.accuracy:.1%}"
        )
        if last.valid_accuracy is not None:
            description += f"; the validation accuracy ends at {last.valid_accuracy:.1%}"
        with plt.rc_context():  # the course's look here, whatever matplotlib's settings are elsewhere
            style()
            return show(self.figure(), f"{description}.")

    def figure(self) -> "Figure":
        """The same as a matplotlib Figure, to add to."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 3), layout="constrained")
        left, right = figure.subplots(1, 2)
        numbers = [epoch.number for epoch in self.epochs]
        for axes, what, scale in (left, "loss", 1), (right, "accuracy", 100):
            axes.plot(numbers, [scale * getattr(epoch, what) for epoch in self.epochs], "o-", label="training")
            if self.last.valid_loss is not None:
                values = [scale * getattr(epoch, f"valid_{what}") for epoch in self.epochs]
                axes.plot(numbers, values, "s--", label="validation")
            axes.set_xlabel("epoch")
            axes.xaxis.get_major_locator().set_params(integer=True)
        if self.last.valid_loss is not None:
            figure.legend(*left.get_legend_handles_labels(), loc="outside upper right", ncols=2)
        left.set_ylabel("loss (nats)")
        right.set_ylabel("accuracy (%)")
        return figure


def training_loss(
    net: nn.Module, images: Tensor, labels: Tensor, *, aux_weight: float = 0.3, label_smoothing: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of a batch, in nats, and the logits (N, classes) it was computed from.

    Auxiliary heads, where the network has some, add `aux_weight` times their own cross-entropy:
    0.3 in the GoogLeNet paper (§5). `label_smoothing` is the share of the target that is spread
    evenly over all classes: 0.1 in the "Rethinking" paper (§7).
    """
    if aux_weight and isinstance(net, InceptionNet) and net.aux_heads:
        logits, aux = net.forward_with_aux(images)
    else:
        logits, aux = net(images), {}
    entropy = partial(nn.functional.cross_entropy, target=labels, label_smoothing=label_smoothing)
    return entropy(logits) + aux_weight * sum(entropy(each) for each in aux.values()), logits


class Objective(nn.Module):
    """A network with its loss: images (N, C, H, W) and labels (N,) -> what `training_loss` returns.

    A module, so that a wrapper for several processes wraps the loss together with the network.
    """

    def __init__(self, net: nn.Module, *, aux_weight: float = 0.3, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.net = net
        self.options = {"aux_weight": aux_weight, "label_smoothing": label_smoothing}

    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return training_loss(self.net, images, labels, **self.options)


class Step(NamedTuple):
    """One step of the optimizer: the loss in nats, the share of the batch classified correctly, the gradient's norm."""

    loss: float
    accuracy: float
    gradient: float


def train_steps(
    objective: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    optimizer: Optimizer,
    scheduler: LRScheduler | None = None,
    *,
    epoch: int,
    done: int = 0,
    clip_norm: float | None = None,
    backward: Callable[[Tensor], object] = Tensor.backward,
) -> Iterator[Step]:
    """The loop of all training here: yields a `Step` of the optimizer for each batch of images and labels.

    | argument    | what it is                                                                   |
    |-------------|------------------------------------------------------------------------------|
    | `objective` | an `Objective`, or one wrapped for several processes                         |
    | `batches`   | images (N, C, H, W) with labels (N,)                                         |
    | `optimizer` | takes a step for each batch                                                  |
    | `scheduler` | then sets the next learning rate, if there is one                            |
    | `epoch`     | number of the epoch, for the error message                                   |
    | `done`      | steps of this epoch that were taken before                                   |
    | `clip_norm` | a longer gradient is scaled down to this norm; None does not clip            |
    | `backward`  | computes the gradients of a loss, and averages them over several processes   |

    Raises FloatingPointError, with the step and the `epoch`, once the loss is not a number.
    """
    for number, (images, labels) in enumerate(batches, done + 1):
        loss, logits = objective(images, labels)
        if not loss.isfinite():
            raise _diverged(loss.item(), number, epoch, optimizer.param_groups[0]["lr"])
        optimizer.zero_grad()
        backward(loss)
        norm = nn.utils.clip_grad_norm_(objective.parameters(), math.inf if clip_norm is None else clip_norm)
        optimizer.step()
        if scheduler:
            scheduler.step()
        yield Step(loss.item(), _share(logits, labels), norm.item())


def fit(
    net: nn.Module,
    train: LabelledImages,
    valid: LabelledImages | None = None,
    *,
    epochs: int,
    lr: float = 0.01,
    batch_size: int = 32,
    optimizer: Callable[[Iterable[nn.Parameter], float], Optimizer] = adamw,
    schedule: Callable[[Optimizer, int], LRScheduler] | None = one_cycle,
    augment: Augment | None = None,
    aux_weight: float = 0.3,
    label_smoothing: float = 0.0,
    clip_norm: float | None = None,
    seed: int = 0,
    num_threads: int = 1,
    progress: bool = True,
) -> History:
    """Trains `net` in place, where it is, and returns its `History`.

    `net` ends in training mode, with channels last in memory. A network on a GPU is trained there.

    | argument          | what it is                                                                         |
    |-------------------|------------------------------------------------------------------------------------|
    | `net`             | any module (N, C, H, W) -> logits (N, classes)                                     |
    | `train`           | the images to learn from; each epoch shuffles them                                 |
    | `valid`           | images that are only evaluated, after each epoch                                   |
    | `epochs`          | passes over the training images                                                    |
    | `lr`              | learning rate that the optimizer starts with                                       |
    | `batch_size`      | images per step; what is left over at the end of an epoch waits for the next       |
    | `optimizer`       | parameters and `lr` -> an optimizer                                                |
    | `schedule`        | that optimizer and the number of steps -> a scheduler; None keeps `lr`             |
    | `augment`         | images and a generator -> changed images of the same shape                         |
    | `aux_weight`      | weight of each auxiliary head's loss, where the network has heads                  |
    | `label_smoothing` | share of the target that is spread evenly over all classes                         |
    | `clip_norm`       | a longer gradient is scaled down to this norm; None does not clip                  |
    | `seed`            | decides order, augmentation and dropout                                            |
    | `num_threads`     | on one, the same seed, data and starting weights give bitwise the same end         |
    | `progress`        | whether to show a progress bar                                                     |

    Raises ValueError for data that do not fit and FloatingPointError, with the step, once the loss is not a number.
    """
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"{epochs} epochs of batches of {batch_size} images train nothing: both must be at least 1")
    if clip_norm is not None and not clip_norm > 0:
        raise ValueError(f"clip_norm={clip_norm} leaves no gradient: it must be greater than 0, or None not to clip")
    _check(net, train)
    if valid is not None:
        _check(net, valid)
    batch_size = min(batch_size, len(train))
    check_batch(net, train.images[:1], batch_size, aux_weight=aux_weight)
    steps = epochs * (len(train) // batch_size)
    stepper = optimizer(net.parameters(), lr)
    scheduler = schedule(stepper, steps) if schedule else None
    chance = torch.Generator().manual_seed(seed)
    objective = Objective(net, aux_weight=aux_weight, label_smoothing=label_smoothing)
    history = []
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # several times as fast, see `predict`
    device = device_of(net)
    with _repeatable(seed, num_threads), tqdm(total=steps, unit="step", disable=not progress) as bar:
        for number in range(1, epochs + 1):
            start, rate = time.perf_counter(), stepper.param_groups[0]["lr"]
            seen: list[Step] = []
            net.train()
            batches = ((x.to(device), y.to(device)) for x, y in _batches(train, batch_size, augment, chance))
            for step in train_steps(objective, batches, stepper, scheduler, epoch=number, clip_norm=clip_norm):
                seen.append(step)
                bar.update()
            history.append(_epoch(number, seen, net, valid, rate, start))
            bar.set_postfix_str(str(history[-1]))
    return History(tuple(history))


def check_batch(net: nn.Module, image: Tensor, size: int, *, aux_weight: float = 0.0) -> None:
    """Refuses a batch of `size` images in which a batch norm would see a single value per channel.

    `image` is one (1, C, H, W) like those to come. It is computed where `net` is, which may be the meta device, in
    evaluation mode, with the auxiliary heads if `aux_weight` gives them a loss; `net` is left unchanged.

    Raises ValueError, naming the batch norm, before there is anything to lose.
    """
    if size > 1:
        return
    alone: list[str] = []

    def look(name: str, norm: nn.Module, inputs: tuple[Tensor]) -> None:
        if inputs[0].numel() == inputs[0].shape[1]:
            alone.append(name)

    norms = [(name, each) for name, each in net.named_modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]
    hooks = [norm.register_forward_pre_hook(partial(look, name)) for name, norm in norms]
    try:
        with evaluating(net), threads(), torch.no_grad():
            label = torch.zeros(1, dtype=torch.long, device=device_of(net))
            training_loss(net, image.to(label.device), label, aux_weight=aux_weight)
    finally:
        for hook in hooks:
            hook.remove()
    if alone:
        raise ValueError(
            f"with one image at a time the batch norm {alone[0]} sees a single value per channel, which minus its "
            f"own mean is always 0: give each process at least 2 images per step"
        )


def accuracy(net: nn.Module, data: LabelledImages) -> float:
    """The share of images that the network classifies correctly, from 0 to 1.

    Over N images its standard error is sqrt(p (1 - p) / N): 0.3 points at 87 % of 10,000.
    Raises ValueError for data that do not fit.
    """
    _check(net, data)
    return _share(predict(net, data.images), data.labels)


_ABOUT = ("name", "options", "facts")


def save(net: InceptionNet, path: str | Path, *, options: Mapping[str, Any], **facts: Any) -> Path:
    """Writes the weights as safetensors, whole or not at all, with what is needed to build the network again.

    `options` are those that `build(net.name, ...)` was given. `facts` (a recipe, an accuracy) may be anything
    that JSON can hold; `facts_of` returns them.

    Raises ValueError, before anything is written, if `options` do not build a network with these weights, or if a
    weight is not finite. So every file written can be loaded.
    """
    weights = read_weights(net.state_dict(), "the network")
    about = {"name": net.name, "options": dict(options), "facts": facts}
    _rebuild(about, weights, str(path))
    return write_weights(path, weights, about)


def load(path: str | Path) -> InceptionNet:
    """The network that `save` wrote, in evaluation mode. The file is read as data: nothing in it can run.

    Raises ValueError for a file that `save` did not write, that is damaged, or whose weights are not finite.
    """
    return _rebuild(read_about(path, *_ABOUT, writer="save"), read_weights(path), str(path))


def facts_of(path: str | Path) -> dict[str, Any]:
    """The facts that `save` was given about the network in a file, such as its accuracy. Reads no weights.

    Raises ValueError for a file that `save` did not write, or that is damaged.
    """
    return dict(read_about(path, *_ABOUT, writer="save")["facts"])


def _rebuild(about: Mapping[str, Any], weights: dict[str, Tensor], path: str) -> InceptionNet:
    """The network that `about` describes, with these weights; it has no memory of its own until they are assigned."""
    try:
        with torch.device("meta"):
            net = build(about["name"], **about["options"])
        assign(net, weights)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"the options {about['options']} do not build the network in {path}: {error}") from error
    return net.eval()


@contextmanager
def _repeatable(seed: int, num_threads: int) -> Iterator[None]:
    """Random numbers (for dropout) from `seed` inside the block; the caller's own sequence continues undisturbed."""
    with threads(num_threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _check(net: nn.Module, data: LabelledImages) -> None:
    """Checks what every step of training relies on, so that bad data fail before the first step, in one sentence."""
    images, labels = data.images, data.labels
    if len(images) == 0 or len(images) != len(labels):
        raise ValueError(
            f"{len(images)} images with {len(labels)} labels: there must be as many labels as images, and at least 1"
        )
    classes = predict(net, images[:1]).shape[1]
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise ValueError(f"labels run from {low} to {high}, but the network has {classes} classes, 0 to {classes - 1}")


def _batches(
    data: LabelledImages, size: int, augment: Augment | None, chance: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """The images shuffled and cut into whole batches, each changed by `augment` just before it is used."""
    for batch in torch.randperm(len(data), generator=chance).split(size)[: len(data) // size]:
        images = data.images[batch]
        yield augment(images, chance) if augment else images, data.labels[batch]


def _diverged(loss: float, step: int, epoch: int, lr: float) -> FloatingPointError:
    return FloatingPointError(
        f"the loss is {loss} at step {step} of epoch {epoch}, where the learning rate is {lr:.2g}: the training has "
        f"diverged; try a lower rate, clip_norm=1.0 or a network with batch norm"
    )


def _share(logits: Tensor, labels: Tensor) -> float:
    return (logits.argmax(1) == labels).float().mean().item()


def _epoch(
    number: int,
    seen: list[Step],
    net: nn.Module,
    valid: LabelledImages | None,
    lr: float,
    start: float,
) -> Epoch:
    """The record of an epoch: means over its steps, then the validation images."""
    loss, share, gradient = (sum(column) / len(seen) for column in zip(*seen, strict=True))
    valid_loss = valid_accuracy = None
    if valid is not None:
        logits = predict(net, valid.images)
        valid_loss, valid_accuracy = (
            nn.functional.cross_entropy(logits, valid.labels).item(),
            _share(logits, valid.labels),
        )
    return Epoch(number, loss, share, valid_loss, valid_accuracy, lr, gradient, time.perf_counter() - start)
