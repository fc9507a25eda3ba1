"""Functions that look at a network leave it as it was: each one that takes one, on a network that is partly frozen."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import inception_edu as ie
from inception_edu.checkpoints import load_checkpoint
from inception_edu.course.challenge import BUDGET, Logbook
from inception_edu.course.memory import peak_bytes
from inception_edu.course.pairs import embed
from inception_edu.course.pointing import by_map, by_occlusion, canvases
from inception_edu.course.report import project_report, recognise
from inception_edu.data.fashion import LabelledImages, load_fashion
from inception_edu.explain import class_activation_map, class_maps, occlusion_map
from inception_edu.network import InceptionNet, stack
from inception_edu.running import evaluating, milliseconds, milliseconds_by_kind, predict, threads
from inception_edu.train.estimate import kept_bytes
from inception_edu.train.loop import Epoch, History, accuracy, fit, save
from inception_edu.train.loop import training_loss as loss
from tools.peers import prepare_torchvision

IMAGE = (1, 28, 28)


@pytest.fixture(scope="module")
def few() -> LabelledImages:
    return load_fashion("test")[:20]


@pytest.fixture
def net(few: LabelledImages) -> InceptionNet:
    """In training mode but for one block, whose weights are fixed; with a hook; a convolution with channels last."""
    torch.manual_seed(0)
    net = ie.build("googlenet", num_classes=10, in_channels=1, small=True, batch_norm=True, width=0.1, aux=True)
    net.features.inception_3a.eval().requires_grad_(False)
    net.features.conv_2.to(memory_format=torch.channels_last)
    net.classifier.register_full_backward_hook(lambda *_: None)
    loss(net, few.images, few.labels)[0].backward()  # gradients are kept
    return net


def memory(tensor: Tensor) -> tuple[Any, ...]:
    """Where a tensor lies and what is in it."""
    values = tensor.detach()
    return id(tensor), tensor.requires_grad, tensor.stride(), tensor.data_ptr(), tensor.dtype, values.flatten().tolist()


def frozen(value: Any) -> Any:
    """The same that nobody can change any more."""
    if isinstance(value, Tensor):
        return memory(value), value.grad is not None and memory(value.grad)
    if isinstance(value, dict):
        return [(key, frozen(each)) for key, each in value.items()]
    return repr(value)


def everything(net: nn.Module) -> list[Any]:
    """All that is known of a network: modes, hooks, parameters, buffers and whatever else its modules hold."""
    return [(name, frozen(vars(module))) for name, module in net.named_modules()]


def surroundings() -> tuple[Any, ...]:
    return torch.get_num_threads(), torch.is_grad_enabled(), torch.is_inference_mode_enabled()


def history() -> History:
    return History((Epoch(1, 2.0, 0.2, None, None, 0.1, 1.0, 1.0),))


def refused(sentence: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    with pytest.raises(ValueError, match=sentence):
        function(*arguments, **options)


def in_evaluation(function: Callable[[InceptionNet], Any], net: InceptionNet) -> None:
    """For what asks for a network in evaluation mode."""
    with evaluating(net):
        before = everything(net)
        function(net)
        assert everything(net) == before


LOOKS: dict[str, Callable[[InceptionNet, LabelledImages, Path], Any]] = {
    "predict": lambda net, few, _: predict(net, few.images, batch_size=7),
    "accuracy": lambda net, few, _: accuracy(net, few),
    "class_maps": lambda net, few, _: class_maps(net, few.images),
    "class_activation_map": lambda net, few, _: class_activation_map(net, few.images, 3),
    "occlusion_map": lambda net, few, _: occlusion_map(net, few.images[0], 3, 9, 9),
    "embed": lambda net, few, _: embed(net, few.images, batch_size=7),
    "by_map": lambda net, few, _: by_map(net, canvases(few, 2, 0)),
    "by_occlusion": lambda net, few, _: by_occlusion(net, canvases(few, 2, 0)),
    "peak_bytes": lambda net, few, _: peak_bytes(ie.trace(net, IMAGE)),
    "recognise": lambda net, few, _: recognise(net, few),
    "project_report": lambda net, few, folder: project_report(folder / "a.html", net, history(), few, name="Ada"),
    "verdict": lambda net, few, _: BUDGET.verdict(net),
    "note": lambda net, few, folder: Logbook(folder / "a.json").note(
        "04", "a block", net, predicted=None, measured=80.0, keep=True, why="cheaper"
    ),
    "fuse": lambda net, few, _: in_evaluation(lambda net: ie.fuse(net)(few.images), net),
    "fuse, refused": lambda net, few, _: refused("training mode", ie.fuse, net),
    "trace": lambda net, few, _: ie.trace(net, IMAGE),
    "summary": lambda net, few, _: ie.summary(ie.trace(net, IMAGE))._repr_html_(),
    "diagram": lambda net, few, _: str(ie.diagram(ie.trace(net, IMAGE))),
    "kept_bytes": lambda net, few, _: kept_bytes(net, IMAGE),
    "save": lambda net, few, folder: refused("do not build", save, net, folder / "a.safetensors", options={}),
    "load_checkpoint, refused": lambda net, few, _: refused("no googlenet", load_checkpoint, net, {}, "torchvision"),
    "fit, refused": lambda net, few, _: refused("0 images", fit, net, few[:0], epochs=1),
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_network_is_left_as_it_was(look: str, net: InceptionNet, few: LabelledImages, tmp_path: Path) -> None:
    twin = deepcopy(net)
    before, around = everything(net), surroundings()
    LOOKS[look](net, few, tmp_path)
    assert surroundings() == around
    assert everything(net) == before
    outputs = []
    for each in (net, twin):
        torch.manual_seed(1)  # dropout
        outputs.append(each(few.images))
    assert torch.equal(*outputs)


def test_images_of_a_folder_are_looked_at_without_a_trace(net: InceptionNet) -> None:
    prepare_torchvision()
    for library in "lightning_fabric", "torchmetrics", "torchvision":
        pytest.importorskip(library)
    from inception_edu.train import run

    images = run.open_images("fashion", "val")
    before, around = everything(net), surroundings()
    for number, _ in enumerate(run.predictions(net, images, 28, which=range(4), batch_size=2)):
        assert everything(net) == before, f"after batch {number}"
    assert everything(net) == before
    assert surroundings() == around


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("look", ["predict", "accuracy", "class_maps", "occlusion_map", "embed", "by_map", "recognise"])
def test_a_network_is_left_as_it_was_when_it_fails_halfway(
    look: str, net: InceptionNet, few: LabelledImages, tmp_path: Path
) -> None:
    seen: list[tuple[bool, bool, int]] = []

    def stop(module: nn.Module, *_: object) -> None:
        seen.append((module.training, torch.is_grad_enabled(), torch.get_num_threads()))
        raise StoppedError

    net.features.inception_4a.register_forward_hook(stop)
    before = everything(net)
    with threads(2):
        around = surroundings()
        with pytest.raises(StoppedError):
            LOOKS[look](net, few, tmp_path)
        assert surroundings() == around
    assert seen == [(False, False, 1)], "in evaluation mode, without gradients, on one core"
    assert everything(net) == before


def test_each_module_has_its_own_mode_again() -> None:
    """Also one that does not let others choose its mode, and one that is in evaluation mode among frozen ones."""

    class Stubborn(nn.BatchNorm2d):
        def train(self, mode: bool = True) -> "Stubborn":
            return super().train(False)

    net = nn.Sequential(nn.Sequential(nn.Dropout(), nn.Dropout()), Stubborn(1), nn.Dropout())
    net.train()
    net[0].eval()
    net[0][1].train()
    modes = [module.training for module in net.modules()]
    assert modes == [True, False, False, True, False, True]
    with evaluating(net):
        assert not any(module.training for module in net.modules())
    assert [module.training for module in net.modules()] == modes


def test_a_network_computes_with_channels_last_and_keeps_its_own_order() -> None:
    """Whatever the order was: the usual one, or that of a weight which is a part of a larger tensor."""
    net = stack(2, 3, {"conv": (4, 3), "other": (5, 3)}, name="two")
    whole = torch.randn(5, 6, 3, 3)
    net.features.other.conv.weight = nn.Parameter(whole[:, 1:5])
    strides: list[tuple[int, ...]] = []
    net.features.other.register_forward_hook(lambda module, *_: strides.append(module.conv.weight.stride()))
    images = torch.randn(3, 2, 8, 8)
    before = everything(net)
    logits = predict(net, images)
    assert everything(net)[1:] == before[1:]
    assert strides == [(36, 1, 12, 4)]
    assert net.features.other.conv.weight.data_ptr() == whole[:, 1:5].data_ptr()
    with evaluating(net), torch.no_grad():
        assert torch.allclose(net(images), logits, atol=1e-6)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_a_network_is_timed_in_the_order_that_was_asked_for_and_keeps_its_own(order: torch.memory_format) -> None:
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)).train()
    seen: set[tuple[bool, bool, bool, int]] = set()

    def look(module: nn.Module, read: tuple[Tensor, ...], _: Tensor) -> None:
        tensors = module.weight, *read
        assert isinstance(module.weight, Tensor)
        inside = module.training, torch.is_grad_enabled(), torch.get_num_threads()
        seen.add((all(tensor.is_contiguous(memory_format=order) for tensor in tensors), *inside))

    net[0].register_forward_hook(look)
    before = everything(net)
    (time,) = milliseconds([net], torch.randn(1, 2, 8, 8), order=order, turns=3)
    assert time > 0
    assert seen == {(True, False, False, 1)}
    assert everything(net) == before


def test_time_is_added_up_by_kind_and_the_hooks_are_gone_afterwards() -> None:
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3))
    clock = iter(range(1_000_000))
    kinds: dict[nn.Module, str] = {net[0]: "3x3", net[2]: "1x1", net[3]: "3x3"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inception_edu.running.time.thread_time", lambda: next(clock))
        first, second = milliseconds_by_kind(kinds.get, [net, net[:2]], torch.zeros(1, 2, 8, 8), turns=3)
    # Each reading of this clock is a second after the last: one for each layer, and seven from start to end;
    # for the first half, which has one measured layer, three.
    assert first == {"3x3": 2000, "1x1": 1000, None: 4000}
    assert second == {"3x3": 1000, None: 2000}
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())
