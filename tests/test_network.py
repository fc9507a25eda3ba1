"""A network of the family is an ordinary module: torch's tools take it, a reader's parts fit into it."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import inception_edu as ie
from inception_edu.bricks import Concat, ConvUnit, Residual
from inception_edu.fusion import fuse
from inception_edu.network import InceptionNet, as_bricks, aux_head_bn, classifier, stem
from tests.support.versions import refused_by_old_torch
from tools.peers import prepare_torchvision


def small() -> InceptionNet:
    torch.manual_seed(0)
    return ie.build("googlenet", num_classes=5, width=0.25, small=True).eval()


TAKEN: dict[str, Callable[[nn.Module, Tensor], Any]] = {
    "torch.fx": lambda net, x: torch.fx.symbolic_trace(net),
    "torch.compile": lambda net, x: torch.compile(net, fullgraph=True, backend="eager"),
    "torch.export": lambda net, x: torch.export.export(net, (x,)).module(),
    "torch.jit.trace": lambda net, x: torch.jit.trace(net, x),
}


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("name", TAKEN)
@torch.no_grad()
def test_torchs_tools_take_a_network_as_it_is(name: str) -> None:
    net, x = small(), torch.rand(2, 3, 32, 32)
    taken = TAKEN[name](net, x)
    assert torch.allclose(taken(x), net(x), atol=1e-6)
    assert taken(x[:, :, :, :]).shape == (2, 5)


def test_a_recorded_graph_costs_the_same_as_the_network() -> None:
    net = small()
    graph = ie.trace(torch.fx.symbolic_trace(net), (3, 32, 32))
    node = ie.trace(net, (3, 32, 32))
    assert (graph.params, graph.macs, graph.output) == (node.params, node.macs, node.output)


def test_torchvision_takes_features_from_the_inside() -> None:
    prepare_torchvision()
    extraction = pytest.importorskip("torchvision.models.feature_extraction")
    net, x = small(), torch.rand(2, 3, 32, 32)
    extractor = extraction.create_feature_extractor(net, {"features.inception_3a": "a", "features.inception_4a": "b"})
    with torch.no_grad():
        found, outputs = extractor(x), dict(net.block_outputs(x))
    assert list(found) == ["a", "b"]
    assert torch.allclose(found["a"], outputs["inception_3a"])


def test_an_image_without_a_batch_is_answered_by_how_to_make_one() -> None:
    net = small()
    with pytest.raises(
        ie.ShapeError, match=r"^googlenet reads batches .* one image of \(3, 32, 32\), pass image\[None\]$"
    ):
        net(torch.rand(3, 32, 32))
    with pytest.raises(ie.ShapeError, match=r"^googlenet cannot read \(C, H, W\) = \(4, 32, 32\): "):
        net(torch.rand(1, 4, 32, 32))


@pytest.mark.parametrize(("small", "side"), [(False, 17), (True, 12)])
def test_the_head_of_inception_v3_sees_its_whole_grid_at_once(small: bool, side: int) -> None:
    """The figure's: 5x5 after the pool, then 1x1 to 128 and 5x5 to 768, on which one value is left."""
    head = ie.trace(aux_head_bn(32, 7, small=small), (32, side, side))
    shapes = [child.output.shape for child in head["features"].children]
    assert shapes == [(32, 5, 5), (128, 5, 5), (768, 1, 1)]
    assert head.output.shape == (7,)


def test_a_network_of_bricks_is_its_own_tree_of_bricks() -> None:
    net = small()
    assert as_bricks(ie.trace(net, (3, 32, 32))) is net
    own = InceptionNet({"conv": ConvUnit(3, 8, 3), "own": Block()}, classifier(8, 4), name="mine").eval()
    tree, x = as_bricks(ie.trace(own, (3, 12, 12))), torch.rand(2, 3, 12, 12)
    assert isinstance(tree, InceptionNet)
    assert tree.name == "mine"
    assert tree.features.conv is own.features.conv
    assert isinstance(tree.features.own, Concat)
    assert torch.allclose(tree(x), own(x), atol=1e-6)


def test_the_stem_is_what_comes_before_the_first_block() -> None:
    node = stem(ie.trace(small(), (3, 32, 32)))
    assert (node.name, [child.name for child in node.children]) == ("stem", ["conv_1", "conv_2", "pool_1"])
    residual = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), Residual(nn.Conv2d(4, 4, 1)))
    assert [child.name for child in stem(ie.trace(residual, (3, 32, 32))).children] == ["0"]
    reducing = nn.Sequential(Concat(nn.MaxPool2d(2), nn.AvgPool2d(2)), nn.ReLU(), Concat(nn.Identity()))
    assert [child.name for child in stem(ie.trace(reducing, (3, 32, 32))).children] == ["0", "1"]
    with pytest.raises(ValueError, match=r"^mine has no stem: no Concat or Residual follows one$"):
        stem(ie.trace(nn.Sequential(nn.ReLU()), (3, 32, 32), name="mine"))


# ---- parts of a reader's own ---------------------------------------------------------------------------------


class Block(nn.Module):
    """A reader's block."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.three = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([F.relu(self.one(x)), F.relu(self.three(x))], 1)


class Gate(nn.Module):
    """Attention over channels."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(8, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.one(F.adaptive_avg_pool2d(x, 1)))


class Checkpointed(Block):
    """Computes again in the backward pass what it does not keep."""

    def forward(self, x: Tensor) -> Tensor:
        return checkpoint(super().forward, x, use_reentrant=False)


def with_synchronised_norms() -> nn.Module:
    return nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(ConvUnit(8, 8, 3), ConvUnit(8, 8, 1)))


