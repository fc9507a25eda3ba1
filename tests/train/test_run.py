# mypy: untyped-calls-exclude=torch
"""Training by recipe: small enough for seconds, stopped in every way, and the same in the end."""

import csv
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from inception_edu import cli
from inception_edu.cli import main
from inception_edu.data import files
from inception_edu.train import loop as training
from inception_edu.train.recipes import ABOUT, RECIPES, SETTINGS
from tools.peers import prepare_torchvision

prepare_torchvision()
for library in "lightning_fabric", "torchmetrics", "torchvision":
    pytest.importorskip(library)

from inception_edu.data import folders as image_data  # noqa: E402
from inception_edu.train import run as trainer  # noqa: E402

ROOMS = "inception_edu.train", "inception_edu.data"
"""Every call that these make is a moment at which a training may be killed."""

RUNNER = (
    f"ROOMS = {ROOMS}"
    + """
import os, sys, warnings
warnings.simplefilter("error")
from tools.peers import prepare_torchvision
prepare_torchvision()
import torch
from inception_edu.data import files
from inception_edu.cli import main
if "NO_DROPOUT" in os.environ:
    torch.nn.Dropout.forward = lambda self, x: x
if "KILL_AT" in os.environ:
    replace, written = os.replace, []
    def replace_or_die(*paths):
        written.append(paths)
        if len(written) == int(os.environ["KILL_AT"]):
            os.kill(os.getpid(), 9)
        replace(*paths)
    files.os.replace = replace_or_die
if "DIE_AT" in os.environ:
    import inception_edu.train.run
    moments = iter(range(1, int(os.environ["DIE_AT"])))
    def die(frame, event, argument):
        if event.endswith("call") and frame.f_globals["__name__"].startswith(ROOMS) and next(moments, None) is None:
            os.kill(os.getpid(), 9)
    sys.setprofile(die)
sys.exit(main(sys.argv[1:]))
"""
)
TABLE = json.dumps({"inception_4a": [40] * 6}, separators=(",", ":"))
NETWORK = ["googlenet", "--set", "small=true", "--set", "width=0.1", "--set", f"table={TABLE}"]
"""One block and its auxiliary head."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of noise, dark, grey and bright: 16 images each to train on, 5 to validate."""
    root, chance = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for split, count in ("train", 16), ("val", 5):
        for name, middle in ("bright", 200), ("dark", 60), ("grey", 125):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = middle + chance.integers(-50, 50, (40, 36, 3))
                Image.fromarray(pixels.astype(np.uint8)).save(root / split / name / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def whole(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of two epochs of six steps that nothing disturbed."""
    out = tmp_path_factory.mktemp("run")
    assert main(command(tree, out)) == 0
    return out


def command(tree: Path, out: Path, *more: str, epochs: int = 2) -> list[str]:
    where = ["--data", str(tree), "--out", str(out), "--size", "32", "--accelerator", "cpu"]
    return ["train", *NETWORK, *where, "--batch", "8", "--epochs", str(epochs), *more]


def in_its_own_process(arguments: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    script = folder / "runner.py"
    script.write_text(RUNNER)
    env = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    command = [sys.executable, str(script), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=600)


def kept(out: Path) -> dict[str, Any]:
    return torch.load(out / trainer.CHECKPOINT, weights_only=True)


def tensors(state: Any) -> list[Tensor]:
    if isinstance(state, Tensor):
        return [state]
    if isinstance(state, dict):
        state = list(state.values())
    return [tensor for part in state for tensor in tensors(part)] if isinstance(state, list) else []


def told(out: Path) -> list[dict[str, float]]:
    """The rows of the log, without the one value that depends on the machine."""
    rows = csv.DictReader((out / trainer.LOG).read_text().splitlines())
    return [{key: float(value) for key, value in row.items() if key != "images_per_second"} for row in rows]


def equal(one: Path, other: Path) -> bool:
    """Whether two runs end bitwise in the same weights, averages and optimizer, and have told the same."""
    a, b = kept(one), kept(other)
    assert len(tensors(a)) == len(tensors(b)) > 30
    return (a["step"], told(one)) == (b["step"], told(other)) and equal_tensors(a, b)


def equal_tensors(one: Any, other: Any) -> bool:
    return all(torch.equal(x, y) for x, y in zip(tensors(one), tensors(other), strict=True))


class StoppedError(Exception):
    pass


def stop_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raises in the middle of a training, when that many steps have been taken in this process."""
    taken = []

    def steps(*arguments: Any, **options: Any) -> Any:
        for each in training.train_steps(*arguments, **options):
            taken.append(each)
            if len(taken) == step:
                raise StoppedError
            yield each

    monkeypatch.setattr(trainer, "train_steps", steps)


# ---- the same in the end ------------------------------------------------------------------------


def test_killed_while_it_writes_and_resumed_it_ends_bitwise_the_same(tree: Path, tmp_path: Path) -> None:
    """Killed between two checkpoints in the second epoch: the new one lies half-made beside the old one."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    arguments = ["--save-every", "2", "--set", "batch_norm=true", "--tensorboard"]
    assert main(command(tree, whole, *arguments)) == 0
    # Writes 1 and 2 are those of steps 2 and 4, 3 to 5 those after the first epoch; 6 and 7 those of steps 8 and 10.
    killed = in_its_own_process(command(tree, broken, *arguments), tmp_path, KILL_AT="7")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert kept(broken)["step"] == 8
    assert len(kept(broken)["rows"]) == 1
    assert [path.name[:15] for path in broken.glob(".*")] == [".checkpoint.pt."]
    assert main(command(tree, broken, *arguments, "--resume")) == 0
    assert kept(broken)["step"] == 12
    assert equal(whole, broken)
    assert not list(broken.glob(".*"))
    assert training.facts_of(whole / trainer.WEIGHTS) == training.facts_of(broken / trainer.WEIGHTS)
    assert on_the_board(broken) == on_the_board(whole) == told(whole)


def on_the_board(out: Path) -> list[dict[str, float]]:
    """What TensorBoard shows of a run, each epoch once: values in single precision."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    board = accumulator.EventAccumulator(str(out)).Reload()
    columns = {key: board.Scalars(key) for key in board.Tags()["scalars"] if key != "images_per_second"}
    assert {key: [event.step for event in column] for key, column in columns.items()} == {
        key: [1, 2] for key in columns
    }
    return [{key: pytest.approx(column[row].value) for key, column in columns.items()} for row in range(2)]


def test_killed_at_five_random_moments_it_ends_bitwise_the_same(tree: Path, tmp_path: Path) -> None:
    """Wherever it is: reading an image, taking a step, writing a file, validating."""
    arguments = ["--save-every", "1", "--set", "batch_norm=true", "--recipe", "bn_inception"]
    moments = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal moments
        moments += event.endswith("call") and str(frame.f_globals["__name__"]).startswith(ROOMS)

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        assert main(command(tree, tmp_path / "whole", *arguments)) == 0
    finally:
        sys.setprofile(before)
    for moment in Random(0).sample(range(1, moments), 5):
        broken = tmp_path / f"killed at {moment} of {moments}"
        killed = in_its_own_process(command(tree, broken, *arguments), tmp_path, DIE_AT=str(moment))
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert main(command(tree, broken, *arguments, "--resume")) == 0
        assert equal(tmp_path / "whole", broken), broken


@pytest.mark.parametrize(
    ("recipe", "step"), [("bn_inception", 1), ("bn_inception", 5), ("inception_v3", 7), ("bn_inception", 11)]
)
def test_stopped_anywhere_it_goes_on_to_the_same(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str, step: int
) -> None:
    """Before the first checkpoint, in the first epoch, in the second, and there after the learning rate has fallen."""
    more = ["--recipe", recipe, "--save-every", "3"]
    assert main(command(tree, tmp_path / "whole", *more)) == 0
    with monkeypatch.context() as patch:
        stop_at(step, patch)
        with pytest.raises(StoppedError):
            main(command(tree, tmp_path / "broken", *more))
    assert main(command(tree, tmp_path / "broken", *more, "--resume", "--workers", str(step % 2))) == 0
    assert equal(tmp_path / "whole", tmp_path / "broken")


def test_more_epochs_are_the_same_training_made_longer(tree: Path, whole: Path, tmp_path: Path) -> None:
    assert main(command(tree, tmp_path / "short", epochs=1)) == 0
    assert main(command(tree, tmp_path / "short", "--resume")) == 0
    assert equal(whole, tmp_path / "short")
    assert main(command(tree, tmp_path / "other", "--seed", "1")) == 0
    assert not equal(whole, tmp_path / "other")


def test_two_processes_take_the_steps_of_one(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without batch norm and dropout, the mean of two half batches' gradients is the gradient of the whole."""
    done = in_its_own_process(command(tree, tmp_path / "two", "--devices", "2", epochs=1), tmp_path, NO_DROPOUT="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("wrote") == 1
    monkeypatch.setattr(nn.Dropout, "forward", lambda self, x: x)
    assert main(command(tree, tmp_path / "one", epochs=1)) == 0
    one, two = kept(tmp_path / "one"), kept(tmp_path / "two")
    # SGD's momentum is a sum of gradients, so it compares them all.
    for part in "net", "average", "optimizer":
        for a, b in zip(tensors(one[part]), tensors(two[part]), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    for a, b in zip(told(tmp_path / "one"), told(tmp_path / "two"), strict=True):
        assert a == pytest.approx(b, rel=1e-4)


def test_processes_share_the_batches_of_one() -> None:
    whole = image_data.batches(50, 8, 3, 0)
    assert [len(batch) for batch in whole] == [8] * 6
    assert len({number for batch in whole for number in batch}) == 48
    shares = [image_data.batches(50, 8, 3, 0, rank=rank, world=4) for rank in range(4)]
    for batch, *parts in zip(whole, *shares, strict=True):
        assert [len(part) for part in parts] == [2] * 4
        assert {number for part in parts for number in part} == set(batch)
    assert image_data.batches(50, 8, 3, 1) != whole
    assert len({image_data.chance(*key) for key in [(1, 2), (2, 1), (1, 2, 0), (0, 1, 2), (1,)]}) == 5


# ---- what is trained and told -------------------------------------------------------------------


def test_it_learns_and_keeps_a_log_and_the_averaged_weights(tree: Path, tmp_path: Path) -> None:
    more = ["--set", "batch_norm=true", "--lr", "0.05", "--min-area", "0.5", "--precision", "bf16-mixed"]
    assert main(command(tree, tmp_path, *more, epochs=4)) == 0
    rows = list(csv.DictReader((tmp_path / trainer.LOG).read_text().splitlines()))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4]
    assert float(rows[-1]["top1"]) > 0.6
    assert float(rows[-1]["top5"]) == 1.0
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    found = kept(tmp_path)
    net = training.load(tmp_path / trainer.WEIGHTS)
    for name, value in net.state_dict().items():
        assert torch.equal(value, found["average"][f"module.{name}"])
    for name, value in found["net"].items():  # weights and the statistics of batch norm alike
        assert not torch.equal(found["average"][f"module.{name}"], value), name
    assert list(net.aux_heads) == ["inception_4a"]
    assert training.facts_of(tmp_path / trainer.WEIGHTS)["class_names"] == ["bright", "dark", "grey"]


def test_the_average_is_the_formula(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A running mean with decay (1 + n) / (10 + n) after n steps, up to the recipe's. Dropout differs at each step."""
    seen: list[Tensor] = []
    seeds: set[int] = set()

    def steps(objective: nn.Module, *arguments: Any, **options: Any) -> Any:
        for each in training.train_steps(objective, *arguments, **options):
            seen.append(next(objective.parameters()).detach().clone())
            seeds.add(torch.initial_seed())
            yield each

    monkeypatch.setattr(trainer, "train_steps", steps)
    assert main(command(tree, tmp_path, "--average", "0.3", "--lr", "0.3", epochs=1)) == 0
    assert len(seeds) == len(seen) == 6
    mean = seen[0]
    for number, weight in enumerate(seen[1:], 1):
        decay = min(0.3, (1 + number) / (10 + number))
        mean = decay * mean + (1 - decay) * weight
    found = kept(tmp_path)["average"]
    torch.testing.assert_close(next(v for k, v in found.items() if k != "n_averaged"), mean, rtol=1e-6, atol=1e-7)


def test_optimizers_are_those_of_the_papers() -> None:
    net = nn.Linear(2, 2)
    rms, sgd = (RECIPES[name].make_optimizer(net.parameters()) for name in ("inception_v3", "googlenet"))
    asked = {"lr": 0.045, "alpha": 0.9, "eps": 1.0, "momentum": 0.9, "weight_decay": 4e-5}
    assert isinstance(rms, torch.optim.RMSprop)
    assert {key: rms.param_groups[0][key] for key in asked} == asked
    assert isinstance(sgd, torch.optim.SGD)
    assert (sgd.param_groups[0]["momentum"], sgd.param_groups[0]["nesterov"]) == (0.9, False)


def test_crops_for_training_depend_on_seed_epoch_and_image_alone() -> None:
    fashion = image_data.open_images("fashion", "val")
    images = replace(fashion, items=[fashion.read(0)] * 3)  # the same picture, so that only its crop can differ
    prepare = image_data.for_training(images, 28, min_area=0.08, max_aspect=4 / 3, jitter=0.4)

    def read(*key: int, workers: int = 0, numbers: tuple[int, ...] = (0, 1, 2)) -> Tensor:
        (batch,) = image_data.loader(images, prepare, *key, batches=[list(numbers)], workers=workers)
        return batch[0]

    first = read(0, 1, 0)
    assert first.shape == (3, 1, 28, 28)
    assert torch.equal(read(0, 1, 0, workers=1), first)
    assert torch.equal(read(0, 1, 0, numbers=(2, 0, 1)), first[[2, 0, 1]])
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(read(0, 1, 1), first)
    assert not torch.equal(read(1, 1, 0), first)


def prepared(image: Tensor, count: int = 60, **settings: float) -> Tensor:
    """One image (C, H, W) of bytes as a training reads it time after time, in bytes; whole and as it is by default."""
    crop = {"min_area": 1.0, "max_aspect": 1.0, "jitter": 0.0} | settings
    images = image_data.Images(image[None], [0], ("a",), len(image), mean=0.0, std=1.0)
    prepare = image_data.for_training(images, image.shape[-1], **crop)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return (torch.stack([prepare(image) for _ in range(count)]) * 255).round().to(torch.uint8)


def test_half_of_the_images_are_mirrored() -> None:
    image = torch.arange(3 * 8 * 8, dtype=torch.uint8).reshape(3, 8, 8)
    found = prepared(image)
    mirrored = [torch.equal(each, image.flip(2)) for each in found]
    assert all(done or torch.equal(each, image) for done, each in zip(mirrored, found, strict=True))
    assert 15 < sum(mirrored) < 45


def test_jitter_changes_brightness_contrast_and_saturation_by_up_to_its_share_and_no_hue() -> None:
    """On an image of one grey only brightness counts; two greys then tell the contrast, and a colour the saturation."""

    def stripes(*colours: tuple[int, int, int]) -> Tensor:
        """(3, 6, 6), from the top down."""
        rows = torch.tensor(colours, dtype=torch.uint8).T.repeat_interleave(6 // len(colours), dim=1)
        return rows[:, :, None].expand(3, 6, 6)

    dark, light, yellow = (60, 60, 60), (120, 120, 120), (150, 150, 70)

    for jitter, inside in (0.4, 25), (0.1, 5):
        grey = prepared(stripes((100, 100, 100)), jitter=jitter)[:, 0, 0, 0].int()
        assert 100 - 100 * jitter - 2 <= grey.min() < 100 - inside
        assert 100 + inside < grey.max() <= 100 + 100 * jitter + 2
    low, high = prepared(stripes(dark, light), jitter=0.4)[:, 0, ::3, 0].double().T
    contrast = (high - low) / (high + low) * 180 / 60  # brightness cancels out
    image = stripes(dark, light, yellow)
    (low, _, _), (high, _, _), (red, green, blue) = prepared(image, jitter=0.4)[:, :, ::2, 0].double().permute(2, 1, 0)
    saturation = (red - blue) / (high - low) * 60 / 80  # brightness and contrast do
    for found in contrast, saturation:
        assert 0.5 < found.min() < 0.75
        assert 1.25 < found.max() < 1.5
    assert torch.equal(red, green), "another hue would part them"
    assert torch.equal(prepared(image).unique(dim=0), image[None])


# ---- evaluation ---------------------------------------------------------------------------------


def test_ten_crops_are_four_corners_the_centre_and_their_mirrors() -> None:
    image = torch.arange(64 * 64, dtype=torch.uint8).reshape(1, 64, 64).repeat(3, 1, 1)
    images = image_data.Images(image[None], [0], ("a",))
    ten = image_data.for_testing(images, 56, crops=10)(image)
    assert ten.shape == (10, 3, 56, 56)
    whole = (image / 255 - 0.5) / 0.5
    corners = [whole[:, r : r + 56, c : c + 56] for r, c in [(0, 0), (0, 8), (8, 0), (8, 8), (4, 4)]]
    torch.testing.assert_close(ten[:5], torch.stack(corners))
    torch.testing.assert_close(ten[5:].flip(3).sum(0), torch.stack(corners).sum(0))
    torch.testing.assert_close(image_data.for_testing(images, 56)(image), ten[4:5])


def test_probabilities_of_crops_and_of_runs_are_averaged(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [tmp_path / "a", tmp_path / "b"]
    for seed, run in enumerate(runs):
        assert main(command(tree, run, "--seed", str(seed), epochs=1)) == 0
    images = image_data.open_images(tree, "val")
    nets = [training.load(run / trainer.WEIGHTS) for run in runs]
    each = [torch.cat([p for p, _ in trainer.predictions(net, images, 32, crops=10)]) for net in nets]
    prepare = image_data.for_testing(images, 32, crops=10)
    with torch.no_grad():
        by_hand = nets[0](prepare(images.read(7))).softmax(1).mean(0)
    torch.testing.assert_close(each[0][7], by_hand)
    labels = torch.tensor(images.labels)
    loss = nn.functional.nll_loss(((each[0] + each[1]) / 2).log(), labels).item()
    capsys.readouterr()
    assert main(["evaluate", *map(str, runs), "--crops", "10"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == [*map(str, runs), "ensemble"]
    assert lines[-1].split()[1:3] == ["10", f"{loss:.4f}"]
    share = ((each[0] + each[1]).argmax(1) == labels).float().mean().item()
    assert lines[-1].split()[3:] == [f"{share:.2%}", "100.00%"]


# ---- what goes wrong ----------------------------------------------------------------------------


def copy_of(tree: Path, folder: Path) -> Path:
    return Path(shutil.copytree(tree, folder / "images"))


def corrupt(tree: Path) -> None:
    path = tree / "train" / "dark" / "3.png"
    path.write_bytes(path.read_bytes()[:500])


def without_images(tree: Path) -> None:
    for path in (tree / "train" / "grey").iterdir():
        path.unlink()


def without_a_class(tree: Path) -> None:
    without_images(tree)
    (tree / "train" / "grey").rmdir()


def with_one_class(tree: Path) -> None:
    for path in tree.glob("*/[bd]*"):
        shutil.rmtree(path)


def without_validation(tree: Path) -> None:
    (tree / "val").rename(tree / "validation")


@pytest.mark.parametrize(
    ("harm", "words", "workers"),
    [
        (corrupt, "dark/3.png cannot be read as an image (", "0"),
        (corrupt, "dark/3.png cannot be read as an image (", "1"),
        (without_images, "has no images for grey: put some there, or remove the folder", "0"),
        (without_a_class, "must hold the same classes, but only one of them holds grey", "0"),
        (with_one_class, "holds only one class, grey: put at least two there", "0"),
        (without_validation, "there is no folder", "0"),
    ],
)
def test_bad_images_get_one_sentence(
    tree: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    harm: Callable[[Path], None],
    words: str,
    workers: str,
) -> None:
    bad = copy_of(tree, tmp_path)
    harm(bad)
    assert main(command(bad, tmp_path / "out", "--workers", workers, epochs=1)) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("inception-edu: ")
    assert words in last


def test_once_the_image_is_whole_again_the_training_goes_on_to_the_same(
    tree: Path, whole: Path, tmp_path: Path
) -> None:
    bad = copy_of(tree, tmp_path)
    corrupt(bad)
    assert main(command(bad, tmp_path / "broken", "--save-every", "1")) == 2
    (bad / "train" / "dark" / "3.png").write_bytes((tree / "train" / "dark" / "3.png").read_bytes())
    assert main(command(bad, tmp_path / "broken", "--save-every", "1", "--resume")) == 0
    assert equal(whole, tmp_path / "broken")


def test_a_bad_image_to_validate_costs_no_epoch(tree: Path, whole: Path, tmp_path: Path) -> None:
    bad, out = copy_of(tree, tmp_path), tmp_path / "broken"
    image = bad / "val" / "dark" / "3.png"
    image.write_bytes(b"not a picture")
    assert main(command(bad, out)) == 2
    state = kept(out)
    assert state["step"] == 6
    assert [set(row) & {"loss", "valid_loss"} for row in state["rows"]] == [{"loss"}]  # saved, not yet measured
    image.write_bytes((tree / "val" / "dark" / "3.png").read_bytes())
    assert main(command(bad, out, "--resume")) == 0
    assert equal(whole, out)


@pytest.mark.parametrize(
    ("writes", "step", "left"),
    [
        (0, 0, set()),
        (1, 3, {trainer.CHECKPOINT}),
        (2, 6, {trainer.CHECKPOINT}),
        (3, 6, {trainer.CHECKPOINT, trainer.LOG}),
        (4, 6, {trainer.CHECKPOINT, trainer.LOG, trainer.WEIGHTS}),
    ],
)
def test_a_full_disk_loses_nothing(
    tree: Path,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    writes: int,
    step: int,
    left: set[str],
) -> None:
    """Full after so many files: in the first epoch, at its end, at the log, the weights, in the second epoch."""
    done = []

    def full(handle: int) -> None:
        done.append(handle)
        if len(done) > writes:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
        assert main(command(tree, tmp_path, "--save-every", "3")) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"{tmp_path} could not be written to (No space left on device)" in last
    assert {path.name for path in tmp_path.iterdir()} == left
    if left:
        assert kept(tmp_path)["step"] == step
    assert main(command(tree, tmp_path, "--save-every", "3", "--resume")) == 0
    assert equal(whole, tmp_path)


def test_a_run_is_neither_overwritten_nor_resumed_with_another_plan(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(tree, tmp_path, epochs=1)) == 0
    for more, words in [
        ([], "already holds a training run: continue it with --resume"),
        (["--resume", "--lr", "0.02", "--seed", "4"], "was trained with lr=0.01, not 0.02, seed=0, not 4"),
    ]:
        assert main(command(tree, tmp_path, *more)) == 2
        assert words in capsys.readouterr().err.splitlines()[-1]
    (tmp_path / trainer.CHECKPOINT).write_bytes(b"not a checkpoint")
    assert main(command(tree, tmp_path, "--resume")) == 2
    assert "is damaged or was not written by this command" in capsys.readouterr().err


def test_a_diverged_training_is_told_in_one_sentence(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(tree, tmp_path, "--lr", "1e30", epochs=5)) == 2
    assert "the training has diverged" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "googlenet"], "train needs --data and --out; with --estimate it only says"),
        (["train", "nin_cifar10", "--estimate"], "has no recipe of its own"),
        (["train", "googlenet", "--set", "width", "--estimate"], "--set width sets nothing: write KEY=VALUE"),
        (["train", "googlenet", "--lr", "fast", "--estimate"], "lr='fast' cannot be used"),
        (["train", "googlenet", "--set", "depth=3", "--estimate"], "googlenet has no option 'depth'"),
        (["train", "googlenet", "--data", "fashion", "--out", "x", "--batch", "9999"], "9999 images cannot be taken"),
        (["train", "googlenet", "--data", "fashion", "--out", "x", "--devices", "3"], "32 images per step cannot be"),
        (["train", "googlenet", "--data", "fashion", "--out", "x", "--seed", "-1"], "it must be at least 0"),
        (
            ["train", "googlenet", "--data", "fashion", "--out", "x", "--accelerator", "abacus"],
            "invalid accelerator name",
        ),
        (["evaluate", "nowhere"], "there are no weights at nowhere"),
    ],
)
def test_a_mistake_gets_one_sentence(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    assert main(arguments) == 2
    assert words in capsys.readouterr().err.splitlines()[-1]


ALONE = ["inception_v3", "--set", "width=0.05", "--set", "aux=false", "--size", "75", "--accelerator", "cpu"]
"""Its last maps are 1 x 1."""


@pytest.mark.parametrize(
    "shared", [["--batch", "1"], ["--batch", "2", "--devices", "2"], ["--batch", "2", "--nodes", "2"]]
)
def test_a_batch_norm_that_would_see_one_value_is_told_before_the_first_step(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], shared: list[str]
) -> None:
    assert main(["train", *ALONE, "--data", str(tree), "--out", str(tmp_path / "out"), *shared]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "with one image at a time the batch norm features.mixed_7a.0.1.bn sees a single value per channel" in last
    assert last.endswith("give each process at least 2 images per step")
    assert not (tmp_path / "out").exists()


def test_one_image_at_a_time_is_enough_where_its_maps_are_larger(tree: Path, tmp_path: Path) -> None:
    assert main([*command(tree, tmp_path, "--set", "batch_norm=true", epochs=1), "--batch", "1"]) == 0
    assert kept(tmp_path)["step"] == 48


def test_evaluation_refuses_runs_of_other_classes(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(tree, tmp_path, epochs=1)) == 0
    assert main(["evaluate", str(tmp_path), "--data", "fashion"]) == 2
    assert "was trained on classes other than those of fashion" in capsys.readouterr().err
    net = training.build("googlenet", num_classes=3)
    assert main(["evaluate", str(training.save(net, tmp_path / "x.safetensors", options={"num_classes": 3}))]) == 2
    assert "does not state its classes" in capsys.readouterr().err


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "inception_edu.train.run", None)
    monkeypatch.delattr("inception_edu.train.run")
    assert main(["evaluate", "anything"]) == 2
    assert "training needs pip install 'inception-edu[train]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("torch", "command"),
    [
        ("2.13.0+cpu", "--index-url https://download.pytorch.org/whl/cpu torchvision==0.28.0"),
        ("2.11.0+cu128", "--index-url https://download.pytorch.org/whl/cu128 torchvision==0.26.0"),
        ("2.4.1", "torchvision==0.19.1"),
    ],
)
def test_a_torchvision_built_for_another_torch_is_told_how_to_replace(
    torch: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As torch complains when torchvision's compiled part cannot be loaded."""
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    for name in "inception_edu.train.run", "inception_edu.data.folders":
        monkeypatch.delitem(sys.modules, name)
        monkeypatch.delattr(name)
    monkeypatch.setattr("torch.__version__", torch)
    assert main(["train", "googlenet", "--data", "fashion", "--out", str(tmp_path)]) == 2
    told = (
        f"the installed torchvision does not fit torch {torch}: run pip install --force-reinstall --no-deps {command}"
    )
    assert capsys.readouterr().err == f"inception-edu: {told}\n"


def test_the_estimate_is_printed_with_its_assumptions(capsys: pytest.CaptureFixture[str]) -> None:
    asked = "train googlenet --estimate --set small=true --size 32 --images 3200 --epochs 10 --devices 8"
    assert main([*asked.split(), "--tflops", "100", "--utilisation", "0.5"]) == 0
    out = capsys.readouterr().out
    for words in (
        "1,000",
        "10 epochs of 3,200 images, 32 per step",
        "8 x 100 TFLOPS, 2 operations per MAC, utilisation 50%",
    ):
        assert words in out


def test_every_setting_of_a_recipe_is_an_option_and_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["train", "--help"])
    assert stop.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for name in SETTINGS:
        assert f"--{name.replace('_', '-')} VALUE {ABOUT[name]}" in text
    asked = ["--lr", "0.5", "--optimizer", "sgd", "--clip-norm", "null", "--epochs", "3", "--images", "3200"]
    assert main(["train", "inception_v3", "--estimate", *asked, "--batch", "64"]) == 0
    assert "3 epochs of 3,200 images, 64 per step" in capsys.readouterr().out


def test_tensorboard_is_asked_for_before_the_first_step(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "_TENSORBOARD_AVAILABLE", "_TENSORBOARDX_AVAILABLE":
        monkeypatch.setattr(f"lightning_fabric.loggers.tensorboard.{name}", False)
    assert main(command(tree, tmp_path / "out", "--tensorboard")) == 2
    assert "the log for TensorBoard needs pip install tensorboard" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_the_command_line_stays_light() -> None:
    code = "import sys, inception_edu.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "inception_edu.train.recipes" in loaded
    assert not {"torch", "numpy", "matplotlib", "lightning_fabric"} & set(loaded)
    assert cli.main is main


def test_classes_renamed_since_are_not_resumed_with_swapped_labels(
    whole: Path, tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = copy_of(tree, tmp_path), Path(shutil.copytree(whole, tmp_path / "out"))
    for split in "train", "val":
        (data / split / "bright").rename(data / split / "zebra")  # now it comes last
    assert main(command(data, out, "--resume", epochs=3)) == 2
    error = capsys.readouterr().err
    assert "was trained with classes=['bright', 'dark', 'grey'], not ['dark', 'grey', 'zebra']: resume it with" in error


@pytest.mark.parametrize(("setting", "right"), [("num_classes=10", "need 3"), ("in_channels=1", "need 3")])
def test_what_contradicts_the_images_is_refused_before_the_first_step(
    setting: str, right: str, tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(tree, tmp_path / "out", "--set", setting, epochs=1)) == 2
    assert f"{setting} contradicts {tree}, whose images {right}: leave it out" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
