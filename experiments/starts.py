"""Starts other than torch's own, for recorded runs that compare them."""

from torch import nn


def kaiming_start(net: nn.Module) -> nn.Module:
    """The same network, its convolutions with variance 2 / inputs (He et al., arXiv 1502.01852) and biases of 0."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return net
