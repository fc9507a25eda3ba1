"""The family in one dimension: shapes and costs by `trace` and by running, the checkpoint, the baseline."""

from functools import partial

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from inception_edu import trace
from inception_edu.data.files import asset
from inception_edu.data.text import LENGTH, SUBJECTS, Vocabulary, load_glosses, ngrams, shuffled
from inception_edu.models.googlenet import inception
from inception_edu.models.text import (
    TEXT_ROW,
    NgramBag,
    copy_text,
    inception_1d,
    inception_resnet_text,
    inception_text,
    inception_time,
    load_text,
    residual_1d,
    save_text,
    time_block,
)
from inception_edu.running import predict
from inception_edu.tracing import ShapeError
from inception_edu.train.loop import accuracy, fit

WIDTH = st.integers(1, 24)


class OneBranch(torch.nn.Module):
    """An embedding, a one-dimensional convolution and a linear layer, as a reader writes them."""

    def __init__(self, kernel=3):
        super().__init__()
        self.embedding = torch.nn.Embedding(7, 4)
        self.conv = torch.nn.Conv1d(4, 5, kernel)
        self.linear = torch.nn.Linear(5, 2)


def flat_twin():
    """The same with a kernel one pixel high."""
    twin = OneBranch()
    twin.conv = torch.nn.Conv2d(4, 5, (1, 3))
    twin.linear = torch.nn.Linear(5, 2)
    return twin


def test_weights_of_flat_kernels_fit_a_one_dimensional_network():
    theirs, mine = flat_twin(), OneBranch()
    assert copy_text(theirs, mine) is mine
    assert torch.equal(mine.conv.weight, theirs.conv.weight[:, :, 0])
    assert torch.equal(mine.embedding.weight, theirs.embedding.weight)
    assert torch.equal(mine.linear.bias, theirs.linear.bias)


def test_a_network_that_does_not_fit_is_refused_and_left_as_it_was():
    mine = OneBranch(kernel=5)
    before = {name: value.clone() for name, value in mine.state_dict().items()}
    with pytest.raises(ValueError, match=r"conv.weight of yours has the shape \(5, 4, 5\), theirs \(5, 4, 3\)"):
        copy_text(flat_twin(), mine)
    assert all(torch.equal(value, before[name]) for name, value in mine.state_dict().items())
    mine = OneBranch()
    del mine.linear
    with pytest.raises(ValueError, match="yours has 3 tensors of weights and statistics, theirs 5"):
        copy_text(flat_twin(), mine)


def macs_by_running(net, x):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(x)
    return counter.get_total_flops() // 2


@given(st.tuples(*[WIDTH] * 6), WIDTH, st.integers(1, 30))
def test_a_block_in_one_dimension_keeps_the_length_and_costs_what_it_does(row, channels, length):
    block = inception_1d(channels, row)
    node = trace(block, (channels, 1, length))
    x = torch.randn(2, channels, 1, length)
    assert node.output.shape == (row[0] + row[2] + row[4] + row[5], 1, length)
    assert block.eval()(x).shape[1:] == node.output.shape
    assert 2 * node.macs == macs_by_running(block, x)
    assert node.output.field == (1, 5)


@given(st.tuples(*[WIDTH] * 6), WIDTH)
def test_a_kernel_of_k_costs_k_where_the_square_costs_k_squared(row, channels):
    flat = trace(inception_1d(channels, row, batch_norm=False), (channels, 1, 49))
    square = trace(inception(channels, row, batch_norm=False), (channels, 7, 7))
    for i, k in ((0, 1), (1, 3), (2, 5), (3, 1)):
        one, two = flat.children[i], square.children[i]
        last, first = (node.children[-1] if node.children else node for node in (two, one))
        assert last.macs == k * first.macs


def test_no_value_of_a_text_reaches_beyond_the_receptive_field():
    block = inception_1d(4, (2, 2, 2, 2, 2, 2), relu=False).eval()  # a ReLU may hide a change
    x = torch.randn(1, 4, 1, 20)
    moved = x.clone()
    moved[..., 10] += 1
    changed = (block(moved) - block(x)).abs().amax((0, 1, 2)) > 0
    assert set(changed.nonzero().flatten().tolist()) <= set(range(8, 13))
    assert changed[8]


@pytest.mark.parametrize("build", [inception_text, inception_resnet_text])
def test_the_text_networks_read_numbers_and_trace_reads_their_convolutions(build):
    net = build(500).eval()
    node = trace(net.net, (net.width, 1, LENGTH))
    numbers = torch.randint(500, (3, LENGTH))
    assert net(numbers).shape == (3, 10)
    assert node.output.shape == (10,)
    assert node.params + 500 * net.width == sum(p.numel() for p in net.parameters())
    assert 3 * node.macs == macs_by_running(net, numbers)


def test_the_sizes_that_the_chapter_prints():
    nodes = {b: trace(b(100).net, (64, 1, LENGTH)) for b in (inception_text, inception_resnet_text)}
    assert [(n.params, n.macs) for n in nodes.values()] == [(13_642, 298_784), (30_474, 701_056)]


def test_a_residual_block_keeps_channels_and_starts_near_the_identity():
    block = residual_1d(32).eval()
    assert trace(block, (32, 1, 9)).output.shape == (32, 1, 9)
    x = torch.rand(2, 32, 1, 9)
    assert torch.allclose(residual_1d(32, scale=0.0).eval()(x), x)
    assert not torch.allclose(block(x), x)


