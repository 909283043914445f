"""When to commit: textbook cases, no foresight, and what must be told from 0 and what not."""

from __future__ import annotations

import numpy as np
import pytest

from sim.analysis.waiting import (
    Choices,
    application_dates,
    is_told,
    mean_of,
    option_to_wait,
    policy_map,
    realised,
)
from sim.axes import FloatArray, IntArray

SCRAMBLES, EACH = 16, 512
DRAWS = SCRAMBLES * EACH


def folds(draws: int = DRAWS, count: int = SCRAMBLES) -> IntArray:
    return np.arange(draws) * count // draws


def powers(state: FloatArray, highest: int) -> FloatArray:
    """Regressors (K, highest, N) of a state (K, N)."""
    return np.stack([state**power for power in range(1, highest + 1)], axis=1)


def test_the_eight_paths_of_longstaff_and_schwartz() -> None:
    """Their section 1: a put struck at 1.10, 6% a year, three dates; .1144, against .0564 for the European one."""
    prices = np.array(
        [
            [1.09, 1.16, 1.22, 0.93, 1.11, 0.76, 0.92, 0.88],
            [1.08, 1.26, 1.07, 0.97, 1.56, 0.77, 0.84, 1.22],
            [1.34, 1.54, 1.03, 0.92, 1.52, 0.90, 1.01, 1.34],
        ]
    )
    payoffs = np.maximum(1.10 - prices, 0.0) * np.exp(-0.06 * np.array([[1], [2], [3]]))
    dates = application_dates(payoffs, powers(prices, 2), prices < 1.10, np.zeros(8, dtype=np.int64))
    assert dates.tolist() == [3, 3, 2, 0, 3, 0, 0, 0]
    assert realised(payoffs, dates).mean() == pytest.approx(0.1144, abs=5e-5)


def antithetic(seed: int, rows: int, pairs: int) -> FloatArray:
    half = np.random.default_rng(seed).standard_normal((rows, pairs))
    return np.concatenate([half, -half], axis=1)


@pytest.mark.slow
def test_the_american_put_of_longstaff_and_schwartz_on_draws_that_were_not_learned_from() -> None:
    """Their table 1, first row: S = 36, volatility 20%, a year of 50 dates; 4.478 by finite differences."""
    strike, rate, volatility, count, pairs = 40.0, 0.06, 0.2, 50, 50_000
    step = 1.0 / count
    moves = (rate - volatility**2 / 2) * step + volatility * step**0.5 * antithetic(1, count, pairs)
    prices = 36.0 * np.exp(moves.cumsum(axis=0))
    payoffs = (strike - prices) * np.exp(-rate * step * np.arange(1, count + 1))[:, None]
    held_out = np.tile(folds(pairs, 4), 2)
    dates = application_dates(payoffs, powers(prices / strike, 3), prices < strike, held_out)
    assert 4.44 <= realised(payoffs, dates).mean() <= 4.49


class Investment:
    """Dixit & Pindyck, ch. 5: who pays 1 gets a project worth V, which moves by 20% a year and yields 4%; r is 4%."""

    rate, volatility, years, count = 0.04, 0.2, 40.0, 40

    @property
    def step(self) -> float:
        return self.years / self.count

    def threshold(self) -> float:
        """V at which to invest where there is no last date: beta / (beta - 1)."""
        beta = 0.5 + (0.25 + 2 * self.rate / self.volatility**2) ** 0.5
        return beta / (beta - 1)

    def lattice(self, start: float, between: int = 20) -> tuple[float, list[float]]:
        """Value of the right to invest, and the least V at which to do so at each date, on a binomial tree."""
        steps, thresholds = self.count * between, []
        step = self.years / steps
        up, discount = np.exp(self.volatility * step**0.5), np.exp(-self.rate * step)
        odds = (1 - 1 / up) / (up - 1 / up)  # r - delta is 0
        worth = np.maximum(start * up ** (2.0 * np.arange(steps + 1) - steps) - 1.0, 0.0)
        for i in reversed(range(steps)):
            worth = discount * (odds * worth[1:] + (1 - odds) * worth[:-1])
            if i % between == 0:
                project = start * up ** (2.0 * np.arange(i + 1) - i)
                thresholds.append(project[project - 1.0 > worth].min(initial=np.inf))
                worth = np.maximum(worth, project - 1.0)
        return float(worth[0]), thresholds[::-1]

    def paths(self, start: float, seed: int, pairs: int) -> FloatArray:
        moves = -(self.volatility**2) / 2 * self.step + self.volatility * self.step**0.5 * antithetic(
            seed, self.count, pairs
        )
        return start * np.exp(np.concatenate([np.zeros((1, 2 * pairs)), moves.cumsum(axis=0)]))


@pytest.mark.slow
def test_the_right_to_invest_of_dixit_and_pindyck() -> None:
    case, pairs = Investment(), 50_000
    project = case.paths(1.0, 0, pairs)
    payoffs = (project - 1.0) * np.exp(-case.rate * case.step * np.arange(case.count + 1))[:, None]
    held_out = np.tile(folds(pairs, 4), 2)
    dates = application_dates(payoffs, powers(np.minimum(project, 4.0), 3), project > 1.0, held_out)
    value, thresholds = case.lattice(1.0)
    assert case.threshold() == pytest.approx(2.0)
    assert value == pytest.approx(0.25, rel=0.05), "of a right without end"
    assert realised(payoffs, dates).mean() == pytest.approx(value, rel=0.01)
    year = case.count // 4
    invests = project[year][dates == year]
    assert np.quantile(invests, 0.01) == pytest.approx(thresholds[year], rel=0.1)
    assert thresholds[year] == pytest.approx(case.threshold(), rel=0.1)


