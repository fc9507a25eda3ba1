"""Networks that are built only to be traced: nothing is initialised, and equal boxes share what is in them.

`trace` reads an Inception-v4 in milliseconds, but building it takes twenty times as long, on the meta device too:
149 convolutions and as many batch norms are made and initialised, of which only 37 and 11 differ. A slider that
changes every width waits for that at each move.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from functools import cache, lru_cache
from typing import Any

import torch
from torch import nn

_drafting = ContextVar("drafting", default=False)


@contextmanager
def drafting() -> Iterator[None]:
    """What is built inside costs what it would cost outside, and is there to be traced: never run, train or change it.

    >>> with drafting():
    ...     node = trace(build("inception_v4", width=0.5), (3, 299, 299))

    Its tensors are on the meta device, without values. Boxes (`ConvUnit`) of equal numbers share their parameters, in
    one network and from one to the next, so its `parameters()` are too few; `trace` counts every box.
    """
    token = _drafting.set(True)
    try:
        with torch.device("meta"):
            yield
    finally:
        _drafting.reset(token)


def made(kind: Callable[..., nn.Module], *args: Any, **options: Any) -> nn.Module:
    """`kind(*args, **options)`; while drafting, a shallow copy of the one that is kept, so that `trace` counts each."""
    return copy(_kept(kind, *args, **options)) if _drafting.get() else kind(*args, **options)


@lru_cache(maxsize=4096)
def _kept(kind: Callable[..., nn.Module], *args: Any, **options: Any) -> nn.Module:
    return _without_values(kind)(*args, **options)


@cache
def _without_values(kind: Any) -> Any:
    """A layer of the same kind and name that leaves its weights as they are: on the meta device they have no values."""
    if not hasattr(kind, "reset_parameters"):
        return kind
    return type(kind.__name__, (kind,), {"reset_parameters": lambda _: None})
