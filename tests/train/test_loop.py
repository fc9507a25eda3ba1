# mypy: untyped-calls-exclude=torch

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from inception_edu.course.fooling import attacked
from inception_edu.course.records import load_record
from inception_edu.data.fashion import LabelledImages, load_fashion
from inception_edu.data.files import asset
from inception_edu.family import build
from inception_edu.network import InceptionNet
from inception_edu.running import predict, threads
from inception_edu.show.palette import BLUE
from inception_edu.train import loop as training
from inception_edu.train.loop import (
    ONE_MINUTE,
    SMALL_GOOGLENET,
    accuracy,
    check_batch,
    facts_of,
    fit,
    load,
    save,
    training_loss,
)

ROW = (4, 4, 4, 4, 4, 4)
TINY: dict[str, Any] = {
    "num_classes": 10,
    "in_channels": 1,
    "small": True,
    "batch_norm": True,
    "width": 0.1,
    "table": {"inception_4a": (40, 40, 40, 40, 40, 40)},
}


def tiny(seed: int = 0, **options: Any) -> InceptionNet:
    torch.manual_seed(seed)
    return build("googlenet", **TINY, **options)


def linear(classes: int = 10, size: int = 28) -> nn.Module:
    """A network that takes no time."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(size * size, classes))


@pytest.fixture(scope="module")
def few() -> LabelledImages:
    return load_fashion("train")[:128]


def weights(net: nn.Module) -> list[Tensor]:
    return [tensor.clone() for tensor in net.state_dict().values()]


def equal(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


# The loop


def test_the_loss_falls_and_the_history_says_so(few: LabelledImages) -> None:
    net = tiny()
    history = fit(net, few, few, epochs=6, batch_size=16, schedule=None, progress=False)
    assert [epoch.number for epoch in history.epochs] == [1, 2, 3, 4, 5, 6]
    first, last = history.epochs[0], history.last
    assert last.loss < 0.9 * first.loss
    assert (last.valid_loss or math.inf) < 0.9 * (first.valid_loss or 0)
    assert last.accuracy > first.accuracy + 0.1
    logits = predict(net, few.images)
    assert history.last.valid_loss == pytest.approx(nn.functional.cross_entropy(logits, few.labels).item())
    assert history.last.valid_accuracy == accuracy(net, few)
    assert history.seconds > 0


def test_the_same_seed_gives_bitwise_the_same_weights(few: LabelledImages) -> None:
    """Dropout, flips, shifts and the order of the images all hang on the one seed, not on the caller's."""
    ends, histories = [], []
    for seed, disturbance in (5, 1), (5, 2), (6, 1):
        net = tiny()
        torch.manual_seed(disturbance)
        histories.append(fit(net, few, epochs=2, seed=seed, augment=training.flip_and_shift, progress=False))
        ends.append(weights(net))
    assert equal(ends[0], ends[1])
    assert histories[0] == histories[1]
    assert not equal(ends[0], ends[2])
    assert histories[0] != histories[2]


def test_the_callers_chance_and_threads_are_left_as_they_were(few: LabelledImages) -> None:
    torch.manual_seed(1)
    expected, before = torch.rand(3), torch.get_num_threads()
    net = linear()
    torch.manual_seed(1)
    fit(net, few, epochs=1, num_threads=before + 1, progress=False)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == before


def test_threads_are_set_inside_the_block_and_given_back_after_an_error() -> None:
    before, inside = torch.get_num_threads(), []

    def fail() -> None:
        with threads(before + 2):
            inside.append(torch.get_num_threads())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (inside, torch.get_num_threads()) == ([before + 2], before)
    with pytest.raises(ValueError, match="at least 1, not 0"), threads(0):
        pass


@pytest.mark.parametrize("images_left_over", [0, 1, 31])
def test_a_batch_is_always_whole(few: LabelledImages, images_left_over: int) -> None:
    """Batch norm cannot train on one image of 1x1, and a last batch of one would weigh 32 times too much."""
    sizes = []

    def spy(images: Tensor, chance: torch.Generator) -> Tensor:
        sizes.append(len(images))
        return images

    fit(linear(), few[: 64 + images_left_over], epochs=2, augment=spy, progress=False)
    assert sizes == [32] * 4


def test_fewer_images_than_a_batch_are_one_batch(few: LabelledImages) -> None:
    assert len(fit(linear(), few[:5], epochs=3, batch_size=32, progress=False).epochs) == 3


