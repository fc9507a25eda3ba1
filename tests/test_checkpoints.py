"""Loading by name, all or nothing, with one sentence for whatever does not fit. The peers themselves: test_peers.py."""

import argparse
import math
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import inception_edu as ie
from inception_edu.checkpoints import PEERS, Preprocessing, _pairs
from inception_edu.network import InceptionNet

State = dict[str, Tensor]
OPTIONS: dict[tuple[str, str], dict[str, Any]] = {
    ("facenet", "inception_resnet_v1"): {"as_facenet": True},
    ("cadene", "bn_inception"): {"as_cadene": True},
}


def small(source: str, name: str, **options: Any) -> InceptionNet:
    """A narrow network: the names in a checkpoint do not depend on the widths."""
    return ie.build(name, width=0.125, num_classes=7, **OPTIONS.get((source, name), {}), **options)


def as_peer(net: InceptionNet, source: str) -> State:
    """The weights of `net` under the peer's names, as the peer's state dict would hold them."""
    return {key: ours.detach().clone() for _, ours, key in _pairs(net, PEERS[source, net.name], source)}


def randomise(net: nn.Module, seed: int) -> None:
    torch.manual_seed(seed)
    for tensor in net.state_dict().values():
        tensor.copy_(torch.rand(tensor.shape) if tensor.is_floating_point() else torch.tensor(seed))


def snapshot(net: nn.Module) -> tuple[State, list[float]]:
    norms = [module.eps for module in net.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
    return {key: value.clone() for key, value in net.state_dict().items()}, norms


def assert_unchanged(net: nn.Module, before: tuple[State, list[float]]) -> None:
    state, norms = snapshot(net)
    assert norms == before[1]
    assert all(torch.equal(state[key], value) for key, value in before[0].items())


@pytest.mark.parametrize(("source", "name"), PEERS)
def test_every_weight_arrives_whatever_the_order_of_the_file(source: str, name: str) -> None:
    one, other = small(source, name), small(source, name)
    randomise(one, 1)
    randomise(other, 2)
    items = list(as_peer(one, source).items())
    random.Random(3).shuffle(items)
    preprocessing = ie.load_checkpoint(other, dict(items), source)
    assert preprocessing is PEERS[source, name].preprocessing
    there, here = one.state_dict(), other.state_dict()
    for key, value in there.items():
        if not key.endswith("num_batches_tracked"):
            assert torch.equal(here[key], value), key
    eps = {module.eps for module in other.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)}
    assert eps == {1e-5 if name == "xception" or (source == "cadene" and name == "bn_inception") else 1e-3}


@pytest.fixture
def net() -> InceptionNet:
    net = ie.build("googlenet_torchvision", width=0.125, num_classes=10)
    randomise(net, 1)
    next(module for module in net.modules() if isinstance(module, nn.BatchNorm2d)).eps = 0.5
    return net


@pytest.fixture
def state() -> State:
    other = ie.build("googlenet_torchvision", width=0.125, num_classes=10, aux=True)
    randomise(other, 2)
    return as_peer(other, "torchvision")


def _without(key: str) -> Callable[[State], object]:
    return lambda state: state.pop(key)


def _with(key: str, value: Any) -> Callable[[State], object]:
    return lambda state: state.update({key: value})


