"""Pictures inside drawings; apart from `svg`, so that the explorers of shapes need neither numpy nor Pillow."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def grey(pixels: NDArray[np.uint8], scale: int) -> str:
    """A grey picture (H, W), 0 black to 255 white, from the corner of the drawing; a pixel is `scale` units wide."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    data = base64.b64encode(buffer.getvalue()).decode()
    height, width = pixels.shape
    size = f'width="{scale * width}" height="{scale * height}" style="image-rendering:pixelated"'
    return f'<image x="0" y="0" {size} href="data:image/png;base64,{data}"/>'
