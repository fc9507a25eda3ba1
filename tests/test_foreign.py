"""Other libraries' networks, unchanged: every classification network of torchvision, and of timm one of each kind.

What `trace` counts must be what torch counts, on meta weights as on real ones. A size that torch cannot compute must
be refused.
"""

from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import inception_edu as ie
from tools.peers import prepare_torchvision

prepare_torchvision()
torchvision = pytest.importorskip("torchvision")
timm = pytest.importorskip("timm")

TORCHVISION = torchvision.models.list_models(module=torchvision.models)
TIMM = [
    *("resnet26d", "res2next50", "dpn68", "dla34", "ese_vovnet19b_dw", "mobilenetv3_large_100", "efficientnet_lite0"),
    *("mixer_s32_224", "poolformer_s12", "convmixer_768_32", "repvgg_a0", "inception_next_tiny", "levit_128s"),
    *("xcit_nano_12_p16_224", "cait_xxs24_224", "deit_tiny_patch16_224", "mobilevitv2_050", "edgenext_xx_small"),
    *("tinynet_e", "selecsls42b", "skresnet18"),
]
SEEN_WHOLE = [
    *("alexnet", "vgg16_bn", "squeezenet1_1", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "googlenet"),
    *("inception_v3", "mobilenet_v2", "mobilenet_v3_small", "mnasnet1_0", "efficientnet_b0", "efficientnet_v2_s"),
    *("regnet_x_400mf", "regnet_y_400mf", "resnet26d", "mobilenetv3_large_100", "efficientnet_lite0"),
    *("convmixer_768_32", "repvgg_a0", "tinynet_e"),
]
"""Those of which every part is read, so that their receptive field is known."""


def built(name: str, device: str) -> nn.Module:
    """A network of torchvision or timm in evaluation mode."""
    options: dict[str, Any] = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    regnet = torchvision.models.regnet.BlockParams
    planned = regnet.from_init_params

    def planned_with_values(*arguments: Any, **settings: Any) -> Any:
        with torch.device("cpu"):
            return planned(*arguments, **settings)

    with torch.device(device), patch.object(regnet, "from_init_params", planned_with_values):
        return (timm.create_model if name in TIMM else torchvision.models.get_model)(name, **options).eval()


def torchs(net: nn.Module, size: int) -> tuple[tuple[int, ...], int] | None:
    """Output and multiply-adds of one image without values, by torch's own count; None where torch fails."""
    try:
        with torch.no_grad(), torch.device("meta"), FlopCounterMode(display=False) as counter:
            output = net(torch.empty(1, 3, size, size))
    except (RuntimeError, ValueError, AssertionError, TypeError):
        return None
    return tuple(output.shape[1:]), counter.get_total_flops() // 2


def compared(net: nn.Module, size: int) -> ie.Node | None:
    """The trace of a network on the meta device, compared with torch."""
    found = torchs(net, size)
    if found is None:
        with pytest.raises((ie.ShapeError, TypeError)):
            ie.trace(net, (3, size, size))
        return None
    node = ie.trace(net, (3, size, size))
    assert (node.output.shape, node.macs + node.products) == found
    assert node.params == sum(p.numel() for p in net.parameters())
    return node


@pytest.mark.parametrize("name", [*TORCHVISION, *TIMM])
def test_torchs_own_count(name: str) -> None:
    """At two sizes, one of them odd; the deepest, whose small relatives are here too, at one."""
    net = built(name, "meta").requires_grad_(False)
    deep = sum(1 for _ in net.modules()) > 200
    nodes = [compared(net, size) for size in ((224,) if deep else (224, 193))]
    assert nodes[0]
    if name in SEEN_WHOLE:
        assert nodes[0].output.field
        assert not list(nodes[0].unread())


@pytest.mark.parametrize("name", [
    *("squeezenet1_1", "shufflenet_v2_x0_5", "mnasnet0_5", "mobilenet_v3_small", "googlenet", "densenet121"),
    *("resnet18", "regnet_y_400mf", "efficientnet_b0", "xcit_nano_12_p16_224", "mobilevitv2_050", "tinynet_e"),
    *("deit_tiny_patch16_224", "levit_128s", "repvgg_a0", "edgenext_xx_small"),
])  # fmt: skip
def test_real_weights_are_counted_alike_and_left_alone(name: str) -> None:
    net = built(name, "cpu").train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    modes = [module.training for module in net.modules()]
    names = [sorted(vars(module)) for module in net.modules()]
    node = ie.trace(net, (3, 224, 224))
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert [module.training for module in net.modules()] == modes
    assert [sorted(vars(module)) for module in net.modules()] == names
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())
    there = ie.trace(net.to("meta"), (3, 224, 224))
    assert (node.params, node.macs, node.products, node.output) == (
        *(there.params, there.macs, there.products), there.output
    )  # fmt: skip


def test_what_was_remembered_in_evaluation_mode_is_still_there() -> None:
    """timm's LeViT keeps its attention biases between calls, by device."""
    net = built("levit_128s", "cpu")
    x = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        expected = net(x)
        kept = [dict(m.attention_bias_cache) for m in net.modules() if hasattr(m, "attention_bias_cache")]
        assert any(kept)
        ie.trace(net, (3, 224, 224))
        now = [m.attention_bias_cache for m in net.modules() if hasattr(m, "attention_bias_cache")]
        assert [list(cache) for cache in now] == [list(cache) for cache in kept]
        assert torch.equal(net(x), expected)


@pytest.mark.parametrize(("layer", "shape", "field"), [
    (lambda: timm.layers.Conv2dSame(3, 8, 3, stride=2), (3, 9, 9), (3, 3)),
    (lambda: torchvision.models.segmentation.deeplabv3.ASPPPooling(8, 4), (8, 9, 9), None),
    (lambda: torchvision.models.segmentation.deeplabv3.ASPP(8, [2, 4]), (8, 33, 33), None),
    (lambda: torchvision.ops.SqueezeExcitation(8, 2), (8, 9, 9), (9, 9)),
    (lambda: torchvision.ops.Conv2dNormActivation(8, 4), (8, 9, 9), (3, 3)),
    (lambda: torchvision.ops.MLP(8, [4, 2]), (8,), (1, 1)),
])  # fmt: skip
def test_their_layers(layer: Any, shape: tuple[int, ...], field: tuple[int, ...] | None) -> None:
    net = layer().eval()
    node = ie.trace(net, shape)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        output = net(torch.zeros(1, *shape))
    assert (node.output.shape, node.macs) == (tuple(output.shape[1:]), counter.get_total_flops() // 2)
    assert (node.params, node.output.field) == (sum(p.numel() for p in net.parameters()), field)
