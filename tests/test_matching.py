"""What an observation is in the engine's terms: the engine's own annual outcomes where both exist, and reasons."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import numpy as np
import pytest
from shipped import FOLDER, column, run, scenario, worlds

from sim.axes import FloatArray
from sim.belief.matching import Match, Matching, match_record, path, periods_needed, simulated
from sim.belief.names import Names, read_names
from sim.belief.record import Observation, read_record
from sim.dates.timeline import event_names
from sim.errors import ScenarioError
from sim.model.engine import observe

HEADER = "id,variable,scope,item,period_start,period_end,statistic,value,low,high,unit,source"
CUTOFF = datetime.date(2019, 4, 30)

_UNITS = {
    "market_size": "USD bn",
    "revenue_gross": "USD bn",
    "revenue_retained": "USD bn",
    "regime": "boolean",
    "event": "boolean",
}


def _record(folder: Path, *rows: str, name: str = "jv_only") -> tuple[Observation, ...]:
    """Rows of `variable,scope,item,start,end,statistic`; ids are r0, r1, ..."""
    lines = []
    for number, row in enumerate(rows):
        variable, _, _, start, _, statistic = row.split(",")
        unit = "USD bn/yr" if statistic == "annual_rate" else _UNITS.get(variable, "fraction")
        value, unit = (start, "date") if statistic == "date" else ("1", unit)
        lines.append(f"r{number},{row},{value},,,{unit},a bank")
    file = folder / "record.csv"
    file.write_text("\n".join([HEADER, *lines]))
    return read_record(file, scenario(name).horizon, scenario(name).ledger)


def _matching(folder: Path, *rows: str, name: str = "jv_only", names: Names | None = None) -> Matching:
    return match_record(_record(folder, *rows, name=name), scenario(name), CUTOFF, names)


def _values(matches: tuple[Match, ...], name: str = "jv_only") -> FloatArray:
    found = scenario(name)
    (values,) = observe(
        found,
        worlds(name),
        lambda economy, record, timeline, masks: simulated(matches, found, economy, record, timeline),
        periods=periods_needed(matches),
    )
    return values


YEAR = "2021-01-01,2021-12-31,annual"


@pytest.mark.parametrize(
    ("variable", "scope", "item"),
    [
        ("market_size", "total", ""),
        ("market_size", "iaas", ""),
        ("market_share", "iaas", "aws"),
        ("market_share", "total", "alibaba"),
        ("foreign_share", "total", ""),
        ("revenue_gross", "iaas", "aws"),
        ("revenue_gross", "total", "foreign"),
        ("revenue_gross", "paas", "domestic"),
        ("revenue_retained", "total", "foreign"),
        ("revenue_retained", "iaas", "microsoft"),
    ],
)
@pytest.mark.parametrize("name", ["jv_only", "full_liberalization"])
def test_a_calendar_year_has_the_value_of_the_annual_outcome(
    variable: str, scope: str, item: str, name: str, tmp_path: Path
) -> None:
    matching = _matching(tmp_path, f"{variable},{scope},{item},{YEAR}", name=name)
    (values,) = _values(matching.matches, name)
    np.testing.assert_allclose(values, run(name)[variable].column(2021, scope, item), rtol=1e-12)


def test_quarters_of_a_size_add_up_to_the_year(tmp_path: Path) -> None:
    ends = ("03-31", "06-30", "09-30", "12-31")
    quarters = [f"market_size,iaas,,2020-{3 * i + 1:02}-01,2020-{end},quarter" for i, end in enumerate(ends)]
    half = "market_size,iaas,,2020-01-01,2020-06-30,half_year"
    *parts, first_half, year = _values(
        _matching(tmp_path, *quarters, half, "market_size,iaas,,2020-01-01,2020-12-31,annual").matches
    )
    np.testing.assert_allclose(sum(parts), year, rtol=1e-12)
    np.testing.assert_allclose(parts[0] + parts[1], first_half, rtol=1e-12)


def test_an_annual_rate_is_four_times_the_sum_of_its_quarter(tmp_path: Path) -> None:
    quarter = "revenue_gross,iaas,aws,2020-10-01,2020-12-31"
    total, rate = _values(_matching(tmp_path, f"{quarter},quarter", f"{quarter},annual_rate").matches)
    np.testing.assert_allclose(rate, 4 * total, rtol=1e-12)


def test_a_share_times_the_size_is_the_revenue(tmp_path: Path) -> None:
    half = "2021-07-01,2021-12-31,half_year"
    share, size, revenue = _values(
        _matching(
            tmp_path, f"market_share,iaas,aws,{half}", f"market_size,iaas,,{half}", f"revenue_gross,iaas,aws,{half}"
        ).matches
    )
    np.testing.assert_allclose(share * size, revenue, rtol=1e-12)


def test_stopping_early_leaves_the_bits_of_the_full_run(tmp_path: Path) -> None:
    matches = _matching(tmp_path, f"market_share,total,aws,{YEAR}").matches
    found, name = scenario("ftz_pilot"), "ftz_pilot"

    def paths(periods: int | None) -> FloatArray:
        (values,) = observe(found, worlds(name), lambda e, r, t, m: path(matches[0], e, r), periods=periods)
        return values

    assert np.array_equal(paths(11), paths(None)[:12])


def test_the_periods_needed_end_with_the_last_row(tmp_path: Path) -> None:
    matches = _matching(tmp_path, "market_size,total,,2019-07-01,2019-12-31,half_year").matches
    assert (periods_needed(matches), matches[0].periods) == (4, range(2, 4))


def test_blocks_come_in_the_order_of_the_draws(tmp_path: Path) -> None:
    found = scenario("jv_only")
    matches = _matching(tmp_path, f"market_size,total,,{YEAR}").matches
    parts = observe(
        found, worlds("jv_only"), lambda e, r, t, m: simulated(matches, found, e, r, t), periods=12, block=200
    )
    assert [part.shape for part in parts] == [(1, 200), (1, 200), (1, 112)]
    assert np.array_equal(np.concatenate(parts, axis=1), _values(matches))


def test_a_regime_holds_only_if_it_is_in_force_over_the_whole_window(tmp_path: Path) -> None:
    before, across, after = _values(
        _matching(
            tmp_path,
            "regime,,jv_only,2019-05-01,2019-12-31,state",
            "regime,,jv_only,2019-05-01,2020-01-31,state",
            "regime,,ftz_pilot,2020-01-01,2021-12-31,state",
            name="ftz_pilot",
        ).matches,
        "ftz_pilot",
    )
    assert (before.mean(), across.mean(), after.mean()) == (1.0, 0.0, 1.0)


def test_an_event_occurs_where_its_date_lies_in_the_window(tmp_path: Path) -> None:
    window = "event,,aws.launch,2022-01-01,2022-12-31"
    occurs, dates = _values(
        _matching(tmp_path, f"{window},occurred", f"{window},date", name="full_liberalization").matches,
        "full_liberalization",
    )
    assert 0 < occurs.mean() < 1
    assert np.array_equal(occurs == 1.0, (dates >= 2022) & (dates < 2023))
    assert np.isinf(dates).any()


QUITS = "policy.steps.quits={when: 2024-03-01, exits: [axa, china_life]}"


def test_a_record_names_arrivals_buy_outs_and_exits_where_there_are_such() -> None:
    """Buy-outs and exits were unknown to it."""
    assert "google.arrive" in event_names(scenario("new_entrant"))
    assert {"axa.buy_out", "axa.exit", "china_life.exit"} <= set(event_names(scenario("insurers/majority", QUITS)))
    assert not {"axa.exit", "axa.arrive"} & set(event_names(scenario("insurers/majority")))
    assert "aws.buy_out" not in event_names(scenario("new_entrant"))


def test_the_dates_of_a_buy_out_and_of_an_exit_are_those_of_the_outcomes(tmp_path: Path) -> None:
    found, drawn = scenario("insurers/majority", QUITS), worlds("insurers/majority", QUITS)
    named = ("axa.buy_out", "axa.exit", "china_life.exit")
    rows = (f"event,,{event},2019-06-01,2029-12-31,date" for event in named)
    matches = match_record(_record(tmp_path, *rows), found, CUTOFF).matches
    (dates,) = observe(found, drawn, lambda *of: simulated(matches, found, *of[:3]), periods=0)
    for event, values in zip(named, dates, strict=True):
        outcome = column(run("insurers/majority", QUITS), "event_date", "", event)[0]
        assert np.array_equal(np.nan_to_num(outcome, nan=np.inf), values)
    assert 0 < np.isfinite(dates[0]).mean() < 1
    assert np.allclose(dates[1:], 2024 + 2 / 12)


def test_an_event_on_the_last_day_of_the_window_counts(tmp_path: Path) -> None:
    rows = [f"event,,pilot_effective,2019-05-01,{end},occurred" for end in ("2019-12-31", "2020-01-01")]
    day_before, same_day = _values(_matching(tmp_path, *rows, name="ftz_pilot").matches, "ftz_pilot")
    assert (day_before.max(), same_day.min()) == (0.0, 1.0)


def test_what_a_scenario_dates_on_its_own_day_is_still_to_come(tmp_path: Path) -> None:
    windows = "2019-05-01,2019-12-31", "2019-05-02,2019-12-31"
    rows = [f"event,,deal,{window},occurred" for window in windows]
    next_day, later = _values(_matching(tmp_path, *rows, name="announced_path").matches, "announced_path")
    assert (next_day.mean(), later.mean()) == (pytest.approx(0.25, abs=0.01), 0.0)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("market_size,infrastructure,," + YEAR, "no such scope, and no mapping names it .*infrastructure.*iaas"),
        ("market_share,iaas,ali_baba," + YEAR, "no such item, and no mapping.*did you mean 'alibaba'"),
        ("market_size,total,aws," + YEAR, "market_size has no item .found 'aws'"),
        ("revenue_retained,total,alibaba," + YEAR, "no such item"),
        ("prices,total,," + YEAR, "the engine has no such variable .found 'prices'; allowed market_size"),
        ("event,,trade_deal,2019-05-01,2019-12-31,occurred", "no such event, and no mapping"),
        ("regime,total,jv_only,2019-05-01,2021-12-31,state", "a regime has no scope .found 'total'"),
        ("market_size,total,,2019-02-01,2019-07-31,half_year", "not a whole number of the engine's periods of 3 mon"),
        ("market_size,total,,2019-01-01,2019-03-31,quarter", "no forecast: the period ended by the cut-off"),
        ("revenue_gross,iaas,aws,2020-10-02,2020-12-31,annual_rate", "not a whole number"),
    ],
)
def test_what_has_no_counterpart_is_left_out_with_the_reason(row: str, reason: str, tmp_path: Path) -> None:
    matching = _matching(tmp_path, row)
    assert matching.matches == ()
    (found,) = matching.unmatched.values()
    assert re.search(reason, found), found


def test_a_quarter_has_no_counterpart_in_a_run_of_years(tmp_path: Path) -> None:
    rows = _record(tmp_path, "market_size,total,,2020-10-01,2020-12-31,quarter")
    yearly = scenario("jv_only", "horizon.period_months=12")
    assert "periods of 12 months" in match_record(rows, yearly, CUTOFF).unmatched["r0"]


def test_of_the_shipped_record_only_other_scopes_and_events_are_left_out() -> None:
    found = scenario("jv_only")
    matching = match_record(read_record(FOLDER / "observed_2019_2021.csv", found.horizon, found.ledger), found, CUTOFF)
    assert sorted(matching.unmatched) == ["M12", "M13", "M14", "S1", "T1", "T2"]
    assert len(matching.matches) == 13


def test_a_mapping_sums_layers_and_providers_and_says_so(tmp_path: Path) -> None:
    names = Names({"infrastructure": ("iaas", "paas")}, {"americans": ("aws", "microsoft")}, {})
    rows = (
        f"revenue_gross,infrastructure,americans,{YEAR}",
        *(f"revenue_gross,{layer},{item},{YEAR}" for layer in ("iaas", "paas") for item in ("aws", "microsoft")),
    )
    matching = _matching(tmp_path, *rows, names=names)
    together, *parts = _values(matching.matches)
    np.testing.assert_allclose(together, sum(parts), rtol=1e-12)
    assert matching.matches[0].mapped == (
        "scope 'infrastructure' taken as iaas + paas",
        "item 'americans' taken as aws + microsoft",
    )
    assert all(match.mapped == () for match in matching.matches[1:])


def test_a_mapping_names_regimes_and_events(tmp_path: Path) -> None:
    names = Names({}, {"licence": ("jv_only",)}, {"opening": "pilot_effective"})
    rows = "regime,,licence,2019-05-01,2019-12-31,state", "event,,opening,2019-05-01,2020-12-31,occurred"
    values = _values(_matching(tmp_path, *rows, name="ftz_pilot", names=names).matches, "ftz_pilot")
    assert values.min() == 1.0


def _mapping(folder: Path, text: str, *rows: str) -> list[str]:
    file = folder / "names.yaml"
    file.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        read_names(file, _record(folder, *rows), scenario("jv_only"))
    return [line.removeprefix(f"{folder}/") for line in str(caught.value).splitlines()]


def test_a_mapping_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "names.yaml"
    file.write_text("scopes: {infrastructure: [iaas, paas]}\nevents: {deal: aws.launch}\n")
    rows = _record(tmp_path, f"market_size,infrastructure,,{YEAR}", "event,,deal,2019-05-01,2019-12-31,occurred")
    assert read_names(file, rows, scenario("jv_only")) == Names(
        {"infrastructure": ("iaas", "paas")}, {}, {"deal": "aws.launch"}
    )


def test_every_mistake_of_a_mapping_file_has_its_place(tmp_path: Path) -> None:
    text = """\
scopes:
  infrastructure: [iaas, pass]
  cloud: iaas
  total: iaas
item: {}
events:
  deal: [aws.launch, aws.apply]
items: aws
"""
    rows = (
        f"market_size,infrastructure,,{YEAR}",
        f"market_size,total,,{YEAR}",
        "event,,deal,2019-05-01,2019-12-31,occurred",
    )
    assert [line.split(" (")[0] for line in _mapping(tmp_path, text, *rows)] == [
        "names.yaml:2:26: scopes.infrastructure: the scenario has no such name",
        "names.yaml:3:3: scopes.cloud: stands nowhere in the record",
        "names.yaml:4:3: scopes.total: the scenario has this name already; a mapping may not change it",
        "names.yaml:5:1: item: unknown key",
        "names.yaml:7:3: events.deal: must be one event of the scenario",
        "names.yaml:8:1: items: must be a mapping of names",
    ]
