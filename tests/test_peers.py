"""Our networks against other libraries' builds of them: cost, stage shapes, and logits in double precision."""

import json
import random
from collections import defaultdict
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import inception_edu as ie
from inception_edu.checkpoints import PEERS as CHECKPOINTS
from inception_edu.network import InceptionNet
from tools.peers import PEERS, REFERENCE, Peer, measure, prepare_torchvision, randomised

prepare_torchvision()
for library in ("torchvision", "timm", "facenet_pytorch", "pretrainedmodels"):
    pytest.importorskip(library)

TOLERANCE = 1e-9
MEASURED = json.loads(REFERENCE.read_text())


def build(peer: Peer) -> InceptionNet:
    return ie.build(peer.ours, **peer.options).double().eval()


def images(size: int, count: int = 1) -> Tensor:
    return torch.randn(count, 3, size, size, dtype=torch.double, generator=torch.Generator().manual_seed(size))


def distance(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference, relative to the largest value."""
    assert ours.shape == theirs.shape
    return float((ours - theirs).abs().max() / theirs.abs().max())


def shuffled(state: dict[str, Tensor], seed: int = 0) -> dict[str, Tensor]:
    keys = list(state)
    random.Random(seed).shuffle(keys)
    return {key: state[key] for key in keys}


def test_every_checkpoint_that_can_be_loaded_has_a_peer_here() -> None:
    assert {(peer.source, peer.ours) for peer in PEERS} == set(CHECKPOINTS)


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_cost_and_stages_are_the_peers(peer: Peer) -> None:
    found, written = measure(peer), MEASURED[peer.name]
    assert found == written, "measure again with `python tools/peers.py` if the peer has changed"
    with torch.device("meta"):
        node = ie.trace(ie.build(peer.ours, **peer.options), (3, peer.image, peer.image))
    assert (node.params, node.macs) == (found["params"], found["macs"])
    names = peer.stages.split()
    blocks = node.children[:-1]
    assert len(names) == len(blocks)
    shapes = {name: list(block.output.shape) for name, block in zip(names, blocks, strict=True) if name != "-"}
    assert shapes == found["stages"]


@pytest.fixture(scope="module", params=PEERS, ids=lambda peer: peer.name)
def random_peer(request: pytest.FixtureRequest) -> tuple[Peer, nn.Module]:
    """Each peer in turn with random weights: pytest runs all tests of one before it builds the next."""
    return request.param, randomised(request.param)


def test_logits_equal_the_peers(random_peer: tuple[Peer, nn.Module]) -> None:
    (peer, theirs), ours = random_peer, build(random_peer[0])
    ie.load_checkpoint(ours, shuffled(theirs.state_dict()), peer.source)
    with torch.no_grad():
        for size in (*peer.sizes, peer.image):
            x = images(size)
            assert distance(ours(x), theirs(x)) < TOLERANCE, f"at {size}x{size}"


def _box(key: str) -> tuple[str, str]:
    """The peer's block and box that a convolution's weight stands in, cut at the last dot or underscore."""
    box = key.removesuffix(".weight").removesuffix(".conv")
    return box.rpartition("." if "." in box else "_")[0].partition(".branch")[0], box


def exchanged(state: dict[str, Tensor], seed: int) -> tuple[dict[str, Tensor], str]:
    """The state dict with two equal-shaped convolutions under each other's names, of one block if there are such."""
    same_block, anywhere = defaultdict(list), defaultdict(list)
    for key, value in state.items():
        if key.endswith(".weight") and value.dim() == 4:
            same_block[_box(key)[0], value.shape].append(key)
            anywhere[value.shape].append(key)
    groups: list[Any] = [keys for keys in same_block.values() if len(keys) > 1]
    groups = groups or [keys for keys in anywhere.values() if len(keys) > 1]
    one, other = random.Random(seed).sample(random.Random(seed).choice(groups), 2)
    return {**state, one: state[other], other: state[one]}, f"{one} and {other}"


def test_an_exchange_of_two_branches_would_be_seen(random_peer: tuple[Peer, nn.Module]) -> None:
    """Tests the test above: had the table two equal-shaped branches crossed, the logits would differ."""
    (peer, theirs), ours = random_peer, build(random_peer[0])
    x = images(min(*peer.sizes, peer.image))
    crossed, which = exchanged(theirs.state_dict(), seed=len(peer.name))
    ie.load_checkpoint(ours, crossed, peer.source)
    with torch.no_grad():
        assert distance(ours(x), theirs(x)) > 1000 * TOLERANCE, which


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_the_smallest_image_is_the_one_that_torchvision_states(name: str) -> None:
    peer = next(peer for peer in PEERS if peer.name == f"torchvision {name}")
    import torchvision.models

    stated = torchvision.models.get_model_weights(name).DEFAULT.meta["min_size"][0]
    assert stated == min(peer.sizes)  # where the logits were compared, too
    with pytest.raises(ie.ShapeError, match=f"the smallest square image it can read is {stated}x{stated}$"):
        ie.trace(build(peer), (3, stated - 1, stated - 1))


AUX = {"googlenet": ({"inception_4a": 2, "inception_4d": 1}, 64), "inception_v3": ({"mixed_6e": 1}, 299)}


@pytest.mark.parametrize("name", AUX)
def test_auxiliary_logits_equal_torchvisions_in_training(name: str) -> None:
    """torchvision returns (logits, aux2, aux1) and (logits, aux): ours come under the name of the block they read."""
    positions, size = AUX[name]
    peer = next(peer for peer in PEERS if peer.name == f"torchvision {name} with aux")
    theirs, ours = randomised(peer), build(peer)
    ie.load_checkpoint(ours, theirs.state_dict(), "torchvision")
    for model in (theirs, ours):
        model.train()
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
    with torch.no_grad():
        x = images(size, count=2)
        expected = theirs(x)
        logits, aux = ours.forward_with_aux(x)
    assert distance(logits, expected[0]) < TOLERANCE
    assert aux.keys() == positions.keys()
    for tap, position in positions.items():
        assert distance(aux[tap], expected[position]) < TOLERANCE, tap
    # and both have learnt the same batch statistics
    theirs.eval()
    ours.eval()
    with torch.no_grad():
        assert distance(ours(x), theirs(x)) < TOLERANCE


def test_the_preprocessing_includes_torchvisions_transform_input() -> None:
    """torchvision normalises once outside and once inside; ours is the two in one."""
    import torchvision.models

    usual = torchvision.models.Inception_V3_Weights.IMAGENET1K_V1.transforms()
    peer = next(peer for peer in PEERS if peer.name == "torchvision googlenet")
    theirs, ours = randomised(peer), build(peer)
    preprocessing = ie.load_checkpoint(ours, theirs.state_dict(), "torchvision")
    theirs.transform_input = True
    x = torch.rand(2, 3, 64, 64, dtype=torch.double)
    mean, std = (torch.tensor(values, dtype=torch.double).view(3, 1, 1) for values in (usual.mean, usual.std))
    with torch.no_grad():
        assert distance(ours(preprocessing(x)), theirs((x - mean) / std)) < TOLERANCE


@pytest.mark.parametrize("name", ["inception_v3", "inception_v4", "inception_resnet_v2", "xception"])
def test_the_preprocessing_is_what_timm_says(name: str) -> None:
    import timm.data

    with torch.device("meta"):
        model = timm.create_model({"xception": "legacy_xception"}.get(name, name))
    said = timm.data.resolve_model_data_config(model)
    ours = CHECKPOINTS["timm", name].preprocessing
    assert (ours.mean, ours.std, ours.channels) == (said["mean"], said["std"], "RGB")
    assert said["input_size"] == (3, ours.size, ours.size)


CADENE = {
    "bn_inception": "bninception",
    "inception_v4": "inceptionv4",
    "inception_resnet_v2": "inceptionresnetv2",
    "xception": "xception",
}


@pytest.mark.parametrize("name", CADENE)
def test_the_preprocessing_is_what_cadene_says(name: str) -> None:
    import pretrainedmodels

    said = pretrainedmodels.pretrained_settings[CADENE[name]]["imagenet"]
    ours = CHECKPOINTS["cadene", name].preprocessing
    top = said["input_range"][1]  # Cadene's mean and std are for images in 0..top
    assert ours.mean == tuple(mean / top for mean in said["mean"])
    assert ours.std == tuple(std / top for std in said["std"])
    assert (ours.channels, [3, ours.size, ours.size]) == (said["input_space"], said["input_size"])


def test_the_preprocessing_is_what_facenet_does_to_bytes() -> None:
    from facenet_pytorch import fixed_image_standardization

    ours = CHECKPOINTS["facenet", "inception_resnet_v1"].preprocessing
    x = torch.rand(2, 3, 8, 8, dtype=torch.double)
    assert distance(ours(x), fixed_image_standardization(255 * x)) < 1e-12


def test_facenets_embedding_is_the_classifier_less_its_last_layer() -> None:
    """facenet returns the embedding, at unit length, when it does not classify."""
    peer = next(peer for peer in PEERS if peer.source == "facenet")
    theirs, ours = randomised(peer), build(peer)
    ie.load_checkpoint(ours, theirs.state_dict(), "facenet")
    theirs.classify = False
    x = images(75)
    with torch.no_grad():
        embedding = ours.classifier[:-1](ours.features(x))
        assert distance(nn.functional.normalize(embedding), theirs(x)) < TOLERANCE