def test_every_epoch_trains_in_training_mode_and_validates_in_evaluation_mode(few: LabelledImages) -> None:
    """Whatever mode the network came in, such as that of a loaded one."""
    net, seen = tiny().eval(), []
    net.features.conv_1.register_forward_hook(lambda module, inputs, _: seen.append((module.training, len(inputs[0]))))
    fit(net, few[:64], few[:5], epochs=2, progress=False)
    checks = [(False, 1), (False, 1)]
    assert seen == [*checks, *2 * [(True, 32), (True, 32), (False, 5)]]
    assert net.training


def test_frozen_parameters_stay_as_they_were(few: LabelledImages) -> None:
    """Chapter 04 exchanges one block and trains it alone."""
    net = tiny()
    net.features.requires_grad_(False)
    before = [p.clone() for p in net.parameters()]
    fit(net, few, epochs=1, progress=False)
    for parameter, was in zip(net.parameters(), before, strict=True):
        assert torch.equal(parameter, was) is not parameter.requires_grad


def test_the_progress_bar_tells_the_last_epoch(few: LabelledImages, capsys: pytest.CaptureFixture[str]) -> None:
    fit(linear(), few, few, epochs=2)
    told = capsys.readouterr().err
    assert "8/8" in told
    assert "epoch 2: loss" in told
    assert "validation" in told


# The loss and its parts


def gradients(net: InceptionNet, few: LabelledImages, **options: float) -> dict[str, bool]:
    net.zero_grad()
    training_loss(net, few.images[:8], few.labels[:8], **options)[0].backward()
    return {name: p.grad is not None and bool(p.grad.abs().sum() > 0) for name, p in net.named_parameters()}


