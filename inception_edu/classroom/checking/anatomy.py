"""A module as plain data: its boxes, branches and sums in order, and where two such descriptions differ.

`nn.Sequential` inside `nn.Sequential`, `torch.cat` directly inside `torch.cat`, names, `nn.Identity` and whether a
ReLU comes before or after a max pool or a join change nothing that is computed, so they do not appear. A part is one of

    {"is": "conv", "channels": 128, "kernel": [3, 3], ...}     a box; batch norm and ReLU after it belong to it
    {"is": "concat", "branches": [[part, ...], ...]}
    {"is": "sum", "scale": 0.17, "body": [part, ...], "shortcut": [part, ...]}
    {"is": "heads", "after": 3, "head": [part, ...]}           an auxiliary head and the number of its block
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import torch
from torch import nn

from ...bricks import Concat, Function, Product, Residual
from ...layers import Part, kind_of, size
from ...network import InceptionNet
from ...tracing import trace

IN_DOUBT = "these figures are the notebook's own, unchecked"
"""Ends the sentence about a design whose costs could not be worked out from its parts."""


def box(module: nn.Module) -> Part:
    """The settings of one layer that decide what it computes; for an unknown layer, its own `extra_repr`."""
    if isinstance(module, Function):
        return {"is": module.name, "settings": ""}
    kind = kind_of(module)
    return kind.part(module) if kind else {"is": type(module).__name__, "settings": module.extra_repr()}


def anatomy(module: nn.Module) -> list[Part]:
    """The parts of `module` in the order in which they compute."""
    parts: list[Part] = []
    for layer in layers(module):
        match layer:
            case Concat():
                parts.append({"is": "concat", "branches": [*_branches(layer)]})
            case Residual():
                body, shortcut = anatomy(layer.body), anatomy(layer.shortcut)
                parts.append({"is": "sum", "scale": float(layer.scale), "body": body, "shortcut": shortcut})
            case Product():
                parts.append({"is": "product", "branches": [anatomy(branch) for branch in layer]})
            case _:
                part = box(layer)
                last: Part = parts[-1] if parts else {"is": "nothing"}
                if part["is"] == "batch norm" and last["is"] == "conv" and _is_bare(last):
                    last["norm"] = part["settings"]
                elif part["is"] == "ReLU" and (bare := _bare(parts)):
                    for conv in bare:
                        conv["relu"] = True
                elif part["is"] == "Flatten" and any(before["is"] in ("Flatten", "linear") for before in parts):
                    pass  # a vector is flat already
                else:
                    parts.append(part)
    if isinstance(module, InceptionNet):
        blocks = list(module.features._modules)
        for tap, head in module.aux_heads.items():
            parts.append({"is": "heads", "after": blocks.index(tap), "head": anatomy(head)})
    return parts


def _branches(concat: Concat) -> Iterator[list[Part]]:
    """The parts of each branch; a branch that only joins others is no branch of its own."""
    for branch in concat:
        match anatomy(branch):
            case [{"is": "concat", "branches": inner}]:
                yield from inner
            case parts:
                yield parts


def _bare(parts: list[Part]) -> list[Part]:
    """The convolutions without a ReLU whose values, through max pools and joins at most, are all that comes out."""
    match parts:
        case [*_, {"is": "conv", "relu": False} as conv]:
            return [conv]
        case [*before, {"is": "max pool"}]:
            return _bare(before)
        case [*_, {"is": "concat", "branches": branches}]:
            found = [_bare(branch) for branch in branches]
            return [conv for each in found for conv in each] if all(found) else []
    return []


def _is_bare(conv: Part) -> bool:
    """Whether neither a batch norm nor a ReLU follows a convolution so far."""
    return conv["norm"] == "none" and not conv["relu"]


def layers(module: nn.Module) -> Iterator[nn.Module]:
    """What computes, one after the other: sequences are opened, and what only passes on its input is left out."""
    match module:
        case InceptionNet():
            yield from layers(module.features)
            yield from layers(module.classifier)
        case nn.Sequential():
            for layer in module:
                yield from layers(layer)
        case nn.Identity():
            pass
        case _:
            yield module


def computing(module: nn.Module) -> Iterator[nn.Module]:
    """Every single layer in the order of `anatomy`, so that equal modules list theirs in the same order."""
    for layer in layers(module):
        match layer:
            case Concat() | Product():
                for branch in layer:
                    yield from computing(branch)
            case Residual():
                yield from computing(layer.body)
                yield from computing(layer.shortcut)
            case _:
                yield layer


# ---- from parts to a module ----------------------------------------------------------------------

_POOLS = {"max pool": nn.MaxPool2d, "avg pool": nn.AvgPool2d}
_FREE = {  # what costs nothing that is counted, and leaves shape and receptive field as they are
    *("Identity", "ReLU", "ReLU6", "LeakyReLU", "ELU", "CELU", "SELU", "GELU", "SiLU", "Mish", "Sigmoid", "Tanh"),
    *("Softplus", "Hardswish", "Hardsigmoid", "Hardtanh", "Softsign"),
}


class UnknownPartError(ValueError):
    """A part whose module cannot be made from its description."""


def rebuilt(parts: list[Part], shape: tuple[int, ...]) -> nn.Module:
    """A module of these parts for an image of that shape, without memory for its weights: to be traced, not to be run.

    Raises UnknownPartError for a part that is none of the common kinds; what `trace` raises, and TypeError and the
    like, for parts that nobody built.
    """
    row = nn.Sequential()
    for part in parts:
        with torch.device("meta"):
            made = _made(part, shape)
        shape = trace(made, shape).output.shape
        row.append(made)
    return row


def _made(part: Part, shape: tuple[int, ...]) -> nn.Module:
    match part:
        case {"is": "concat" | "product" as kind, "branches": [*branches]}:
            return (Concat if kind == "concat" else Product)(*(rebuilt(branch, shape) for branch in branches))
        case {"is": "sum", "scale": scale, "body": body, "shortcut": shortcut}:
            return Residual(rebuilt(body, shape), rebuilt(shortcut, shape) if shortcut else None, float(scale))
        case {"is": "conv", "kernel": [_, _], "padding": padding}:
            settings = {name: part[name] for name in ("stride", "dilation", "groups", "bias")}
            padding = padding if isinstance(padding, str) else tuple(padding)
            conv = nn.Conv2d(shape[0], part["channels"], part["kernel"], padding=padding, **settings)
            row = nn.Sequential(conv)
            if part["norm"] != "none":
                row.append(nn.BatchNorm2d(part["channels"], affine="without scale" not in part["norm"]))
            return row.append(nn.ReLU()) if part["relu"] else row
        case {"is": "max pool" | "avg pool" as kind, "kernel": [_, _] as kernel}:
            pool: Any = _POOLS[kind]
            return nn.Sequential(pool(kernel, part["stride"], tuple(part["padding"]), ceil_mode=part["ceil_mode"]))
        case {"is": "adaptive avg pool" | "adaptive max pool" as kind, "grid": [*grid]}:
            return (nn.AdaptiveAvgPool2d if kind == "adaptive avg pool" else nn.AdaptiveMaxPool2d)(tuple(grid))
        case {"is": "linear", "channels": channels, "bias": bias}:
            return nn.Linear(shape[-1], channels, bias)
        case {"is": "batch norm", "settings": str(settings)}:
            return nn.BatchNorm2d(shape[0], affine="without scale" not in settings)
        case {"is": "dropout" | "Dropout" | "Dropout2d"}:
            return nn.Dropout()
        case {"is": "Flatten", "settings": "start_dim=1, end_dim=-1"}:
            return nn.Flatten()
        case {"is": str(name)} if name in _FREE:
            return nn.Identity()
    raise UnknownPartError(f"the cost of {str(part.get('is'))[:50]!r} cannot be worked out from outside")


# ---- words -------------------------------------------------------------------------------------


def _sides(value: list[int] | str) -> str:
    """[2, 2] -> `2`, [0, 1] -> `0x1`, "same" as it is."""
    if isinstance(value, str):
        return value
    return str(value[0]) if all(side == value[0] for side in value) else size(value)


_FIELDS: Mapping[str, Callable[[Any], str]] = {
    "channels": lambda n: f"{n} channel{'s' * (n != 1)}",
    "kernel": lambda k: f"a window of {size(k)}" if len(k) == 1 else f"a {size(k)} window",
    "stride": lambda s: f"stride {_sides(s)}",
    "padding": lambda p: f"padding {_sides(p)}",
    "dilation": lambda d: f"dilation {size(d)}",
    "groups": lambda g: f"{g} group{'s' * (g != 1)}",
    "bias": lambda yes: "a bias" if yes else "no bias",
    "norm": lambda words: "no batch norm" if words == "none" else str(words),
    "relu": lambda yes: "a ReLU" if yes else "no ReLU",
    "ceil_mode": lambda yes: "sizes rounded up" if yes else "sizes rounded down",
    "border counted": lambda yes: "padding counted in the average" if yes else "padding left out of the average",
    "grid": lambda g: f"an output of {size(g)}",
    "dropped": lambda p: f"{100 * p:g} % dropped",
    "scale": lambda s: f"scale {s:g}",
    "after": lambda n: f"a place after block {n + 1}",
    "settings": lambda words: words.removeprefix("batch norm with "),
}


_NAMES = {
    "kernel": "window",
    "norm": "batch norm",
    "relu": "ReLU",
    "ceil_mode": "rounding",
    "border counted": "treatment of padding",
    "dropped": "dropout rate",
    "after": "place",
}
"""What a field is called where its value must not be revealed."""


def said(field: str, value: Any) -> str:
    """One setting in words: `96 channels`, `stride 2`, `no bias`."""
    return _FIELDS.get(field, lambda v: f"{field} {v}")(value)


def words(part: Part, *more: str) -> str:
    """A part as the drawing would name it, with the settings `more` added: `a 3x3 convolution with 128 channels`."""
    kind = part["is"]
    match kind:
        case "concat":
            return f"{len(part['branches'])} branches side by side"
        case "product":
            return f"a product of {len(part['branches'])} branches"
        case "sum":
            return "a residual sum" + "".join(f" with {said(field, part[field])}" for field in more)
        case "heads":
            return "an auxiliary head"
    name = str({"conv": "convolution", "linear": "linear layer"}.get(kind, kind))
    if kind == "conv" and part["groups"] != 1:
        name = f"convolution in {part['groups']} groups"
    kernel = f"{size(part['kernel'])} " if len(part.get("kernel", ())) > 1 else ""
    if len(part.get("kernel", ())) == 1:  # of a series
        name += f" of {size(part['kernel'])}"
    stride = ["stride"] if set(part.get("stride", ())) - {1} else []
    main = [*(field for field in ("channels", "grid", "dropped") if field in part), *stride]
    details = [
        said(field, part[field]) for field in [*main, *(f for f in more if f not in (*main, "kernel", "groups"))]
    ]
    article = "an" if (kernel or name).startswith((*"aeiou", "8", "11x", "18x")) else "a"
    return f"{article} {kernel}{name}" + (f" with {_list(details)}" if details else "")


def _list(items: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(items[:-1])] * (len(items) > 1) + items[-1:])


# ---- where two differ --------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """How many of the boxes two modules share, and one sentence for each place where they differ.

    A box of the right kind counts in part: each setting that is wrong halves it, an epsilon alone takes a tenth.
    """

    right: float
    boxes: int
    lines: tuple[str, ...]


def with_means(parts: list[Part]) -> list[Part]:
    """The parts with each average pool without padding written as a global one, which it is if the numbers agree."""
    mean: Part = {"is": "adaptive avg pool", "grid": [1, 1]}
    return [mean if part["is"] == "avg pool" and not any(part["padding"]) else part for part in parts]


def count(parts: list[Part]) -> int:
    """How many boxes there are; joining and adding count as a box each."""
    inner = [parts_of for part in parts for parts_of in insides(part)]
    return len(parts) + sum(map(count, inner))


def insides(part: Part) -> list[list[Part]]:
    """The lists of parts that a part holds."""
    match part["is"]:
        case "concat" | "product":
            return list(part["branches"])
        case "sum":
            return [part["body"], part["shortcut"]]
        case "heads":
            return [part["head"]]
    return []


def has_two_that_are_one(parts: list[Part]) -> bool:
    """Whether a convolution reads another one's output as it is, so that one could do what both do."""
    linear = [part["is"] == "conv" and part["groups"] == 1 for part in parts]
    here = any(a and b and not part["relu"] for a, b, part in zip(linear, linear[1:], parts, strict=False))
    return here or any(has_two_that_are_one(parts_of) for part in parts for parts_of in insides(part))


