from .agreement import agree as agree
from .bricks import Concat as Concat
from .bricks import ConvUnit as ConvUnit
from .bricks import Residual as Residual
from .checkpoints import load_checkpoint as load_checkpoint
from .family import FAMILY as FAMILY
from .family import build as build
from .fusion import fuse as fuse
from .shorthand import branch as branch
from .show.drawing import diagram as diagram
from .show.tables import summary as summary
from .tracing import Node as Node
from .tracing import ShapeError as ShapeError
from .tracing import trace as trace

__version__: str