def test_gradients_reach_the_auxiliary_heads_only_when_they_count(few: LabelledImages) -> None:
    net = tiny(aux=True)
    assert all(gradients(net, few).values())
    without = gradients(net, few, aux_weight=0.0)
    assert {name for name, reached in without.items() if not reached} == {
        name for name in without if name.startswith("aux_heads.")
    }
    assert all(gradients(tiny(), few).values())


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_with_auxiliary_heads_is_the_weighted_sum(few: LabelledImages, smoothing: float) -> None:
    """Each head learns from the same smoothed labels as the classifier ("Rethinking" paper, §7)."""
    net, images, labels = tiny(aux=True).eval(), few.images[:16], few.labels[:16]
    loss, logits = training_loss(net, images, labels, aux_weight=0.5, label_smoothing=smoothing)
    main, aux = net.forward_with_aux(images)
    target = (1 - smoothing) * nn.functional.one_hot(labels, 10) + smoothing / 10
    entropy, head = (-(target * each.log_softmax(1)).sum(1).mean().item() for each in (main, aux["inception_4a"]))
    assert torch.equal(logits, main)
    assert loss.item() == pytest.approx(entropy + 0.5 * head, rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_label_smoothing_by_its_formula(few: LabelledImages, smoothing: float) -> None:
    """Against the target itself: 1 - s on the label, and s spread evenly over all ten classes."""
    net = linear()
    loss, logits = training_loss(net, few.images, few.labels, label_smoothing=smoothing)
    target = (1 - smoothing) * nn.functional.one_hot(few.labels, 10) + smoothing / 10
    assert loss.item() == pytest.approx(-(target * logits.log_softmax(1)).sum(1).mean().item(), rel=1e-5)
    assert loss.item() == pytest.approx(nn.CrossEntropyLoss(label_smoothing=smoothing)(logits, few.labels).item())


def test_clipping_bounds_the_step(few: LabelledImages) -> None:
    """With plain gradient descent at rate 1 and one batch, the step is the clipped gradient itself."""

    def step(clip_norm: float | None) -> tuple[float, float]:
        net = linear()
        before = weights(net)
        history = fit(
            *(net, few),
            epochs=1,
            batch_size=128,
            lr=1.0,
            optimizer=torch.optim.SGD,
            schedule=None,
            clip_norm=clip_norm,
            progress=False,
        )
        moved = torch.cat([(a - b).flatten() for a, b in zip(weights(net), before, strict=True)]).norm().item()
        return moved, history.last.gradient

    free, gradient = step(None)
    assert free == pytest.approx(gradient, rel=1e-4)
    clipped, reported = step(gradient / 10)
    assert clipped == pytest.approx(gradient / 10, rel=1e-4)
    assert reported == pytest.approx(gradient, rel=1e-6)
    assert step(gradient * 10)[0] == pytest.approx(free, rel=1e-6)


@pytest.mark.parametrize("schedule", [training.one_cycle, training.cosine])
@pytest.mark.parametrize("epochs", [1, 2, 3, 4, 5])
def test_schedules_last_for_few_steps_too(few: LabelledImages, schedule: Any, epochs: int) -> None:
    history = fit(linear(), few[:32], epochs=epochs, lr=0.01, schedule=schedule, progress=False)
    assert all(0 < epoch.lr <= 0.01 for epoch in history.epochs)


@pytest.mark.parametrize(
    ("schedule", "first", "highest", "last"),
    [(training.one_cycle, 0.1, 1.0, 0.0), (training.cosine, 1.0, 1.0, 0.0), (None, 1.0, 1.0, 1.0)],
)
def test_schedules(few: LabelledImages, schedule: Any, first: float, highest: float, last: float) -> None:
    history = fit(linear(), few[:32], epochs=40, lr=1.0, schedule=schedule, optimizer=training.sgd, progress=False)
    rates = [epoch.lr for epoch in history.epochs]
    assert rates[0] == pytest.approx(first)
    assert max(rates) == pytest.approx(highest, abs=0.02)
    assert rates[-1] == pytest.approx(last, abs=0.01)


# Augmentation


def test_flip_gives_the_image_or_its_mirror() -> None:
    images = torch.arange(60 * 2 * 3 * 4.0).view(60, 2, 3, 4)
    flipped = training.flip(images, torch.Generator().manual_seed(0))
    mirrored = [torch.equal(a, b.flip(2)) for a, b in zip(flipped, images, strict=True)]
    assert all(done or torch.equal(a, b) for done, a, b in zip(mirrored, flipped, images, strict=True))
    assert 15 < sum(mirrored) < 45


def test_shift_moves_the_whole_image_and_repeats_its_border() -> None:
    """A symmetric image shows the shift alone: one bright pixel in the middle lands on each of 3x3 places."""
    images = torch.zeros(200, 2, 5, 5)
    images[:, :, 2, 2] = 1
    images[:, :, :, :] += torch.tensor([0.0, 10.0]).view(1, 2, 1, 1)
    moved = training.flip_and_shift(images, torch.Generator().manual_seed(0), pixels=1)
    assert moved.shape == images.shape
    assert torch.equal(moved[:, 1], moved[:, 0] + 10)
    places = {tuple(position) for position in (moved[:, 0] == 1).nonzero()[:, 1:].tolist()}
    assert places == {(row, column) for row in (1, 2, 3) for column in (1, 2, 3)}
    ramp = torch.arange(5.0).view(1, 1, 5, 1).expand(50, 1, 5, 5)
    rows = {tuple(image[0, :, 0].tolist()) for image in training.flip_and_shift(ramp, torch.Generator().manual_seed(0))}
    assert rows == {(0, 0, 1, 2, 3), (0, 1, 2, 3, 4), (1, 2, 3, 4, 4)}


# Bad input


def with_labels(few: LabelledImages, labels: list[int]) -> LabelledImages:
    return LabelledImages(few.images[: len(labels)], torch.tensor(labels))


def test_bad_data_are_refused_before_the_first_step(few: LabelledImages) -> None:
    net = tiny()
    before = weights(net)
    cases = (
        (with_labels(few, [0, 10]), "labels run from 0 to 10, but the network has 10 classes, 0 to 9"),
        (with_labels(few, [-1, 3]), "labels run from -1 to 3"),
        (few[:0], "0 images with 0 labels"),
        (LabelledImages(few.images, few.labels[:7]), "128 images with 7 labels"),
        (LabelledImages(few.images.expand(-1, 3, -1, -1), few.labels), "3"),
    )
    for bad, sentence in cases:
        for train, valid in ((bad, None), (few, bad)):
            with pytest.raises(ValueError, match=sentence):
                fit(net, train, valid, epochs=1, progress=False)
        with pytest.raises(ValueError, match=sentence):
            accuracy(net, bad)
    for options, sentence in (
        ({"epochs": 0}, "0 epochs"),
        ({"epochs": 1, "batch_size": 0}, "batches of 0 images"),
        ({"epochs": 1, "clip_norm": 0.0}, "clip_norm=0.0"),
    ):
        with pytest.raises(ValueError, match=sentence):
            fit(net, few, progress=False, **options)
    assert equal(weights(net), before)


def normed(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 28, bias=False), *layers, nn.Flatten(), nn.Linear(4, 10))


