"""What an answer shows, as plain data: numbers, the parts of a module, the numbers that it computes.

Evidence is collected where the answer is, next to the student's own code, and judged somewhere else. So nothing
here says what is right, and nothing that leaves here is an object that could lie about being equal to another.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from decimal import Decimal
from fractions import Fraction
from itertools import compress
from typing import Any

import torch
from torch import Tensor, nn

from ...bricks import Concat, Residual
from ...layers import kind_of
from ...network import as_bricks
from ...tracing import Node, trace
from .anatomy import IN_DOUBT, UnknownPartError, anatomy, box, computing, count, most_branches, rebuilt

PLAIN = (bool, int, float, str, type(None))
MOST = 10_000  # values in one piece of evidence: far more than any exercise asks, far less than would hurt


def gather(kind: str, answer: object, settings: Sequence[Any]) -> list[Any]:
    """One piece of evidence for each setting; for the kinds "answer" and "designs" there is one setting.

    An answer that was not given is None; what cannot be read or raises is `{"error": sentence}`.
    """
    read = {"answer": _answer, "computes": _computed, "lists": _listed, "builds": _built, "designs": _designed}[kind]
    return [_bounded(read, answer, setting) for setting in settings]


def _bounded(read: Any, answer: object, setting: Any) -> Any:
    """What `read` finds; never an exception, and never more than fits."""
    if answer is None or answer is ...:
        return None
    try:
        found = plain(read(answer, setting))
        if len(json.dumps(found)) > 100 * MOST:
            return {"error": "this is far more than the exercise asks for"}
        return found
    except Exception as error:  # a student's code may raise anything, and each deserves a sentence
        return {"error": f"{type(error).__name__}: {str(error)[:500]}"}


def _answer(answer: object, setting: None) -> Any:
    if isinstance(answer, dict):
        return {key: _answer(each, setting) for key, each in answer.items()}
    if isinstance(answer, list | tuple):
        return [_answer(each, setting) for each in answer]
    return answer.tolist() if isinstance(answer, Tensor) else answer  # a tensor of numbers is a list of them


def _computed(function: Any, arguments: Sequence[Any]) -> Any:
    if not callable(function):
        raise TypeError(f"this should be a function, not {described(function)}")
    return function(*map(argument, arguments))


def _listed(function: Any, arguments: Sequence[Any]) -> Any:
    """As `_computed`, where no tensor is asked for."""
    return _answer(_computed(function, arguments), None)


def _built(builder: Any, setting: tuple[Sequence[Any], Sequence[int]]) -> Any:
    """The parts, the output and some of the numbers that a module computes on an image of the setting's shape."""

    def computed(module: nn.Module, node: Node) -> dict[str, Any]:
        return {"output": list(node.output.shape), "numbers": probe(module, node.input.shape)}

    return _parts(builder, *setting, computed)


def _designed(builder: Any, setting: tuple[Sequence[Any], Sequence[int]]) -> Any:
    """The parts of a module on an image of the setting's shape, from which `recomputed` has what it is judged by."""
    return _parts(builder, *setting, lambda _, node: {"figures": figures(node)})


def _parts(builder: Any, arguments: Sequence[Any], shape: Sequence[int], more: Any) -> Any:
    module = builder if isinstance(builder, nn.Module) else _computed(builder, arguments)
    if module is None:
        return None
    if not isinstance(module, nn.Module):
        raise TypeError(f"this should be a module, not {described(module)}")
    node = trace(module, tuple(shape))
    return {"parts": anatomy(as_bricks(node)), **more(module, node)}


def figures(node: Node) -> dict[str, Any]:
    """Output, costs and reach of a traced design."""
    bricks = as_bricks(node)
    return {
        "output": list(node.output.shape),
        "parameters": node.params,
        "MACs": node.macs,
        "activations": node.activations,
        "receptive field": reach(node),
        "convolutions": sum(isinstance(layer, nn.Conv2d) for layer in computing(bricks)),
        "convolutions in a row": depth(node),
        "convolutions on the shortest path": depth(node, min),
        "branches": most_branches(anatomy(bricks)),
    }


def reach(node: Node) -> list[int] | str:
    """What a bound on the receptive field is held against, [at least, at most]; where it is not known, why.

    At least: the shorter side of what the output that sees most sees, so branches that look in different directions
    do not add up. At most: the longer side of what all outputs of a place see. In a network that ends in a mean, what
    is averaged counts.
    """
    last, sides = _last(node), [side > 1 for side in node.input.sides]
    if last.output.field is None:
        lost = [n for n in node.walk() if not n.children and n.input.windows and not n.output.windows]
        return f"not known, because of {', '.join(dict.fromkeys(box(n.form)['is'] for n in lost))}"

    def seen(step: Node) -> list[int]:
        return [*compress(step.output.field or (), sides)]

    def shorter(step: Node) -> int:
        return max(shorter(_last(each)) for each in step.children) if isinstance(step.form, Concat) else min(seen(step))

    return [shorter(last), max(seen(last))]


