"""Images for `inception_edu.train.run`: a folder for each class, or Fashion-MNIST, read and prepared one by one.

The random numbers for each image depend only on a seed, the epoch and the image's number. So neither the number of
processes, nor that of their helpers, nor a stop in between changes what a network sees.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
import torch
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import BITSPERSAMPLE as BITS
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION as PHOTOMETRIC
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from .fashion import CLASS_NAMES, MEAN, STD, load_fashion, split_validation

FASHION = "fashion"
"""Instead of a folder: Fashion-MNIST from the package, 5,000 images "train", 1,000 "val", 10,000 "test"."""

CROP = 0.875
"""Side of a crop for testing, as a share of the resized image's short side: 224 of 256 pixels, 299 of 342."""

Prepare = Callable[[Tensor], Tensor]
"""One image, uint8 (C, H, W) -> float32, as the network reads it."""


@dataclass(frozen=True)
class Images:
    """Images with labels. `items` are paths, or the pixels as uint8 (C, H, W); `size` is their side if all have one.

    Pixels from 0 to 1 are normalised by `mean` and `std`; the released Inceptions use 0.5 for both.
    """

    items: Sequence[str] | Tensor
    labels: list[int]
    class_names: tuple[str, ...]
    channels: int = 3
    mean: float = 0.5
    std: float = 0.5
    size: int | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, index: int) -> Tensor:
        """One image as uint8 (C, H, W). Raises ValueError, naming the file, if it cannot be read as an image."""
        item = self.items[index]
        if isinstance(item, Tensor):
            return item
        try:
            with Image.open(item) as picture:
                return v2.functional.pil_to_tensor(as_seen(picture))
        except Exception as error:  # each of Pillow's decoders has errors of its own
            raise ValueError(f"{item} cannot be read as an image ({error}): replace it with an intact copy") from error


def as_seen(picture: Image.Image) -> Image.Image:
    """A picture as a viewer shows it, in RGB: upright, on white where it is transparent, its grey values all kept.

    A camera that was held sideways says so in the file (EXIF). Grey values of 12 or 16 bits become 8, not white; those
    of 32 bits are taken for 16, and fractions are taken for 0 to 1. Of several pages or frames the first is read.

    Raises ValueError for grey values beyond that: nothing then says which of them is white.
    """
    tags = getattr(picture, "tag_v2", {})  # of a TIFF
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith(("I", "F")):
        values = np.array(picture, dtype=np.float64)
        white = 1.0 if picture.mode == "F" else 4095.0 if tags.get(BITS) == (12,) else 65535.0
        low, high = float(values.min()), float(values.max())
        if not 0 <= low <= high <= white:
            raise ValueError(f"its grey values go from {low:g} to {high:g}, and must be from 0 to {white:g}")
        if tags.get(PHOTOMETRIC) == 0:  # white is 0: Pillow turns that around for 8 bits only
            values = white - values
        if "transparency" in picture.info:  # the grey that stands for it
            values[values == picture.info["transparency"]] = white
        picture = Image.fromarray((values * (255 / white)).round().astype(np.uint8))
    if picture.has_transparency_data:
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
    return picture.convert("RGB")


