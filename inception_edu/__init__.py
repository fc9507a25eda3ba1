"""inception_edu: the Inception family in four bricks, priced by one calculator.

>>> import inception_edu as ie
>>> net = ie.build("googlenet")
>>> node = ie.trace(net, (3, 224, 224))
>>> node.params, node.macs
(6998552, 1582671872)

`ie.FAMILY` lists the networks, `ie.build` makes one, `ie.trace` reads its shapes and cost without
computing anything, `ie.summary` tabulates and `ie.diagram` draws what `trace` read, and
`ie.load_checkpoint` brings torchvision's and timm's weights in. torch is imported by the first
call that needs it, not by `import inception_edu`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .family import FAMILY, build

if TYPE_CHECKING:
    from .checkpoints import load_checkpoint
    from .fusion import fuse
    from .show.drawing import diagram
    from .show.tables import summary
    from .tracing import Node, ShapeError, trace

__version__ = "0.1.0"
__all__ = ["FAMILY", "Node", "ShapeError", "build", "diagram", "fuse", "load_checkpoint", "summary", "trace"]

_HOMES = {
    "Node": "tracing",
    "ShapeError": "tracing",
    "diagram": "show.drawing",
    "fuse": "fusion",
    "load_checkpoint": "checkpoints",
    "summary": "show.tables",
    "trace": "tracing",
}


def __getattr__(name: str) -> Any:
    """Imports a public name from its module when it is first asked for (PEP 562), so that `import` stays quick."""
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
