"""Explorers: settings with their ranges, a view and a sentence made from them, and one panel with the sliders."""

from .bottleneck import bottleneck_explorer
from .branch_silence import branch_silence_explorer
from .canvas import canvas_explorer
from .designer import designer_explorer
from .factorise import factorise_explorer
from .family_map import family_map_explorer
from .grid_reduction import grid_reduction_explorer
from .head_size import head_size_explorer
from .inception_block import inception_block_explorer
from .naive_block import naive_block_explorer
from .occluder import occluder_explorer
from .price import price_explorer
from .rate import rate_explorer
from .reduction_klmn import reduction_klmn_explorer
from .residual_scale import residual_scale_explorer
from .separable import separable_explorer
from .small_kernels import small_kernels_explorer

__all__ = [
    "bottleneck_explorer",
    "branch_silence_explorer",
    "canvas_explorer",
    "designer_explorer",
    "factorise_explorer",
    "family_map_explorer",
    "grid_reduction_explorer",
    "head_size_explorer",
    "inception_block_explorer",
    "naive_block_explorer",
    "occluder_explorer",
    "price_explorer",
    "rate_explorer",
    "reduction_klmn_explorer",
    "residual_scale_explorer",
    "separable_explorer",
    "small_kernels_explorer",
]
