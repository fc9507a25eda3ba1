"""Tasks for windows of several sizes."""

import pytest
import torch

import inception_edu as ie
from inception_edu.course.scales import (
    MOTIFS,
    STAMPS,
    at_many_sizes,
    hidden,
    mixed,
    right_by_size,
)
from inception_edu.data.fashion import load_fashion


def test_a_mixed_block_shares_its_channels_out():
    node = ie.trace(mixed(8, 30), (8, 9, 9))
    assert [child.output.channels for child in node.children] == [7, 16, 7]
    assert [child.output.field[0] for child in node.children] == [1, 3, 5]
    with pytest.raises(ValueError, match="3 channels cannot be split"):
        mixed(8, 3)


def test_images_keep_their_labels_and_lie_whole_on_the_canvas():
    data = load_fashion("test")[:200]
    moved = at_many_sizes(data, 0)
    assert torch.equal(moved.labels, data.labels)
    assert moved.images.shape == data.images.shape
    black = moved.images.min()
    heights = [(image[0] > black + 0.2).any(1).sum().item() for image in moved.images]
    assert max(heights) <= 28
    assert min(heights) <= 10
    assert torch.equal(at_many_sizes(data, 0).images, moved.images)
    assert not torch.equal(at_many_sizes(data, 1).images, moved.images)
    assert torch.equal(at_many_sizes(data, 0, range(28, 29)).images, data.images)
    with pytest.raises(ValueError, match="sizes from 10 to 40 do not fit"):
        at_many_sizes(data, 0, range(10, 41))


@pytest.mark.parametrize(("patterns", "size", "shape"), [(STAMPS, 28, (1, 28, 28)), (MOTIFS, 192, (1, 192))])
def test_each_pattern_lies_whole_somewhere_in_its_noise(patterns, size, shape):
    # So strong that the noise cannot hide it: the sum over the fitting place is what the pattern itself gives.
    loud = [1000 * pattern for pattern in patterns]
    data = hidden(loud, size, 2 * len(patterns), 0)
    assert data.images.shape == (2 * len(patterns), *shape)
    corners = set()
    for image, label in zip(data.images[:, 0], data.labels.tolist(), strict=True):
        windows = image
        for axis, side in enumerate(loud[label].shape):
            windows = windows.unfold(axis, side, 1)
        fit = (windows * patterns[label]).flatten(image.ndim).sum(-1)
        assert fit.max() == pytest.approx(1000 * (patterns[label] ** 2).sum().item(), rel=0.01)
        corners.add(fit.argmax().item())
    assert len(corners) > len(patterns)
    assert torch.equal(hidden(patterns, size, 5, 3).images, hidden(patterns, size, 5, 3).images)
    assert not torch.equal(hidden(patterns, size, 5, 3).images, hidden(patterns, size, 5, 4).images)


def test_a_pattern_larger_than_the_noise_is_refused():
    with pytest.raises(ValueError, match="a pattern of 39 values does not fit a size of 38"):
        hidden(MOTIFS, 38, 10, 0)


@pytest.mark.parametrize(
    ("patterns", "small", "strong", "faint", "through"), [(STAMPS, 16, 7.5, 5.4, 1.8), (MOTIFS, 20, 7.5, 5.0, 2.4)]
)
def test_patterns_stand_out_as_far_as_their_page_says(patterns, small, strong, faint, through):
    assert all(pattern.norm().item() == pytest.approx(strong) for pattern in patterns[:small])
    assert all(pattern.norm().item() == pytest.approx(faint, abs=0.01) for pattern in patterns[small:])
    seen = patterns[-1].flatten()[: patterns[0].numel()].norm().item()  # every value is as far from 0
    assert seen == pytest.approx(through, abs=0.01)
    for group in (patterns[:small], patterns[small:]):
        differ = [(a != b).sum() for i, a in enumerate(group) for b in group[:i]]
        assert min(differ) >= 2


def test_the_shares_of_small_and_large_patterns_are_taken_apart():
    labels = torch.tensor([0, 0, 1, 2, 3, 3])
    answers = torch.tensor([0, 1, 1, 3, 3, 0])
    assert right_by_size(torch.nn.functional.one_hot(answers, 4).float(), labels, small=2) == {
        "test": 0.5,
        "small": 0.6667,
        "large": 0.3333,
        "large as large": 0.6667,
    }