@pytest.mark.parametrize("net", [normed(nn.BatchNorm2d(4)), normed(nn.Flatten(), nn.BatchNorm1d(4))])
def test_one_image_at_a_time_is_refused_where_a_batch_norm_would_see_one_value(
    few: LabelledImages, net: nn.Module
) -> None:
    before = weights(net)
    for images, size in (few, 1), (few[:1], 32):
        with pytest.raises(ValueError, match=r"the batch norm [12] sees a single value .* at least 2 images per step"):
            fit(net, images, epochs=1, batch_size=size, progress=False)
    assert equal(weights(net), before)
    assert not any(module._forward_pre_hooks for module in net.modules())
    fit(net, few[:2], epochs=1, batch_size=2, progress=False)
    fit(normed(nn.ReLU()), few[:1], epochs=1, progress=False)


@pytest.mark.parametrize(
    ("name", "size", "options"),
    [
        ("inception_v3", 299, {"aux": True}),
        ("inception_v3", 299, {"aux": False}),
        ("inception_v3", 75, {"aux": False}),
        ("inception_resnet_v2", 299, {}),
        ("bn_inception", 224, {}),
        ("googlenet", 224, {"aux": True, "batch_norm": True}),
    ],
)
def test_one_image_at_a_time_is_refused_exactly_where_torch_would(
    name: str, size: int, options: dict[str, Any]
) -> None:
    with torch.device("meta"):
        net, image = build(name, **options), torch.empty(1, 3, size, size)

    def refused(function: Callable[..., object], *arguments: object, **more: Any) -> bool:
        try:
            function(*arguments, **more)
        except ValueError:
            return True
        return False

    label = torch.zeros(1, dtype=torch.long, device="meta")
    torchs = refused(training_loss, net.train(), image, label, aux_weight=0.3)
    assert refused(check_batch, net, image, 1, aux_weight=0.3) == torchs
    assert not refused(check_batch, net, image, 2, aux_weight=0.3)


def test_a_diverged_training_says_where_and_what_to_try(few: LabelledImages) -> None:
    bad = LabelledImages(few.images.clone(), few.labels)
    bad.images[0] = math.nan
    with pytest.raises(FloatingPointError, match=r"loss is nan at step 1 of epoch 1, .* rate is 0\.01: .* try a lower"):
        fit(linear(), bad, epochs=1, batch_size=128, schedule=None, progress=False)
    with pytest.raises(FloatingPointError, match=r"step [2-9] of epoch \d"):
        fit(linear(), few, epochs=9, lr=1e30, optimizer=training.sgd, schedule=None, progress=False)


# Prediction


def test_prediction_is_in_evaluation_mode_without_gradients_and_in_batches(few: LabelledImages) -> None:
    net = tiny().train()
    logits = predict(net, few.images, batch_size=50)
    assert net.training
    assert not logits.requires_grad
    assert torch.allclose(logits, net.eval()(few.images), atol=1e-5)
    assert not predict(net, few.images[:2]).requires_grad
    assert not net.training


def test_accuracy_counts() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Identity())
    images = torch.eye(4).view(4, 1, 2, 2)
    assert accuracy(net, LabelledImages(images, torch.tensor([0, 1, 2, 0]))) == 0.75


# The history


def test_history_plots_both_curves_with_units(few: LabelledImages) -> None:
    history = fit(linear(), few, few, epochs=2, progress=False)
    left, right = history.figure().axes
    assert (left.get_xlabel(), left.get_ylabel()) == ("epoch", "loss (nats)")
    assert (right.get_xlabel(), right.get_ylabel()) == ("epoch", "accuracy (%)")
    assert [line.get_label() for line in right.lines] == ["training", "validation"]
    assert np.asarray(right.lines[1].get_ydata())[-1] == pytest.approx(100 * (history.last.valid_accuracy or 0))
    alone = fit(linear(), few, epochs=1, progress=False)
    assert (alone.last.valid_loss, alone.last.valid_accuracy) == (None, None)
    assert len(alone.figure().axes[0].lines) == 1
    assert (len(history.figure().legends), len(alone.figure().legends)) == (1, 0)
    for each in (history, alone):
        picture = each.plot()
        assert picture.svg.startswith("<svg")
        assert f"{each.last.accuracy:.1%}" in picture.description
    assert f"validation accuracy ends at {history.last.valid_accuracy:.1%}" in history.plot().description
    assert "validation" not in alone.plot().description


def test_a_plot_of_a_history_has_the_look_of_the_course_and_leaves_that_of_others(few: LabelledImages) -> None:
    history = fit(linear(), few, epochs=1, progress=False)
    with plt.rc_context({"lines.linewidth": 7.0}):
        svg = history.plot().svg
        assert plt.rcParams["lines.linewidth"] == 7.0
    assert "stroke-width: 7" not in svg
    assert BLUE.lower() in svg.lower()


