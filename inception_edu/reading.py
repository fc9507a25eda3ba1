"""Reads what a `forward` does, by running it once without values, into the bricks.

A copy of the module, in evaluation mode and with all its tensors on the meta device, runs on one empty image. What it
calls is written down: modules of the reader's own, torch's layers, torch's functions, and what each costs. Where the
calls form a line, branches that are joined on channels, sums and products, they are the same tree of bricks that the
package is made of, over the reader's own modules; `Run.form` is that tree. Anything else keeps the cost of its run.

What counts as what. A multiply-add of a convolution, or of what flows through with something that does not depend on
the image (weights, in whatever way they were made), belongs to `macs`, like a linear layer; one of two values that
both depend on the image belongs to `products`, like attention. Together they are what torch's FlopCounterMode counts,
halved.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from .bricks import Concat, ConvUnit, Function, Product, Residual
from .layers import Signal, kind_of, refuse_unready, uncompiled

Shape = tuple[int, ...]


# ---- what a call costs -----------------------------------------------------------------------------


def tensors_in(tree: Any) -> list[Tensor]:
    """The tensors in what a function is given or returns, in order."""
    if isinstance(tree, Tensor):
        return [tree]
    if isinstance(tree, dict):
        tree = tree.values()
    elif not isinstance(tree, tuple | list):
        return []
    return [tensor for part in tree for tensor in tensors_in(part)]


aten = torch.ops.aten
_FACTORS = {aten.mm: (0, 1), aten.addmm: (1, 2), aten.bmm: (0, 1), aten.baddbmm: (1, 2)}
"""The two operands of each product of matrices."""


class Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the multiply-adds of everything that runs inside, on one image's way through."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.macs = self.products = self.activations = 0
        self._flowing: set[int] = set()
        self._alive: list[Tensor] = []  # a storage that is gone could give its number to another

    def flows(self, tensor: Tensor) -> None:
        """Says that a tensor depends on the image."""
        self._flowing.add(tensor.untyped_storage()._cdata)
        self._alive.append(tensor)

    def depends(self, tensor: Any) -> bool:
        """Whether a tensor depends on the image."""
        return isinstance(tensor, Tensor) and tensor.untyped_storage()._cdata in self._flowing

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        packet = func._overloadpacket
        if packet not in flop_registry and func is not torch.ops.prim.device.default:
            with self:
                out = func.decompose(*args, **kwargs)
            if out is not NotImplemented:
                return out
        out = func(*args, **kwargs)
        given = tensors_in((args, kwargs))
        if any(map(self.depends, given)):
            for tensor in (*tensors_in(out), *(given if func._schema.is_mutable else ())):
                self.flows(tensor)
        if packet in flop_registry:
            cost = flop_registry[packet](*args, **kwargs, out_val=out) // 2
            if packet in _FACTORS:
                two_computed = all(self.depends(args[i]) for i in _FACTORS[packet])
            else:
                two_computed = "attention" in str(packet)
            if two_computed:
                self.products += cost
            else:
                self.macs += cost
                self.activations += out.numel()
        return out

    @property
    def so_far(self) -> tuple[int, int, int]:
        """MACs, products and activations."""
        return self.macs, self.products, self.activations


# ---- what is called ----------------------------------------------------------------------------------


@dataclass(eq=False)
class Call:
    """One step of a `forward`: a module or a function, the values it reads and the value it makes.

    Values are the calls that made them; None is the image that the module was given.
    """

    what: Any
    reads: list["Call | None"]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    shape: Shape
    cost: tuple[int, int, int]
    name: str
    alone: bool = False  # a module that `trace` can read by itself: it read one image and made one tensor of it


@dataclass(eq=False)
class Run:
    """What one module did with one image: the shape that it output, what that cost, and its calls."""

    module: nn.Module
    shape: Shape
    originals: dict[int, Any]
    output: Shape = ()
    macs: int = 0
    products: int = 0
    activations: int = 0
    calls: list[Call] = field(default_factory=list)
    values: dict[int, "Call | None"] = field(default_factory=dict)
    result: "Call | None" = None
    readable: bool = True

    @cached_property
    def form(self) -> nn.Module | None:
        """The module as a tree of bricks over its own parts, or None where its calls are not such a tree."""
        if not self.readable:
            return None
        try:
            return _Tree(self).whole()
        except (_NoTreeError, RecursionError):
            return None


def _one(*values: Any) -> bool:
    """Whether there is one value, a tensor that belongs to one image."""
    return len(values) == 1 and isinstance(values[0], Tensor) and values[0].dim() > 0 and len(values[0]) == 1


class Runs:
    """The runs of one `trace`: every module of the reader's own that was met, by itself and the shape it read."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, Shape], Run] = {}
        self._kept: list[nn.Module] = []

    def of(self, module: nn.Module, shape: Shape) -> Run:
        """The run of `module` on an image of `shape`.

        Raises ValueError where it cannot read that shape, and TypeError where it cannot be read.
        """
        if (id(module), shape) not in self._known:
            self._kept.append(module)
            with torch.inference_mode(False), torch.no_grad():  # tensors of inference mode do not say what changes them
                self._run(module, shape)
        return self._known[id(module), shape]

    def _run(self, module: nn.Module, shape: Shape) -> None:
        for name, part in module.named_modules():
            refuse_unready(part, [name])
        twin, originals = _on_meta(module)
        floats = (p.dtype for p in twin.parameters() if p.is_floating_point())
        image = torch.empty(1, *shape, device="meta", dtype=next(floats, torch.get_default_dtype()))
        recorder = _Recorder(self._known, originals)
        recorder.watch(twin)
        try:
            with torch.device("meta"), recorder.counter, recorder:
                recorder.counter.flows(image)
                output = twin(image)
        except Warning:  # one that is an error here says nothing of the module
            raise
        except Exception as error:
            raise _refusal(module, recorder.path, error) from error
        if not isinstance(output, Tensor):
            raise TypeError(
                f"{type(module).__name__} outputs {_described(output)}, and trace only reads modules that output one "
                "tensor"
            )
        if not _one(output):
            raise TypeError(
                f"{type(module).__name__} outputs {tuple(output.shape)} for a batch of one image, and trace only reads "
                "modules whose outputs have the batch as their first axis"
            )


