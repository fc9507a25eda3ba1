"""Makes assets/fashion_mnist and assets/photos from their sources: `python tools/make_assets.py`.

Needs Fashion-MNIST (Debian's package dataset-fashion-mnist, or the network once) and scikit-image,
whose wheel carries the photographs. Every run writes the same bytes (the .gz files if
zlib compresses alike).
"""

import gzip
import shutil
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage import data as skimage_data

from inception_edu.data.fashion import _read_idx, balanced_choice, full_fashion

ASSETS = Path(__file__).resolve().parent.parent / "assets"
PER_CLASS, SEED = 600, 0
SIDE = 256


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    """Writes an array of bytes as a gzipped IDX file."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    path.write_bytes(gzip.compress(header + array.tobytes(), 9, mtime=0))


def make_fashion(folder: Path) -> None:
    """600 training images per class, in the order of the full set, and the test files unchanged."""
    folder.mkdir(parents=True, exist_ok=True)
    source = full_fashion()
    images, labels = (_read_idx(source / f"train-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1"))
    chosen = balanced_choice(torch.from_numpy(labels), PER_CLASS, seed=SEED).numpy()
    write_idx(folder / "train-images-idx3-ubyte.gz", images[chosen])
    write_idx(folder / "train-labels-idx1-ubyte.gz", labels[chosen])
    for name in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        shutil.copyfile(source / name, folder / name)
    share = images[chosen] / 255
    print(f"{len(chosen)} images, mean {share.mean():.4f}, standard deviation {share.std():.4f}")


def make_photos(folder: Path) -> None:
    """The central square of each photograph, shrunk to 256x256."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("astronaut", "cat", "coffee", "rocket"):
        picture = Image.fromarray(getattr(skimage_data, name)())
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        square = picture.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        square.save(folder / f"{name}.png", optimize=True)


if __name__ == "__main__":
    make_fashion(ASSETS / "fashion_mnist")
    make_photos(ASSETS / "photos")
