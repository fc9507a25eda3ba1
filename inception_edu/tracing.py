"""Reads a module's shapes and cost off its structure, without computing anything.

`trace` walks the module tree once. What a layer outputs and costs is in `layers`; what the bricks make of their parts
is here. A module that is neither is read by what its `forward` does (see `reading`): as a tree of bricks where it is
one, and else as a whole, by one run without values on the meta device. The module itself is never run or changed, so
it may be on any device.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import index
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import nn

from .arithmetic import TooSmallError
from .bricks import Concat, ConvUnit, Function, Product, Residual
from .layers import Records, Signal, kind_of, may_be_unready, refuse_unready, uncompiled
from .layers import Sides as Shape

if TYPE_CHECKING:
    from .reading import Runs


class ShapeError(ValueError):
    """A module cannot read what it is given; the message says where, and the numbers."""


class Reading(NamedTuple):
    """What a rule answers: the output, and the module's own cost beyond that of its children."""

    output: Signal
    macs: int = 0
    products: int = 0
    activations: int = 0
    children: tuple["Node", ...] = ()
    aux: tuple["Node", ...] = ()
    form: nn.Module | None = None
    known: bool = True


@dataclass(frozen=True, slots=True)
class Node:
    """One module as `trace` read it, with everything below it. Numbers are for one image (batch 1).

    | field         | what it is                                                                            |
    |---------------|---------------------------------------------------------------------------------------|
    | `name`        | its name in its parent                                                                |
    | `module`      | the module itself                                                                     |
    | `form`        | the brick that it was read as: itself, or what its `forward` amounts to                |
    | `input`       | the `Signal` it reads: `.shape`, `.field`, `.jump`                                    |
    | `output`      | the `Signal` it outputs                                                               |
    | `params`      | parameters, auxiliary heads included; a parameter used twice is counted where first met |
    | `macs`        | multiply-adds of convolutions and linear layers                                       |
    | `products`    | multiply-adds of matrix products of two computed values, as in attention: not in `macs` |
    | `activations` | values that convolutions and linear layers output                                     |
    | `children`    | the nodes inside: in order, or side by side under `Concat`, `Residual` and `Product`  |
    | `aux`         | the auxiliary heads, each named after the block that it reads                         |
    | `known`       | False where it was counted by a run as a whole, so that its receptive field is unknown |

    Only training runs the auxiliary heads, so neither `macs` nor `activations` counts them.
    """

    name: str
    module: nn.Module = field(repr=False)
    form: nn.Module = field(repr=False)
    input: Signal
    output: Signal
    params: int
    macs: int
    products: int
    activations: int
    children: tuple["Node", ...] = field(default=(), repr=False)
    aux: tuple["Node", ...] = field(default=(), repr=False)
    known: bool = True

    @property
    def activation_bytes(self) -> int:
        """Bytes of `activations` in float32."""
        return 4 * self.activations

    @property
    def own_params(self) -> int:
        """Parameters that belong to none of its children: those it holds itself, and of parts that never run."""
        inside = sum(child.params for child in (*self.children, *self.aux))
        return self.params - inside if self.children else 0

    def __getitem__(self, path: str) -> "Node":
        """The node at a dotted path, `node["inception_3a.1.0"]`; KeyError names what is there instead."""
        node = self
        for name in path.split("."):
            found = [child for child in node.children if child.name == name]
            if not found:
                there = ", ".join(child.name for child in node.children) or "nothing"
                raise KeyError(f"{node.name or 'the network'} has no part {name!r}; it has {there}")
            node = found[0]
        return node

    def walk(self) -> Iterator["Node"]:
        """This node and all below it, parents first; auxiliary heads are not among them."""
        yield self
        for child in self.children:
            yield from child.walk()

    def unread(self, path: str = "") -> Iterator[str]:
        """`layer_3 (WindowAttention)` for each part that was counted by a run as a whole, with its dotted path."""
        if not self.known:
            yield f"{path or self.name or 'all'} ({type(self.module).__name__})"
        for child in self.children:
            yield from child.unread(f"{path}.{child.name}" if path else child.name)