class _ForeignWeightsError(Exception):
    """A copy holds on to the weights of its original, as one does whose `forward` was replaced by a function."""


def _described(output: Any) -> str:
    return f"a {type(output).__name__} of {len(tensors_in(output))} tensors"


class InsideError(ValueError):
    """A part of a module, at `path`, could not read what it was given."""

    def __init__(self, path: Sequence[str], said: str) -> None:
        super().__init__(said)
        self.path = path


def _refusal(module: nn.Module, path: Sequence[str], error: Exception) -> Exception:
    """What to raise where a run failed: ValueError for a shape that does not fit, else TypeError; one sentence."""
    name = type(module).__name__
    said = " ".join(str(error).split()) or type(error).__name__
    where = f"{'.'.join(path)}: " if path else ""
    if isinstance(error, _ForeignWeightsError):
        return TypeError(f"{name} cannot be read, because a copy of it still computes with the weights of the original")
    if isinstance(error, NotImplementedError) and "forward" in said:
        return TypeError(f"{name} cannot be read, because it has no forward")
    if isinstance(error, NotImplementedError) or any(word in said for word in ("meta", "fake", "Fake", "CUDA")):
        return TypeError(f"{name} cannot be read without values ({where}{said})")
    if isinstance(error, TypeError | AttributeError | KeyError | NameError):
        return TypeError(f"{name} cannot be run on one image ({where}{type(error).__name__}: {said})")
    return InsideError(path, said)