def most_branches(parts: list[Part]) -> int:
    """The most branches that are joined, added or multiplied at one place, shortcuts included; 1 where none are."""
    inner = [parts_of for part in parts for parts_of in insides(part)]
    return max([1, *map(_meeting, parts), *map(most_branches, inner)])


def _meeting(part: Part) -> int:
    """How many branches a part brings together; of a sum of sums each addend is one."""
    if part["is"] != "sum":
        return len(insides(part))
    return sum(_meeting(side[0]) if [each["is"] for each in side] == ["sum"] else 1 for side in insides(part))


def differences(expected: list[Part], given: list[Part], *, tell: bool = True, place: str = "") -> Comparison:
    """Where `given` differs from `expected`.

    Without `tell`, a sentence names the box and the setting, but neither what it should be nor what it is: both come
    from settings that a student is not to know.
    """
    right, boxes = 0.0, max(count(expected), count(given))
    lines: list[str] = []
    wants, has = ([json.dumps(_own(part), sort_keys=True) for part in parts] for parts in (expected, given))
    for tag, i, end_i, j, end_j in SequenceMatcher(None, wants, has, autojunk=False).get_opcodes():
        paired = min(end_i - i, end_j - j)
        for step in range(paired):
            wanted, have = expected[i + step], given[j + step]
            where = _place(place, j + step, len(given), have)
            if tag == "equal":
                right += 1
            else:
                right += _credit(wanted, have)
                lines.append(_at(where, _difference(wanted, have, open=tell)))
            if wanted["is"] == have["is"]:
                within, differ = _inside(wanted, have, tell, where)
                right += within
                lines += differ
        for part in expected[i + paired : end_i]:
            what = words(part) if tell else _kind(part)
            lines.append(_at(place, f"{what} is missing"))
        for k in range(j + paired, end_j):
            where = _place(place, k, len(given), given[k])
            what = words(given[k]) if tell else _kind(given[k])
            lines.append(_at(where, f"{what} does not belong here"))
    return Comparison(right, boxes, tuple(lines))