class Walk:
    """Carries one `trace` through the tree: `walk(name, module, signal)` gives the `Node` of a child.

    `aux` says whether auxiliary heads are read too, `hooks` whether modules with forward hooks are, as without them.
    """

    def __init__(self, aux: bool = True, *, hooks: bool = False) -> None:
        self.aux = aux
        self.hooks = hooks
        self._path: list[str] = []
        self._counted: dict[int, None] = {}  # in order, so that what came last can be taken back

    def __call__(self, name: str, module: nn.Module, signal: Signal) -> Node:
        self._path.append(name)
        try:
            reading = self._read(module, signal)
        except ShapeError:
            raise
        except ValueError as error:
            where = ".".join(filter(None, [*self._path, *getattr(error, "path", ())]))
            raise ShapeError(f"{where}: {error}" if where else str(error)) from error
        self._path.pop()
        output, macs, products, activations, children, aux, form, known = reading
        params = self.new_params(module) if not children else sum(child.params for child in children)
        for child in children:
            macs += child.macs
            products += child.products
            activations += child.activations
        params += sum(head.params for head in aux)
        return Node(
            *(name, module, form or module, signal, output, params, macs, products, activations, children, aux, known)
        )

    def _read(self, module: nn.Module, signal: Signal) -> Reading:
        if may_be_unready(module):
            refuse_unready(module, self._path, hooks=self.hooks)
        if (compiled := uncompiled(module)) is not module:
            return self._read(compiled, signal)
        if rule := RULES.of(module):
            reading: Reading = rule(module, signal, self)
            return reading
        if kind := kind_of(module):
            output = kind.output(module, signal)
            if output is not None and kind.macs is None:
                return Reading(output)
            if output is not None and kind.macs is not None:
                return Reading(output, kind.macs(module, signal, output), activations=output.elements)
        return self._foreign(module, signal)

    @cached_property
    def _runs(self) -> "Runs":
        # Most traces meet no foreign module, and then nothing of torch's tracing machinery is loaded.
        from .reading import Runs

        return Runs()

    def _foreign(self, module: nn.Module, signal: Signal) -> Reading:
        """A module that is neither a brick nor a layer of `layers`: what its `forward` amounts to.

        A form is believed only if it costs what the run cost.
        """
        run = self._runs.of(module, signal.shape)
        whole = Reading(signal.blind(run.output), run.macs, run.products, run.activations, known=False)
        form = run.form
        if form is None:
            return whole
        depth, counted = len(self._path), len(self._counted)
        try:
            reading = self._read(form, signal)
        except (ValueError, TypeError, RecursionError):  # some part does not stand by itself, or is too deep
            del self._path[depth:]
        else:
            macs = reading.macs + sum(child.macs for child in reading.children)
            products = reading.products + sum(child.products for child in reading.children)
            if (reading.output.shape, macs, products) == (run.output, run.macs, run.products):
                return reading._replace(form=reading.form or form)
        self.take_back(counted)
        return whole

    def new_params(self, module: nn.Module) -> int:
        """Parameters of a module, and of all inside it, that no node has counted yet."""
        count = 0
        for parameter in module._parameters.values():
            if parameter is not None and id(parameter) not in self._counted:
                self._counted[id(parameter)] = None
                count += parameter.numel()
        for child in module._modules.values():
            if child is not None:
                count += self.new_params(child)
        return count

    def skip(self, module: nn.Module) -> None:
        """Leaves the parameters of a module out of the count."""
        self._counted |= dict.fromkeys(id(parameter) for parameter in module.parameters())

    def take_back(self, count: int) -> None:
        """Forgets which parameters were counted after the first `count`."""
        while len(self._counted) > count:
            self._counted.popitem()

    def _all_counted(self, module: nn.Module) -> bool:
        for parameter in module._parameters.values():
            if parameter is not None and id(parameter) not in self._counted:
                return False
        return all(child is None or self._all_counted(child) for child in module._modules.values())

    def completed(self, node: Node) -> Node:
        """`node` with the parameters that nothing ran, each counted at the innermost node whose module holds it."""
        if self._all_counted(node.module):
            return node
        children = tuple(self.completed(child) for child in node.children)
        more = sum(new.params - old.params for new, old in zip(children, node.children, strict=True))
        return replace(node, children=children, params=node.params + more + self.new_params(node.module))


def trace(module: nn.Module, shape: Sequence[int], *, aux: bool = True, name: str = "") -> Node:
    """Shapes, parameters, MACs, activations and receptive fields of `module` for one image of `shape` (C, H, W).

    MACs count the multiply-adds of convolutions and linear layers for a batch of one, nothing else; a product of
    weights with what flows through counts as a linear layer, however it is written. Products of two computed values,
    as in attention, are counted apart (`products`). Any module of one tensor in and one out is read, in evaluation
    mode, and left as it is; a part whose `forward` is not made of bricks and known layers is run without values, and
    its receptive field is not known then (`Node.unread`). `params` are all of the module's, those of parts that never
    run included. `aux=False` leaves auxiliary heads out, which often need a larger image than the rest. `name` is what
    tables, drawings and a ShapeError call the module.

    Raises ShapeError (a ValueError) when the module cannot read that shape or has no weights yet, and TypeError for a
    module that cannot be read: one with forward hooks, with several inputs or outputs or an output without the batch
    as its first axis, one that decides by values, or one whose `forward` was replaced by a function that holds on to
    its weights.
    """
    try:
        sizes = tuple(index(n) for n in shape)
    except TypeError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise ShapeError(f"a shape is (channels, height, width), whole numbers above 0; got {_given(shape)}")
    walk = Walk(aux)
    try:
        return replace(walk.completed(walk("", module, image(sizes))), name=name)
    except ShapeError as error:
        raise ShapeError(_explained(module, sizes, aux, name, error)) from None