def compiled_in_place() -> nn.Module:
    block = Block()
    block.compile(backend="eager")
    return block


PARTS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "a block": (Block, 320 * 36),
    "a gate": (Gate, 64),
    "a checkpointed block": (Checkpointed, 320 * 36),
    "synchronised norms": (with_synchronised_norms, 640 * 36),
    "a compiled block": (lambda: torch.compile(Block(), backend="eager"), 320 * 36),
    "a block compiled in place": (compiled_in_place, 320 * 36),
}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=refused_by_old_torch if n == "a checkpointed block" else ()) for n in PARTS]
)
@torch.no_grad()
def test_a_readers_part_fits_into_a_network(name: str) -> None:
    make, macs = PARTS[name]
    net = InceptionNet({"conv": ConvUnit(3, 8, 3, 2), "own": make()}, classifier(8, 4), name="mine").eval()
    node = ie.trace(net, (3, 12, 12))
    assert node["own"].macs == macs
    assert node["own"].output.field is not None
    assert node.params == sum(p.numel() for p in net.parameters())
    assert net(torch.rand(2, 3, 12, 12)).shape == (2, 4)
    assert [n for n, _ in net.block_outputs(torch.rand(2, 3, 12, 12))] == ["conv", "own"]
    assert "own" in str(ie.summary(node))
    assert ie.diagram(node)
    net.register_forward_hook(lambda *given: None)
    with pytest.raises(ie.ShapeError, match=r"mine cannot read \(C, H, W\) = \(1, 12, 12\): conv: .* 3 channels"):
        net(torch.rand(2, 1, 12, 12))


def test_a_fault_inside_a_readers_part_is_explained_with_its_place() -> None:
    net = InceptionNet({"conv": ConvUnit(3, 6, 3), "own": Block()}, classifier(8, 4), name="mine").eval()
    with pytest.raises(ie.ShapeError, match=r"^mine cannot read .*own\.one: .*reads 8 channels gets 6$"):
        net(torch.rand(2, 3, 12, 12))


class Deciding(nn.Module):
    """Cannot be read without values."""

    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


def test_a_fault_before_a_part_that_cannot_be_read_is_still_explained() -> None:
    net = InceptionNet({"wide": ConvUnit(3, 8, 7, 1, 0), "own": Deciding()}, classifier(8, 4), name="mine").eval()
    assert net(torch.rand(1, 3, 8, 8)).shape == (1, 4)
    with pytest.raises(ie.ShapeError, match=r"wide: a window of 7 does not fit into 4 pixels: at least 7 are needed$"):
        net(torch.rand(1, 3, 4, 4))
    with pytest.raises(TypeError, match="Deciding cannot be read without values"):
        ie.trace(net, (3, 8, 8))


# ---- fuse keeps what is added, or refuses ---------------------------------------------------------------------


class DoubledNorm(nn.BatchNorm2d):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


class DoubledSequence(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


class DoubledConcat(Concat):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


class DoubledResidual(Residual):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


class DoubledReLU(nn.ReLU):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


class DoubledUnit(ConvUnit):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


class DoubledInside(nn.Conv2d):
    def _conv_forward(self, *given: Any) -> Tensor:
        return 2 * super()._conv_forward(*given)


DOUBLED: list[Callable[[], nn.Module]] = [
    lambda: DoubledNorm(3),
    lambda: DoubledSequence(nn.Conv2d(3, 3, 1)),
    lambda: DoubledConcat(ConvUnit(3, 3, 1)),
    lambda: DoubledResidual(ConvUnit(3, 3, 1)),
    DoubledReLU,
    lambda: DoubledUnit(3, 3, 1),
    lambda: DoubledInside(3, 3, 1),
]
PLAIN: list[Callable[[], nn.Module]] = [
    lambda: nn.BatchNorm2d(3),
    lambda: nn.Sequential(nn.Conv2d(3, 3, 1)),
    lambda: Concat(ConvUnit(3, 3, 1)),
    lambda: Residual(ConvUnit(3, 3, 1)),
    nn.ReLU,
    lambda: ConvUnit(3, 3, 1),
    lambda: nn.Conv2d(3, 3, 1),
]


def after_conv(layer: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 3, 1), layer).eval()


@pytest.mark.parametrize("make", DOUBLED)
def test_fuse_refuses_a_forward_that_it_does_not_know(make: Callable[[], nn.Module]) -> None:
    layer = make()
    with pytest.raises(TypeError, match=f"^fuse has no rule for {type(layer).__name__}"):
        fuse(after_conv(layer))


@pytest.mark.parametrize("make", PLAIN)
def test_fuse_refuses_a_forward_of_one_module_alone_and_hooks(make: Callable[[], nn.Module]) -> None:
    layer = make()
    before = layer.forward
    layer.forward = lambda x: 2 * before(x)  # type: ignore[method-assign]
    with pytest.raises(TypeError, match=r"^fuse has no rule for"):
        fuse(after_conv(layer))
    for add in ("register_forward_hook", "register_forward_pre_hook"):
        layer = make()
        getattr(layer, add)(lambda *given: None)
        with pytest.raises(TypeError, match=r"^1, a .* has a forward hook"):
            fuse(after_conv(layer))


def test_importing_and_tracing_load_no_machinery_of_torch() -> None:
    code = (
        "import sys, torch\nbefore = set(sys.modules)\nimport inception_edu as ie\n"
        "ie.trace(ie.build('googlenet'), (3, 224, 224))\nprint(*sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "inception_edu.tracing" in loaded
    assert "inception_edu.reading" not in loaded
    assert not [name for name in loaded if name.startswith(("torch._dynamo", "sympy"))]