REFUSED: dict[str, tuple[Callable[[State], object], str]] = {
    "a missing weight": (
        _without("inception4b.branch3.0.conv.weight"),
        r"^the checkpoint has no 'inception4b.branch3.0.conv.weight', where torchvision's googlenet_torchvision keeps "
        r"features.inception_4b.2.0.conv.weight. Nothing was loaded$",
    ),
    "a missing statistic": (_without("conv1.bn.running_var"), "has no 'conv1.bn.running_var'"),
    "another shape": (
        _with("inception3a.branch2.1.conv.weight", torch.zeros(16, 12, 5, 5)),
        r"^features.inception_3a.1.1.conv.weight of this network has shape \(16, 12, 3, 3\), but "
        r"'inception3a.branch2.1.conv.weight' in the checkpoint has \(16, 12, 5, 5\); "
        r"build the network with its default widths and blocks. Nothing was loaded$",
    ),
    "another number of classes": (
        lambda state: state.update({"fc.weight": torch.zeros(1000, 128), "fc.bias": torch.zeros(1000)}),
        r"has shape \(10, 128\), but 'fc.weight' in the checkpoint has \(1000, 128\); "
        r"build the network with num_classes=1000. Nothing was loaded$",
    ),
    "a shape that would broadcast": (_with("fc.bias", torch.zeros(1)), r"has shape \(10,\).*has \(1,\)"),
    "a tensor left over": (
        _with("inception5c.branch1.conv.weight", torch.zeros(1)),
        r"^the checkpoint holds 'inception5c.branch1.conv.weight', for which googlenet_torchvision has no place",
    ),
    "several left over": (
        lambda state: state.update({"conv1.conv.bias": torch.zeros(8), "conv2.conv.bias": torch.zeros(8)}),
        r"holds 'conv1.conv.bias' and 1 more, for which",
    ),
    "something like an auxiliary head": (_with("aux3.fc1.weight", torch.zeros(1)), "holds 'aux3.fc1.weight'"),
    "a tensor without values": (_with("fc.weight", torch.zeros(10, 128, device="meta")), "on the meta device"),
    "something else among the weights": (
        _with("optimizer", {"lr": 1}),
        r"^the checkpoint must be a state dict, names with their tensors, but 'optimizer' is a dict: pass the state "
        r"dict alone$",
    ),
    "a state dict inside, under an unusual name": (
        _with("ema", {"fc.bias": torch.zeros(10)}),
        r"'ema' is a dict: pass the state dict inside it, under 'ema'$",
    ),
    "two state dicts inside": (
        lambda state: state.update(model={"fc.bias": torch.zeros(10)}, state_dict={"fc.bias": torch.zeros(10)}),
        r"'model' is a dict: pass one of the state dicts inside it, under 'model' or 'state_dict'$",
    ),
    "a number for a name": (
        lambda state: state.update({3: torch.zeros(1)}),
        r"^the checkpoint must .*, but 3 is not a",
    ),
    "NaN": (
        _with("fc.bias", torch.tensor([0.0, math.nan, math.nan, -math.inf, *[1.0] * 6])),
        r"^'fc.bias' in the checkpoint holds 2 NaN and 1 infinite values among 10: weights are finite numbers, so take "
        r"a checkpoint from before the training diverged$",
    ),
    "infinity in half precision": (_with("fc.bias", torch.full((10,), math.inf).half()), "holds 0 NaN and 10 infinite"),
    "infinity in a statistic": (_with("conv1.bn.running_var", torch.full((8,), math.inf)), "'conv1.bn.running_var' in"),
    "NaN in 8 bits": (_with("fc.bias", torch.full((10,), math.nan).to(torch.float8_e4m3fn)), "holds 10 NaN"),
    "more than single precision holds": (
        _with("fc.bias", torch.full((10,), -1e300, dtype=torch.double)),
        r"^'fc.bias' in the checkpoint reaches 1e\+300, more than this network's torch.float32 can hold: "
        r"convert the network with net.to\(torch.float64\). Nothing was loaded$",
    ),
    "whole numbers": (
        _with("fc.bias", torch.zeros(10, dtype=torch.int8)),
        r"^'fc.bias' in the checkpoint holds numbers of type torch.int8: weights are real "
        r"floating-point numbers, such as torch.float32$",
    ),
    "truths": (_with("fc.bias", torch.zeros(10, dtype=torch.bool)), "'fc.bias' .* of type torch.bool"),
    "complex numbers": (_with("fc.bias", torch.zeros(10, dtype=torch.cfloat)), "'fc.bias' .* of type torch.complex64"),
    "a complex counter": (
        _with("conv1.bn.num_batches_tracked", torch.zeros((), dtype=torch.cfloat)),
        "'conv1.bn.num_batches_tracked' .* of type torch.complex64",
    ),
    "a sparse weight": (_with("fc.weight", torch.zeros(10, 128).to_sparse()), "'fc.weight' .* as torch.sparse_coo"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_checkpoint_that_does_not_fit_is_refused_and_changes_nothing(
    what: str, net: InceptionNet, state: State
) -> None:
    spoil, sentence = REFUSED[what]
    spoil(state)
    before = snapshot(net)
    with pytest.raises(ValueError, match=sentence) as caught:
        ie.load_checkpoint(net, state, "torchvision")
    assert "\n" not in str(caught.value)
    assert_unchanged(net, before)


def test_any_one_tensor_missing_or_misshapen_is_noticed(net: InceptionNet, state: State) -> None:
    before = snapshot(net)
    for key in [key for key in state if not key.startswith("aux")]:
        with pytest.raises(ValueError, match=f"has no '{key}'"):
            ie.load_checkpoint(net, {name: value for name, value in state.items() if name != key}, "torchvision")
        with pytest.raises(ValueError, match=f"'{key}' in the checkpoint has"):
            ie.load_checkpoint(net, {**state, key: state[key][None]}, "torchvision")
    assert_unchanged(net, before)


def test_counters_and_unused_heads_are_left_aside(net: InceptionNet, state: State) -> None:
    assert any(key.startswith("aux1.") for key in state)
    state["conv1.bn.num_batches_tracked"] = torch.tensor(5)
    state["aux1.conv.bn.num_batches_tracked"] = torch.tensor(5)
    ie.load_checkpoint(net, state, "torchvision")
    assert torch.equal(net.classifier.linear.weight, state["fc.weight"])


def test_a_network_with_heads_wants_them(state: State) -> None:
    net = ie.build("googlenet_torchvision", width=0.125, num_classes=10, aux=True)
    randomise(net, 1)
    headless = {key: value for key, value in state.items() if not key.startswith("aux2.")}
    with pytest.raises(ValueError, match=r"no 'aux2.conv.conv.weight'.*aux_heads.inception_4d.conv.conv.weight"):
        ie.load_checkpoint(net, headless, "torchvision")
    ie.load_checkpoint(net, state, "torchvision")
    assert torch.equal(net.aux_heads["inception_4d"].linear_2.weight, state["aux2.fc2.weight"])


def test_two_layers_under_each_others_names_cannot_be_told(net: InceptionNet, state: State) -> None:
    """The one fault that the docstring admits: names and shapes are right, so nothing gives it away."""
    one, other = "inception4b.branch4.1.conv.weight", "inception4c.branch4.1.conv.weight"
    ie.load_checkpoint(net, {**state, one: state[other], other: state[one]}, "torchvision")
    assert torch.equal(net.features.inception_4b[3][1].conv.weight, state[other])


WRONG_NETWORK: list[tuple[str, str, dict[str, Any], str]] = [
    ("torchvision", "inception_v4", {}, r"^torchvision has no inception_v4; of the family it has "
     r"googlenet_torchvision, inception_v3; inception_v4 is in timm and cadene$"),
    ("timm", "googlenet", {}, r"^timm has no googlenet; of the family it has inception_v3, inception_v4, "
     r"inception_resnet_v2, xception$"),
    ("keras", "inception_v3", {}, r"^there is no source 'keras'; the sources are cadene, facenet, timm, torchvision$"),
    ("cadene", "bn_inception", {}, r"^layers with parameters in features.conv_1: 3 in this network, 2 in cadene's "
     r"bn_inception; build the network with as_cadene=True. Nothing was loaded$"),
    ("cadene", "bn_inception", {"separable_stem": False}, "build the network with as_cadene=True"),
    ("facenet", "inception_resnet_v1", {}, "classifier: 1 in .* 3 in .* with as_facenet=True"),
    ("facenet", "inception_resnet_v1", {"as_facenet": True, "repeats": (5, 10, 4)}, "block8_6: 0 in .* 9 in facenet's"),
    ("timm", "inception_v4", {"aux": True}, "aux_heads.inception_b_7: 5 in this network, 0 in timm's inception_v4"),
    ("timm", "inception_v4", {"small": True}, "features.conv_1: 2 in this network, 0 in timm's inception_v4"),
    ("timm", "inception_v4", {"repeats": (4, 6, 3)}, "features.inception_b_7: 0 in this network, 20 in timm's"),
    ("timm", "xception", {"repeats": 9}, "features.middle_9: 9 in this network, 0 in timm's xception"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "name", "options", "sentence"), WRONG_NETWORK)
def test_a_network_that_the_source_does_not_have_is_refused(
    source: Any, name: str, options: dict[str, Any], sentence: str
) -> None:
    net = ie.build(name, width=0.125, **options)
    right = small(source, name) if (source, name) in PEERS else None
    before = snapshot(net)
    with pytest.raises(ValueError, match=sentence):
        ie.load_checkpoint(net, as_peer(right, source) if right else {}, source)
    assert_unchanged(net, before)


def test_something_that_is_no_network_of_ours_is_refused() -> None:
    with pytest.raises(ValueError, match="torchvision has no Linear"):
        ie.load_checkpoint(nn.Linear(2, 2), {}, "torchvision")  # type: ignore[arg-type]


def test_a_network_on_the_meta_device_is_refused(state: State) -> None:
    with torch.device("meta"):
        net = ie.build("googlenet_torchvision", width=0.125, num_classes=10)
    with pytest.raises(ValueError, match="the network is on the meta device"):
        ie.load_checkpoint(net, state, "torchvision")


def test_values_are_cast_to_the_networks_type(net: InceptionNet, state: State) -> None:
    halves = {key: value.half() for key, value in state.items()}
    ie.load_checkpoint(net.double(), halves, "torchvision")
    assert net.classifier.linear.weight.dtype == torch.double
    assert torch.equal(net.classifier.linear.weight, halves["fc.weight"].double())
    assert net.classifier.linear.weight.requires_grad


def test_cadenes_xception_is_known_under_the_names_of_its_file() -> None:
    """In memory the classifier is called last_linear, in the released file fc."""
    one, other = small("cadene", "xception"), small("cadene", "xception")
    state = as_peer(one, "cadene")
    renamed = {key.replace("last_linear.", "fc."): value for key, value in state.items()}
    assert renamed.keys() != state.keys()
    ie.load_checkpoint(other, renamed, "cadene")
    assert torch.equal(one.classifier.linear.weight, other.classifier.linear.weight)


@pytest.mark.parametrize("kind", [str, Path])
@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_files(suffix: str, kind: Callable[[Path], Any], net: InceptionNet, state: State, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    ie.load_checkpoint(net, kind(path), "torchvision")
    assert torch.equal(net.classifier.linear.weight, state["fc.weight"])


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod.", "model.module.model."])
def test_a_prefix_of_every_name_is_left_out_and_that_is_said(
    prefix: str, net: InceptionNet, state: State, capsys: pytest.CaptureFixture[str]
) -> None:
    ie.load_checkpoint(net, {prefix + name: value for name, value in state.items()}, "torchvision")
    assert torch.equal(net.classifier.linear.weight, state["fc.weight"])
    assert capsys.readouterr().out == f"Every name in the checkpoint begins with {prefix!r}, which is left out.\n"


def test_a_prefix_of_some_names_is_not_touched(
    net: InceptionNet, state: State, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot(net)
    for mixed in (
        {("module." if name.startswith("inception") else "") + name: value for name, value in state.items()},
        {("module." if number else "model.") + name: value for number, (name, value) in enumerate(state.items())},
        {"encoder." + name: value for name, value in state.items()},
    ):
        with pytest.raises(ValueError, match=r"^the checkpoint has no '\w+.* Nothing was loaded$"):
            ie.load_checkpoint(net, mixed, "torchvision")
    assert_unchanged(net, before)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["state_dict", "model", "model_state_dict"])
def test_the_weights_of_a_training_are_found_and_that_is_said(
    name: str, net: InceptionNet, state: State, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    net(torch.zeros(1, 3, 64, 64)).sum().backward()
    optimizer.step()
    wrapped = {f"module.{key}": value for key, value in state.items()}
    path = tmp_path / "training.pth"
    torch.save({"epoch": 3, "best": torch.tensor(0.9), "optimizer": optimizer.state_dict(), name: wrapped}, path)
    ie.load_checkpoint(net, path, "torchvision")
    assert torch.equal(net.classifier.linear.weight, state["fc.weight"])
    assert capsys.readouterr().out == (
        f"{path} holds more than weights: those under {name!r} are read, and nothing else.\n"
        f"Every name in {path} begins with 'module.', which is left out.\n"
    )


def test_a_file_of_more_than_tensors_is_refused_in_one_whole_sentence(
    net: InceptionNet, state: State, tmp_path: Path
) -> None:
    """What torch says of it are paragraphs, whose first line ends in a comma."""
    holds = {
        "argparse.Namespace": {"state_dict": state, "args": argparse.Namespace(lr=0.1)},
        f"{InceptionNet.__module__}.InceptionNet": net,
    }
    before = snapshot(net)
    for number, (what, content) in enumerate(holds.items()):
        path = tmp_path / f"{number}.pth"
        torch.save(content, path)
        with pytest.raises(ValueError, match=r"holds more than tensors") as caught:
            ie.load_checkpoint(net, path, "torchvision")
        assert str(caught.value) == (
            f"{path} holds more than tensors ({what}), which could run code and is not read: pass a file that "
            f"torch.save(net.state_dict(), ...) wrote"
        )
    assert_unchanged(net, before)


class _Dangerous:
    def __reduce__(self) -> Any:
        return os.mkdir, ("run-by-the-file",)


def test_files_that_are_no_checkpoints(
    net: InceptionNet, state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(state, "whole.pth")
    save_file(state, "whole.safetensors")
    for whole in (Path("whole.pth"), Path("whole.safetensors")):
        Path(f"half{whole.suffix}").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        Path(f"empty{whole.suffix}").write_bytes(b"")
        Path(f"text{whole.suffix}").write_text("404: Not Found")
    torch.save({"fc.weight": _Dangerous()}, "dangerous.pth")
    torch.save([1, 2], "list.pth")
    before = snapshot(net)
    for path in sorted(tmp_path.iterdir()):
        if path.stem != "whole":
            with pytest.raises(ValueError, match=path.name) as caught:
                ie.load_checkpoint(net, path, "torchvision")
            assert "\n" not in str(caught.value)
    assert not Path("run-by-the-file").exists()
    Path("folder.pth").mkdir()
    with pytest.raises(OSError, match=r"folder\.pth"):
        ie.load_checkpoint(net, "folder.pth", "torchvision")
    for missing in ("missing.pth", "missing.safetensors"):
        with pytest.raises(FileNotFoundError, match=missing):
            ie.load_checkpoint(net, missing, "torchvision")
    assert_unchanged(net, before)


def test_a_module_is_not_its_state_dict(net: InceptionNet) -> None:
    with pytest.raises(ValueError, match=r"not an InceptionNet: pass its state_dict\(\)"):
        ie.load_checkpoint(net, net, "torchvision")  # type: ignore[arg-type]


def test_preprocessing_turns_and_normalises() -> None:
    prepare = Preprocessing((0.1, 0.2, 0.3), (0.5, 0.5, 0.25), 8)
    images = torch.rand(2, 3, 8, 8, dtype=torch.double)
    expected = torch.stack([(images[:, i] - prepare.mean[i]) / prepare.std[i] for i in range(3)], dim=1)
    torch.testing.assert_close(prepare(images), expected, rtol=0, atol=1e-15)
    turned = Preprocessing(prepare.mean, prepare.std, 8, "BGR")
    torch.testing.assert_close(turned(images.flip(1)), expected, rtol=0, atol=1e-15)
    with pytest.raises(AttributeError):
        prepare.size = 9  # type: ignore[misc]