def explain(module: nn.Module, shape: Sequence[int], *, aux: bool = True) -> str | None:
    """Why `module` cannot read an image of `shape`, in one sentence; None where the shape is not the reason."""
    sizes = tuple(shape)
    try:
        Walk(aux, hooks=True)("", module, image(sizes))
    except ShapeError as error:
        return _explained(module, sizes, aux, "", error)
    except TypeError:
        pass  # a part that cannot be read cannot be blamed either
    return None


def image(sizes: Shape) -> Signal:
    """What an image of `sizes` is before the first layer: each value sees itself."""
    one = (1,) * (len(sizes) - 1 or 2)
    return Signal(sizes, one, one, (0,) * len(one))


def _explained(module: nn.Module, sizes: Shape, aux: bool, name: str, error: ShapeError) -> str:
    who = name or getattr(module, "name", "") or type(module).__name__
    message = f"{who} cannot read {'(C, H, W)' if len(sizes) == 3 else 'a shape'} = {sizes}: {error}"
    too_small = isinstance(error.__cause__, TooSmallError)
    if too_small and len(sizes) == 3 and (smallest := _smallest_side(module, sizes[0], min(sizes[1:]), aux)):
        message += f"; the smallest square image it can read is {smallest}x{smallest}"
    return message


def traced(what: Any, shape: Sequence[int] | None = None) -> Node:
    """What tables and drawings show: a `Node` as it is, or a module on an image of `shape` (C, H, W).

    Raises TypeError for anything else, and for a module without a shape.
    """
    if isinstance(what, Node) and shape is None:
        return what
    if isinstance(what, nn.Module) and shape is not None:
        return trace(what, shape)
    if isinstance(what, nn.Module):
        raise TypeError(f"{type(what).__name__} reads images, so give their shape too, such as (net, (3, 224, 224))")
    given = f"{type(what).__name__} and a shape" if shape is not None else type(what).__name__
    raise TypeError(f"this takes what trace returns, or a module and a shape (C, H, W), not {given}")


def _given(shape: Any) -> Any:
    return tuple(shape) if isinstance(shape, Iterable) else shape