def open_images(data: str | Path, split: str) -> Images:
    """The images in the folder `data`/`split`, which has a folder of images for each class; or those of `FASHION`.

    Files and folders whose names begin with a dot, which systems create, do not count. Anything else that is not an
    image is left out, and a line on stderr says so. Class names are in composed letters (Unicode's NFC), however
    the system writes them.

    Raises FileNotFoundError where there is no such folder, ValueError for an unknown split of `FASHION`, for a folder
    without classes, for a class without images and for two classes of one name.
    """
    if str(data) == FASHION:
        if split not in ("train", "val", "test"):
            raise ValueError(f"{FASHION} has no split {split!r}: it has 'train', 'val' and 'test'")
        found = load_fashion("test" if split == "test" else "train", normalised=False)
        if split != "test":
            found = split_validation(found)[split == "val"]
        return Images(found.images, found.labels.tolist(), CLASS_NAMES, 1, MEAN, STD, found.images.shape[-1])
    folder = Path(data) / split
    if not folder.is_dir():
        raise FileNotFoundError(
            f"there is no folder {folder}: --data takes {FASHION!r}, or a folder with train/CLASS/ and val/CLASS/, "
            f"where CLASS/ holds the images of one class"
        )
    classes = sorted((normalize("NFC", each.name), each) for each in folder.iterdir() if each.is_dir() and _seen(each))
    names = [name for name, _ in classes]
    if twice := [name for name in set(names) if names.count(name) > 1]:
        raise ValueError(f"{folder} has two folders for the class {twice[0]}, written differently: keep one of them")
    readable = {suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    items: list[str] = []
    labels: list[int] = []
    left_out: list[str] = []
    for label, (_, home) in enumerate(classes):
        files = sorted(path for path in home.rglob("*") if path.is_file() and _seen(path, home))
        images = [str(path) for path in files if path.suffix.lower() in readable]
        left_out += [str(path) for path in files if path.suffix.lower() not in readable]
        items += images
        labels += [label] * len(images)
    if empty := [name for label, name in enumerate(names) if label not in set(labels)]:
        raise ValueError(f"{folder} has no images for {', '.join(empty)}: put some there, or remove the folder")
    if not names:
        raise ValueError(f"{folder} has no folders: it must hold one for each class, with the images of that class")
    if left_out:
        print(f"left out, because they are not images: {len(left_out)} files, such as {left_out[0]}", file=sys.stderr)
    return Images(items, labels, tuple(names))


def _seen(path: Path, within: Path | None = None) -> bool:
    """Whether no part of a path below `within` is hidden, as `._x.jpg` and `.ipynb_checkpoints` are."""
    parts = path.relative_to(within).parts if within else (path.name,)
    return not any(part.startswith(".") or part == "__MACOSX" for part in parts)


def for_training(images: Images, size: int, *, min_area: float, max_aspect: float, jitter: float) -> Prepare:
    """A random crop, resized to (C, size, size), mirrored with probability one half, its colours shifted.

    It covers from `min_area` to all of the image, with width over height from 1 / `max_aspect` to `max_aspect`;
    brightness, contrast and saturation change by a share of up to `jitter`.
    """
    return v2.Compose(
        [
            v2.RandomResizedCrop(size, scale=(min_area, 1), ratio=(1 / max_aspect, max_aspect), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(*[jitter] * 3),
            *_as_read(images.mean, images.std),
        ]
    )


def for_testing(images: Images, size: int, crops: int = 1) -> Prepare:
    """Crops as (crops, C, size, size): the centre; or the four corners and the centre, and their mirror images."""
    if crops not in (1, 10):
        raise ValueError(f"{crops} crops of an image are not offered: choose 1 or 10")
    cut = v2.TenCrop(size) if crops == 10 else v2.Compose([v2.CenterCrop(size), _alone])
    return v2.Compose(
        [v2.Resize(round(size / CROP), antialias=True), *_as_read(images.mean, images.std), cut, torch.stack]
    )


def loader(images: Images, prepare: Prepare, *key: int, batches: Iterable[Sequence[int]], workers: int) -> Any:
    """Batches of prepared images (N, ...) and labels (N,); an image's random numbers depend on `key` and its number."""
    return DataLoader(_Prepared(images, prepare, key), batch_sampler=batches, num_workers=workers)  # type: ignore[arg-type]


def batches(count: int, size: int, *key: int, rank: int = 0, world: int = 1) -> list[list[int]]:
    """The numbers 0 to `count` - 1 shuffled and cut into whole batches, and the share of each for process `rank`.

    All processes together take the same images in the same order, however many there are.
    """
    order = torch.randperm(count, generator=torch.Generator().manual_seed(chance(*key))).tolist()
    return [order[start + rank : start + size : world] for start in range(0, count - size + 1, size)]


def chance(*key: int) -> int:
    """A seed that depends on all the numbers of `key` and on their order; different keys give different seeds."""
    return int(np.random.SeedSequence((len(key), *key)).generate_state(1, np.uint64)[0])


class _Prepared(Dataset[tuple[Tensor, int]]):
    def __init__(self, images: Images, prepare: Prepare, key: tuple[int, ...]) -> None:
        self.images, self.prepare, self.key = images, prepare, key

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = self.images.read(index)
        torch.default_generator.manual_seed(chance(*self.key, index))  # torchvision draws from torch's generator
        return self.prepare(image), self.images.labels[index]


def _as_read(mean: float, std: float) -> list[Prepare]:
    return [v2.ToDtype(torch.float32, scale=True), v2.Normalize([mean], [std])]


def _alone(image: Tensor) -> tuple[Tensor]:
    return (image,)
