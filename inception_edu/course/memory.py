"""How much memory one image's activations take at the worst moment: what is alive at once, not the sum of all.

`Node.activation_bytes` adds up the outputs of all layers, which is roughly what training keeps for the backward pass.
Inference frees a tensor as soon as nothing will read it again, so what counts is the fullest moment.
"""

from torch import nn

from ..bricks import Concat, ConvUnit, Residual
from ..fusion import Slice
from ..tracing import Node

_VIEWS = (nn.Identity, nn.Dropout, nn.Flatten, Slice)
"""In evaluation mode these pass on the tensor that they read, or a part of it, and make none."""


def peak_bytes(node: Node) -> int:
    """Bytes of float32 activations alive at the fullest moment while one image passes through a traced module.

    Counts what torch holds in evaluation mode without gradients, the module's own input included: a module's input
    lives until the module returns, branches wait for the others before they are joined, a convolution's output
    lives until the batch norm or ReLU after it has made its own, and a max pool also stores the positions of
    its maxima, 8 bytes each. Weights and the scratch memory of the kernels are not counted.
    """
    return 4 * _peak(node)


def _peak(node: Node) -> int:
    """The fullest moment while `node` runs, in values of 4 bytes."""
    held, made = node.input.elements, node.output.elements
    match node.form:
        case Concat():
            joined = waiting = 0
            for branch in node.children:
                joined = max(joined, waiting + _peak(branch))
                waiting += _new(branch)
            return max(joined, held + waiting + made)
        case Residual():
            body, shortcut = node.children
            return max(_peak(shortcut), _new(shortcut) + _peak(body), held + _new(shortcut) + 2 * made)
        case ConvUnit():
            return held + made * min(len(node.form), 2)
        case nn.MaxPool2d():
            return held + 3 * made
        case nn.LocalResponseNorm():
            return held + 3 * made
    if node.children:
        first, *others = node.children
        kept = held - first.output.elements if _views(first) else held
        return max(_peak(first), *(kept + _peak(child) for child in others), 0)
    return held + _new(node)


def _views(node: Node) -> bool:
    """Whether the output is the input itself, or a part of it."""
    if node.children:
        return isinstance(node.form, nn.Sequential) and all(map(_views, node.children))
    return isinstance(node.form, _VIEWS)


def _new(node: Node) -> int:
    """Values that `node` adds to memory."""
    return 0 if _views(node) else node.output.elements
