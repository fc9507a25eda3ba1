"""Running a network without changing it: evaluation mode, a number of cores, the logits of many images.

>>> logits = predict(net, images)                    # in evaluation mode, on one core, batch by batch
>>> with evaluating(net), threads(), torch.no_grad():
...     maps = net.features(images)                  # the same for any other part of it
"""
# mypy: untyped-calls-exclude=torch

import time  # by its whole name: on a web page Python has no thread_time, and only measuring needs it
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median

import torch
from torch import Tensor, nn


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Inside the block every module of `net` is in evaluation mode; afterwards each is in its own mode again.

    `net.train()` would not do that: it also puts into training mode what was frozen in evaluation mode before.
    """
    modes = [(module, module.training) for module in net.modules()]
    try:
        net.eval()
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def threads(count: int = 1) -> Iterator[None]:
    """Inside the block torch computes on `count` cores; afterwards on as many as before.

    The one place where threads are chosen. The default is one core: the same seed then gives
    bitwise the same weights, and other programs keep theirs. Little is lost. On the two-core virtual
    machine where this was written (benchmarks/threads.py; an observation, not a law), two threads trained the
    small GoogLeNet 1.2 to 1.8 times as fast as one in torch's usual order of memory, but only 0.9 to 1.0
    times as fast with channels last; and channels last was 2 times as fast as the usual order on one thread.

    Raises ValueError for a count below 1.
    """
    if count < 1:
        raise ValueError(f"the number of threads must be at least 1, not {count}")
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def predict(net: nn.Module, images: Tensor, *, batch_size: int = 500) -> Tensor:
    """The logits (N, classes) of images (N, C, H, W), computed in evaluation mode, without gradients, on one core.

    Any input that the network reads in batches will do, such as word numbers (N, L) for a text network. `net` is left
    unchanged, including the order of its weights in memory. A network on a GPU computes there, batch by batch; the
    logits are where the images are.
    """
    device = device_of(net)
    with evaluating(net), _in_order(net), threads(), torch.no_grad():
        return torch.cat([net(batch.to(device)).to(images.device) for batch in images.split(batch_size)])


def device_of(net: nn.Module) -> torch.device:
    """Where the first parameter of a network is; the CPU for a network without any."""
    return next((parameter.device for parameter in net.parameters()), torch.device("cpu"))


@contextmanager
def _in_order(net: nn.Module, order: torch.memory_format = torch.channels_last) -> Iterator[None]:
    """Inside the block each convolution's weights are in memory in this order, by default with channels last.

    No value changes, but torch's pools and small convolutions run several times as fast on a CPU:
    max pooling of (N, C, H, W) walks the memory in strides otherwise.
    """
    kept = [(tensor, tensor.data) for tensor in (*net.parameters(), *net.buffers()) if tensor.dim() == 4]
    try:
        for tensor, values in kept:
            tensor.data = values.to(memory_format=order)
        yield
    finally:
        for tensor, values in kept:
            tensor.data = values


def milliseconds(
    nets: Sequence[nn.Module], images: Tensor, *, order: torch.memory_format = torch.channels_last, turns: int = 40
) -> list[float]:
    """How long each network takes for the same images (N, C, H, W) on one core, in evaluation mode: medians of turns.

    `order` is how images and weights are in memory. What is measured is the thread's own time on the processor, which
    on an idle machine is the time that passes. The networks take turns, so that a busy machine disturbs them all
    equally. It is still an observation: another run may differ by a tenth or more.
    """
    return [times[None] for times in milliseconds_by_kind(lambda _: None, nets, images, order=order, turns=turns)]


def milliseconds_by_kind(
    kind: Callable[[nn.Module], str | None],
    nets: Sequence[nn.Module],
    images: Tensor,
    *,
    order: torch.memory_format = torch.contiguous_format,
    turns: int = 100,
) -> list[dict[str | None, float]]:
    """The time of `milliseconds` for each network, by default in torch's usual order, split by the kind of module.

    `kind` names a module's kind, or is None for one that is not measured; a module inside a measured one must be None.
    The key None is what all others take. To take the time of each module costs some time too, a few percent.
    """
    spent: dict[str | None, float] = {}
    starts: list[float] = []

    def before(*_: object) -> None:
        starts.append(time.thread_time())

    def after(module: nn.Module, *_: object) -> None:
        spent[kind(module)] = spent.get(kind(module), 0) + 1000 * (time.thread_time() - starts.pop())

    seen: list[list[dict[str | None, float]]] = [[] for _ in nets]
    images = images.contiguous(memory_format=order)
    with ExitStack() as stack, threads(), torch.inference_mode():
        for net in nets:
            stack.enter_context(evaluating(net))
            stack.enter_context(_in_order(net, order))
        # A module that two networks share is hooked once.
        for module in dict.fromkeys(module for net in nets for module in net.modules() if kind(module) is not None):
            stack.callback(module.register_forward_pre_hook(before).remove)
            stack.callback(module.register_forward_hook(after).remove)
        for turn in range(5 + turns):  # the first five warm up
            for net, times in zip(nets, seen, strict=True):
                spent.clear()
                start = time.thread_time()
                net(images)
                total = 1000 * (time.thread_time() - start)
                if turn >= 5:
                    times.append(spent | {None: total - sum(spent.values())})
    return [{name: median(each[name] for each in times) for name in times[0]} for times in seen]
