"""No leakage: what was published after the cut-off gives way to its fallback, or the forecast is refused."""

from __future__ import annotations

import datetime

import pytest
from conftest import Folder
from shipped import FOLDER

from sim.belief.knowledge import Replacement, as_known
from sim.errors import ScenarioError
from sim.reading.loading import Loaded, read_scenario
from sim.scenario.families import Fixed
from sim.scenario.inputs import inputs, naive_numbers

CHURN = 'churn: {low: 1, median: 3, high: 8, min: 0, unit: "%/yr", source: judgement, grade: judgement}'
LATE_CHURN = (
    'churn: {value: 9, unit: "%/yr", source: late, grade: found, '
    'fallback: {value: 3, unit: "%/yr", source: bank, grade: found}}'
)
CUTOFF = datetime.date(2019, 4, 30)


def _spoilt(folder: Folder, new: str = LATE_CHURN, old: str = CHURN) -> Loaded:
    return read_scenario(folder.spoilt(old, new))


def _complaints(loaded: Loaded, cutoff: datetime.date) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        as_known(loaded, cutoff)
    return str(caught.value).splitlines()


def test_a_planted_leak_gives_way_to_its_fallback_and_is_listed(folder: Folder) -> None:
    known, replaced = as_known(_spoilt(folder), CUTOFF)
    assert isinstance(known.demand.churn, Fixed)
    assert known.demand.churn.value == 3
    assert replaced == (Replacement("demand.churn", "late", "2019-06-01", "9 %/yr", "3 %/yr", "bank"),)


def test_a_source_published_on_the_cut_off_is_known(folder: Folder) -> None:
    known, replaced = as_known(_spoilt(folder), datetime.date(2019, 6, 1))
    assert isinstance(known.demand.churn, Fixed)
    assert (known.demand.churn.value, replaced) == (9, ())


def test_what_is_judged_is_known_on_the_scenarios_own_day(folder: Folder) -> None:
    assert as_known(read_scenario("small.yaml"), CUTOFF)[1] == ()
    (first, *others) = _complaints(read_scenario("small.yaml"), CUTOFF - datetime.timedelta(days=1))
    assert "'judgement' was published on 2019-04-30, after the cut-off 2019-04-29; needs a fallback" in first
    assert len(others) > 30


def test_a_leak_without_fallback_is_refused_with_its_place(folder: Folder) -> None:
    complaints = _complaints(_spoilt(folder), datetime.date(2018, 12, 31))
    assert "case.yaml:5:18: exchange_rates.CNY: 'bank' was published on 2019-01-01, after the cut-off 2018-12-31; " in (
        "\n".join(complaints)
    )
    (churn,) = [line for line in complaints if "demand.churn" in line]
    assert "its fallback is too late as well: 'bank' was published on 2019-01-01" in churn


def test_every_leak_is_told_at_once(folder: Folder) -> None:
    found = read_scenario("small.yaml")
    numbers = {item.path for item in inputs(found.scenario)}
    complaints = _complaints(found, datetime.date(2018, 12, 31))
    assert {line.split(": ")[1] for line in complaints} == numbers


def test_a_part_of_a_mixture_can_leak(folder: Folder) -> None:
    mixture = (
        "churn: {mixture: [{weight: 0.5, of: {value: 3}}, {weight: 0.5, of: {value: 9, source: late}}], "
        'unit: "%/yr", source: bank, grade: found, fallback: {value: 3, unit: "%/yr", source: bank, grade: found}}'
    )
    ((path, source, *_),) = as_known(_spoilt(folder, mixture), CUTOFF)[1]
    assert (path, source) == ("demand.churn", "late")


def test_fallbacks_that_do_not_fit_together_are_refused(folder: Folder) -> None:
    old = "size: {value: 33.1, unit: CNY bn/yr, source: bank, grade: found}"
    new = (
        "size: {value: 5, unit: USD bn/yr, source: late, grade: found, "
        "fallback: {value: 7.5, unit: USD bn/yr, source: bank, grade: found}}"
    )
    (complaint,) = _complaints(_spoilt(folder, new, old), CUTOFF)
    assert "market.size: as known on 2019-04-30: the layers with a size must leave something" in complaint


def test_the_scenario_known_then_stands_on_the_cut_off(folder: Folder) -> None:
    assert as_known(read_scenario("small.yaml"), datetime.date(2020, 1, 1))[0].as_of == datetime.date(2020, 1, 1)


def test_nothing_in_a_shipped_scenario_as_known_was_published_later() -> None:
    known, replaced = as_known(read_scenario(FOLDER / "jv_only.yaml"), CUTOFF)
    records = [item.record for item in (*inputs(known), *naive_numbers(known))]
    dates = [known.sources[record.source].published for record in records if record.source in known.sources]
    assert max(dates) <= CUTOFF
    assert len(replaced) == 7
