import gzip
import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from inception_edu.data import fashion, files
from inception_edu.data.fashion import LabelledImages, load_fashion, load_photo, some_classes, split_validation

TRAIN_DIGEST = "857682bc9264531e19b8ce40fc75098e912e4426960aff8424ed8629f411424f"
TRAIN_LABELS_DIGEST = "a2a078f9fffb12ceeb03294c5ef443d1e285367a15289d7449e993bc88ebcc6b"
TEST_DIGEST = "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a"
TEST_LABELS_DIGEST = "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9"


@pytest.fixture(scope="module")
def train() -> LabelledImages:
    return load_fashion("train")


@pytest.fixture(scope="module")
def test_images() -> LabelledImages:
    return load_fashion("test")


def digests(images: LabelledImages) -> list[str]:
    return [hashlib.sha256(image.tobytes()).hexdigest() for image in fashion.to_pixels(images.images).numpy()]


def write_idx(path: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    path.write_bytes(gzip.compress(header + array.tobytes()))


def write_fashion(folder: Path, images: int = 4, labels: int = 4) -> Path:
    write_idx(folder / "train-images-idx3-ubyte.gz", np.arange(images * 784, dtype=np.uint8).reshape(-1, 28, 28))
    write_idx(folder / "train-labels-idx1-ubyte.gz", np.arange(labels, dtype=np.uint8))
    return folder


@pytest.mark.parametrize(("split", "count"), [("train", 6000), ("test", 10_000)])
def test_shapes_and_balance(split: str, count: int, request: pytest.FixtureRequest) -> None:
    images: LabelledImages = request.getfixturevalue("train" if split == "train" else "test_images")
    assert images.images.shape == (count, 1, 28, 28)
    assert images.images.dtype == torch.float32
    assert images.labels.dtype == torch.int64
    assert len(images) == count
    assert torch.bincount(images.labels).tolist() == [count // 10] * 10
    assert len(images.class_names) == 10


def test_normalised_with_the_training_images_own_mean_and_deviation(train: LabelledImages) -> None:
    share = fashion.to_pixels(train.images).double() / 255
    assert share.mean().item() == pytest.approx(fashion.MEAN, abs=5e-5)
    assert share.std().item() == pytest.approx(fashion.STD, abs=5e-5)
    assert train.images.mean().item() == pytest.approx(0, abs=1e-3)
    assert train.images.std().item() == pytest.approx(1, abs=1e-3)


def test_the_bundled_images_are_the_ones_that_were_measured(train: LabelledImages, test_images: LabelledImages) -> None:
    """Digests of the pixels, so that a file that was packed anew is still the same data."""
    pixels = [
        hashlib.sha256(fashion.to_pixels(each.images).numpy().tobytes()).hexdigest() for each in (train, test_images)
    ]
    assert pixels == [TRAIN_DIGEST, TEST_DIGEST]
    labels = [
        hashlib.sha256(each.labels.numpy().astype(np.uint8).tobytes()).hexdigest() for each in (train, test_images)
    ]
    assert labels == [TRAIN_LABELS_DIGEST, TEST_LABELS_DIGEST]


def test_no_test_image_is_among_the_training_images(train: LabelledImages, test_images: LabelledImages) -> None:
    assert not set(digests(train)) & set(digests(test_images))


@pytest.mark.skipif(not fashion.DEBIAN_FOLDER.is_dir(), reason="needs Debian's package dataset-fashion-mnist")
def test_the_bundled_images_are_a_subset_of_the_full_set(train: LabelledImages, test_images: LabelledImages) -> None:
    full = load_fashion("train", fashion.full_fashion())
    assert len(full) == 60_000
    chosen = fashion.balanced_choice(full.labels, 600, seed=0)
    assert torch.equal(full.images[chosen], train.images)
    assert torch.equal(full.labels[chosen], train.labels)
    assert torch.equal(load_fashion("test", fashion.DEBIAN_FOLDER).images, test_images.images)


def test_pixels_and_back() -> None:
    pixels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(fashion.to_pixels(fashion.normalise(pixels)), pixels)


def test_images_that_shall_not_be_normalised_are_those_of_the_file() -> None:
    pixels, usual = fashion.load_fashion("train", normalised=False), fashion.load_fashion("train")
    assert pixels.images.dtype == torch.uint8
    assert torch.equal(fashion.normalise(pixels.images), usual.images)
    assert torch.equal(pixels.labels, usual.labels)


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    images = load_fashion("train", write_fashion(tmp_path))
    assert images.images.shape == (4, 1, 28, 28)
    assert images.labels.tolist() == [0, 1, 2, 3]
    assert fashion.to_pixels(images.images)[0, 0, 0, :3].tolist() == [0, 1, 2]


def test_bad_folders_are_named_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no .*train-images-idx3-ubyte\.gz: "):
        load_fashion("train", tmp_path)
    with pytest.raises(ValueError, match=r"holds images \(4, 28, 28\) and labels \(3,\)"):
        load_fashion("train", write_fashion(tmp_path, labels=3))
    whole = (tmp_path / "train-images-idx3-ubyte.gz").read_bytes()
    for damaged in (whole[: len(whole) // 2], b"not gzip at all", gzip.compress(gzip.decompress(whole)[:-1])):
        (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(damaged)
        with pytest.raises(ValueError, match="is damaged"):
            load_fashion("train", tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"\x89PNG\r\n\x1a\n"))
    with pytest.raises(ValueError, match="is not an IDX file"):
        load_fashion("train", tmp_path)
    with pytest.raises(ValueError, match="must be 'train' or 'test', not 'valid'"):
        load_fashion("valid")  # type: ignore[arg-type]


def test_an_asset_that_is_missing_is_said_to_be_missing() -> None:
    with pytest.raises(FileNotFoundError, match="the installation is incomplete"):
        files.asset("no/such/file")


@pytest.mark.parametrize("folder", ["inception_edu/_assets", "assets"])
def test_assets_are_found_in_a_wheel_and_in_a_checkout(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "thing.txt").write_text("here")
    monkeypatch.setattr(files, "__file__", str(tmp_path / "inception_edu" / "data" / "files.py"))
    assert files.asset("thing.txt").read_text() == "here"


def test_validation_is_balanced_apart_and_the_same_for_the_same_seed(train: LabelledImages) -> None:
    rest, valid = split_validation(train, 100, seed=3)
    assert (len(rest), len(valid)) == (5000, 1000)
    assert torch.bincount(valid.labels).tolist() == [100] * 10
    assert torch.bincount(rest.labels).tolist() == [500] * 10
    together = torch.cat([rest.images, valid.images]).flatten(1).sum(1).sort().values
    assert torch.equal(together, train.images.flatten(1).sum(1).sort().values)
    assert torch.equal(split_validation(train, 100, seed=3)[1].images, valid.images)
    assert not torch.equal(split_validation(train, 100, seed=4)[1].images, valid.images)


def test_some_classes_are_the_first_of_each_in_order_and_labelled_anew() -> None:
    data = LabelledImages(torch.arange(6.0).reshape(6, 1, 1, 1), torch.tensor([3, 0, 7, 3, 7, 7]))
    few = some_classes(data, (7, 3), per_class=2)
    assert few.images.flatten().tolist() == [0, 2, 3, 4]
    assert few.labels.tolist() == [1, 0, 1, 0]
    assert few.class_names == ("sneaker", "dress")
    assert some_classes(data, [7]).images.flatten().tolist() == [2, 4, 5]
    with pytest.raises(ValueError, match="class 3 has 2 images, and 3 are asked for"):
        some_classes(data, (7, 3), per_class=3)
    with pytest.raises(ValueError, match="class 1 has 0 images"):
        some_classes(data, [1])


@given(st.lists(st.integers(2, 9), min_size=1, max_size=5), st.integers(0, 2**32), st.data())
def test_balanced_choice(sizes: list[int], seed: int, draw: st.DataObject) -> None:
    labels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    labels = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))]
    per_class = draw.draw(st.integers(1, min(sizes)))
    chosen = fashion.balanced_choice(labels, per_class, seed=seed)
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert torch.bincount(labels[chosen]).tolist() == [per_class] * len(sizes)


@pytest.mark.parametrize("per_class", [0, 600, -1])
def test_a_split_that_leaves_nothing_is_refused(train: LabelledImages, per_class: int) -> None:
    with pytest.raises(ValueError, match=f"{per_class} validation images per class .* has 600 images"):
        split_validation(train, per_class)


@pytest.mark.parametrize("name", fashion.PHOTOS)
def test_photos(name: str) -> None:
    photo = load_photo(name)
    assert photo.shape == (3, 256, 256)
    assert photo.dtype == torch.float32
    assert 0 <= photo.min() < 0.1
    assert 0.7 < photo.max() <= 1
    assert not torch.equal(photo[0], photo[2])
    with Image.open(files.asset(f"photos/{name}.png")) as picture:
        for x, y in (0, 0), (200, 30), (30, 200), (255, 128):
            assert tuple((photo[:, y, x] * 255).round().int().tolist()) == picture.convert("RGB").getpixel((x, y))


@pytest.mark.parametrize(
    ("name", "row", "column", "order"),
    [
        ("astronaut", 151, 80, "red green blue"),  # the orange suit
        ("astronaut", 201, 93, "blue red green"),  # the violet badge on it
        ("cat", 170, 152, "red green blue"),  # brown fur
        ("coffee", 92, 223, "red green blue"),  # the wooden table
        ("rocket", 30, 220, "blue green red"),  # the sky
    ],
)
def test_the_colours_of_a_photo_are_those_that_one_sees(name: str, row: int, column: int, order: str) -> None:
    colours = dict(zip(("red", "green", "blue"), load_photo(name)[:, row, column].tolist(), strict=True))
    assert " ".join(sorted(colours, key=lambda colour: -colours[colour])) == order


def test_an_unknown_photo_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no photograph 'dog': choose from astronaut, cat, coffee, rocket"):
        load_photo("dog")


class Wrong(BaseHTTPRequestHandler):
    """A server that answers every request with the same few bytes."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"something else")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[str]:
    http = HTTPServer(("127.0.0.1", 0), Wrong)
    thread = threading.Thread(target=partial(http.serve_forever, poll_interval=0.01))
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}/"
    http.shutdown()
    thread.join()
    http.server_close()


def test_offline_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match=r"could not be downloaded from http://127.0.0.1:9/ .* go online once"):
        fashion.download_fashion(tmp_path, url="http://127.0.0.1:9/")
    assert list(tmp_path.iterdir()) == []


def test_a_file_with_the_wrong_hash_is_refused_and_not_kept(tmp_path: Path, server: str) -> None:
    with pytest.raises(ValueError, match="not the published Fashion-MNIST"):
        fashion.download_fashion(tmp_path, url=server)
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_there_and_right_are_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_fashion(tmp_path)
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    monkeypatch.setattr(fashion, "SHA256", hashes)
    folder = fashion.download_fashion(tmp_path, url="http://127.0.0.1:9/")
    assert len(load_fashion("train", folder)) == 4


def test_the_full_set_comes_from_debian_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fashion, "download_fashion", lambda: tmp_path / "downloaded")
    monkeypatch.setattr(fashion, "DEBIAN_FOLDER", tmp_path)
    assert fashion.full_fashion() == tmp_path
    monkeypatch.setattr(fashion, "DEBIAN_FOLDER", tmp_path / "none")
    assert fashion.full_fashion() == tmp_path / "downloaded"
