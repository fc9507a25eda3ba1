"""Every network: its published size, its options, and that it does what its trace says, small and whole."""

import inspect
import warnings
from typing import Any

import pytest
import torch
from torch import nn

import inception_edu as ie
from inception_edu.models.googlenet import TABLE_1, inception, naive_inception
from inception_edu.models.lightweight import light_block, light_block_as_written
from inception_edu.models.sketches import SKETCHES, sketch_002, sketch_003
from inception_edu.network import InceptionNet, aux_head, classifier, stack

# (network, options, image side, parameters, MACs): from the papers and from the libraries that built them
COUNTS: list[tuple[str, dict[str, Any], int, int, int]] = [
    ("nin_cifar10", {}, 32, 966_986, 222_486_528),
    ("nin_imagenet", {}, 224, 7_595_176, 1_100_188_800),
    ("googlenet", {}, 224, 6_998_552, 1_582_671_872),
    ("googlenet", {"aux": True}, 224, 13_378_280, 1_582_671_872),
    ("googlenet_torchvision", {}, 224, 6_624_904, 1_498_376_192),
    ("googlenet_torchvision", {"aux": True}, 224, 13_004_888, 1_498_376_192),
    ("bn_inception", {}, 224, 11_188_288, 1_934_857_216),
    ("bn_inception", {"separable_stem": False}, 224, 11_194_984, 2_018_851_840),
    ("bn_inception", {"as_cadene": True}, 224, 11_295_240, 2_032_600_064),
    ("inception_v3", {}, 299, 23_834_568, 5_713_216_096),
    ("inception_v3", {"aux": True}, 299, 27_161_264, 5_713_216_096),
    ("inception_v4", {}, 299, 42_679_816, 12_253_974_624),
    ("inception_resnet_v1", {}, 299, 22_756_328, 6_206_361_696),
    ("inception_resnet_v1", {"as_facenet": True}, 160, 23_995_624, 1_418_174_304),
    ("inception_resnet_v2_paper", {}, 299, 32_433_928, 9_257_953_632),
    ("inception_resnet_v2", {}, 299, 55_843_464, 13_155_794_016),
    ("xception", {}, 299, 22_855_952, 8_357_403_496),
    ("light_inception", {}, 224, 3_695_752, 606_763_568),
]


def on_meta(name: str, **options: Any) -> InceptionNet:
    with torch.device("meta"):
        return ie.build(name, **options).eval()


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(("name", "options", "size", "params", "macs"), COUNTS)
def test_parameters_and_macs_of_the_family(
    name: str, options: dict[str, Any], size: int, params: int, macs: int
) -> None:
    net = on_meta(name, **options)
    node = ie.trace(net, (3, size, size))
    assert (node.params, count(net), node.macs) == (params, params, macs)


def test_every_network_of_the_family_is_counted_above() -> None:
    assert [name for name, options, *_ in COUNTS if not options] == list(ie.FAMILY)


