"""Folders of photographs as they come from phones, microscopes and other people's computers."""

from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
import torch
from PIL import Image, features

from tools.peers import prepare_torchvision

prepare_torchvision()
pytest.importorskip("torchvision")

from inception_edu.data.folders import Images, open_images  # noqa: E402

GREYS = np.arange(256, dtype=np.uint32).reshape(16, 16)
"""Every level once, from black to white."""


def read(path: Path) -> torch.Tensor:
    return Images([str(path)], [0], ("a",)).read(0)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("sixteen.png", (GREYS * 257).astype(np.uint16)),
        ("sixteen.tiff", (GREYS * 257).astype(np.uint16)),
        ("thirty_two.tiff", (GREYS * 257).astype(np.int32)),
        ("fractions.tiff", (GREYS / 255).astype(np.float32)),
        ("eight.png", GREYS.astype(np.uint8)),
    ],
)
def test_every_level_of_grey_is_kept(name: str, values: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(values).save(tmp_path / name)
    assert torch.equal(read(tmp_path / name), torch.from_numpy(GREYS.astype(np.uint8)).expand(3, 16, 16))


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


def test_what_is_transparent_is_white_and_not_the_colour_that_it_hides(tmp_path: Path) -> None:
    hidden = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    hidden.paste((0, 0, 255, 255), (0, 0, 4, 8))
    hidden.save(tmp_path / "logo.png")
    pixels = read(tmp_path / "logo.png")
    assert pixels[:, 0, 0].tolist() == [0, 0, 255]
    assert pixels[:, 0, 7].tolist() == [255, 255, 255]
    Image.new("LA", (8, 8), (0, 0)).save(tmp_path / "grey.png")
    assert read(tmp_path / "grey.png").unique().tolist() == [255]
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.save(tmp_path / "palette.gif", transparency=1)
    assert read(tmp_path / "palette.gif").unique().tolist() == [255]


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
    names = ["a/1.JPG", "a/2.jfif", "a/deeper/3.gif", "b/4.webp", *(["b/5.avif"] if features.check("avif") else [])]
    images = open_images(folder(tmp_path, *names, "b/notes.txt"), "train")
    assert [Path(str(item)).name for item in images.items] == [Path(name).name for name in names]
    assert images.labels == [0, 0, 0, *[1] * (len(names) - 3)]
    assert images.class_names == ("a", "b")
    assert "left out, for they are no images: 1 files" in (said := capsys.readouterr().err)
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
