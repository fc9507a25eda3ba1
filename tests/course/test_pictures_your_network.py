"""Chapter 13's map: what it says is what the record holds."""

import pytest

from inception_edu.course.challenge import BUDGET
from inception_edu.course.pictures import your_network
from inception_edu.course.records import by_seed, load_record, paired


def test_the_map_tells_every_design_the_budget_and_yours():
    record = load_record("13_project")
    words = your_network.price_map(record).description
    assert set(record["costs"]) - set(your_network.ARMS) == {"cheaper", "better"}
    for name in your_network.ARMS:
        shares = by_seed(record, name, "valid")
        mean, macs = 100 * sum(shares) / len(shares), record["costs"][name]["macs"] / 1e6
        assert f"{name} {mean:.1f} % at {macs:.2f} million" in words
    most = 0.4 * record["costs"]["small GoogLeNet"]["macs"] / 1e6
    mean = 100 * sum(by_seed(record, "small GoogLeNet", "valid")) / 6
    assert f"the corner with at most {most:.2f} million and at least {mean - 1:.1f} %; " in words
    assert f"the goal “better” is at least {mean + 1:.1f} %." in words
    assert words.endswith("The budget is 10 million.")
    assert "yours" not in words
    assert "yours 87.5 % at 3.20 million" in your_network.price_map(record, 3_200_000, 0.875).description


def test_each_goal_is_reached_by_a_design_that_the_map_does_not_give_away():
    record = load_record("13_project")
    gains = {
        name: paired(by_seed(record, "small GoogLeNet", "valid"), by_seed(record, name, "valid"))
        for name in record["costs"]
    }
    most = your_network.CHEAPER * record["costs"]["small GoogLeNet"]["macs"]
    assert [name for name, cost in record["costs"].items() if cost["macs"] <= most and gains[name].low > -1] == [
        "cheaper"
    ]
    assert [name for name, gain in gains.items() if gain.mean >= 1 and gain.low > 0] == ["better"]
    assert not {"cheaper", "better"} & set(your_network.ARMS)
    for cost in record["costs"].values():
        assert cost["params"] <= BUDGET.params
        assert cost["macs"] <= BUDGET.macs


def test_half_of_yours_is_refused():
    with pytest.raises(ValueError, match="both"):
        your_network.price_map(load_record("13_project"), 3_200_000)


def test_the_prices_are_the_records_and_times_are_multiples_of_the_stand_ins():
    record = load_record("13_project")
    names = ["small GoogLeNet", "stand-in"]
    lines = your_network.prices(record, names, [3.0, 2.0], [8.0, 4.0]).data.splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[2] == ["small GoogLeNet", "92,442", "8,915,120", "1.50", "2.00", "87.5 %"]
    assert cells[3] == ["stand-in", "105,130", "6,677,216", "1.00", "1.00", "87.5 %"]
    with pytest.raises(ValueError, match="shorter"):
        your_network.prices(record, names, [3.0, 2.0], [8.0])
