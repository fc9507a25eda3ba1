"""Folders of photographs as they come from phones, microscopes and other people's computers."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
import pytest
import torch
from PIL import Image

from tools.peers import prepare_torchvision

prepare_torchvision()
pytest.importorskip("torchvision")

from inception_edu.data.folders import Images, open_images  # noqa: E402

GREYS = np.arange(256, dtype=np.uint32).reshape(16, 16)
"""Every level once, from black to white."""


def read(path: Path) -> torch.Tensor:
    return Images([str(path)], [0], ("a",)).read(0)


def grey(values: np.ndarray) -> torch.Tensor:
    """(3, H, W) of bytes, all three channels the same."""
    return torch.from_numpy(values.astype(np.uint8)).expand(3, *values.shape)


def plain(*colour: int, size: int = 16) -> torch.Tensor:
    """(3, size, size) of one colour."""
    return torch.tensor(colour, dtype=torch.uint8)[:, None, None].expand(3, size, size)


def tiff(bits: int, pixels: bytes, *, white_is_zero: bool = False) -> bytes:
    """A TIFF of 16 x 16 grey values, as instruments write them and Pillow does not."""
    entries = [(256, 16), (257, 16), (258, bits), (259, 1), (262, int(not white_is_zero)), (273, 122)]
    entries += [(277, 1), (278, 16), (279, len(pixels))]
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4) + pixels


def png(bits: int, kind: int, pixels: bytes, **more: bytes) -> bytes:
    """A PNG of 16 x 16 pixels of any depth and kind."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    lines = b"".join(b"\0" + pixels[i : i + len(pixels) // 16] for i in range(0, len(pixels), len(pixels) // 16))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, bits, kind, 0, 0, 0))
    extra = b"".join(chunk(name.encode(), data) for name, data in more.items())
    return b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def awkward() -> dict[str, tuple[bytes, torch.Tensor]]:
    """Name of a file -> what is in it, and what a viewer shows: (3, H, W) of bytes."""
    half = GREYS.copy()
    half[:, :8], half[:, 8:] = 255, 0  # white on the left
    packed = np.zeros((16, 24), np.uint8)  # two values of 12 bits in three bytes
    twelve = (GREYS * 4095 / 255).round().astype(np.uint16)
    even, odd = twelve[:, ::2], twelve[:, 1::2]
    packed[:, ::3], packed[:, 1::3], packed[:, 2::3] = even >> 4, (even & 15) << 4 | odd >> 8, odd & 255
    sixteen = (GREYS * 257).astype("<u2")
    levels = Image.fromarray(GREYS.astype(np.uint8))
    red, clear = Image.new("RGB", (16, 16), (255, 0, 0)), (255, 0, 0, 0)
    palette = Image.new("P", (16, 16), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    upright = Image.fromarray(half.astype(np.uint8))
    turned = Image.Exif()
    turned[0x0112] = 6
    blue = Image.new("RGB", (16, 16), (0, 0, 255))
    keyed = {"tRNS": struct.pack(">H", 7 * 257)}
    seven = np.where(GREYS == 7, 255, GREYS)
    return {
        "01_grey_16.png": (png(16, 0, sixteen.astype(">u2").tobytes()), grey(GREYS)),
        "02_grey_16.tiff": (saved(Image.fromarray(sixteen), "TIFF"), grey(GREYS)),
        "03_grey_32.tif": (saved(Image.fromarray(sixteen.astype(np.int32)), "TIFF"), grey(GREYS)),
        "04_fractions.tiff": (saved(Image.fromarray((GREYS / 255).astype(np.float32)), "TIFF"), grey(GREYS)),
        "05_grey_12.tiff": (tiff(12, packed.tobytes()), grey(GREYS)),
        "06_white_is_zero.tiff": (tiff(16, sixteen.tobytes(), white_is_zero=True), grey(255 - GREYS)),
        "07_white_is_zero_8.tiff": (tiff(8, levels.tobytes(), white_is_zero=True), grey(255 - GREYS)),
        "08_colour_16.png": (png(16, 2, sixteen.astype(">u2").repeat(3).tobytes()), grey(GREYS)),
        "09_grey_16_keyed.png": (png(16, 0, sixteen.astype(">u2").tobytes(), **keyed), grey(seven)),
        "10_black_and_white.png": (saved(upright.convert("1"), "PNG"), grey(half)),
        "11_fax.tiff": (saved(upright.convert("1"), "TIFF", compression="group4"), grey(half)),
        "12_hidden_red.png": (saved(Image.new("RGBA", (16, 16), clear), "PNG"), plain(255, 255, 255)),
        "13_half_clear.png": (saved(Image.new("RGBA", (16, 16), (255, 0, 0, 128)), "PNG"), plain(255, 127, 127)),
        "14_clear_grey.png": (saved(Image.new("LA", (16, 16), (0, 0)), "PNG"), plain(255, 255, 255)),
        "15_clear_palette.gif": (saved(palette, "GIF", transparency=1), plain(255, 255, 255)),
        "16_keyed.png": (saved(red, "PNG", transparency=(255, 0, 0)), plain(255, 255, 255)),
        "17_phone.JPG": (saved(upright, "JPEG", quality=100, exif=turned), grey(half.T)),
        "18_print.jpeg": (saved(red.convert("CMYK"), "JPEG", quality=100), plain(255, 0, 0)),
        "19_moving.webp": (saved(red, "WEBP", save_all=True, append_images=[blue], lossless=True), plain(255, 0, 0)),
        "20_pages.tiff": (saved(levels, "TIFF", save_all=True, append_images=[upright.copy()]), grey(GREYS)),
    }


def test_twenty_awkward_pictures_are_read_as_a_viewer_shows_them(tmp_path: Path) -> None:
    pictures = awkward()
    home = tmp_path / "train" / "a"
    home.mkdir(parents=True)
    for name, (content, _) in pictures.items():
        (home / name).write_bytes(content)
    images = open_images(tmp_path, "train")
    assert [Path(str(item)).name for item in images.items] == list(pictures)
    assert len(pictures) == 20
    wrong = [
        name
        for number, (name, (_, right)) in enumerate(pictures.items())
        if not torch.equal(images.read(number), right)
    ]
    assert not wrong


@pytest.mark.parametrize("values", [np.full((4, 4), 70_000, np.int32), np.full((4, 4), 300.0, np.float32)])
def test_grey_values_of_which_nobody_knows_the_white_are_refused(values: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(values).save(tmp_path / "counts.tiff")
    with pytest.raises(ValueError, match=r"counts.tiff cannot .*grey values go from \d+ to \d+, and must be"):
        read(tmp_path / "counts.tiff")


@pytest.mark.parametrize(
    ("orientation", "shape"), [(1, (3, 20, 40)), (3, (3, 20, 40)), (6, (3, 40, 20)), (8, (3, 40, 20))]
)
def test_a_photograph_stands_upright(orientation: int, shape: tuple[int, ...], tmp_path: Path) -> None:
    photograph = Image.new("RGB", (40, 20))
    photograph.paste((255, 255, 255), (0, 0, 10, 20))  # the left quarter is white
    exif = Image.Exif()
    exif[0x0112] = orientation
    photograph.save(tmp_path / "phone.png", exif=exif)
    pixels = read(tmp_path / "phone.png")
    assert tuple(pixels.shape) == shape
    corner = {1: pixels[0, 0, 0], 3: pixels[0, -1, -1], 6: pixels[0, 0, 0], 8: pixels[0, -1, 0]}
    assert corner[orientation] == 255
    assert pixels.float().mean() == 255 / 4


def folder(home: Path, *files: str) -> Path:
    """Files in `home`/train, images where their names say so."""
    for file in files:
        path = home / "train" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() in (".txt", "") or path.name.startswith("._"):
            path.write_text("no image")
        else:
            kind = {".jfif": "JPEG", ".jpg": "JPEG"}.get(path.suffix.lower())
            Image.new("RGB", (4, 4)).save(path, kind)
    return home


def test_images_of_every_suffix_count_and_what_is_left_out_is_said(tmp_path: Path, capsys) -> None:
    names = [
        "a/1.JPG",
        "a/2.jfif",
        "a/deeper/3.gif",
        "b/4.webp",
        *(["b/5.avif"] if ".avif" in Image.registered_extensions() else []),
    ]
    images = open_images(folder(tmp_path, *names, "b/notes.txt"), "train")
    assert [Path(str(item)).name for item in images.items] == [Path(name).name for name in names]
    assert images.labels == [0, 0, 0, *[1] * (len(names) - 3)]
    assert images.class_names == ("a", "b")
    assert "left out, because they are not images: 1 files" in (said := capsys.readouterr().err)
    assert "notes.txt" in said


def test_what_systems_leave_behind_is_neither_image_nor_class(tmp_path: Path, capsys) -> None:
    tree = folder(
        tmp_path,
        "a/1.png",
        "a/._1.png",
        "b/2.png",
        ".ipynb_checkpoints/3.png",
        "__MACOSX/a/._1.png",
        "b/.DS_Store/4.png",
    )
    images = open_images(tree, "train")
    assert (images.class_names, images.labels) == (("a", "b"), [0, 1])
    assert capsys.readouterr().err == ""


def test_class_names_are_the_same_however_their_letters_are_written(tmp_path: Path) -> None:
    composed, apart = (normalize(form, "Käfer") for form in ("NFC", "NFD"))
    assert open_images(folder(tmp_path / "mac", f"{apart}/1.png", "a/2.png"), "train").class_names == ("Käfer", "a")
    with pytest.raises(ValueError, match="two folders for the class Käfer, written differently"):
        open_images(folder(tmp_path / "both", f"{apart}/1.png", f"{composed}/2.png"), "train")


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (("a/1.png", "b/notes.txt"), "has no images for b: put some there, or remove the folder"),
        (("1.png",), "has no folders: it must hold one for each class"),
    ],
)
def test_a_folder_that_cannot_be_used_gets_one_sentence(files: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=sentence):
        open_images(folder(tmp_path, *files), "train")


def test_an_unknown_split_of_the_bundled_images_is_not_the_test_images() -> None:
    with pytest.raises(ValueError, match="has no split 'no_such_split': it has 'train', 'val' and 'test'"):
        open_images("fashion", "no_such_split")
