"""Weights, from a file or a dictionary: names with their tensors, read as data and checked before use.

Nothing in a file can run. Anything that is not a set of weights is refused in one sentence, and anything that was
not taken literally (a dictionary inside, a prefix) is reported in one printed line.
"""
# mypy: untyped-calls-exclude=torch

import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from .files import write_whole

PREFIXES = ("module.", "_orig_mod.", "model.")
"""What DataParallel, torch.compile and Lightning put before every name."""

INSIDE = ("state_dict", "model", "model_state_dict")
"""Under which of these names a training keeps its weights, next to its epoch and its optimizer."""

COUNTER = "num_batches_tracked"
"""The one whole number among weights: how many batches a batch norm has seen."""


def read_weights(source: Mapping[str, Any] | str | Path, what: str = "the checkpoint") -> dict[str, Tensor]:
    """The weights in a file or in a dictionary: name -> tensor, unchanged.

    A file is safetensors, or what `torch.save` wrote; only tensors are read from it, on the CPU. If a training's
    dictionary holds exactly one set of weights, under a name of `INSIDE`, that set is read; prefixes of `PREFIXES`
    that every name has are removed. Both are printed. `what` is the name of a dictionary in messages.

    Raises ValueError for a file that is damaged or holds more than tensors, for anything but names and tensors, and
    for a tensor that cannot be a weight: of whole or complex numbers (except counters of batch norms), with NaN or
    infinite values, sparse, or without values. Raises OSError for a file that cannot be opened.
    """
    if isinstance(source, str | Path):
        what, found = str(source), _contents(Path(source))
    else:
        found = source
    weights = _names_and_tensors(found, what)
    for name, tensor in weights.items():
        if fault := _fault(name, tensor):
            raise ValueError(f"{name!r} in {what} {fault}")
    return _without_prefix(weights, what)


def write_weights(path: str | Path, weights: Mapping[str, Tensor], about: Mapping[str, Any]) -> Path:
    """Writes weights as safetensors, whole or not at all, with facts `about` them: anything that JSON can hold.

    Raises OSError if the file cannot be written.
    """
    tensors = {name: tensor.detach().contiguous() for name, tensor in weights.items()}
    metadata = {key: json.dumps(value, ensure_ascii=False) for key, value in about.items()}
    return write_whole(path, safetensors.torch.save(tensors, metadata))


def read_about(path: str | Path, *wanted: str, writer: str) -> dict[str, Any]:
    """What `write_weights` was told about the weights in a file. Reads no weights.

    Raises ValueError for a damaged file, or one that lacks something `wanted` and so was not written by `writer`.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            about = {key: json.loads(value) for key, value in (file.metadata() or {}).items()}
    except (safetensors.SafetensorError, ValueError) as error:
        raise ValueError(f"{path} is damaged or not a safetensors file: {error}") from error
    if missing := set(wanted) - set(about):
        raise ValueError(f"{path} does not state its {', '.join(sorted(missing))}: it was not written by {writer}")
    return about


def assign(net: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Makes these tensors the weights of `net`, which may be on the meta device: all of them or none.

    Counters of batch norms may be missing. Raises ValueError about the first name that is missing or has no place,
    or the first shape that differs.
    """
    wanted = net.state_dict()
    for name, ours in wanted.items():
        if name not in weights and not name.endswith(COUNTER):
            raise ValueError(f"{name!r} is missing")
        if name in weights and weights[name].shape != ours.shape:
            raise ValueError(f"{name!r} has shape {tuple(weights[name].shape)} where {tuple(ours.shape)} is needed")
    if left := [name for name in weights if name not in wanted]:
        raise ValueError(f"there is no place for {left[0]!r}" + (f" and {len(left) - 1} more" if left[1:] else ""))
    net.load_state_dict(weights, assign=True)


def _contents(path: Path) -> Any:
    """Whatever is in a file, without running any of it."""
    try:
        # Read whole, because safetensors would map the file into memory, where weights change when the file does;
        # and without its name, because the content should decide about the format, not the name.
        content = path.read_bytes()
        if content[8:9] == b"{":  # safetensors: the length of a JSON header in 8 bytes, then the header
            return safetensors.torch.load(content)
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # a damaged pickle fails in many ways, and torch explains in paragraphs
        if more := re.search(r"GLOBAL (\S+)", str(error)):
            raise ValueError(
                f"{path} holds more than tensors ({more[1]}), which could run code and is not read: "
                f"pass a file that torch.save(net.state_dict(), ...) wrote"
            ) from error
        raise ValueError(
            f"{path} is damaged or not a file of weights: copy it again, or pass one that safetensors or "
            f"torch.save(net.state_dict(), ...) wrote"
        ) from error


def _names_and_tensors(found: Any, what: str) -> Mapping[str, Tensor]:
    """The dictionary itself, or the one inside it that a training keeps its weights in."""
    wanted = f"{what} must be a state dict, names with their tensors"
    if not isinstance(found, Mapping):
        hint = ": pass its state_dict()" if isinstance(found, nn.Module) else ""
        raise ValueError(f"{wanted}, and not {_a(found)}{hint}")
    if _is_state_dict(found):
        return found
    inside = [key for key, value in found.items() if _is_state_dict(value) and value]
    if len(inside) == 1 and inside[0] in INSIDE:
        print(f"{what} holds more than weights: those under {inside[0]!r} are read, and nothing else.")
        return dict(found[inside[0]])
    strange = next(key for key, value in found.items() if not (isinstance(key, str) and isinstance(value, Tensor)))
    if isinstance(found[strange], Tensor):
        raise ValueError(f"{wanted}, but {strange!r} is not a name")
    right = "the state dict alone"
    if inside:
        right = f"{'one of ' if inside[1:] else ''}the state dict{'s' if inside[1:] else ''} inside it, under "
        right += " or ".join(map(repr, inside))
    raise ValueError(f"{wanted}, but {strange!r} is {_a(found[strange])}: pass {right}")


def _is_state_dict(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in value.items())


def _a(value: Any) -> str:
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'AEIOaeio' else 'a'} {kind}"


def _fault(name: str, tensor: Tensor) -> str:
    """Why a tensor cannot be a weight; empty if it can."""
    if tensor.is_meta:
        return "is on the meta device, where tensors have no values"
    if tensor.layout is not torch.strided:
        return f"is stored as {tensor.layout}: weights are dense, as tensor.to_dense() makes them"
    if not tensor.is_floating_point():
        if name.endswith(COUNTER) and not tensor.is_complex():
            return ""
        return f"holds numbers of type {tensor.dtype}: weights are real floating-point numbers, such as torch.float32"
    values = tensor.float() if tensor.element_size() == 1 else tensor  # torch cannot test one-byte floats
    if bool(values.isfinite().all()):
        return ""
    nan, infinite = int(values.isnan().sum()), int(values.isinf().sum())
    return (
        f"holds {nan:,} NaN and {infinite:,} infinite values among {values.numel():,}: weights are finite numbers, so "
        f"take a checkpoint from before the training diverged"
    )


def _without_prefix(weights: Mapping[str, Tensor], what: str) -> dict[str, Tensor]:
    """The same weights, without the prefixes of `PREFIXES` that every name begins with."""
    prefix = ""
    while weights and (more := [p for p in PREFIXES if all(name.startswith(prefix + p) for name in weights)]):
        prefix += more[0]
    if prefix:
        print(f"Every name in {what} begins with {prefix!r}, which is left out.")
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items()}
