"""Chapter 10's two ways to change an image by its gradient: away from its class unseen, and towards a class.

>>> fooled = attacked(net, images, labels, radius=1.0)   # (N, C, H, W), no image further than 1.0 from its own
>>> wish = towards(net, start, label=9)                  # what the network takes for an ankle boot
"""
# mypy: untyped-calls-exclude=torch

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data.fashion import BLACK, WHITE
from ..running import evaluating


def attacked(net: nn.Module, images: Tensor, labels: Tensor, radius: float, steps: int = 7) -> Tensor:
    """Each image moved by at most `radius` so that its true class becomes unlikely: (N, C, H, W) -> the same shape.

    Projected gradient descent (Madry et al., arXiv 1706.06083) in the Euclidean distance: each step goes up the
    gradient of the loss by 2.5 * radius / steps, back into the ball around the image, and back between black and
    white. Distances are in normalised pixels; times `fashion.STD` they are in shares of full white. The network is in
    evaluation mode.

    Raises ValueError for a radius below 0 or fewer steps than 1.
    """
    if radius < 0 or steps < 1:
        raise ValueError(f"an attack of radius {radius} in {steps} steps cannot be: at least 0, in at least 1 step")
    moved = images
    with evaluating(net):
        for _ in range(steps):
            moved = moved.detach().requires_grad_()
            loss = F.cross_entropy(net(moved), labels, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, moved)
            moved = moved + 2.5 * radius / steps * _of_length_1(gradient)
            moved = images + (moved - images).renorm(2, 0, radius)  # images further away come back to the radius
            moved = moved.clamp(BLACK, WHITE)
    return moved.detach()


def towards(net: nn.Module, start: Tensor, label: int, steps: int = 100, size: float = 0.3) -> Tensor:
    """Images (N, C, H, W) changed to raise the logit of one class: gradient ascent, `steps` of length `size` each.

    Lengths are in normalised pixels, and every pixel stays between black and white. The network is in evaluation mode.
    After Simonyan et al. (arXiv 1312.6034); that robust networks then draw their classes, Santurkar et al. showed
    (arXiv 1906.09453). Raises IndexError for a class that the network does not have.
    """
    image = start
    with evaluating(net):
        for _ in range(steps):
            image = image.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(net(image)[:, label].sum(), image)
            image = (image + size * _of_length_1(gradient)).clamp(BLACK, WHITE)
    return image.detach()


def _of_length_1(gradient: Tensor) -> Tensor:
    """Each of the gradients (N, C, H, W) divided by its length; a gradient of 0 remains 0."""
    return F.normalize(gradient.flatten(1)).view_as(gradient)
