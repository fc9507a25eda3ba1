"""A torch without tensors: modules keep their settings and the shapes of their weights, all that `trace` reads.

On a web page there is no torch. With this folder first on the path, networks are built, traced and drawn there by the
same code as everywhere else; whatever would compute says that it cannot.
"""

from contextlib import nullcontext
from typing import Any

from . import nn as nn


class Tensor:
    """What annotations name."""


class device(nullcontext):  # noqa: N801  torch's own name
    """`with torch.device("meta"):` changes nothing here, where nothing has values."""


class memory_format:  # noqa: N801  torch's own name
    """How numbers are in memory: a name in arguments, as nothing has numbers."""


channels_last, contiguous_format = memory_format(), memory_format()


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    raise ValueError(f"a web page has no PyTorch, and torch.{name} computes: open the notebook in JupyterLab for that")