# Files


def test_saved_and_loaded_it_is_the_same_network(few: LabelledImages, tmp_path: Path) -> None:
    net = tiny(aux=True)
    fit(net, few, epochs=1, progress=False)
    path = save(net, tmp_path / "net.safetensors", options=TINY | {"aux": True}, test_accuracy=0.5, recipe={"lr": 0.1})
    state = torch.get_rng_state()
    again = load(path)
    assert torch.equal(torch.get_rng_state(), state)
    assert again.name == "googlenet"
    assert not again.training
    assert again.state_dict().keys() == net.state_dict().keys()
    assert equal(weights(again), weights(net))
    assert torch.equal(predict(again, few.images), predict(net, few.images))
    assert facts_of(path) == {"test_accuracy": 0.5, "recipe": {"lr": 0.1}}
    fit(again, few, epochs=1, progress=False)
    assert not equal(weights(again), weights(net))


def test_a_torn_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tiny(), tmp_path / "net.safetensors", options=TINY, epoch=1)
    old = path.read_bytes()

    def full(*args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="disk full"):
        save(tiny(1), path, options=TINY, epoch=2)
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


def test_options_that_do_not_fit_the_weights_are_refused_before_writing(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    for options in (TINY | {"width": 0.2}, TINY | {"colour": "red"}, TINY | {"aux": True}):
        with pytest.raises(ValueError, match="do not build the network in"):
            save(tiny(), path, options=options)
    assert not path.exists()


def test_files_that_are_not_ours_are_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match="damaged or not a safetensors file"):
        load(path)
    path.write_bytes(safetensors.torch.save({"a": torch.zeros(1)}))
    with pytest.raises(ValueError, match="does not state its facts, name, options"):
        facts_of(path)
    about = {"name": json.dumps("resnet"), "options": "{}", "facts": "{}"}
    path.write_bytes(safetensors.torch.save({"a": torch.zeros(1)}, about))
    with pytest.raises(ValueError, match="no network 'resnet'"):
        load(path)
    save(tiny(), path, options=TINY)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged or not a safetensors file"):
        load(path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none")


# What is published


def test_the_record_is_of_the_recipe_and_keeps_its_promise() -> None:
    record = json.loads(asset("records/small_googlenet.json").read_text())
    assert record["network"] == {"name": "googlenet", "options": json.loads(json.dumps(SMALL_GOOGLENET))}
    assert record["recipe"] == {key: getattr(value, "__name__", value) for key, value in ONE_MINUTE.items()}
    found = [run["test_accuracy"] for run in record["runs"]]
    assert len(found) == 3
    assert record["median_test_accuracy"] == sorted(found)[1] >= 0.85


def test_the_trained_network_that_ships_is_as_good_as_its_file_says() -> None:
    path = asset("checkpoints/small_googlenet.safetensors")
    promised = facts_of(path)["test_accuracy"]
    assert promised >= 0.92
    assert accuracy(load(path), load_fashion("test")) == pytest.approx(promised, abs=0.0005)
    assert path.stat().st_size < 2_000_000


def test_the_robust_network_that_ships_is_what_its_file_and_its_record_say() -> None:
    path, test = asset("checkpoints/robust_googlenet.safetensors"), load_fashion("test")
    promised, net = facts_of(path)["test_accuracy"], load(path)
    assert promised >= 0.85
    assert accuracy(net, test) == pytest.approx(promised, abs=0.0005)
    assert path.stat().st_size < 2_000_000
    few = test[:300]
    moved = attacked(net, few.images, few.labels, radius=2.0)
    assert accuracy(net, LabelledImages(moved, few.labels)) > 0.7
    ordinary = load(asset("checkpoints/small_googlenet.safetensors"))
    fooled = attacked(ordinary, few.images, few.labels, radius=2.0)
    assert accuracy(ordinary, LabelledImages(fooled, few.labels)) < 0.1
    record = load_record("10_robust")
    assert record["recipe"] == facts_of(path)["recipe"]
    assert record["runs"]["robust_googlenet"]["2.0/50"] > 0.7 > record["runs"]["small_googlenet"]["0.5/50"]


def test_the_recipe_trains_the_small_googlenet(few: LabelledImages) -> None:
    torch.manual_seed(0)
    net = build("googlenet", **SMALL_GOOGLENET)
    assert sum(p.numel() for p in net.parameters()) == 92_442
    assert len(fit(net, few[:64], **ONE_MINUTE | {"epochs": 1}, progress=False).epochs) == 1
