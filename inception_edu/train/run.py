"""Training by a recipe on any number of images, in one process or many, stopped and resumed at will.

>>> plan = make_plan("googlenet", "folder/of/images", RECIPES["googlenet"])
>>> train(plan, "runs/googlenet", devices=8, precision="bf16-mixed")

The loop is `loop.train_steps`, the one that the chapters use. Lightning Fabric averages the gradients of several
processes, torch keeps the running average, and torchmetrics measures. This file decides in which order things happen
and how they are saved: everything that changes goes into one file, which is written whole or not at all and read as
data.

Everything random depends only on (seed, epoch, image) or (seed, step, process). On CPUs a training that was killed
and resumed therefore ends with bitwise the same weights; on a GPU some kernels are not repeatable. Several processes
each normalise by their own share of the batch, as the papers' replicas did. So without batch norm and dropout they
take the same steps as one process with the whole batch, and with them similar ones.
"""
# mypy: untyped-calls-exclude=torch

import csv
import io
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.loggers.tensorboard import TensorBoardLogger
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy
from tqdm.auto import tqdm

from ..data.files import write_whole
from ..data.folders import Images, batches, chance, for_testing, for_training, loader, open_images
from ..family import FAMILY, build
from ..network import InceptionNet
from ..running import evaluating, threads
from .loop import Objective, check_batch, facts_of, load, save, train_steps
from .recipes import SETTINGS, Recipe, with_heads

CHECKPOINT, WEIGHTS, LOG = "checkpoint.pt", "weights.safetensors", "log.csv"
"""What a run leaves in its folder: all that a resumed run needs, the averaged weights alone, and a row per epoch."""

_ORDER, _IMAGE, _STEP = range(3)
"""What random numbers are for, so that no two uses get the same."""

Measures = dict[str, float]
"""Name of a measure -> its value: a row of the log."""


@dataclass(frozen=True)
class Plan:
    """Everything that the result of a training depends on. `options` are those of `build`, `size` is in pixels."""

    name: str
    options: dict[str, Any]
    recipe: Recipe
    data: str
    images: Images
    others: Images
    size: int
    seed: int = 0

    def facts(self) -> dict[str, Any]:
        """What a checkpoint must agree with, as JSON holds it: not where the images are, nor for how many epochs."""
        recipe = {name: getattr(self.recipe, name) for name in SETTINGS if name != "epochs"}
        here = {
            "network": self.name,
            **self.options,
            "images": len(self.images),
            "classes": self.images.class_names,  # by name: renamed folders would otherwise swap labels unseen
            "size": self.size,
            "seed": self.seed,
        }
        return dict(json.loads(json.dumps(recipe | here)))


def make_plan(
    name: str,
    data: str | Path,
    recipe: Recipe,
    *,
    options: Mapping[str, Any] | None = None,
    size: int | None = None,
    seed: int = 0,
) -> Plan:
    """The plan of training network `name` on `data`.

    | argument  | what it is                                                                                      |
    |-----------|-------------------------------------------------------------------------------------------------|
    | `name`    | of the network, as in `FAMILY`                                                                  |
    | `data`    | a folder with train/CLASS/ and val/CLASS/, or "fashion" (see `folders.open_images`)             |
    | `recipe`  | how to train; auxiliary heads are built if it gives them a weight                               |
    | `options` | of `build`; the number of classes and channels are those of the images                          |
    | `size`    | side of the crops in pixels; by default that of the images if they all have one, else that the  |
    |           | network was made for                                                                            |
    | `seed`    | decides start weights, order, crops and dropout                                                 |

    Raises ValueError for what cannot be trained, FileNotFoundError for a missing folder.
    """
    images, others = open_images(data, "train"), open_images(data, "val")
    if images.class_names != others.class_names:
        apart = ", ".join(sorted(set(images.class_names) ^ set(others.class_names)))
        raise ValueError(f"train and val of {data} must hold the same classes, but only one of them holds {apart}")
    if len(images.class_names) < 2:
        raise ValueError(f"{data} holds only one class, {images.class_names[0]}: put at least two there")
    if seed < 0:
        raise ValueError(f"a seed of {seed} cannot be used: it must be at least 0")
    if recipe.batch > len(images):
        raise ValueError(
            f"a batch of {recipe.batch} images cannot be taken from {len(images)}: choose a smaller --batch"
        )
    of_the_data = {"num_classes": len(images.class_names), "in_channels": images.channels}
    asked = dict(options or {})
    for key, value in of_the_data.items():
        if asked.get(key, value) != value:
            raise ValueError(f"{key}={asked[key]} contradicts {data}, whose images need {value}: leave it out")
    chosen = with_heads(name, recipe, of_the_data | asked)
    with torch.device("meta"):
        build(name, **chosen)
    size = size or images.size or FAMILY[name].image[-1]
    return Plan(name, chosen, recipe, str(data), images, others, size, seed)