def _smallest_side(module: nn.Module, channels: int, failed: int, aux: bool) -> int | None:
    """The smallest square side above `failed` that traces, or None where none up to 1024 does."""

    def fault(side: int) -> Exception | None:
        try:
            Walk(aux, hooks=True)("", module, image((channels, side, side)))
        except (ShapeError, TypeError) as error:  # what cannot be read at all can at no side
            return error
        return None

    def too_small(side: int) -> bool:
        error = fault(side)
        return error is not None and isinstance(error.__cause__, TooSmallError)

    low, high = failed, 1024
    if too_small(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if too_small(middle) else (low, middle)
    # from here on every window fits, but branches may still end on different grids at some sizes
    return next((side for side in range(high, high + 64) if fault(side) is None), None)


# ---- the bricks ------------------------------------------------------------------------------------

Rule = Callable[[Any, Signal, Walk], Reading]
RULES: Records[Rule] = Records()
"""What a module makes of its parts, by the class whose `forward` it describes."""


def rule(owner: type[nn.Module]) -> Callable[[Rule], Rule]:
    """Records the decorated function as the rule of the class `owner`."""

    def register(read: Rule) -> Rule:
        RULES[owner] = read
        return read

    return register


@rule(ConvUnit)
def _unit(module: ConvUnit, signal: Signal, walk: Walk) -> Reading:
    """One box of a figure, so one node: the cost of its layers added up."""
    if "conv" not in module._modules:
        return _sequence(module, signal, walk)  # a reader took it out, and with it what the box would say
    macs = products = activations = 0
    known, given, counted = True, signal, len(walk._counted)
    for _, layer in layers_of(module):
        reading = walk._read(layer, signal)
        if reading.children:  # a layer of the reader's own, with parts
            walk.take_back(counted)
            return _sequence(module, given, walk)
        signal = reading.output
        macs += reading.macs
        products += reading.products
        activations += reading.activations
        known &= reading.known
    return Reading(signal, macs, products, activations, known=known)


def layers_of(module: nn.Sequential) -> Iterator[tuple[str, nn.Module]]:
    """The named layers in order, one that is used twice twice too. TypeError for a None among them."""
    for name, layer in module._modules.items():
        if layer is None:
            raise TypeError(f"{name} of a {type(module).__name__} is None, which cannot be run: take it out")
        yield name, layer


@rule(nn.Sequential)
def _sequence(module: nn.Sequential, signal: Signal, walk: Walk) -> Reading:
    nodes = []
    for name, layer in layers_of(module):
        nodes.append(node := walk(name, layer, signal))
        signal = node.output
    return Reading(signal, children=tuple(nodes))


def _joined(outputs: list[Signal], shape: Shape) -> Signal:
    """Values of `shape` that each depend on one of every signal; a side of 1 is stretched, and stays where it is."""
    sides = len(outputs[0].windows)
    if {len(o.windows) for o in outputs} != {sides} or (len(shape) > 1 and sides != len(shape) - 1):
        return outputs[0].blind(shape)
    field, jump, start = [], [], []
    for side, n in enumerate(shape[1:] or (1,) * sides):
        seen = [o.windows[side] for o in outputs]
        steps = [j if len(shape) == 1 or o.sides[side] == n else 0 for o, (_, j, _) in zip(outputs, seen, strict=True)]
        widths, firsts = [], []
        for i in (0, n - 1):  # windows that move apart are farthest apart at one of the two ends
            lows = [at + i * step for (_, _, at), step in zip(seen, steps, strict=True)]
            widths.append(max(low + f for low, (f, _, _) in zip(lows, seen, strict=True)) - min(lows))
            firsts.append(min(lows))
        field.append(max(widths))
        jump.append(max(steps))
        start.append(firsts[0])
    return Signal(shape, tuple(field), tuple(jump), tuple(start))


def _branches(module: nn.ModuleList, signal: Signal, walk: Walk) -> tuple[Node, ...]:
    """The branches that read the same signal. Raises ValueError where there are none."""
    if not len(module):
        raise ValueError(f"a {type(module).__name__} needs at least one branch")
    return tuple(walk(str(i), branch, signal) for i, branch in enumerate(module))


@rule(Concat)
def _concat(module: Concat, signal: Signal, walk: Walk) -> Reading:
    nodes = _branches(module, signal, walk)
    outputs = [node.output for node in nodes]
    if len({o.sides for o in outputs}) > 1:
        grids = ", ".join("x".join(map(str, o.sides)) or "a vector" for o in outputs)
        raise ValueError(
            f"the branches end on different grids ({grids}), and only equal grids can be joined on channels"
        )
    channels = sum(o.channels for o in outputs)
    return Reading(_joined(outputs, (channels, *outputs[0].sides)), children=nodes)


def _stretched(outputs: list[Signal]) -> Shape | None:
    """The shape to which torch stretches sides of 1, or None where it cannot."""
    if len({len(o.shape) for o in outputs}) > 1:
        return None
    axes = list(zip(*(o.shape for o in outputs), strict=True))
    if any(len(set(axis) - {1}) > 1 for axis in axes):
        return None
    return tuple(max(axis) for axis in axes)


@rule(Residual)
def _residual(module: Residual, signal: Signal, walk: Walk) -> Reading:
    if hasattr(module.scale, "shape"):  # learned, or one for each channel, which may stretch what it scales
        return walk._foreign(module, signal)
    body, shortcut = walk("body", module.body, signal), walk("shortcut", module.shortcut, signal)
    outputs = [body.output, shortcut.output]
    shape = _stretched(outputs)
    if shape is None:
        raise ValueError(
            f"the body ends in {body.output.shape} and the shortcut in {shortcut.output.shape}, "
            "and only equal shapes can be added"
        )
    return Reading(_joined(outputs, shape), children=(body, shortcut))


@rule(Product)
def _product(module: Product, signal: Signal, walk: Walk) -> Reading:
    nodes = _branches(module, signal, walk)
    outputs = [node.output for node in nodes]
    shape = _stretched(outputs)
    if shape is None:
        ends = ", ".join(str(o.shape) for o in outputs)
        raise ValueError(f"the branches end in {ends}, and only equal shapes can be multiplied")
    return Reading(_joined(outputs, shape), children=nodes)


@rule(Function)
def _function(module: Function, signal: Signal, walk: Walk) -> Reading:
    output = signal._replace(shape=module.shape) if module.local else signal.blind(module.shape)
    return Reading(output, *module.cost, known=module.local)