# Every network small, and every option of every network at least once.
SMALL = {"num_classes": 10, "in_channels": 1, "width": 0.25, "small": True}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "nin_cifar10": ("nin_cifar10", {"num_classes": 10, "in_channels": 1, "width": 0.25}),
    **{name: (name, SMALL) for name in ie.FAMILY if name != "nin_cifar10"},
    "googlenet with aux": ("googlenet", SMALL | {"aux": True}),
    "googlenet with batch norm": ("googlenet", SMALL | {"batch_norm": True, "aux": True}),
    "googlenet of three blocks": (
        "googlenet",
        SMALL | {"table": {name: TABLE_1[name] for name in ("inception_3a", "inception_3b", "inception_4a")}},
    ),
    "googlenet_torchvision with aux": ("googlenet_torchvision", SMALL | {"aux": True}),
    "googlenet_torchvision with 5x5": ("googlenet_torchvision", SMALL | {"third_kernel": 5}),
    "bn_inception with a plain stem": ("bn_inception", SMALL | {"separable_stem": False}),
    "bn_inception as Cadene's": ("bn_inception", SMALL | {"as_cadene": True}),
    "inception_v3 with aux": ("inception_v3", SMALL | {"aux": True}),
    "inception_v4 with aux": ("inception_v4", SMALL | {"aux": True, "repeats": (1, 2, 1)}),
    "inception_resnet_v1 as facenet's": ("inception_resnet_v1", SMALL | {"as_facenet": True, "repeats": (1, 1, 1)}),
    "inception_resnet_v2_paper, short": ("inception_resnet_v2_paper", SMALL | {"repeats": (2, 1, 3)}),
    "inception_resnet_v2, short": ("inception_resnet_v2", SMALL | {"repeats": (1, 2, 1)}),
    "xception, short": ("xception", SMALL | {"repeats": 1, "eps": 1e-5}),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_forward_pass_does_what_the_trace_says(variant: str) -> None:
    """Small networks at 28, 32 and 64 pixels: shapes block by block, parameters, and one tensor in both modes."""
    name, options = VARIANTS[variant]
    torch.manual_seed(0)
    net = ie.build(name, **options)
    for size in (28, 32, 64):
        node = ie.trace(net, (1, size, size))
        x = torch.randn(2, 1, size, size)
        with torch.no_grad():
            outputs = list(net.block_outputs(x))
        for training in (False, True):
            net.train(training)
            with torch.no_grad():
                logits = net(x)
                again, aux = net.forward_with_aux(x)
            assert isinstance(logits, torch.Tensor)
            assert logits.shape == again.shape == (2, 10)
            assert torch.isfinite(logits).all()
            assert list(aux) == [tap for tap, _ in outputs if tap in net.aux_heads]
            assert all(value.shape == (2, 10) for value in aux.values())
        shapes = [(block, tuple(output.shape[1:])) for block, output in outputs]
        assert shapes == [(child.name, child.output.shape) for child in node.children[:-1]]
        assert node.output.shape == (10,)
    assert node.params == count(net)
    assert len(node.aux) == len(net.aux_heads)


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_parameter_is_unused(variant: str) -> None:
    """In training with auxiliary heads, each parameter gets a gradient that is not zero throughout."""
    name, options = VARIANTS[variant]
    torch.manual_seed(0)
    net = ie.build(name, **options).double().train()
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    logits, aux = net.forward_with_aux(torch.randn(4, 1, 32, 32, dtype=torch.double))
    target = torch.tensor([0, 1, 2, 3])
    loss = sum((nn.functional.cross_entropy(value, target) for value in aux.values()), start=torch.zeros(()))
    (loss + nn.functional.cross_entropy(logits, target)).backward()
    for path, parameter in net.named_parameters():
        assert parameter.grad is not None, path
        # a bias before batch norm is subtracted again, so its gradient is nothing but rounding
        assert parameter.grad.abs().max() > 0, path


def test_the_variants_use_every_option_there_is() -> None:
    used = {(name, option) for name, options in VARIANTS.values() for option in options}
    there = {(name, option) for name in ie.FAMILY for option in inspect.signature(ie.FAMILY[name].builder).parameters}
    assert there == used


@pytest.mark.parametrize(("name", "taps"), [
    ("googlenet", ["inception_4a", "inception_4d"]),
    ("googlenet_torchvision", ["inception_4a", "inception_4d"]),
    ("inception_v3", ["mixed_6e"]),
    ("inception_v4", ["inception_b_7"]),
])  # fmt: skip
def test_auxiliary_heads_read_the_papers_blocks_and_are_run_only_when_asked(name: str, taps: list[str]) -> None:
    net = on_meta(name, aux=True)
    assert list(net.aux_heads) == taps
    bare, size = on_meta(name), ie.FAMILY[name].image[1]
    assert ie.trace(net, (3, size, size)).macs == ie.trace(bare, (3, size, size)).macs
    ran = []
    for tap, head in net.aux_heads.items():
        head.register_forward_hook(lambda *_, tap=tap: ran.append(tap))
    x = torch.empty(2, 3, size, size, device="meta")
    net.train()(x)
    net.eval()(x)
    assert not ran
    net.forward_with_aux(x)
    assert ran == taps


HEADS = {"aux_heads.inception_4a.dropout": 0.7, "aux_heads.inception_4d.dropout": 0.7}
DROPOUT: dict[str, dict[str, float]] = {
    "nin_cifar10": {"features.dropout_1": 0.5, "features.dropout_2": 0.5},  # after the first two pools
    "nin_imagenet": {"features.dropout_3": 0.5},
    "googlenet": {"classifier.dropout": 0.4} | HEADS,  # Table 1 and §5: 40 % and 70 % are dropped
    "googlenet_torchvision": {"classifier.dropout": 0.2} | HEADS,
    "bn_inception": {},  # §4.2.1: removed
    "inception_v3": {"classifier.dropout": 0.5},
    "inception_v4": {"classifier.dropout": 0.2},  # Fig. 9: 0.8 are kept
    "inception_resnet_v1": {"classifier.dropout": 0.2},
    "inception_resnet_v2_paper": {"classifier.dropout": 0.2},
    "inception_resnet_v2": {"classifier.dropout": 0.2},
    "xception": {"classifier.dropout": 0.5},
    "light_inception": {"classifier.dropout": 0.2},
}