def test_empty_places_do_not_train():
    net = inception_text(50)
    assert torch.equal(net.embedding.weight[0], torch.zeros(net.width))
    net(torch.tensor([[3, 4, 0, 0]] * 2)).sum().backward()
    assert float(net.embedding.weight.grad[0].abs().max()) == 0


# ---- time series ------------------------------------------------------------------------------


@given(st.integers(1, 40), st.lists(st.sampled_from([1, 3, 9, 19]), min_size=1, max_size=3), st.integers(1, 60))
def test_a_time_block_puts_out_one_share_for_each_length_and_one_for_the_pool(channels, lengths, steps):
    block = time_block(channels, bottleneck=4, each=5, lengths=lengths)
    node = trace(block, (channels, 1, steps))
    x = torch.randn(1, channels, 1, steps)
    assert node.output.shape == (5 * (len(lengths) + 1), 1, steps) == tuple(block.eval()(x).shape[1:])
    assert node.macs == macs_by_running(block, x)
    assert node.output.field == (1, max(3, *lengths))


def test_a_time_block_computes_what_layers_of_one_dimension_do():
    block = time_block(8, bottleneck=4, each=3).eval()
    squeeze, *kernels, pool_proj = (weight[:, :, 0] for weight in block.parameters() if weight.dim() == 4)
    x = torch.randn(2, 8, 60)
    narrow = F.conv1d(x, squeeze)
    maps = [F.conv1d(narrow, kernel, padding=kernel.shape[-1] // 2) for kernel in kernels]
    maps.append(F.conv1d(F.max_pool1d(x, 3, stride=1, padding=1), pool_proj))
    answer = block(x[:, :, None])[:, :, 0] * (1 + 1e-3) ** 0.5  # the epsilon of a norm that has learned nothing
    assert torch.allclose(answer, torch.cat(maps, dim=1).relu(), atol=1e-5)


def test_inceptiontime_has_six_blocks_and_sees_six_times_38_steps_and_one():
    net = inception_time(num_classes=10)
    node = trace(net, (1, 1, 98))
    assert node.children[-2].output.field == (1, 6 * 38 + 1)
    assert len([n for n in node.walk() if n.name.startswith("block_")]) == 6
    assert node.params == sum(p.numel() for p in net.parameters())
    x = torch.randn(2, 1, 1, 98)
    assert 2 * node.macs == macs_by_running(net, x)
    assert net.eval()(x).shape == (2, 10)


@pytest.mark.parametrize("depth", [0, 2, 4])
def test_a_depth_that_makes_no_groups_of_three_is_refused(depth):
    with pytest.raises(ValueError, match=f"a depth of {depth} makes no groups of three"):
        inception_time(num_classes=2, depth=depth)


def test_an_even_length_is_refused():
    with pytest.raises(ValueError, match="a kernel of length 20 cannot be padded equally"):
        time_block(8, lengths=(9, 20))


def test_a_series_with_other_channels_is_answered_in_one_sentence():
    with pytest.raises(ShapeError, match="reads 3 channels gets 2"):
        inception_time(num_classes=2, in_channels=3)(torch.randn(1, 2, 1, 30))


# ---- learning, and what is kept ---------------------------------------------------------------


def test_the_bag_starts_undecided_learns_and_with_single_words_feels_no_order():
    train, test = load_glosses("train")[:300], load_glosses("test")[:300]
    bag, encode = NgramBag(), partial(ngrams, n=1)
    assert torch.equal(predict(bag, encode(test).images), torch.zeros(300, 10))
    fit(bag, encode(train), epochs=8, lr=0.03, progress=False)
    plain, mixed = (predict(bag, encode(data).images) for data in (test, shuffled(test)))
    assert torch.allclose(plain, mixed, atol=1e-5)
    assert accuracy(bag, encode(test)) > 0.3


def test_the_shipped_network_recognises_what_its_file_says():
    net, vocabulary, facts = load_text(asset("checkpoints/text_inception.safetensors"))
    test = load_glosses("test")
    assert accuracy(net, vocabulary.encode(test)) == pytest.approx(facts["test_accuracy"], abs=0.003)
    assert vocabulary == Vocabulary.of(load_glosses("train").texts)
    assert net.net.classifier.linear.out_features == len(SUBJECTS)
    assert asset("checkpoints/text_inception.safetensors").stat().st_size < 500_000


def test_a_network_comes_back_in_half_precision(tmp_path):
    vocabulary = Vocabulary(("cat", "dog"))
    net = inception_text(len(vocabulary)).eval()
    save_text(net, tmp_path / "net.safetensors", vocabulary, made_by="a test")
    loaded, words, facts = load_text(tmp_path / "net.safetensors")
    assert words == vocabulary
    assert facts == {"made_by": "a test"}
    numbers = vocabulary.numbers(["a cat and a dog"])
    assert torch.allclose(loaded(numbers), net(numbers), atol=0.02)
    assert not loaded.training


def test_what_is_not_a_text_network_is_refused(tmp_path):
    vocabulary = Vocabulary(("cat",))
    with pytest.raises(ValueError, match="do not fit 3 word numbers"):
        save_text(inception_text(9), tmp_path / "net.safetensors", vocabulary)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="damaged or not a safetensors file"):
        load_text(tmp_path / "broken.safetensors")
    safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="was not written by save_text"):
        load_text(tmp_path / "other.safetensors")


def test_the_row_of_the_text_block_is_the_order_of_table_1():
    assert trace(inception_1d(64, TEXT_ROW), (64, 1, 24)).output.channels == 16 + 32 + 16 + 16