def two_dates(seed: int, luck: float, signal: float) -> Choices:
    """At once pays .2; half a year on a standard normal x is seen, and applying pays it: apply then if x > 0.

    Both are hidden in luck that nobody sees. With `signal` 0 there is nothing to see.
    """
    drawn = np.random.default_rng(seed).standard_normal((4, DRAWS))
    seen, noise = drawn[0], drawn[1]
    payoffs = np.stack([0.2 + luck * drawn[2], signal * seen + luck * drawn[3]])
    states = np.stack([noise, seen])[:, None]
    return Choices(payoffs, states, np.zeros((2, DRAWS), dtype=np.int64), np.ones((2, DRAWS), dtype=bool))


TRUE_OPTION = (2 * np.pi) ** -0.5 - 0.2
"""E max(x, 0) less what at once pays."""


def by_foresight(choices: Choices) -> float:
    """What comes out if the payoff that applying will have is compared with a fitted continuation."""
    z, x = choices.payoffs, choices.states[:, 0]
    later = np.where(z[1] > 0.0, z[1], 0.0)
    continuation = np.polyval(np.polyfit(x[0], later, 1), x[0])
    return float(np.where(z[0] > continuation, z[0], later).mean() - z[0].mean())


def test_nobody_sees_what_a_date_will_pay() -> None:
    choices = two_dates(5, luck=3.0, signal=1.0)
    found = option_to_wait(choices)
    assert by_foresight(choices) > 1.5
    for rule in found.rules:
        assert rule.option.value == pytest.approx(TRUE_OPTION, abs=3 * rule.option.se)
        assert rule.option.se < 0.1
    assert found.perfect_foresight.value > 2.0


@pytest.mark.parametrize("seed", range(3))
def test_waiting_that_is_worth_something_is_told(seed: int) -> None:
    found = option_to_wait(two_dates(seed, luck=0.5, signal=1.0))
    assert found.is_told
    for rule in found.rules:
        assert rule.instead in ("at once", "now or never")
        assert rule.option.value == pytest.approx(TRUE_OPTION, abs=0.03)
        assert (rule.dates == 0).mean() < 0.01
        assert (rule.dates == 1).mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("seed", range(10))
def test_of_noise_nothing_is_told(seed: int) -> None:
    choices = two_dates(seed, luck=1.0, signal=0.0)
    found = option_to_wait(choices)
    assert not found.is_told
    assert abs(found.cautious.option.value) < 0.05


def test_a_rule_is_not_valued_on_the_draws_that_it_was_learned_on() -> None:
    """With 40 regressors of noise on 16 scrambles of 8 the rule fits luck, and gets nothing for it elsewhere."""
    generator, draws = np.random.default_rng(3), 128
    payoffs, regressors = generator.standard_normal((1, draws)), generator.standard_normal((1, 40, draws))
    everywhere = np.ones((1, draws), dtype=bool)
    own, others = (
        realised(payoffs, application_dates(payoffs, regressors, everywhere, scrambles)).mean()
        for scrambles in (np.zeros(draws, dtype=np.int64), folds(draws))
    )
    assert own > 0.15
    assert others < 0.1


def test_who_is_not_permitted_does_not_apply() -> None:
    payoffs = np.ones((3, DRAWS))
    permitted = np.zeros((3, DRAWS), dtype=bool)
    permitted[1, : DRAWS // 2] = permitted[2, DRAWS // 4 :] = True
    dates = application_dates(payoffs, np.zeros((3, 1, DRAWS)), permitted, folds())
    assert (dates[: DRAWS // 2] == 1).all()
    assert (dates[DRAWS // 2 :] == 2).all()


def test_a_regressor_that_only_the_valued_draws_show_has_no_weight() -> None:
    """A regime that is in force in one scramble alone says nothing in the others."""
    choices = two_dates(1, luck=0.5, signal=1.0)
    odd = np.zeros((2, 1, DRAWS))
    odd[:, 0, :EACH] = 1e6
    plain = option_to_wait(choices).rules[0]
    found = option_to_wait(
        Choices(
            choices.payoffs,
            np.concatenate([choices.states, odd], axis=1),
            choices.regimes,
            choices.permitted,
        )
    ).rules[0]
    assert (found.dates[:EACH] == plain.dates[:EACH]).all()


def test_a_map_shows_the_date_that_divides_and_what_tells() -> None:
    choices = two_dates(2, luck=0.5, signal=1.0)
    other = np.random.default_rng(0).standard_normal((2, 1, DRAWS))
    choices = Choices(
        choices.payoffs, np.concatenate([other, choices.states], axis=1), choices.regimes, choices.permitted
    )
    rule = option_to_wait(choices).rules[0]
    found = policy_map(choices, rule)
    assert found is not None
    assert (found.date, found.states[0]) == (1, 1)
    assert found.applies.shape == (8, 8)
    assert found.applies[:, :3].max() < 0.05
    assert found.applies[:, 5:].min() > 0.95
    assert [share.value for share in rule.shares] == [(rule.dates == k).mean() for k in range(3)]


def test_there_is_no_map_of_a_rule_that_does_the_same_everywhere() -> None:
    choices = two_dates(2, luck=0.0, signal=0.0)
    assert policy_map(choices, option_to_wait(choices).rules[0]) is None


def test_the_error_of_a_mean_is_that_of_whole_scrambles() -> None:
    means = np.arange(16.0)
    found = mean_of(np.repeat(means, EACH))
    assert (found.value, found.se) == (7.5, pytest.approx(means.std(ddof=1) / 4))
    assert is_told(found)
    assert not is_told(mean_of(np.ones(EACH))), "the error of one scramble is not known"
    assert not is_told(mean_of(np.ones(DRAWS))), "an error of 0 is no error"
