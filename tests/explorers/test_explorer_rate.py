"""The rate explorer without a browser: it shows the record, and the task of chapter 05 has its answer there."""

from statistics import fmean
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inception_edu.course.records import by_seed, load_record
from inception_edu.explorers.rate import RATES, Rates
from inception_edu.explorers.settings import page

RECORD = load_record("05_norm_and_rate")
SETTINGS = st.builds(Rates, normed=st.sampled_from(RATES), plain=st.sampled_from(RATES))


def test_the_rates_are_the_recorded_ones():
    assert tuple(f"{rate:g}" for rate in RECORD["rates"]) == RATES


@given(SETTINGS)
def test_every_recorded_run_is_counted_and_every_run_with_losses_is_drawn(rates):
    drawn = 0
    for arm, rate in (("with", rates.normed), ("without", rates.plain)):
        ends = rates.ends[arm]
        assert ends.total == len(by_seed(RECORD, f"{arm} {rate}")) == 5
        drawn += len(ends.learned) + len(ends.stuck) + bool(ends.learned)
    root = ET.fromstring(f"<div>{page(rates, Rates())}</div>")
    lines = [path for path in root.iter("{http://www.w3.org/2000/svg}path") if path.get("d").count("L") == 9]
    assert len(lines) == drawn


@pytest.mark.parametrize("arm", ["with", "without"])
def test_the_mean_loss_is_that_of_the_runs_that_learned(arm):
    ends = Rates("0.1", "0.1").ends[arm]
    runs = [RECORD["runs"][f"{arm} 0.1/{seed}"] for seed in range(5)]
    last = [run["losses"][-1] for run in runs if run["end"] == "learned"]
    assert ends.losses[-1] == pytest.approx(fmean(last))
    assert len(ends.learned) == len(last)


def test_where_each_network_dies():
    plain = {rate: Rates("0.01", rate).ends["without"] for rate in RATES}
    normed = {rate: Rates(rate, "0.01").ends["with"] for rate in RATES}
    assert next(rate for rate in RATES if len(plain[rate].learned) < 5) == "0.1"
    assert next(rate for rate in RATES if len(normed[rate].learned) < 5) == "3"
    assert not [rate for rate in RATES if normed[rate].steps], "with batch norm nothing overflows"
    assert sorted(plain["0.1"].steps) == [2 * 78 + 46, 4 * 78 + 16]


def test_how_many_passes_the_norm_saves():
    assert Rates("0.03", "0.03").caught_up == 5
    reached = {rate: Rates(rate, "0.03").caught_up or 11 for rate in RATES}
    assert [rate for rate in RATES if reached[rate] == min(reached.values())] == ["0.1"]
    assert reached["0.1"] == 4
    assert Rates("0.001", "0.001").caught_up is None
    assert Rates("0.03", "3").caught_up is None
    assert "With batch norm, pass 4 already" in Rates("0.1", "0.03").sentence()
    assert "overflowed, the first at step 11" in Rates("0.3", "0.3").sentence()


@pytest.mark.parametrize("wrong", ["0.02", 0.01, None, ""])
def test_another_rate_is_refused_with_those_that_there_are(wrong):
    with pytest.raises(ValueError, match=r"Rate without batch norm must be one of 0\.001, 0\.003, "):
        Rates("0.01", wrong)
