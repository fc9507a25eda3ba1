"""The canvas of garments: what lies on it is found, where it lies, by any network."""

import pytest
import torch

import inception_edu as ie
from inception_edu.course.canvas import GARMENTS, SIDE, find, lay_out, network, trained, without_norm
from inception_edu.course.pictures import draw_canvas
from inception_edu.data.fashion import BLACK
from inception_edu.train.loop import SMALL_GOOGLENET


def test_the_network_of_the_course_finds_the_five_garments_where_they_are() -> None:
    found = find(network(), lay_out(GARMENTS))
    assert [each.name for each in found] == [each.name for each in sorted(GARMENTS, key=lambda each: each.left)]
    for seen, laid in zip(found, sorted(GARMENTS, key=lambda each: each.left), strict=True):
        assert max(abs(seen.top - laid.top), abs(seen.left - laid.left)) <= 4
        assert seen.probability > 0.9


def test_an_empty_canvas_holds_nothing() -> None:
    image = lay_out([])
    assert torch.equal(image, torch.full((1, 1, 84, 140), BLACK))
    assert find(network(), image) == []
    assert "nothing" in draw_canvas(image).description


def test_a_single_garment_is_seen_once_wherever_it_lies() -> None:
    for top, left in ((0, 0), (56, 112), (31, 77)):
        (seen,) = find(network(), lay_out([("bag", top, left)]))
        assert seen.name == "bag"
        assert max(abs(seen.top - top), abs(seen.left - left)) <= 4


@pytest.mark.parametrize(
    ("garment", "words"), [(("hat", 0, 0), "choose from T-shirt"), (("bag", 57, 0), "rows go from 0 to 56")]
)
def test_what_cannot_be_laid_out_is_refused(garment: tuple[str, int, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        lay_out([garment])
    assert SIDE == 28


def test_a_network_without_norms_computes_the_same() -> None:
    images = lay_out(GARMENTS)[:, :, :28, :28]
    folded = without_norm(network())
    assert not [module for module in folded.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert [module for module in network().modules() if isinstance(module, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        torch.testing.assert_close(folded.eval()(images), network().eval()(images), atol=1e-4, rtol=1e-4)


def test_there_are_two_sets_of_weights_and_no_third() -> None:
    ordinary, robust = network(), network("robust_googlenet")
    assert ordinary is network()
    assert not torch.equal(ordinary.classifier.linear.weight, robust.classifier.linear.weight)
    with pytest.raises(ValueError, match="no weights 'text_inception': choose 'small_googlenet' or"):
        network("text_inception")


def test_a_network_of_ones_own_gets_the_weights_and_another_is_refused() -> None:
    images = lay_out(GARMENTS)[:, :, :28, :28]
    own = ie.build("googlenet", **SMALL_GOOGLENET)
    assert trained(own) is own
    with torch.no_grad():
        torch.testing.assert_close(own.eval()(images), network().eval()(images), atol=1e-5, rtol=1e-5)
        robust = network("robust_googlenet").eval()(images)
        torch.testing.assert_close(trained(own, "robust_googlenet").eval()(images), robust, atol=1e-5, rtol=1e-5)
    with pytest.raises(ValueError, match=r"tensor 1 in .* \(8, 1, 3, 3\), .* \(16, 1, 3, 3\)"):
        trained(torch.nn.Conv2d(1, 8, 3))