def _on_meta(module: nn.Module) -> tuple[nn.Module, dict[int, Any]]:
    """A copy in evaluation mode whose tensors are on the meta device; for each part and tensor of it, the original."""
    memo: dict[int, Any] = {}
    originals: dict[int, Any] = {}
    try:
        for part in module.modules():
            for tensor in tensors_in(vars(part)):
                if id(tensor) not in memo:
                    empty = torch.empty_like(tensor, device="meta", requires_grad=False)
                    memo[id(tensor)] = nn.Parameter(empty, False) if isinstance(tensor, nn.Parameter) else empty
                    originals[id(memo[id(tensor)])] = tensor
        twin = deepcopy(module, memo)
    except Exception as error:
        raise TypeError(f"{type(module).__name__} cannot be copied, so it cannot be read: {error}") from error
    originals |= {id(memo[id(part)]): part for part in module.modules() if id(part) in memo}
    for part in list(twin.modules()):
        for name, child in part._modules.items():
            if child is not None and uncompiled(child) is not child:
                part._modules[name] = uncompiled(child)
    return twin.eval(), originals


class _Recorder(TorchFunctionMode):
    """Writes down what runs inside, a `Run` for each module that is neither a brick nor a known layer."""

    def __init__(self, runs: dict[tuple[int, Shape], Run], originals: dict[int, Any]) -> None:
        super().__init__()
        self.counter = Counter()
        self.path: list[str] = []
        self._runs = runs
        self._originals = originals
        self._originals_own = {id(one) for one in originals.values()}
        self._open: list[Run] = []
        self._alive: list[Tensor] = []
        self._in_memory: defaultdict[int, set[int]] = defaultdict(set)

    def watch(self, twin: nn.Module) -> None:
        """Has every part of a copy report when it is called."""
        names = {id(part): name for name, part in twin.named_modules()}
        for part in list(twin.modules()):
            part.__dict__["forward"] = self._watched(part, part.forward, names[id(part)])

    def _watched(self, part: nn.Module, forward: Callable[..., Any], name: str) -> Callable[..., Any]:
        original = self._originals.get(id(part), part)
        known = kind_of(original)
        opaque = known is not None

        def called(*args: Any, **kwargs: Any) -> Any:
            caller, self.path = self.path, name.split(".") if name else []
            if known and isinstance(part, _ConvNd) and _one(*args) and args[0].dim() == part.weight.dim():
                known.output(part, Signal(tuple(args[0].shape[1:]), None, None, None))  # meta misses some faults
            reads = self._flowing(tensors_in((args, kwargs)))
            versions = [tensor._version for tensor in reads]
            before = self.counter.so_far
            run = Run(original, tuple(reads[0].shape[1:]) if reads else (), self._originals)
            alone = not kwargs and len(reads) == 1 and _one(*args)
            run.readable = alone and not opaque
            for tensor in reads:
                self._keep(tensor)
            run.values = {id(tensor): None for tensor in reads}
            self._open.append(run)
            try:
                output = forward(*args, **kwargs)
            finally:
                self._open.pop()
            self.path = caller  # where it fails it stays, to say which part failed
            cost = self._since(before)
            alone = alone and _one(output)
            if alone:
                run.output, run.macs, run.products, run.activations = tuple(output.shape[1:]), *cost
                run.readable &= id(output) in run.values
                run.result = run.values.get(id(output))
                self._runs[id(original), run.shape] = run
            self._write(original, name.rpartition(".")[2], reads, versions, args, kwargs, output, cost, alone)
            return output

        return called

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func.__name__ == "__get__" and not isinstance(value := func(*args, **kwargs), Tensor):
            return value  # a shape or a device: nothing that flows
        before = self.counter.so_far
        given = tensors_in((args, kwargs))
        if any(id(leaf) in self._originals_own for leaf in given):
            raise _ForeignWeightsError
        reads = self._flowing(given)
        versions = [tensor._version for tensor in reads]
        output = func(*args, **kwargs)
        if reads and self._open:
            name = getattr(func, "__name__", str(func))
            if name == "__setitem__" or "out" in kwargs:
                self._open[-1].readable = False  # it writes into the middle of a value
            self._write(func, name, reads, versions, args, kwargs, output, self._since(before))
        return output

    def _flowing(self, leaves: Sequence[Any]) -> list[Tensor]:
        return [leaf for leaf in leaves if self.counter.depends(leaf)]

    def _since(self, before: tuple[int, int, int]) -> tuple[int, int, int]:
        macs, products, activations = (now - then for now, then in zip(self.counter.so_far, before, strict=True))
        return macs, products, activations

    def _keep(self, tensor: Tensor) -> None:
        """Remembers a value, kept alive so that its number stays its own, and the memory that it is in."""
        self._alive.append(tensor)
        self._in_memory[tensor.untyped_storage()._cdata].add(id(tensor))

    def _spoils(self, tensor: Tensor, makes: Sequence[Tensor]) -> bool:
        """Whether a call that changed `tensor` changed a value that it does not return: this, or one in its memory."""
        return not self._in_memory[tensor.untyped_storage()._cdata] <= {id(made) for made in makes}

    def _write(
        self,
        what: Any,
        name: str,
        reads: list[Tensor],
        versions: list[int],
        args: Any,
        kwargs: Any,
        output: Any,
        cost: tuple[int, int, int],
        alone: bool = False,
    ) -> None:
        """Adds a call to the run that is open: one for each tensor that it makes."""
        makes = tensors_in(output)
        if not self._open:
            return
        run = self._open[-1]
        changed = [tensor for tensor, version in zip(reads, versions, strict=True) if tensor._version != version]
        if any(self._spoils(tensor, makes) for tensor in changed):
            run.readable = False
        if not makes or not reads:
            return
        if any(id(tensor) not in run.values for tensor in reads):
            run.readable = False  # it reads a value that it was not given
            return
        sources = [run.values[id(tensor)] for tensor in reads]
        for made in makes:
            call = Call(what, sources, args, kwargs, tuple(made.shape[1:]), cost, name, alone)
            run.calls.append(call)
            run.values[id(made)] = call
            self._keep(made)
            cost = 0, 0, 0