def train(
    plan: Plan,
    folder: str | Path,
    *,
    resume: bool = False,
    devices: int = 1,
    nodes: int = 1,
    accelerator: str = "auto",
    precision: Any = "32-true",
    workers: int = 0,
    save_every: int = 500,
    tensorboard: bool = False,
    progress: bool = True,
) -> list[Measures]:
    """Trains by `plan`, saves everything in `folder`, and returns the measures of each epoch.

    | argument      | what it is                                                                                   |
    |---------------|----------------------------------------------------------------------------------------------|
    | `plan`        | what `make_plan` returned                                                                    |
    | `folder`      | where checkpoint, weights and log go; several machines need one that all of them see         |
    | `resume`      | continues from the checkpoint, or starts if there is none                                    |
    | `devices`     | processes on each machine, which share each batch; torchrun has already started them         |
    | `nodes`       | machines                                                                                     |
    | `accelerator` | "cpu", "cuda", "mps", or "auto" for the best there is                                        |
    | `precision`   | "32-true" or "bf16-mixed"                                                                    |
    | `workers`     | further processes, for each of those, that read images                                       |
    | `save_every`  | steps between two checkpoints; there is also one after each epoch                            |
    | `tensorboard` | whether to write the log for TensorBoard, too                                                |
    | `progress`    | whether to show a progress bar                                                               |

    Raises ValueError for a plan that cannot be followed, FloatingPointError for a training that has diverged,
    ConnectionError in a process that stops because another one did, OSError if something cannot be written,
    ImportError without TensorBoard. The last checkpoint is whole after each of them, and after a kill.
    """
    folder, world = Path(folder), devices * nodes
    if min(devices, nodes, save_every) < 1 or plan.recipe.batch % world:
        raise ValueError(
            f"{plan.recipe.batch} images per step cannot be shared evenly by {nodes} x {devices} processes"
        )
    if not resume and (folder / CHECKPOINT).exists():
        raise ValueError(f"{folder} already holds a training run: continue it with --resume, or choose another --out")
    with torch.device("meta"):
        draft = build(plan.name, **plan.options)
    image = torch.zeros(1, plan.images.channels, plan.size, plan.size)
    check_batch(draft, image, plan.recipe.batch // world, aux_weight=plan.recipe.aux_weight)
    strategy = "ddp" if world > 1 else "auto"
    try:
        fabric = Fabric(
            accelerator=accelerator,
            strategy=strategy,
            devices=devices,
            num_nodes=nodes,
            precision=precision,
            loggers=_board(folder) if tensorboard else None,
        )
        fabric.launch()
    except RuntimeError as error:
        raise ValueError(f"{nodes} x {devices} processes on {accelerator!r} cannot be started: {error}") from error
    with threads(), torch.random.fork_rng(devices=[]):
        run = _Run(plan, folder, fabric, workers)
        if resume:
            run.load()
        try:
            run.go(save_every, progress)
        except RuntimeError as error:
            if world == 1 or "peer" not in str(error):
                raise
            raise ConnectionError(f"process {fabric.global_rank} stops, because another one did") from error
    return run.rows


class _Run:
    """A training in progress: what changes with every step, and how it is saved."""

    def __init__(self, plan: Plan, folder: Path, fabric: Fabric, workers: int) -> None:
        self.plan, self.folder, self.fabric, self.workers = plan, folder, fabric, workers
        recipe = plan.recipe
        self.prepare = for_training(
            plan.images, plan.size, min_area=recipe.min_area, max_aspect=recipe.max_aspect, jitter=recipe.jitter
        )
        self.steps_an_epoch = len(plan.images) // recipe.batch
        torch.manual_seed(plan.seed)
        self.net = build(plan.name, **plan.options).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        objective = Objective(self.net, aux_weight=recipe.aux_weight, label_smoothing=recipe.label_smoothing)
        optimizer = recipe.make_optimizer(self.net.parameters())
        self.scheduler = LambdaLR(optimizer, lambda step: recipe.learning_rate(step / self.steps_an_epoch) / recipe.lr)
        self.objective, self.optimizer = fabric.setup(objective, optimizer)
        self.average = AveragedModel(self.net, multi_avg_fn=_running_mean(recipe.average), use_buffers=True)
        self.mean_net: Any = self.average.module
        self.step = 0
        self.sums = [0.0, 0.0, 0.0]
        self.rows: list[Measures] = []

    def go(self, save_every: int, progress: bool) -> None:
        """Continues from where the run is to its end."""
        recipe, total = self.plan.recipe, self.plan.recipe.epochs * self.steps_an_epoch
        hidden = not (progress and self.fabric.is_global_zero)
        measured = [row for row in self.rows if "valid_loss" in row]
        for row in measured:  # again: before a kill TensorBoard may have got less than the checkpoint
            self.fabric.log_dict(row, int(row["epoch"]))
        if measured != self.rows:
            self.validate()
        with tqdm(total=total, initial=self.step, unit="step", disable=hidden) as bar:
            for epoch in range(self.step // self.steps_an_epoch, recipe.epochs):
                start, before = time.perf_counter(), self.step
                self.objective.train()
                for taken in train_steps(
                    self.objective,
                    self.batches(epoch),
                    self.optimizer,
                    self.scheduler,
                    epoch=epoch + 1,
                    done=self.step % self.steps_an_epoch,
                    clip_norm=recipe.clip_norm,
                    backward=self.fabric.backward,
                ):
                    self.average.update_parameters(self.net)
                    means: Any = self.fabric.all_reduce(torch.tensor(taken, device=self.fabric.device))
                    self.sums = [old + new for old, new in zip(self.sums, means.tolist(), strict=True)]
                    self.step += 1
                    bar.update()
                    if self.step % save_every == 0 and self.step % self.steps_an_epoch:
                        self.save()
                speed = (self.step - before) * recipe.batch / (time.perf_counter() - start)
                loss, accuracy, gradient = (each / self.steps_an_epoch for each in self.sums)
                row = {"epoch": epoch + 1, "lr": recipe.learning_rate(epoch), "loss": loss, "accuracy": accuracy}
                self.rows.append({**row, "gradient": gradient, "images_per_second": round(speed, 1)})
                self.sums = [0.0, 0.0, 0.0]
                self.save()  # before any image to validate can cost the epoch; a resumed run measures it again
                self.validate()
                bar.set_postfix_str(_told(self.rows[-1]))
        for logger in self.fabric.loggers:
            logger.finalize("success")

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """This process's share of each batch left in an epoch; epochs count from 0."""
        seed, rank, world = self.plan.seed, self.fabric.global_rank, self.fabric.world_size
        order = batches(len(self.plan.images), self.plan.recipe.batch, seed, _ORDER, epoch, rank=rank, world=world)
        left = order[self.step % self.steps_an_epoch :]
        found = loader(self.plan.images, self.prepare, seed, _IMAGE, epoch, batches=left, workers=self.workers)
        for images, labels in _in_one_sentence(found):
            torch.manual_seed(chance(seed, _STEP, self.step, rank))  # dropout
            yield self.fabric.to_device((images, labels))

    def validate(self) -> None:
        """Adds to the last row what the averaged weights reach on one crop of each validation image, and tells it."""
        rank, world = self.fabric.global_rank, self.fabric.world_size
        if world > 1:  # every process has batch norm statistics of its own; those of the first are kept
            for buffer in self.average.buffers():
                torch.distributed.broadcast(buffer, 0)
        share = range(rank, len(self.plan.others), world)
        found = predictions(self.mean_net, self.plan.others, self.plan.size, which=share, workers=self.workers)
        self.rows[-1] |= measure(found, len(self.plan.others.class_names), self.fabric.device)
        if self.fabric.is_global_zero:
            self.write_results()
        self.fabric.log_dict(self.rows[-1], int(self.rows[-1]["epoch"]))

    def state(self) -> dict[str, Any]:
        """Everything that changes, and what it depends on."""
        return {
            "plan": self.plan.facts(),
            "step": self.step,
            "sums": self.sums,
            "rows": self.rows,
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
        }

    def save(self) -> None:
        """Writes the checkpoint, whole or not at all; by the first process, whose batch norm statistics count."""
        if self.fabric.is_global_zero:
            buffer = io.BytesIO()
            torch.save(self.state(), buffer)
            with _explained(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
                write_whole(self.folder / CHECKPOINT, buffer.getvalue())

    def load(self) -> None:
        """Restores everything from the checkpoint, if there is one, and clears away what is written again."""
        if self.fabric.is_global_zero:
            torn = [f".{name}.*" for name in (CHECKPOINT, WEIGHTS, LOG)]  # a kill left them half-written
            boards = ["events.out.tfevents.*"] if self.fabric.loggers else []  # TensorBoard would mix them with ours
            for path in [path for pattern in torn + boards for path in self.folder.glob(pattern)]:
                path.unlink()
        path = self.folder / CHECKPOINT
        if not path.exists():
            return
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            then = state["plan"]
        except Exception as error:  # a pickle that is damaged or holds more than data fails in many ways
            raise ValueError(f"{path} is damaged or was not written by this command: {type(error).__name__}") from error
        now = self.plan.facts()
        if changed := [key for key in now if now[key] != then.get(key)]:
            told = ", ".join(f"{key}={then.get(key)!r}, not {now[key]!r}" for key in changed)
            raise ValueError(
                f"{self.folder} was trained with {told}: resume it with the same settings, or choose another --out"
            )
        self.step, self.sums, self.rows = state["step"], state["sums"], state["rows"]
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])

    def write_results(self) -> None:
        """The log, and the averaged weights as `loop.load` reads them, with what `evaluate` needs to know.

        The whole log each time: Fabric's CSVLogger deletes an older one and adds row by row, which a kill can tear.
        """
        text = io.StringIO()
        writer = csv.DictWriter(text, self.rows[-1].keys())
        writer.writeheader()
        writer.writerows(self.rows)
        facts = {key: getattr(self.plan.images, key) for key in ("class_names", "channels", "mean", "std")}
        with _explained(self.folder):
            write_whole(self.folder / LOG, text.getvalue())
            save(
                self.mean_net,
                self.folder / WEIGHTS,
                options=self.plan.options,
                data=self.plan.data,
                size=self.plan.size,
                recipe=asdict(self.plan.recipe),
                last={key: value for key, value in self.rows[-1].items() if key != "images_per_second"},
                **facts,
            )


def predictions(
    net: InceptionNet,
    images: Images,
    size: int,
    *,
    crops: int = 1,
    which: Sequence[int] | None = None,
    batch_size: int = 50,
    workers: int = 0,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields probabilities (N, classes) and labels (N,), batch by batch; those of several crops are averaged.

    `which` images, all of them by default, as `size` x `size` crops. `net` computes in evaluation mode; between
    batches and afterwards it is unchanged.
    """
    device = next(net.parameters()).device
    order = range(len(images)) if which is None else which
    cut = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    for pictures, labels in _in_one_sentence(
        loader(images, for_testing(images, size, crops), batches=cut, workers=workers)
    ):
        with evaluating(net), torch.no_grad():
            logits = net(pictures.flatten(0, 1).to(device))
        yield logits.softmax(1).unflatten(0, (-1, crops)).mean(1), labels.to(device)


def measure(found: Iterator[tuple[Tensor, Tensor]], classes: int, device: torch.device) -> Measures:
    """Loss in nats, top-1 and top-5 accuracy as shares of 1, over the predictions of all processes."""
    tops = {f"top{k}": MulticlassAccuracy(classes, min(k, classes), average="micro") for k in (1, 5)}
    accuracies, loss = MetricCollection(dict(tops)).to(device), MeanMetric().to(device)
    for probabilities, labels in found:
        accuracies.update(probabilities, labels)
        loss.update(nn.functional.nll_loss(probabilities.clamp(min=1e-12).log(), labels, reduction="none"))
    return {"valid_loss": loss.compute().item(), **{k: v.item() for k, v in accuracies.compute().items()}}


def evaluate(
    runs: Sequence[str | Path], *, data: str | Path | None = None, split: str = "val", crops: int = 1, workers: int = 0
) -> dict[str, Measures]:
    """The loss, top-1 and top-5 accuracy of each run, and if there are several, of their mean as "ensemble".

    | argument  | what it is                                                                  |
    |-----------|-----------------------------------------------------------------------------|
    | `runs`    | folders that `train` made, or files of weights in them                      |
    | `data`    | as for `make_plan`; by default what the first run was trained on            |
    | `split`   | the folder in it                                                            |
    | `crops`   | 1 or 10 of each image, whose probabilities are averaged                     |
    | `workers` | processes that read images                                                  |

    The averaged weights are used, and an ensemble averages probabilities. Raises ValueError for runs that were not
    trained on the same classes, or not on these, FileNotFoundError for a run without weights.
    """
    files = [Path(run) / WEIGHTS if Path(run).is_dir() else Path(run) for run in runs]
    if missing := [file for file in files if not file.is_file()]:
        raise FileNotFoundError(f"there are no weights at {missing[0]}: a run has them after its first epoch")
    nets, facts = [load(file) for file in files], [facts_of(file) for file in files]
    if strange := [file for file, fact in zip(files, facts, strict=True) if "class_names" not in fact]:
        raise ValueError(f"{strange[0]} does not state its classes: it was not written by `train`")
    images = open_images(data or facts[0]["data"], split)
    for file, fact in zip(files, facts, strict=True):
        if tuple(fact["class_names"]) != images.class_names:
            raise ValueError(f"{file} was trained on classes other than those of {data or facts[0]['data']}")
    ways = {str(run): [number] for number, run in enumerate(runs)}
    if len(runs) > 1:
        ways["ensemble"] = list(range(len(runs)))
    rows = {}
    with threads():
        for way, members in tqdm(ways.items(), unit="run", leave=False):
            each = (
                predictions(nets[m], _as_trained(images, facts[m]), facts[m]["size"], crops=crops, workers=workers)
                for m in members
            )
            rows[way] = measure(map(_mean, zip(*each, strict=True)), len(images.class_names), torch.device("cpu"))
    return rows


def _as_trained(images: Images, facts: Mapping[str, Any]) -> Images:
    return Images(images.items, images.labels, images.class_names, images.channels, facts["mean"], facts["std"])


def _mean(members: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    return torch.stack([probabilities for probabilities, _ in members]).mean(0), members[0][1]


def _running_mean(most: float) -> Callable[..., None]:
    """torch's, with a shorter memory during the first steps, as TensorFlow's has when it knows their number."""

    def update(mean: Any, now: Any, count: Tensor) -> None:
        get_ema_multi_avg_fn(min(most, (1 + int(count)) / (10 + int(count))))(mean, now, count)

    return update


def _board(folder: Path) -> TensorBoardLogger:
    """Writes into `folder` itself. An open TensorBoard forgets what it read there, because all is told again."""
    try:
        return TensorBoardLogger(folder, name="", version="", purge_step=0)
    except ModuleNotFoundError as error:
        raise ImportError("the log for TensorBoard needs pip install tensorboard") from error


def _told(row: Measures) -> str:
    return f"epoch {row['epoch']}: loss {row['loss']:.3f}, top-1 {row['top1']:.1%}, top-5 {row['top5']:.1%}"


def _in_one_sentence(found: Any) -> Iterator[Any]:
    """The same batches. If a helper process failed, the last line of its message, without its traceback."""
    try:
        yield from found
    except ValueError as error:
        raise ValueError(str(error).strip().splitlines()[-1].removeprefix("ValueError: ")) from error


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(
            f"{folder} could not be written to ({error.strerror or error}): what was saved there before is intact; "
            f"make room and continue with --resume"
        ) from error
