"""Drafts cost what the networks cost that the same calls build, and leave those alone."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

import inception_edu as ie
from inception_edu.bricks import Concat, ConvUnit
from inception_edu.drafting import drafting
from inception_edu.tracing import Node, trace


def readings(node: Node) -> list[tuple[object, ...]]:
    """All that a trace says of every node, its kind and its auxiliary heads included."""
    return [
        (n.name, n.module.__class__.__name__, repr(n.module), n.input, n.output, n.params, n.macs, n.activations)
        for top in (node, *node.aux)
        for n in top.walk()
    ]


@pytest.mark.parametrize("name", ie.FAMILY)
@pytest.mark.parametrize("options", [{}, {"width": 0.37, "num_classes": 7}], ids=["as it is", "narrow"])
def test_a_draft_is_traced_like_the_network(name: str, options: dict[str, float]) -> None:
    with torch.device("meta"):
        real = trace(ie.build(name, **options), ie.FAMILY[name].image)
    for _ in range(2):  # the second time every layer is there already
        with drafting():
            draft = trace(ie.build(name, **options), ie.FAMILY[name].image)
        assert readings(draft) == readings(real)


def test_the_auxiliary_heads_of_a_draft_are_counted_too() -> None:
    with drafting():
        draft = trace(ie.build("inception_v3", aux=True), (3, 299, 299))
    assert readings(draft) == readings(trace(ie.build("inception_v3", aux=True), (3, 299, 299)))
    assert draft.aux


def test_equal_boxes_share_their_parameters_and_different_ones_do_not() -> None:
    with drafting():
        one, same, wider, unlike = ConvUnit(4, 6, 3), ConvUnit(4, 6, 3), ConvUnit(4, 8, 3), ConvUnit(4, 6, 3, eps=1e-5)
        node = trace(Concat(one, same), (4, 9, 9))
    assert one.conv.weight is same.conv.weight
    assert one.bn.bias is same.bn.bias
    assert wider.conv.weight is not one.conv.weight
    assert unlike.bn.eps == 1e-5
    assert node.params == 2 * (4 * 6 * 9 + 12)
    assert all(parameter.is_meta for parameter in one.parameters())


def test_what_is_built_outside_is_a_network_of_its_own() -> None:
    def outside() -> None:
        one, other = ConvUnit(4, 6, 3), ConvUnit(4, 6, 3)
        assert one.conv.weight is not other.conv.weight
        assert type(one.conv) is nn.Conv2d
        assert one.conv.weight.device.type == "cpu"
        assert one.conv.weight.std() > 0
        assert one.bn.weight.sum() == 6

    with drafting():
        ConvUnit(4, 6, 3)
        with ThreadPoolExecutor(1) as other_thread:
            other_thread.submit(outside).result()
    outside()
    with pytest.raises(ValueError, match="groups do not divide"), drafting():
        ConvUnit(4, 6, 3, groups=5)
    outside()
