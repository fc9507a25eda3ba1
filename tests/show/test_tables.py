"""Tables: the columns add up, the text is golden, and every format says the same."""

import json
from pathlib import Path

import pytest
import torch

import inception_edu as ie
from inception_edu.bricks import ConvUnit

GOLDEN = Path(__file__).parents[1] / "reference"


def traced(name, **options):
    with torch.device("meta"):
        return ie.trace(ie.build(name, **options), ie.FAMILY[name].image)


@pytest.mark.parametrize("name", ie.FAMILY)
@pytest.mark.parametrize("depth", [1, 2, 9])
def test_the_columns_add_up(name, depth):
    table = ie.summary(traced(name), depth=depth)
    for column in ("params", "macs", "activations"):
        assert sum(getattr(row, column) for row in table.rows) == getattr(table.total, column)


def test_auxiliary_heads_count_in_parameters_and_not_in_macs():
    with_heads, without = ie.summary(traced("googlenet", aux=True)), ie.summary(traced("googlenet"))
    heads = [row for row in with_heads.rows if row.training_only]
    assert [row.part for row in heads] == ["auxiliary head on inception_4a", "auxiliary head on inception_4d"]
    assert with_heads.total.params == without.total.params + sum(row.params for row in heads) == 13_378_280
    assert with_heads.total.macs == without.total.macs
    assert all(row.macs > 0 for row in heads)
    assert f"({heads[0].macs:,})" in str(with_heads)


def test_text_is_golden(golden):
    golden("googlenet_table.txt", str(ie.summary(traced("googlenet"))))
    golden("inception_3a_table.txt", str(ie.summary(traced("googlenet")["inception_3a"], depth=2)))


def test_html_and_records_hold_the_same_numbers_as_the_text():
    table = ie.summary(traced("inception_v4"))
    html, records = table._repr_html_(), json.loads(json.dumps(table.records()))
    assert "<caption>inception_v4 on 3 x 299 x 299: 42,679,816 parameters, 12,253,974,624 MACs</caption>" in html
    for row, record in zip((*table.rows, table.total), records, strict=True):
        assert f"{row.params:,}" in html
        assert f"{row.params:,}" in str(table)
        assert record["params"] == row.params


def test_deep_rows_carry_a_path_that_finds_them():
    node = traced("inception_v3")
    rows = ie.summary(node, depth=3).rows
    paths = [row.part for row in rows]
    assert "mixed_7b.1.1" in paths
    for row in rows:
        assert node[row.part].params == row.params


def test_a_depth_below_one_is_refused():
    with pytest.raises(ValueError, match="a depth of at least 1, got 0"):
        ie.summary(traced("nin_cifar10"), depth=0)


def test_a_box_that_lost_its_convolution_is_still_shown():
    unit = ConvUnit(3, 8, 3)
    del unit.conv
    assert "batch norm" in str(ie.summary(unit, (8, 4, 4), depth=2)) + ie.diagram(unit, (8, 4, 4))
