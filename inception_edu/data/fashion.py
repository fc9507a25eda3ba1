"""The real images that chapters train on and look at: Fashion-MNIST and four colour photographs.

What ships with the package is enough for every chapter, offline: 6,000 training images of
Fashion-MNIST, 600 per class, and all 10,000 test images (Xiao, Rasul and Vollgraf 2017,
arXiv 1708.07747, MIT licence). All 60,000 training images are one argument away:

>>> train = load_fashion("train")                    # 6,000 images, from the package
>>> train = load_fashion("train", full_fashion())    # 60,000 images, from Debian's package or downloaded once
"""
# mypy: untyped-calls-exclude=torch

import gzip
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from .files import asset

CLASS_NAMES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
"""The ten classes of Fashion-MNIST, in the order of their labels 0 to 9."""

PHOTOS = ("astronaut", "cat", "coffee", "rocket")
"""The photographs that `load_photo` knows: 256x256, in the public domain; assets/README.md says whose they are."""

MEAN, STD = 0.2865, 0.3537
"""Mean and standard deviation of a pixel, as a share of full white, over the 6,000 training images in the package."""

BLACK, WHITE = -MEAN / STD, (1 - MEAN) / STD
"""The values of a black pixel, the background of every picture, and of a white one, once images are normalised."""

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist installs the four files."""

DOWNLOAD_FROM = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"

SHA256 = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
"""The four files as Zalando published them. (Debian packed the same images again: its .gz files have other hashes.)"""


@dataclass(frozen=True)
class LabelledImages:
    """Images with their labels: `images` (N, 1, 28, 28) float32, normalised, or uint8; `labels` (N,) int64."""

    images: Tensor
    labels: Tensor
    class_names: tuple[str, ...] = CLASS_NAMES

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, which: slice | Tensor | Sequence[int]) -> "LabelledImages":
        """Some of the images: a slice, a tensor of positions or of booleans, or a list of positions."""
        return LabelledImages(self.images[which], self.labels[which], self.class_names)


def load_fashion(
    split: Literal["train", "test"], folder: str | Path | None = None, *, normalised: bool = True
) -> LabelledImages:
    """Fashion-MNIST: the images in the package, or those in a folder that holds the four published .gz files.

    Images are (N, 1, 28, 28), float32, minus `MEAN` and divided by `STD`, or the file's own uint8 if `normalised` is
    False; labels are (N,), int64, 0 to 9. From the package N is 6,000 for "train", 600 per class in the order
    of the full set, and 10,000 for "test", which is always complete.

    Raises ValueError for another split or a damaged file, FileNotFoundError if the folder has no such file.
    """
    if split not in ("train", "test"):
        raise ValueError(f"the split must be 'train' or 'test', not {split!r}")
    folder = asset("fashion_mnist") if folder is None else Path(folder)
    prefix = "train" if split == "train" else "t10k"
    images = _read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")
    labels = _read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz")
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise ValueError(
            f"{folder} holds images {images.shape} and labels {labels.shape}, which must be (N, 28, 28) and (N,)"
        )
    pixels = torch.from_numpy(images).unsqueeze(1)
    return LabelledImages(normalise(pixels) if normalised else pixels, torch.from_numpy(labels).long())


def full_fashion() -> Path:
    """A folder with all 60,000 training images for `load_fashion`: Debian's where installed, otherwise downloaded."""
    return DEBIAN_FOLDER if DEBIAN_FOLDER.is_dir() else download_fashion()


def download_fashion(folder: str | Path | None = None, *, url: str = DOWNLOAD_FROM) -> Path:
    """Downloads the four files (30 MB) once, with a progress bar, and returns their folder.

    They go to your user's cache unless `folder` says otherwise. Each is checked against its SHA-256
    before it is used; intact files are not downloaded again.

    Raises ConnectionError if the server cannot be reached, ValueError for a file that is not the published one.
    """
    import pooch  # with requests 0.15 s to import, for a download that happens once
    from requests import RequestException

    cache = pooch.os_cache("inception_edu") / "fashion_mnist" if folder is None else Path(folder)
    shelf = pooch.create(cache, url, registry=SHA256)
    try:
        for name in SHA256:
            shelf.fetch(name, progressbar=True)
    except RequestException as error:
        raise ConnectionError(
            f"Fashion-MNIST could not be downloaded from {url} ({type(error).__name__}): go online once, or put its "
            f"four .gz files into a folder and pass that to load_fashion; the images in the package need no network"
        ) from error
    except ValueError as error:
        raise ValueError(
            f"a file from {url} is not the published Fashion-MNIST (its SHA-256 differs) and was not kept: {error}"
        ) from error
    return cache