def _credit(expected: Part, given: Part) -> float:
    """The credit, 0 to 1, for a box that is not quite right."""
    if expected["is"] != given["is"]:
        return 0.0
    off = [field for field in _own(given) if expected.get(field) != given[field]]
    epsilon = [field for field in off if field in ("norm", "settings") and _but_epsilon(expected, given, field)]
    return float(0.9 ** len(epsilon) * 0.5 ** (len(off) - len(epsilon)))


def _but_epsilon(expected: Part, given: Part, field: str) -> bool:
    """Whether two batch norms differ in nothing but their epsilon."""
    pair = [re.sub(r"epsilon [\d.e-]+", "", str(part[field])) for part in (expected, given)]
    return pair[0] == pair[1] and all("batch norm" in each for each in pair)


def _kind(part: Part) -> str:
    """What a part is, without any of its settings: `a convolution`."""
    name = {"conv": "convolution", "linear": "linear layer", "concat": "group of branches", "sum": "residual sum"}
    kind = name.get(part["is"], str(part["is"]))
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _at(place: str, sentence: str) -> str:
    return f"{place}: {sentence}" if place else sentence


def _own(part: Part) -> Part:
    """A part without what it holds."""
    return {field: value for field, value in part.items() if field not in ("branches", "body", "shortcut", "head")}


