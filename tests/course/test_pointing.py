"""Canvases of nine pictures and the ways to point at one."""

import pytest
import torch

from inception_edu.bricks import ConvUnit
from inception_edu.course.pointing import BLACK, by_brightness, by_map, by_occlusion, canvases, cell_means, hits
from inception_edu.data.fashion import load_fashion
from inception_edu.network import InceptionNet, classifier


@pytest.fixture(scope="module")
def game():
    return canvases(load_fashion("test")[:500], 300, 0)


def test_the_target_lies_in_its_cell_and_nothing_else_is_of_its_class(game):
    data = load_fashion("test")[:500]
    known = {
        tuple(image.flatten()[::29].tolist()): int(label) for image, label in zip(data.images, data.labels, strict=True)
    }
    for image, label, cell in zip(game.images[:40], game.labels[:40].tolist(), game.cells[:40].tolist(), strict=True):
        found = [
            known[tuple(image[0, 28 * row : 28 * row + 28, 28 * column : 28 * column + 28].flatten()[::29].tolist())]
            for row in range(3)
            for column in range(3)
        ]
        assert found[cell] == label
        assert found.count(label) == 1


def test_targets_lie_everywhere_and_the_same_seed_gives_the_same_game(game):
    counts = torch.bincount(game.cells, minlength=9)
    assert counts.min() > 15
    again = canvases(load_fashion("test")[:500], 300, 0)
    assert torch.equal(again.images, game.images)
    assert not torch.equal(canvases(load_fashion("test")[:500], 300, 1).images, game.images)


def test_pictures_of_one_class_make_no_game():
    data = load_fashion("test")
    with pytest.raises(ValueError, match="pictures of at least 2 classes"):
        canvases(data[data.labels == 3], 5, 0)


def test_every_way_of_pointing_finds_the_one_bright_cell():
    images = torch.full((9, 1, 84, 84), BLACK)
    for cell in range(9):
        images[cell, :, cell // 3 * 28 + 9 : cell // 3 * 28 + 20, cell % 3 * 28 + 9 : cell % 3 * 28 + 20] = 2.0
    game = type(canvases(load_fashion("test")[:50], 1, 0))(images, torch.zeros(9, dtype=torch.long), torch.arange(9))
    eye = ConvUnit(1, 2, 1, batch_norm=False, relu=False)  # class 0's evidence is the pixel itself
    net = InceptionNet({"eye": eye}, classifier(2, 2), name="eye")
    with torch.no_grad():
        eye.conv.weight.copy_(torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1))
        eye.conv.bias.zero_()
        net.classifier[-1].weight.copy_(torch.eye(2))
        net.classifier[-1].bias.zero_()
    assert cell_means(images[:, 0]).argmax(1).tolist() == list(range(9))
    for pointed in (by_map(net, game), by_occlusion(net, game), by_brightness(game)):
        assert hits(pointed, game) == 1
    assert hits(torch.zeros(9, dtype=torch.long), game) == pytest.approx(1 / 9)
