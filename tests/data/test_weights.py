"""All weights are read alike: a peer's, those of our own networks, and those of a text network."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from inception_edu.data import weights
from inception_edu.data.text import Vocabulary
from inception_edu.family import build
from inception_edu.models.text import inception_text, load_text, save_text
from inception_edu.network import InceptionNet
from inception_edu.train.loop import load, save

WORDS = Vocabulary(("cat", "dog"))
SMALL: dict[str, Any] = {"width": 0.1, "small": True, "batch_norm": True}

Spoil = Callable[[dict[str, Tensor]], Any]


def image_file(folder: Path) -> Path:
    torch.manual_seed(0)
    return save(build("googlenet", **SMALL), folder / "net.safetensors", options=SMALL)


def text_file(folder: Path) -> Path:
    torch.manual_seed(0)
    return save_text(inception_text(len(WORDS)), folder / "net.safetensors", WORDS)


KINDS: dict[str, tuple[Callable[[Path], Path], Callable[[Path], nn.Module]]] = {
    "an image network": (image_file, load),
    "a text network": (text_file, lambda path: load_text(path)[0]),
}


def spoilt(path: Path, spoil: Spoil) -> None:
    """The same file with other weights and all that it says of them."""
    with safetensors.safe_open(path, "pt") as file:
        about = file.metadata()
    tensors = safetensors.torch.load_file(path)
    spoil(tensors)
    path.write_bytes(safetensors.torch.save(tensors, about))


def last(tensors: dict[str, Tensor]) -> str:
    """The name of the last bias."""
    return [name for name in tensors if name.endswith("linear.bias")][-1]


def put(value: float, dtype: torch.dtype = torch.float) -> Spoil:
    return lambda tensors: tensors.update({last(tensors): torch.full_like(tensors[last(tensors)], value, dtype=dtype)})


SPOILS: dict[str, tuple[Spoil, str]] = {
    "NaN": (put(math.nan), r"linear.bias' in .*net.safetensors holds [\d,]+ NaN and 0 infinite values"),
    "infinity": (put(math.inf), r"linear.bias' in .*net.safetensors holds 0 NaN and [\d,]+ infinite values"),
    "whole numbers": (
        put(1, torch.int),
        r"linear.bias' in .* type torch.int32: weights are real floating-point numbers",
    ),
    "complex numbers": (put(1, torch.cfloat), r"linear.bias' in .* type torch.complex64"),
    "a missing weight": (lambda tensors: tensors.pop(last(tensors)), r"net.safetensors.*linear.bias' is missing$"),
    "another shape": (
        lambda tensors: tensors.update({last(tensors): torch.zeros(3)}),
        r"net.safetensors.*linear.bias' has shape \(3,\) where \(\d+,\) is needed$",
    ),
    "too many": (
        lambda tensors: tensors.update({"a": torch.zeros(1), "b": torch.zeros(1)}),
        r"net.safetensors.* there is no place for '[ab]' and 1 more$",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", SPOILS)
def test_what_cannot_be_weights_is_refused_by_name_in_one_sentence(kind: str, what: str, tmp_path: Path) -> None:
    write, read = KINDS[kind]
    spoil, sentence = SPOILS[what]
    path = write(tmp_path)
    try:
        spoilt(path, spoil)
    except KeyError as error:
        if error.args[0] != torch.complex64:
            raise
        pytest.skip("this safetensors writes no complex numbers")
    with pytest.raises(ValueError, match=sentence) as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_prefix_is_left_out_and_counters_may_be_missing(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write, read = KINDS[kind]
    path = write(tmp_path)
    whole = read(path).state_dict()

    def wrap(tensors: dict[str, Tensor]) -> None:
        kept = {f"_orig_mod.{name}": tensor for name, tensor in tensors.items() if not name.endswith(weights.COUNTER)}
        tensors.clear()
        tensors.update(kept)

    spoilt(path, wrap)
    again = read(path).state_dict()
    assert again.keys() == whole.keys()
    assert all(torch.equal(again[name], tensor) for name, tensor in whole.items())
    assert capsys.readouterr().out == f"Every name in {path} begins with '_orig_mod.', which is left out.\n"


@pytest.mark.parametrize("dtype", [torch.half, torch.bfloat16, torch.double])
def test_other_precisions_load(dtype: torch.dtype, tmp_path: Path) -> None:
    path = image_file(tmp_path)

    def convert(tensors: dict[str, Tensor]) -> None:
        tensors.update({name: tensor.to(dtype) for name, tensor in tensors.items() if tensor.is_floating_point()})

    spoilt(path, convert)
    assert {parameter.dtype for parameter in load(path).parameters()} == {dtype}


def test_what_could_not_be_loaded_is_not_written(tmp_path: Path) -> None:
    net, text = build("googlenet", **SMALL), inception_text(len(WORDS))
    with torch.no_grad():
        net.features.conv_1.bn.running_mean[2] = math.nan
        text.embedding.weight[1, 0] = 1e5  # more than half precision holds
    with pytest.raises(ValueError, match=r"^'features.conv_1.bn.running_mean' in the network holds 1 NaN and 0 inf"):
        save(net, tmp_path / "net.safetensors", options=SMALL)
    with pytest.raises(ValueError, match=r"^'embedding.weight' in the network in half precision holds 0 NaN and 1 inf"):
        save_text(text, tmp_path / "text.safetensors", WORDS)
    assert list(tmp_path.iterdir()) == []


class Compiled(nn.Module):
    """Calls its weights what torch.compile does, without loading a compiler."""

    def __init__(self, net: InceptionNet) -> None:
        super().__init__()
        self._orig_mod, self.name = net, net.name


def test_a_compiled_network_is_kept_under_its_own_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = build("googlenet", **SMALL)
    path = save(Compiled(net), tmp_path / "net.safetensors", options=SMALL)  # type: ignore[arg-type]
    assert "'_orig_mod.'" in capsys.readouterr().out
    assert load(path).state_dict().keys() == net.state_dict().keys()


def test_a_network_does_not_change_with_its_file(tmp_path: Path) -> None:
    path = image_file(tmp_path)
    net = load(path)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    path.write_bytes(bytes(path.stat().st_size))
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_a_file_is_known_by_what_is_in_it_and_not_by_its_name(tmp_path: Path) -> None:
    tensors = {"a": torch.ones(2)}
    (tmp_path / "a.pth").write_bytes(safetensors.torch.save(tensors))
    torch.save(tensors, tmp_path / "a.safetensors")
    for path in tmp_path.iterdir():
        assert torch.equal(weights.read_weights(path)["a"], tensors["a"])


def test_a_text_network_does_not_load_as_an_image_network_nor_the_other_way_round(tmp_path: Path) -> None:
    path = text_file(tmp_path)
    with pytest.raises(ValueError, match="does not state its options: it was not written by save"):
        load(path)
    with pytest.raises(ValueError, match="does not state its words: it was not written by save_text"):
        load_text(image_file(tmp_path))
    about = {"name": json.dumps("inception_text"), "words": "[]", "facts": "{}"}
    path.write_bytes(safetensors.torch.save({"a": torch.zeros(1)}, about))
    with pytest.raises(ValueError, match=r"do not fit 2 word numbers and the usual widths, because '.*' is missing$"):
        load_text(path)
