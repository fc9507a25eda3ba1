"""Explorers: a pure function from numbers to a result, a drawing of it, and one panel that puts sliders to both."""

from .bottleneck import bottleneck_explorer
from .family_map import family_map_explorer
from .inception_block import inception_block_explorer
from .naive_block import naive_block_explorer
from .small_kernels import small_kernels_explorer

__all__ = [
    "bottleneck_explorer",
    "family_map_explorer",
    "inception_block_explorer",
    "naive_block_explorer",
    "small_kernels_explorer",
]