# ---- from calls to bricks ------------------------------------------------------------------------------


class _NoTreeError(Exception):
    """The calls of a run are not a tree of bricks."""


Step = tuple[str, nn.Module]


class _Scale(nn.Module):
    """A multiplication by one number, which a sum may take as its scale."""

    def __init__(self, factor: float, call: Call) -> None:
        super().__init__()
        self.factor = factor
        self.call = call


class _Tree:
    """Builds the form of one run, from its output backwards."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.order: dict[Call | None, int] = {call: i for i, call in enumerate(run.calls)} | {None: -1}
        self.used: list[Call] = []
        self.up: dict[Call, Call | None] = {}
        for call in run.calls:  # the last value through which everything that a call reads has passed
            above = call.reads[0]
            for other in call.reads[1:]:
                above = self.meet(above, other)
            self.up[call] = above

    def meet(self, a: Call | None, b: Call | None) -> Call | None:
        while a is not b:
            if self.order[a] < self.order[b]:
                a, b = b, a
            assert a is not None
            a = self.up[a]
        return a

    def whole(self) -> nn.Module:
        form = _row(self.path(self.run.result, None))
        unused = set(self.run.calls) - set(self.used)
        if len(self.used) != len(set(self.used)) or any(any(call.cost) for call in unused):
            raise _NoTreeError
        return form

    def path(self, to: Call | None, start: Call | None) -> list[Step]:
        """The steps from the value `start` to the value `to`."""
        steps: list[Step] = []
        while to is not start:
            if to is None:
                raise _NoTreeError
            self.used.append(to)
            joined = self.join(to) if len(to.reads) > 1 else None
            if joined:
                steps.append(joined)
                to = self.up[to]
            elif len(set(to.reads)) == 1:
                steps += reversed(self.leaf(to))
                to = to.reads[0]
            else:
                raise _NoTreeError
        return steps[::-1]

    def join(self, call: Call) -> Step | None:
        """A call that brings several values together as a brick, or None where it is none."""
        start, name = self.up[call], _plain(call.name)
        if isinstance(call.what, nn.Module):
            return None
        if name in ("cat", "concat", "concatenate"):
            tensors = call.args[0] if call.args else call.kwargs["tensors"]
            axis = call.kwargs.get("dim", call.args[1] if len(call.args) > 1 else 0)
            if len(tensors) != len(call.reads) or axis % (len(call.shape) + 1) != 1:
                return None
            return "cat", Concat(*self.branches(call.reads, start))
        if len(call.reads) != 2:
            return None
        if name == "mul":
            return "mul", Product(*(_row(self.path(read, start)) for read in call.reads))
        if name in ("add", "sub"):
            rows = [self.path(read, start) for read in call.reads]
            alpha = float(call.kwargs.get("alpha", 1)) * (-1 if name == "sub" else 1)
            return "add", _sum(rows, alpha)
        return None

    def branches(self, ends: Sequence[Call | None], start: Call | None) -> list[nn.Module]:
        """The ways from `start` to `ends`; neighbours that begin in the same way fork after what they share."""
        branches, i = [], 0
        while i < len(ends):
            j, fork = i + 1, ends[i]
            while j < len(ends) and self.meet(fork, ends[j]) is not start:
                fork = self.meet(fork, ends[j])
                j += 1
            if j == i + 1:
                branches.append(_row(self.path(ends[i], start)))
            else:
                inner = Concat(*self.branches(ends[i:j], fork))
                branches.append(_row([*self.path(fork, start), ("cat", inner)]))
            i = j
        return branches

    def leaf(self, call: Call) -> list[Step]:
        """A call that reads one value: the layer that it is, or a `Function`."""
        what = call.what
        if isinstance(what, nn.Module):
            if call.alone:
                return [(call.name, what)]
            return [(call.name, Function(type(what).__name__, call.shape, call.cost, list(what.parameters())))]
        name = _plain(call.name)
        given = call.reads[0].shape if call.reads[0] else self.run.shape
        tensors = tensors_in((call.args, call.kwargs))
        if name in ("add", "mul", "div") and len(tensors) == 1:
            number = next(value for value in (*call.args, *call.kwargs.values()) if not isinstance(value, Tensor))
            if name == "add" and number == 0:  # Python's sum begins with 0 + x
                return []
            if name != "add" and isinstance(number, int | float) and call.name != "__rtruediv__":
                return [(name, _Scale(float(number) if name == "mul" else 1 / number, call))]
        for layers in _layers_like(name, call, len(given), self.run.originals):
            if _ends(layers, given) == call.shape:
                return [(name if len(layers) == 1 else type(layer).__name__.lower(), layer) for layer in layers]
        held = (self.run.originals.get(id(tensor)) for tensor in tensors)
        parameters = [tensor for tensor in held if isinstance(tensor, nn.Parameter)]
        local = call.shape == given and name in _LOCAL
        return [(name, Function(name.replace("_", " "), call.shape, call.cost, parameters, local=local))]


def _sum(rows: list[list[Step]], alpha: float) -> Residual:
    """Two ways added, the second times `alpha`; the one that is scaled is the body, else the one of more layers."""
    scaled = [bool(row) and isinstance(row[-1][1], _Scale) for row in rows]
    long = [sum(not [*inner.children()] for _, step in row for inner in step.modules()) for row in rows]
    body = 1 if alpha != 1 or (scaled[1], long[1]) >= (scaled[0], long[0]) else 0
    scale = alpha if body else 1.0
    last = rows[body][-1][1] if rows[body] else None
    if isinstance(last, _Scale):
        rows[body] = rows[body][:-1]
        scale *= last.factor
    return Residual(_row(rows[body]), _row(rows[1 - body]), scale)


def _row(steps: list[Step]) -> nn.Module:
    """Steps one after the other, each convolution with the norm and ReLU after it as one box."""
    kept: list[Step] = []
    for name, module in steps:
        if isinstance(module, _Scale):
            module = Function(f"times {module.factor:g}", module.call.shape, module.call.cost, local=True)
        last = kept[-1][1] if kept else None
        if last is not None and _belongs_to(last, module):
            kept[-1] = kept[-1][0], _unit(last, module)
        else:
            kept.append((name, module))
    if not kept:
        return nn.Identity()
    alone = kept[0][1]
    if len(kept) == 1 and (kind_of(alone) or isinstance(alone, ConvUnit | Concat | Residual | Product | Function)):
        return alone
    row = nn.Sequential()
    for name, module in kept:
        free = next(n for i in range(1, len(kept) + 2) if (n := name if i == 1 else f"{name}_{i}") not in row._modules)
        row._modules[free] = module
    return row


def _owner(module: nn.Module) -> type | None:
    found = kind_of(module)
    return found.owner if found else None


def _belongs_to(last: nn.Module, module: nn.Module) -> bool:
    """Whether a layer is the norm or the ReLU of the box before it."""
    held = list(last._modules) if type(last) is ConvUnit else ["conv"] if _owner(last) is nn.Conv2d else []
    return (held == ["conv"] and _owner(module) is nn.BatchNorm2d) or (
        held in (["conv"], ["conv", "bn"]) and _owner(module) is nn.ReLU
    )


def _unit(last: nn.Module, module: nn.Module) -> ConvUnit:
    layers = dict(last._modules) if type(last) is ConvUnit else {"conv": last}
    unit = ConvUnit.__new__(ConvUnit)
    nn.Sequential.__init__(unit)
    unit._modules.update(layers | {"relu" if _owner(module) is nn.ReLU else "bn": module})
    return unit


def _ends(layers: Sequence[nn.Module], shape: Shape) -> Shape | None:
    """The shape after some known layers, or None where they cannot read what they get."""
    signal = Signal(shape, None, None, None)
    for layer in layers:
        known = kind_of(layer)
        try:
            output = known.output(layer, signal) if known else None
        except ValueError:
            return None
        if output is None:
            return None
        signal = output
    return signal.shape


def _plain(name: str) -> str:
    """`add` for `__radd__`, `__iadd__`, `add_` and `add`."""
    core = name.strip("_")
    if name.startswith("__") and core[:1] in "ri" and core[1:] in ("add", "mul", "sub", "truediv"):
        core = core[1:] if core != "rsub" else "rsub"
    return {"truediv": "div", "true_divide": "div", "subtract": "sub", "multiply": "mul"}.get(core, core)


_LOCAL = frozenset({
    "add", "sub", "rsub", "mul", "div", "pow", "exp", "log", "sqrt", "rsqrt", "neg", "abs", "clamp", "clamp_min",
    "clamp_max", "square", "erf", "reciprocal", "sin", "cos", "layer_norm", "group_norm", "batch_norm",
    "instance_norm", "rms_norm", "normalize", "contiguous", "clone", "detach", "to", "float", "type",
    "half", "double", "bfloat16", "requires_grad", "dropout", "dropout2d", "feature_dropout", "alpha_dropout",
    "hardtanh", "logsigmoid",
})  # fmt: skip
"""Functions whose result at a place depends on the image at that place alone (statistics of norms aside)."""

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU, "relu6": nn.ReLU6, "leaky_relu": nn.LeakyReLU, "elu": nn.ELU, "selu": nn.SELU, "celu": nn.CELU,
    "gelu": nn.GELU, "silu": nn.SiLU, "mish": nn.Mish, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "softplus": nn.Softplus,
    "hardswish": nn.Hardswish, "hardsigmoid": nn.Hardsigmoid, "softsign": nn.Softsign,
}  # fmt: skip
_MAX_POOL = "input kernel_size stride padding dilation ceil_mode return_indices"
_AVG_POOL = "input kernel_size stride padding ceil_mode count_include_pad divisor_override"
_CONV = "input weight bias stride padding dilation groups"


def _layers_like(name: str, call: Call, axes: int, originals: dict[int, Any]) -> list[list[nn.Module]]:
    """Layers that may compute what a call does on an image with that many axes, the likeliest first; shapes decide."""

    def named(names: str) -> dict[str, Any]:
        given = dict(zip(names.split(), call.args, strict=False)) | call.kwargs
        return {key: value for key, value in given.items() if key != "input"}

    if layer_class := _ACTIVATIONS.get(name):
        settings = [key for key in signature(layer_class).parameters if key != "inplace"]
        return [[layer_class(**{k: v for k, v in named(" ".join(["input", *settings])).items() if k in settings})]]
    if name in ("softmax", "log_softmax"):
        axis = named("input dim").get("dim")
        like = nn.Softmax if name == "softmax" else nn.LogSoftmax
        return [] if axis is None else [[like(axis % (axes + 1))]]
    if name in ("dropout", "dropout2d", "feature_dropout"):
        return [[nn.Dropout(named("input p").get("p", 0.5))]]
    if name.startswith("max_pool") and name[-1] == "d":
        return [[getattr(nn, f"MaxPool{name[-2:]}")(**{k: v for k, v in named(_MAX_POOL).items() if v is not None})]]
    if name.startswith("avg_pool") and name[-1] == "d":
        return [[getattr(nn, f"AvgPool{name[-2:]}")(**{k: v for k, v in named(_AVG_POOL).items() if v is not None})]]
    if name in ("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"):
        return [[getattr(nn, f"AdaptiveAvgPool{name[-2:]}")(named("input output_size")["output_size"])]]
    if name in ("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"):
        return [[getattr(nn, f"AdaptiveMaxPool{name[-2:]}")(named("input output_size")["output_size"])]]
    if name in ("clamp", "clamp_min"):
        low, high = map(named("input min max").get, ("min", "max"))
        return [[nn.ReLU()]] if isinstance(low, int | float) and low == 0 and high is None else []
    if name == "local_response_norm":
        return [[nn.LocalResponseNorm(**named("input size alpha beta k"))]]
    if name in ("flatten", "view", "reshape", "squeeze") and len(call.shape) == 1:
        return [[nn.Flatten()]]
    if name in ("mean", "amax"):
        asked = named("input dim keepdim").get("dim")
        dims = {d % (axes + 1) for d in ([asked] if isinstance(asked, int) else asked or ())}
        if axes in (2, 3) and dims == set(range(2, axes + 1)):
            pool = getattr(nn, f"Adaptive{'Avg' if name == 'mean' else 'Max'}Pool{axes - 1}d")
            return [[pool(1)], [pool(1), nn.Flatten()]]
    if name in ("conv1d", "conv2d", "conv3d"):
        given = named(_CONV)
        weight, bias, groups = given["weight"], given.get("bias"), given.get("groups", 1)
        sides = {k: given[k] for k in ("stride", "padding", "dilation") if k in given}
        sides = {k: tuple(v) if isinstance(v, list) else v for k, v in sides.items()}
        kind_of_conv = getattr(nn, f"Conv{name[-2:]}")
        shape = weight.shape[1] * groups, weight.shape[0], tuple(weight.shape[2:])
        layer = kind_of_conv(*shape, groups=groups, bias=bias is not None, device="meta", **sides)
        return [[_holding(layer, {"weight": weight, "bias": bias}, originals)]]
    if name == "linear":
        given = named("input weight bias")
        weight, bias = given["weight"], given.get("bias")
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta")
        return [[_holding(layer, {"weight": weight, "bias": bias}, originals)]]
    if name == "batch_norm" and axes == 3:
        given = named("input running_mean running_var weight bias training momentum eps")
        layer = nn.BatchNorm2d(call.shape[0], affine=given.get("weight") is not None, device="meta")
        return [[_holding(layer, {key: given.get(key) for key in ("weight", "bias")}, originals)]]
    if name == "pad" and axes == 3:
        given = named("input pad mode value")
        pad = given["pad"]
        if given.get("mode", "constant") == "constant" and len(pad) in (2, 4):
            return [[nn.ConstantPad2d((*pad, *(0,) * (4 - len(pad))), given.get("value") or 0)]]
    if name in ("contiguous", "clone", "detach", "requires_grad"):
        return [[nn.Identity()]]
    return []


def _holding(layer: nn.Module, tensors: dict[str, Any], originals: dict[int, Any]) -> nn.Module:
    """`layer` with the reader's own parameters in place of its own; what was computed is nobody's parameter."""
    for name, tensor in tensors.items():
        original = originals.get(id(tensor))
        layer._parameters[name] = original if isinstance(original, nn.Parameter) else None
    return layer
