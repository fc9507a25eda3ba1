"""Two views of a picture."""

import pytest
import torch

from inception_edu import trace
from inception_edu.course.views import drop_view, hide, two_view_network
from inception_edu.data.fashion import load_fashion

IMAGES = load_fashion("test")[:300]


def test_each_stem_reads_its_own_half():
    net = two_view_network().eval()
    node = trace(net, (1, 28, 28))
    views = node.children[0]
    assert [child.output.shape for child in views.children] == [(24, 7, 14)] * 2
    assert views.output.shape == (48, 7, 14)
    whole = net.features[0](IMAGES.images)
    for missing, untouched in (("upper", slice(24, 48)), ("lower", slice(0, 24))):
        halved = net.features[0](hide(IMAGES, missing).images)
        assert torch.equal(halved[:, untouched], whole[:, untouched])
        assert not torch.equal(halved, whole)
    assert net(IMAGES.images).shape == (300, 10)
    assert node.params == sum(p.numel() for p in net.parameters())


def test_a_hidden_half_is_grey_and_the_other_untouched():
    for missing, gone, left in (("upper", slice(0, 14), slice(14, 28)), ("lower", slice(14, 28), slice(0, 14))):
        halved = hide(IMAGES, missing).images
        assert not halved[:, :, gone].any()
        assert torch.equal(halved[:, :, left], IMAGES.images[:, :, left])
    assert IMAGES.images[:, :, :14].any()
    with pytest.raises(ValueError, match="there is no 'left' half"):
        hide(IMAGES, "left")


def test_dropping_takes_one_half_or_none_each_for_a_third():
    ones = torch.ones(3000, 1, 28, 28)
    kept = drop_view(ones, torch.Generator().manual_seed(0))
    upper, lower = kept[:, 0, :14].mean((1, 2)), kept[:, 0, 14:].mean((1, 2))
    assert set(zip(upper.tolist(), lower.tolist(), strict=True)) == {(1, 1), (0, 1), (1, 0)}
    assert all(800 < n < 1200 for n in torch.bincount((upper + 2 * lower).long())[1:].tolist())
    assert bool(ones.all())
