"""What a module is called in a table or a drawing: the shape of its box, and the words in it."""

from torch import nn

from ..bricks import Concat, ConvUnit, Function, Product, Residual
from ..layers import kind_of


def box(module: nn.Module) -> str:
    """`conv depthwise pool linear norm activation dropout reshape identity concat sum block`: what a drawing shows."""
    match module:
        case ConvUnit() if "conv" in module._modules:
            return box(module.conv)
        case Concat():
            return "concat"
        case Residual() | Product():
            return "sum"
        case Function():
            return "reshape"
    kind = kind_of(module)
    return kind.box(module) if kind else "block"


def label(module: nn.Module) -> str:
    """The words in its box, such as `3x3 conv /2 V`: kernel, kind, then stride, then V where it does not pad."""
    match module:
        case ConvUnit() if "conv" in module._modules:
            return label(module.conv)
        case Concat():
            return "concat"
        case Residual():
            return "sum" if module.scale == 1 else f"sum, body x {module.scale:g}"
        case Product():
            return "product"
        case Function():
            return module.name
        case nn.Sequential():
            return ""
    kind = kind_of(module)
    return kind.label(module) if kind else type(module).__name__
