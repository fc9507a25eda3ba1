"""Fused networks: equal outputs, equal cost, the original left alone, and clear answers where nothing can be fused."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

import inception_edu as ie
from inception_edu.bricks import Concat, ConvUnit, Product, Residual
from inception_edu.data.fashion import load_fashion
from inception_edu.data.files import asset
from inception_edu.fusion import Pointwise, Slice, Sum, fold, fuse
from inception_edu.models.googlenet import TABLE_1, inception
from inception_edu.models.lightweight import light_block_as_written
from inception_edu.shorthand import branch
from inception_edu.train.loop import SMALL_GOOGLENET, accuracy, load

SMALL: dict[str, Any] = {"num_classes": 10, "in_channels": 1, "width": 0.25, "small": True}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "nin_cifar10": ("nin_cifar10", {"in_channels": 1, "width": 0.25}),
    **{name: (name, SMALL) for name in ie.FAMILY if name != "nin_cifar10"},
    "googlenet with batch norm and heads": ("googlenet", SMALL | {"batch_norm": True, "aux": True}),
    "inception_v3 with a head": ("inception_v3", SMALL | {"aux": True}),
    "facenet's": ("inception_resnet_v1", SMALL | {"as_facenet": True, "repeats": (1, 1, 1)}),
    "cadene's": ("bn_inception", SMALL | {"as_cadene": True}),
    "chapter 04's": ("googlenet", SMALL_GOOGLENET),
}


def randomised(net: nn.Module, seed: int = 0) -> nn.Module:
    """`net` in evaluation mode; every batch norm has scales, shifts, means and variances of its own."""
    torch.manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.7, 1.3)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.7, 1.3)  # type: ignore[arg-type]
        elif isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=(2 / module.weight[0].numel()) ** 0.5)
    return net.eval()


def distance(one: Tensor, other: Tensor) -> float:
    """The largest difference, relative to the largest value."""
    assert one.shape == other.shape
    return float((one - other).abs().max() / one.abs().max())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("variant", VARIANTS)
@torch.no_grad()
def test_every_network_of_the_family_keeps_its_outputs(variant: str, dtype: torch.dtype) -> None:
    name, options = VARIANTS[variant]
    net = randomised(ie.build(name, **options)).to(dtype)
    fused = fuse(net)
    x = torch.randn(2, 1, 32, 32, dtype=dtype, generator=torch.Generator().manual_seed(1))
    limit = 1e-4 if dtype == torch.float32 else 1e-12
    for (name, before), (same, after) in zip(net.block_outputs(x), fused.block_outputs(x), strict=True):
        assert name == same
        assert distance(before, after) < limit, name
    assert distance(net(x), fused(x)) < limit
    (_, heads), (_, fused_heads) = net.forward_with_aux(x), fused.forward_with_aux(x)
    assert list(heads) == list(fused_heads)
    assert all(distance(heads[tap], fused_heads[tap]) < limit for tap in heads)


@pytest.mark.parametrize("name", ie.FAMILY)
def test_cost_and_names_stay_and_no_batch_norm_does(name: str) -> None:
    with torch.device("meta"):
        net = ie.build(name).eval()
        fused = fuse(net)
    shape = ie.FAMILY[name].image
    before, after = ie.trace(net, shape), ie.trace(fused, shape)
    assert after.macs == before.macs == ie.FAMILY[name].macs
    assert [child.name for child in after.children] == [child.name for child in before.children]
    assert [child.output.shape for child in after.children] == [child.output.shape for child in before.children]
    assert after.params == sum(p.numel() for p in fused.parameters())
    assert not any(isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) for module in fused.modules())
    assert not any(p.requires_grad for p in fused.parameters())
    assert fused.name == net.name


@torch.no_grad()
def test_a_real_size_with_an_odd_grid() -> None:
    net = randomised(ie.build("inception_v3"))
    x = torch.randn(1, 3, 139, 139, generator=torch.Generator().manual_seed(1))
    assert distance(net(x), fuse(net)(x)) < 1e-4


def test_the_original_is_left_untouched() -> None:
    net = randomised(ie.build("inception_resnet_v2", **SMALL, repeats=(1, 1, 1)))
    kept, printed = deepcopy(net.state_dict()), str(net)
    fused = fuse(net)
    with torch.no_grad():
        for parameter in fused.parameters():
            parameter.zero_()
    assert str(net) == printed
    assert list(net.state_dict()) == list(kept)
    for key, value in net.state_dict().items():
        assert torch.equal(value, kept[key])
        assert value.stride() == kept[key].stride()
    assert all(p.requires_grad for p in net.parameters())


def test_the_merged_block_of_googlenet() -> None:
    block = inception(192, TABLE_1["inception_3a"]).eval()
    fused = fuse(block)
    first, pool = fused
    assert isinstance(first.merged, ConvUnit)
    assert isinstance(first.merged.conv, Pointwise)
    assert first.merged.conv.weight.shape == (64 + 96 + 16, 192, 1, 1)
    assert [(b[0].start, b[0].width) for b in first.slices] == [(0, 64), (64, 96), (160, 16)]
    assert isinstance(pool[0], nn.MaxPool2d)
    assert first.merged.conv.weight.is_contiguous(memory_format=torch.channels_last)
    units = [m for m in fused.modules() if isinstance(m, ConvUnit)]
    assert len(units) == 4  # from six: three 1x1s became one
    assert "MACs" in str(ie.summary(ie.trace(fused, (192, 28, 28))))
    assert "1x1 conv" in ie.diagram(ie.trace(fused, (192, 28, 28)))


@pytest.mark.parametrize(
    "block",
    [
        Concat(branch(6, (4, 3)), branch(6, (3, 1)), branch(6, (5, 1), (2, 3)), branch(6, (4, 1, 2, 0), relu=True)),
        Concat(branch(6, (4, 1)), nn.MaxPool2d(3, 1, padding=1), branch(6, (5, 1)), branch(6, (2, 1))),
        Concat(branch(6, (4, 1), batch_norm=False, bias=False), branch(6, (3, 1)), nn.Identity()),
        Concat(branch(6, (4, 1), relu=False), branch(6, (3, 1)), branch(6, (3, 1), (4, 1))),
        Concat(ConvUnit(6, 4, 1, groups=2), branch(6, (3, 1))),
        Concat(branch(6, (4, 1)), branch(6, (3, 1))),
        Concat(branch(6, (4, 1))),
        light_block_as_written(6),
        Residual(branch(6, (4, 1), (6, 3)), ConvUnit(6, 6, 1, relu=False), scale=0.3),
        Residual(nn.Sequential(branch(6, (4, 3)), ConvUnit(4, 6, 1, relu=False, batch_norm=False)), scale=0.3),
        Residual(ConvUnit(6, 6, 3, relu=False, batch_norm=False, bias=False), scale=0.3),
        nn.Sequential(Residual(ConvUnit(6, 6, 3, relu=False), scale=0.3), nn.ReLU(), Residual(nn.ReLU())),
        Residual(nn.Sequential(nn.ReLU(), ConvUnit(6, 6, 1, relu=False)), nn.Sequential(nn.Identity(), nn.ReLU())),
        nn.Sequential(ConvUnit(6, 6, 1, relu=False), nn.Identity(), nn.ReLU()),
        ConvUnit(6, 4, 1, padding=1),
        ConvUnit(6, 4, 1, stride=2),
        nn.Conv2d(6, 4, 1, padding="same", bias=False),
        nn.Sequential(nn.Conv2d(6, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.BatchNorm2d(5), nn.Conv2d(5, 2, 1)),
        nn.Sequential(nn.Conv2d(6, 5, 3), nn.BatchNorm2d(5, affine=False)),
        nn.Sequential(nn.BatchNorm2d(6), nn.Conv2d(6, 5, 3)),
        nn.Sequential(nn.Flatten(), nn.Linear(600, 5, bias=False), nn.BatchNorm1d(5), nn.ReLU()),
        nn.Sequential(nn.Conv2d(6, 5, 3), nn.BatchNorm2d(5, track_running_stats=False)),
    ],
    ids=lambda block: type(block).__name__,
)
@torch.no_grad()
def test_odd_blocks_keep_their_outputs(block: nn.Module) -> None:
    if any(getattr(module, "running_mean", 0) is None for module in block.modules()):
        block.eval()
    elif not any(isinstance(m, nn.BatchNorm2d) and not m.affine for m in block.modules()):
        randomised(block)
    block.eval().double()
    x = torch.randn(2, 6, 10, 10, dtype=torch.double)
    given = x.clone()
    if isinstance(block, Concat) and any(m.stride == (2, 2) for m in block.modules() if isinstance(m, nn.Conv2d)):
        block = Concat(*list(block)[:3]).eval()  # a branch of stride 2 ends on another grid
    assert distance(block(x), fuse(block)(x)) < 1e-12
    assert torch.equal(x, given)


def test_a_concat_is_left_out_only_where_its_branches_became_one() -> None:
    merged = fuse(Concat(branch(6, (4, 1)), branch(6, (3, 1))).eval())
    assert [name for name, _ in merged.named_children()] == ["merged", "slices"]
    assert type(fuse(Concat(branch(6, (4, 1))).eval())) is Concat


def test_a_residual_sums_over_its_body_only_behind_a_convolution() -> None:
    linear, pooled = ConvUnit(6, 6, 3, relu=False), nn.Sequential(ConvUnit(6, 6, 3), nn.MaxPool2d(3, 1, 1))
    assert type(fuse(Residual(linear, scale=0.3).eval())) is Sum
    kept = fuse(Residual(pooled, scale=0.3).eval())
    assert type(kept) is Residual
    assert kept.scale == 0.3


@pytest.mark.parametrize("name", ["inception_v4", "inception_resnet_v2", "xception"])
def test_no_block_writes_over_what_it_reads(name: str) -> None:
    fused = fuse(randomised(ie.build(name, **SMALL)))
    blocks = dict(fused.features.named_children())
    with torch.no_grad():
        x = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(1))
        for block, output in fused.block_outputs(x):
            given = x.clone()
            assert torch.equal(blocks[block](x), output), block
            assert torch.equal(x, given), block
            x = output


def test_gradients_reach_the_image() -> None:
    net = randomised(ie.build("inception_resnet_v2", **SMALL, repeats=(1, 1, 1))).double()
    x = torch.randn(2, 1, 32, 32, dtype=torch.double, requires_grad=True)
    before, after = (torch.autograd.grad(each(x)[:, 0].sum(), x)[0] for each in (net, fuse(net)))
    assert distance(before, after) < 1e-12


@pytest.mark.parametrize("variant", VARIANTS)
@torch.no_grad()
def test_bfloat16_reads_and_answers_as_before(variant: str) -> None:
    name, options = VARIANTS[variant]
    net = randomised(ie.build(name, **options))
    rough = fuse(net, dtype=torch.bfloat16)
    assert {p.dtype for p in rough.parameters()} == {torch.bfloat16}
    x = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    (logits, heads), (exact, exact_heads) = rough.forward_with_aux(x), net.forward_with_aux(x)
    assert logits.dtype == torch.float32
    assert 1e-4 < distance(exact, logits) < 0.1
    assert {head.dtype for head in heads.values()} <= {torch.float32}
    assert list(heads) == list(exact_heads)
    assert [name for name, _ in rough.block_outputs(x)] == [name for name, _ in net.block_outputs(x)]
    shape = tuple(x.shape[1:])
    assert ie.trace(rough, shape).macs == ie.trace(net, shape).macs


def test_bfloat16_keeps_the_accuracy_on_real_images() -> None:
    net, test = load(asset("checkpoints/small_googlenet.safetensors")), load_fashion("test")[:500]
    assert accuracy(fuse(net, dtype=torch.bfloat16), test) == pytest.approx(accuracy(fuse(net), test), abs=0.01)


@torch.no_grad()
def test_a_block_in_another_type() -> None:
    block = randomised(inception(8, TABLE_1["inception_3a"])).double()
    x = torch.randn(1, 8, 9, 9, dtype=torch.double)
    rounded = fuse(block, dtype=torch.float32)(x)
    assert rounded.dtype == torch.double
    assert 1e-9 < distance(block(x), rounded) < 1e-5
    assert fuse(nn.ReLU().eval(), dtype=torch.bfloat16)(x.float()).dtype == torch.float32


def test_a_type_without_fractions_is_answered() -> None:
    with pytest.raises(ValueError, match=r"floating-point type such as torch.bfloat16, not torch.int8$"):
        fuse(ie.build("googlenet", **SMALL).eval(), dtype=torch.int8)


def test_a_fold_is_torchs() -> None:
    conv, norm = nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6)
    randomised(norm)
    theirs = torch.nn.utils.fuse_conv_bn_eval(conv.eval(), norm)
    ours = fold(conv, norm)
    assert torch.allclose(ours.weight, theirs.weight)
    assert theirs.bias is not None
    assert torch.allclose(ours.bias, theirs.bias)


def test_a_network_in_training_mode_is_answered() -> None:
    with pytest.raises(ValueError, match=r"^googlenet is in training mode.*call \.eval\(\) first$"):
        fuse(ie.build("googlenet", **SMALL))
    net = ie.build("googlenet", **SMALL | {"batch_norm": True}).eval()
    net.features.inception_4a[0].bn.train()
    with pytest.raises(ValueError, match="training mode"):
        fuse(net)


@pytest.mark.parametrize("name", ["googlenet", "nin_imagenet"])
def test_a_fused_network_is_answered(name: str) -> None:
    once = fuse(ie.build(name, **SMALL).eval())
    with pytest.raises(ValueError, match=f"^{name} is fused already"):
        fuse(once)
    with pytest.raises(ValueError, match="is fused already"):
        fuse(nn.Sequential(once).eval())
    with pytest.raises(ValueError, match="is fused already"):
        fuse(once.features)


class Unknown(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


class Holder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1)


@pytest.mark.parametrize("module", [Unknown(), Holder(), nn.Sequential(Unknown()), Concat(Holder())])
def test_an_unknown_module_is_answered(module: nn.Module) -> None:
    with pytest.raises(TypeError, match=r"^fuse has no rule for (Unknown|Holder): build it from ConvUnit"):
        fuse(module.eval())


def test_a_slice_beyond_the_channels_is_answered() -> None:
    with pytest.raises(ie.ShapeError, match="channels 6 to 9 do not exist: there are 8"):
        ie.trace(Slice(6, 4), (8, 5, 5))
    assert "start=6, width=4" in repr(Slice(6, 4))
    assert "channels 6 to 9" in ie.diagram(ie.trace(nn.Sequential(Slice(6, 4)), (10, 5, 5)))


# ---- weights that are computed, layers that were replaced, shapes that broadcast -----------------------------------


def normed(how: Callable[[nn.Module], nn.Module]) -> nn.Module:
    unit = ConvUnit(4, 4, 1)
    unit.conv = how(unit.conv)  # type: ignore[assignment]
    conv, linear = how(nn.Conv2d(3, 4, 3)), how(nn.Linear(5, 2))
    merged = Concat(unit, ConvUnit(4, 1, 1))
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear, nn.BatchNorm1d(2))
    return nn.Sequential(conv, nn.BatchNorm2d(4), nn.ReLU(), merged, pooled)


def pruned(layer: nn.Module) -> nn.Module:
    prune.random_unstructured(layer, "weight", 0.5)
    prune.random_unstructured(layer, "bias" if layer.bias is not None else "weight", 0.5)
    return layer


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
@pytest.mark.parametrize(
    "how",
    [
        parametrizations.weight_norm,
        parametrizations.spectral_norm,
        nn.utils.weight_norm,
        nn.utils.spectral_norm,
        pruned,
    ],
    ids=["weight norm", "spectral norm", "old weight norm", "old spectral norm", "pruned"],
)
@torch.no_grad()
def test_computed_weights_are_folded_as_they_are_computed(how: Callable[[nn.Module], nn.Module]) -> None:
    with torch.enable_grad():
        net = randomised_norms(normed(how)).double()
    x = torch.randn(2, 3, 7, 7, dtype=torch.double)
    before = net(x)
    fused = fuse(net)
    assert distance(before, fused(x)) < 1e-12
    assert torch.equal(net(x), before)
    assert not any(isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) for module in fused.modules())
    assert ie.trace(fused, (3, 7, 7)).macs == ie.trace(net, (3, 7, 7)).macs


def randomised_norms(net: nn.Module) -> nn.Module:
    """In evaluation mode, every norm with statistics of its own; other weights stay as they are computed."""
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.normal_(module.running_mean, std=0.2)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.7, 1.3)  # type: ignore[arg-type]
    return net.eval()


def unit_with(**layers: nn.Module) -> ConvUnit:
    unit = ConvUnit(3, 4, 1)
    for name, layer in layers.items():
        setattr(unit, name, layer)
    return unit


def set_later(layer: nn.Module, **settings: Any) -> nn.Module:
    for name, value in settings.items():
        setattr(layer, name, value)
    return layer


ODD: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "an empty sequence": (lambda: nn.Sequential(), (3, 5, 5)),
    "empty sequences inside": (
        lambda: nn.Sequential(nn.Sequential(), nn.Conv2d(3, 3, 1), nn.Sequential(), nn.BatchNorm2d(3)), (3, 5, 5)
    ),
    "an empty body": (lambda: Residual(nn.Sequential(), scale=0.5), (3, 5, 5)),
    "an empty branch": (lambda: Concat(nn.Sequential(), ConvUnit(3, 3, 1), ConvUnit(3, 2, 1)), (3, 5, 5)),
    "an empty end of a body": (
        lambda: Residual(nn.Sequential(ConvUnit(3, 3, 1, relu=False), nn.Sequential())), (3, 5, 5)
    ),
    "a body that broadcasts": (
        lambda: Residual(nn.Sequential(nn.AdaptiveAvgPool2d(1), ConvUnit(3, 3, 1, relu=False)), scale=0.5), (3, 5, 5)
    ),
    "a shortcut that broadcasts": (lambda: Residual(ConvUnit(3, 3, 1, relu=False), nn.AdaptiveAvgPool2d(1)), (3, 5, 5)),
    "channels that broadcast": (lambda: Residual(ConvUnit(3, 1, 1, relu=False)), (3, 5, 5)),
    "in place in the shortcut": (lambda: Residual(ConvUnit(3, 3, 3, relu=False), nn.ReLU(inplace=True)), (3, 5, 5)),
    "in place in the body": (
        lambda: Residual(nn.Sequential(nn.ReLU(inplace=True), ConvUnit(3, 3, 3, relu=False))), (3, 5, 5)
    ),
    "in place between branches": (
        lambda: Concat(ConvUnit(3, 3, 1), nn.LeakyReLU(0.2, inplace=True), ConvUnit(3, 3, 1)), (3, 5, 5)
    ),
    "linear and norm on (N, L, C)": (lambda: nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3)), (3, 5)),
    "part of a flatten": (
        lambda: nn.Sequential(nn.Flatten(2), nn.Linear(5, 3), nn.BatchNorm1d(3)), (3, 5, 1)
    ),
    "three sides": (
        lambda: nn.Sequential(nn.Conv3d(2, 3, 3), nn.BatchNorm3d(3), nn.ReLU(), nn.Conv3d(3, 3, 1)), (2, 5, 5, 5)
    ),
    "one side": (lambda: nn.Sequential(nn.Conv1d(2, 3, 3), nn.BatchNorm1d(3), nn.ReLU()), (2, 5)),
    "a transposed convolution": (lambda: nn.Sequential(nn.ConvTranspose2d(2, 3, 3), nn.BatchNorm2d(3)), (2, 5, 5)),
    "another activation": (lambda: Concat(unit_with(relu=nn.LeakyReLU()), unit_with()), (3, 5, 5)),
    "no activation": (lambda: Concat(unit_with(relu=nn.Identity()), unit_with()), (3, 5, 5)),
    "another norm": (lambda: Concat(unit_with(bn=nn.GroupNorm(2, 4)), unit_with()), (3, 5, 5)),
    "one more layer": (lambda: Concat(unit_with(more=nn.Conv2d(4, 2, 1)), unit_with()), (3, 5, 5)),
    "a padding set later": (
        lambda: nn.Sequential(set_later(nn.Conv2d(3, 3, 3), padding=1), nn.BatchNorm2d(3)), (3, 5, 5)
    ),
    "a stride set later": (lambda: set_later(nn.Conv2d(3, 3, 1), stride=2), (3, 5, 5)),
    "a dilated 1x1": (lambda: nn.Conv2d(3, 3, 1, dilation=2), (3, 5, 5)),
    "a 1x1 with a border": (lambda: nn.Conv2d(3, 3, 1, padding=1, padding_mode="replicate"), (3, 5, 5)),
    "a scale that is learned": (
        lambda: Residual(ConvUnit(3, 3, 1, relu=False), scale=nn.Parameter(torch.tensor(0.3))), (3, 5, 5)  # type: ignore[arg-type]
    ),
    "a product": (lambda: Product(ConvUnit(3, 3, 1), nn.Sigmoid()), (3, 5, 5)),
    "a compiled layer": (
        lambda: nn.Sequential(torch.compile(nn.Conv2d(3, 3, 1), backend="eager"), nn.BatchNorm2d(3)), (3, 5, 5)
    ),
    "synchronised norms": (lambda: nn.Sequential(nn.Conv2d(3, 3, 1), nn.SyncBatchNorm(3)), (3, 5, 5)),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
@torch.no_grad()
def test_odd_modules_keep_their_outputs_and_their_cost(name: str) -> None:
    make, shape = ODD[name]
    net = randomised_norms(make()).double()
    x = torch.randn(2, *shape, dtype=torch.double)
    before = net(x.clone())
    fused = fuse(net)
    assert distance(before, fused(x.clone())) < 1e-12
    assert torch.equal(net(x.clone()), before)
    assert ie.trace(fused, shape).macs == ie.trace(net, shape).macs


def test_a_scale_for_each_channel_is_refused() -> None:
    with pytest.raises(TypeError, match="a Residual whose scale is a tensor of several numbers"):
        fuse(Residual(ConvUnit(3, 3, 1), scale=torch.ones(3, 1, 1)).eval())  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("layer", "shape"), [
    (nn.LocalResponseNorm(3), (3, 6, 6)),
    (Residual(nn.LocalResponseNorm(3)), (3, 6, 6)),
    (nn.Sequential(ConvUnit(3, 4, 3), nn.LocalResponseNorm(2), nn.Flatten(), nn.Linear(144, 2)), (3, 6, 6)),
    (nn.AvgPool3d(2), (3, 4, 4, 4)),
    (nn.PixelShuffle(1), (3, 6, 6)),
    (nn.GroupNorm(1, 3), (3, 6, 6)),
])  # fmt: skip
@torch.no_grad()
def test_half_precision_where_torch_has_none(layer: nn.Module, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(1))
    rough = fuse(layer.eval(), dtype=dtype)(x)
    assert rough.dtype == torch.float32
    assert distance(layer(x), rough) < 0.05


@pytest.mark.parametrize("variant", VARIANTS)
@torch.no_grad()
def test_float16_runs_every_network(variant: str) -> None:
    """With weights as they are drawn: its range ends at 65,504, which sums of other random weights can leave."""
    name, options = VARIANTS[variant]
    torch.manual_seed(0)
    net = ie.build(name, **options).eval()
    x = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    assert distance(net(x), fuse(net, dtype=torch.float16)(x)) < 0.02