@pytest.mark.parametrize("name", ie.FAMILY)
def test_dropout_is_where_and_as_large_as_the_paper_or_the_peer_has_it(name: str) -> None:
    """It has no parameters and does nothing in evaluation mode: neither a count nor a peer's logits would miss it."""
    has_heads = "aux" in inspect.signature(ie.FAMILY[name].builder).parameters
    net = on_meta(name, **{"aux": True} if has_heads else {})
    assert {path: module.p for path, module in net.named_modules() if isinstance(module, nn.Dropout)} == DROPOUT[name]
    before = {"dropout_1": "pool_1", "dropout_2": "pool_2", "dropout_3": "pool_3"}
    order = [block for block, _ in net.features.named_children()]
    assert all(order[order.index(drop) - 1] == pool for drop, pool in before.items() if drop in order)


def test_an_image_that_only_the_head_cannot_read_can_still_be_classified() -> None:
    net = on_meta("inception_v3", aux=True)
    x = torch.empty(1, 3, 200, 200, device="meta")
    assert net(x).shape == (1, 1000)
    assert [name for name, _ in net.block_outputs(x)] == [name for name, _ in net.features.named_children()]
    with pytest.raises(
        ie.ShapeError, match=r"mixed_6e\.features\.conv_2.*smallest square image it can read is 299x299"
    ):
        net.forward_with_aux(x)


@pytest.mark.parametrize("name", ie.FAMILY)
def test_a_network_explains_what_it_cannot_read_in_one_sentence(name: str) -> None:
    net = on_meta(name)
    net.register_forward_pre_hook(lambda module, args: None)  # a hook does not stand in the way of an explanation
    size = ie.FAMILY[name].image[1]
    for shape in [(1, 1, size, size), (1, 4, size, size), (1, 3, size)]:
        with pytest.raises(ie.ShapeError) as caught:
            net(torch.empty(shape, device="meta"))
        assert "\n" not in str(caught.value)
        assert str(tuple(shape[1:])) in str(caught.value)
        assert isinstance(caught.value.__cause__, RuntimeError)  # torch's own words are not lost


@pytest.mark.parametrize("name", [name for name in ie.FAMILY if name != "bn_inception"])
def test_the_smallest_image_that_is_named_works_and_one_pixel_less_does_not(name: str) -> None:
    net = on_meta(name)
    with pytest.raises(ie.ShapeError, match="the smallest square image it can read is") as caught:
        net(torch.empty(1, 3, 2, 2, device="meta"))
    smallest = int(str(caught.value).rpartition("x")[2])
    assert "(C, H, W) = (3, 2, 2)" in str(caught.value)
    assert net(torch.empty(1, 3, smallest, smallest, device="meta")).shape[0] == 1
    with pytest.raises(ie.ShapeError):
        net(torch.empty(1, 3, smallest - 1, smallest - 1, device="meta"))
    # and torch would indeed have failed there
    with pytest.raises((RuntimeError, ValueError)):
        net.classifier(net.features(torch.empty(1, 3, smallest - 1, smallest - 1, device="meta")))


def test_options_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="a classifier needs at least 1 class, got 0"):
        classifier(8, 0)
    with pytest.raises(ValueError, match="'inception_9z', but the blocks are conv_1"):
        InceptionNet({"conv_1": nn.Conv2d(3, 8, 1)}, classifier(8, 2), {"inception_9z": nn.Identity()})
    with pytest.raises(ValueError, match="leaves no channels"):
        ie.build("inception_v4", width=0)


def test_width_scales_every_box_and_leaves_classes_alone() -> None:
    half, whole = on_meta("inception_v3", width=0.5), on_meta("inception_v3")
    convs = [(h, w) for h, w in zip(half.modules(), whole.modules(), strict=True) if isinstance(h, nn.Conv2d)]
    assert convs
    assert all(2 * h.out_channels == w.out_channels for h, w in convs)
    assert half.classifier.linear.out_features == 1000