def some_classes(data: LabelledImages, classes: Sequence[int], per_class: int | None = None) -> LabelledImages:
    """The images of some classes, or the first `per_class` of each, in their order, labelled from 0 as in `classes`.

    Raises ValueError for a class that has no image, or fewer than `per_class`.
    """
    found = [(data.labels == label).nonzero()[:per_class, 0] for label in classes]
    for label, places in zip(classes, found, strict=True):
        if len(places) < (per_class or 1):
            raise ValueError(f"class {label} has {len(places)} images, and {per_class or 1} are asked for")
    labels = torch.cat([torch.full_like(places, new) for new, places in enumerate(found)])
    which, order = torch.cat(found).sort()
    return LabelledImages(data.images[which], labels[order], tuple(data.class_names[label] for label in classes))


def split_validation(
    data: LabelledImages, per_class: int = 100, *, seed: int = 0
) -> tuple[LabelledImages, LabelledImages]:
    """Training images, and `per_class` validation images of each class held out: the same ones for the same seed.

    Choices (a learning rate, a width, when to stop) are made on the validation images. The test
    images answer one question, once, at the end: a choice made on them makes their answer too good.

    Raises ValueError if a class would have no image left to train on.
    """
    smallest = int(torch.bincount(data.labels, minlength=len(data.class_names)).min())
    if not 0 < per_class < smallest:
        raise ValueError(
            f"{per_class} validation images per class cannot be held out: the smallest class has {smallest} images, "
            f"of which at least 1 must be held out and 1 left"
        )
    held_out = torch.zeros(len(data), dtype=torch.bool)
    held_out[balanced_choice(data.labels, per_class, seed=seed)] = True
    return data[~held_out], data[held_out]


def balanced_choice(labels: Tensor, per_class: int, *, seed: int = 0) -> Tensor:
    """Positions of `per_class` images of each class, drawn without replacement, in ascending order.

    Drawn with NumPy's PCG64, whose raw numbers are the same on every machine and in every version.
    """
    keys = np.random.PCG64(seed).random_raw(len(labels))
    members = (np.flatnonzero(labels.numpy() == label) for label in labels.unique().tolist())
    return torch.from_numpy(np.sort(np.concatenate([group[np.argsort(keys[group])[:per_class]] for group in members])))


def normalise(pixels: Tensor) -> Tensor:
    """Pixels 0..255 of any shape as float32, minus `MEAN` and divided by `STD`."""
    return (pixels.float() / 255 - MEAN) / STD


def to_pixels(images: Tensor) -> Tensor:
    """The inverse of `normalise`, for showing an image: uint8, 0 black to 255 white."""
    return ((images * STD + MEAN) * 255).round().clamp(0, 255).to(torch.uint8)


def load_photo(name: str) -> Tensor:
    """A colour photograph of `PHOTOS` as (3, 256, 256), red, green, blue, float32 from 0 to 1.

    Raises ValueError for an unknown name.
    """
    if name not in PHOTOS:
        raise ValueError(f"there is no photograph {name!r}: choose from {', '.join(PHOTOS)}")
    with Image.open(asset(f"photos/{name}.png")) as picture:
        return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1).float().div(255).contiguous()


def _read_idx(path: Path) -> NDArray[np.uint8]:
    """The unsigned bytes of a gzipped IDX file, the format of MNIST: two zeros, 8, the number of axes, their sizes."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}: the folder must hold {', '.join(SHA256)}")
    try:
        raw = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if raw[:3] != b"\0\0\x08":
        raise ValueError(f"{path} is not an IDX file of unsigned bytes: it begins with {raw[:3]!r}")
    shape = np.frombuffer(raw, ">i4", count=raw[3], offset=4)
    start = 4 + 4 * raw[3]
    if len(raw) - start != math.prod(shape.tolist()):
        raise ValueError(
            f"{path} is damaged: {len(raw) - start} bytes of pixels or labels for the shape {shape.tolist()}"
        )
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape).copy()