def bounded(figure: Any, how: str) -> Any:
    """The number of a figure that a bound "most" or "least" is held against."""
    return figure[how == "most"] if isinstance(figure, list) else figure


def _last(node: Node) -> Node:
    """The last step of a design that makes maps: no norm or activation, nor the mean and what reads vectors."""
    steps = [*_steps(node)]
    while len(steps) > 1 and not _makes_maps(steps[-1]):
        steps.pop()
    return steps[-1]


def _steps(node: Node) -> Iterator[Node]:
    """The steps of a design one after the other, with every sequence opened."""
    if isinstance(node.form, nn.Sequential) and node.children:
        for child in node.children:
            yield from _steps(child)
    else:
        yield node


_IN_PLACE = ("norm", "activation", "dropout", "identity", "reshape")


def _makes_maps(step: Node) -> bool:
    kind = kind_of(step.form)
    drawn = kind.box(step.form) if kind else ""
    mean = drawn == "pool" and math.prod(step.output.sides) == 1
    return math.prod(step.input.sides) > 1 and not mean and drawn not in _IN_PLACE


def recomputed(given: Mapping[str, Any], shape: Sequence[int]) -> tuple[dict[str, Any], str]:
    """The figures of a design from its parts alone, and a caveat about them, "" where they can be relied on.

    `given` is what `gather` found next to the student's program, which could have made it say anything. For a part of
    a rare kind there are only the figures that came with it. Raises ShapeError and the like for parts nobody built.
    """
    if count(given["parts"]) > MOST // 10:
        raise ValueError(f"a design may have up to {MOST // 10:,} parts")
    try:
        return figures(trace(rebuilt(given["parts"], tuple(shape)), tuple(shape))), ""
    except UnknownPartError as unknown:
        return dict(given["figures"]), f"{unknown}: {IN_DOUBT}"


def depth(node: Node, choose: Callable[[list[int]], int] = max) -> int:
    """Convolutions on the longest path through the design, or with `min` on the shortest."""
    below = [depth(child, choose) for child in node.children]
    if not below:
        return sum(isinstance(layer, nn.Conv2d) for layer in node.form.modules())
    return choose(below) if isinstance(node.form, Concat | Residual) else sum(below)


def argument(value: Any) -> Any:
    """A setting's value as the student's function gets it: `{"tensor": [2, 3], "seed": 0}` becomes a tensor.

    A copy, so that a function that changes its argument leaves the setting as it is for the next check.
    """
    if isinstance(value, dict) and "tensor" in value:
        return torch.randn(value["tensor"], generator=torch.Generator().manual_seed(value["seed"]))
    return deepcopy(value)


def probe(module: nn.Module, shape: tuple[int, ...]) -> Any:
    """Some numbers that `module` computes in evaluation mode from weights that depend on their order alone.

    The copy that computes has its weights drawn layer by layer, in float64, so equal modules give equal numbers.
    """
    copy = deepcopy(module).double().eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for layer in computing(as_bricks(trace(copy, shape))):
            for tensor in (*layer.parameters(recurse=False), *layer.buffers(recurse=False)):
                if tensor.is_floating_point():  # positive, for a variance must be; and spread, for order matters
                    tensor.copy_(torch.rand(tensor.shape, generator=generator, dtype=torch.float64) + 0.1)
        image = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
        return facts(copy(image))


def facts(tensor: Tensor) -> dict[str, Any]:
    """The shape and three numbers of a tensor; another tensor rarely has the same, and rounding hardly moves them."""
    values = tensor.detach().double().cpu().flatten()
    size = values.abs().mean().item() if len(values) else 0.0
    rulers = torch.randn(2, len(values), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    apart = [(values / (size or 1.0) - ruler).abs().mean().item() if len(values) else 0.0 for ruler in rulers]
    return {"shape": list(tensor.shape), "values": [size, *apart]}


def plain(value: Any) -> Any:
    """`value` as JSON can hold it; a tensor with many values becomes its `facts`.

    Raises TypeError for anything but numbers, text, tensors and lists, tuples, sets and dicts of them, and ValueError
    for more than 10,000 values.
    """
    budget = [MOST]

    def convert(item: Any) -> Any:
        budget[0] -= 1
        if budget[0] < 0:
            raise ValueError(f"this holds more than {MOST:,} values")
        if type(item) in PLAIN:
            if isinstance(item, float) and not math.isfinite(item):
                return str(item)
            return item[:1000] if isinstance(item, str) else item
        if isinstance(item, Tensor):
            return convert(item.item()) if item.dim() == 0 else convert(facts(item))
        if type(item).__module__ == "numpy":
            return convert(item.tolist())
        if type(item) in (Fraction, Decimal):
            return convert(float(item))
        if isinstance(item, list | tuple | set):
            return [convert(each) for each in (sorted(item) if isinstance(item, set) else item)]
        if isinstance(item, dict):
            return {str(key)[:100]: convert(each) for key, each in item.items()}
        raise TypeError(f"this should be a number, text or a list of them, not {described(item)}")

    return convert(value)


def described(value: object) -> str:
    """`a Foo`, `an int`."""
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