def test_googlenets_table_grows_as_the_paper_says() -> None:
    node = ie.trace(on_meta("googlenet"), (3, 224, 224))
    depths = {name: node[name].output.channels for name in TABLE_1}
    assert list(depths.values()) == [256, 480, 512, 512, 512, 528, 832, 832, 1024]
    # the naive block hands on everything it pools, so it can only grow
    naive = naive_inception(192, 64, 128, 32)
    assert ie.trace(naive, (192, 28, 28)).output.channels == 64 + 128 + 32 + 192
    reduced = inception(192, TABLE_1["inception_3a"], batch_norm=False)
    assert ie.trace(naive, (192, 28, 28)).macs > 2 * ie.trace(reduced, (192, 28, 28)).macs


def test_the_last_block_of_the_released_inception_resnet_v2_has_no_relu_and_scale_one() -> None:
    net = on_meta("inception_resnet_v2")
    blocks = [block for name, block in net.features.named_children() if name.startswith("block8")]
    scales = [next(module.scale for module in block.modules() if hasattr(module, "scale")) for block in blocks]
    assert scales == [0.2] * 9 + [1.0]
    assert [isinstance(block, nn.Sequential) and isinstance(block[-1], nn.ReLU) for block in blocks] == (
        [True] * 9 + [False]
    )


@pytest.mark.parametrize("name", ie.FAMILY)
def test_no_relu_works_in_place(name: str) -> None:
    """Xception's would overwrite what the shortcut still has to read."""
    relus = [module for module in on_meta(name).modules() if isinstance(module, nn.ReLU)]
    assert relus
    assert not any(relu.inplace for relu in relus)


@pytest.mark.parametrize("name", SKETCHES)
def test_the_sketches_run_and_say_what_was_wrong(name: str) -> None:
    sketch = SKETCHES[name]
    assert sketch.title
    assert sketch.address
    assert len(sketch.faults) >= 3
    with torch.device("meta"):
        net = sketch.builder(num_classes=7)
    size = {"sketch_002": 299, "sketch_003": 32}.get(name, 224)
    assert net.name == name
    assert net(torch.empty(2, 3, size, size, device="meta")).shape == (2, 7)
    assert ie.trace(net, (3, size, size)).params == count(net)


def test_what_the_sketches_count() -> None:
    with torch.device("meta"):
        assert count(SKETCHES["sketch_001"].builder()) == 1_016_280
        written, mended = sketch_002(tail_as_written=True), sketch_002()
        linear = 8 * 8 * 2144 * 1000 + 1000
        assert count(written) - count(mended) == linear - (2144 * 1000 + 1000)
        grown = ie.trace(sketch_003(corrected=False), (3, 32, 32))
    assert [grown[f"module_{i}"].output.channels for i in (1, 2, 3)] == [192 + 160, 192 + 320, 192 + 480]
    light = ie.trace(light_block(192, TABLE_1["inception_3a"]), (192, 28, 28))
    as_written = ie.trace(light_block_as_written(192), (192, 28, 28))
    assert light.output.channels == 256
    assert as_written.output.channels == 352
    plain = ie.trace(light_block_as_written(192, separable=False), (192, 28, 28))
    assert plain.macs > as_written.macs


def test_a_head_is_built_from_the_channels_of_its_block() -> None:
    net = stack(
        3,
        5,
        {"conv_1": (6, 3), "conv_2": (9, 3, 2)},
        name="own",
        aux={"conv_1": lambda channels: aux_head(channels, 5, nn.AdaptiveAvgPool2d(4))},
    )
    assert net.aux_heads["conv_1"].conv.conv.in_channels == 6
    assert net.classifier.linear.in_features == 9
    logits, aux = net.forward_with_aux(torch.randn(2, 3, 16, 16))
    assert logits.shape == aux["conv_1"].shape == (2, 5)


def test_torchs_own_recorder_can_follow_a_network() -> None:
    """`torch.jit.trace`, with which other counters, TensorBoard and older exports read a network, has odd sizes."""
    net = ie.build("nin_cifar10", width=0.1).eval()
    x = torch.randn(1, 3, 32, 32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer torch prefers torch.export
        recorded = torch.jit.trace(net, x)
    assert torch.equal(recorded(x), net(x))