def _place(before: str, index: int, of: int, part: Part) -> str:
    """`branch 2, box 1`; a single part needs no number."""
    if of == 1 and before:
        return before
    if of == 1 and insides(part):
        return ""
    number = f"box {index + 1}"
    return f"{before}, {number}" if before else number


def _difference(expected: Part, given: Part, *, open: bool) -> str:
    if expected["is"] != given["is"]:
        wanted = words(expected) if open else _kind(expected)
        return f"expected {wanted}, yours is {words(given) if open else _kind(given)}"
    fields = [field for field in _own(given) if expected.get(field) != given[field]]
    if open:
        return f"expected {words(expected, *fields)}, yours has {', '.join(said(f, given[f]) for f in fields)}"
    return f"yours is {_kind(given)} that is wrong in its {_list([_NAMES.get(f, f) for f in fields])}"


def _inside(expected: Part, given: Part, tell: bool, where: str) -> tuple[float, list[str]]:
    """How many boxes two parts of one kind share in what they hold, and where they differ there."""
    before = f"{where}, " if where else ""
    branches = [f"{before}branch {n}" for n, _ in enumerate(given.get("branches", ()), 1)]
    names = {
        "concat": branches,
        "product": branches,
        "sum": [f"{before}body", f"{before}shortcut"],
        "heads": [f"{before}auxiliary head"],
    }
    theirs, ours = insides(expected), insides(given)
    lines: list[str] = []
    if len(theirs) != len(ours):
        lines.append(_at(where, f"expected {len(theirs)} branches, yours has {len(ours)}"))
    inner = [
        differences(wanted, have, tell=tell, place=name)
        for wanted, have, name in zip(theirs, ours, names.get(given["is"], []), strict=False)
    ]
    told, shut = ([json.dumps(branch, sort_keys=True) for branch in branches] for branches in (theirs, ours))
    if told != shut and sorted(told) == sorted(shut):
        order = "the branches are right but in a different order, which decides the order of their channels"
        swapped = "the two sides of the sum have changed places, so the scale is on the other one"
        lines.append(_at(where, swapped if given["is"] == "sum" else order))
    elif not lines:  # with a branch too many or too few the pairs below would belong to different branches
        lines += [line for found in inner for line in found.lines]
    return sum(found.right for found in inner), lines
