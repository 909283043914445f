"""What a study is asked for: scenarios that may run together, options that make sense, and the study's name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from sim.belief.posterior import Posterior, learned_from, read_posterior, told
from sim.chance.pairing import disagreements
from sim.chance.sampling import check_draws
from sim.errors import Problem, ResultsError, ScenarioError, choices
from sim.outcomes.comparison import HEADLINE_VARIABLES, TIMELINE_VARIABLES
from sim.outcomes.manifest import as_json
from sim.outcomes.naming import variables_of
from sim.outcomes.stakes import STAKES_VARIABLES
from sim.outcomes.variables import VARIABLES, exists_in
from sim.reading.loading import Loaded, read_scenario
from sim.scenario.mechanisms import left_out
from sim.scenario.scenario import MOST_SEED, Scenario
from sim.tasks.precision import Target, read_target
from sim.wording import listed

__all__ = ["MANY_DRAWS", "Given", "Request", "make_request", "overrides_content", "request_of", "scenario_again"]

Given: TypeAlias = Scenario | Loaded | Path | str
"""A scenario as a user hands it over."""

MANY_DRAWS: Final = 2**17
"""Above this the size on disk is told, and with `keep` only some variables are stored at all."""

_ALWAYS_STORED: Final = HEADLINE_VARIABLES | TIMELINE_VARIABLES | STAKES_VARIABLES


@dataclass(frozen=True)
class Request:
    """A study that can run.

    Attributes
    ----------
    scenarios : tuple of Scenario
        Resolved, with the seed and the number of draws that are used.
    baseline : str
        Name of the scenario that others are compared with.
    keep : tuple of str or None
        Variables whose draws are stored; None for all.
    pictures : bool
    set_by : mapping of str to str
        Who set the seed and the number of draws.
    notes : tuple of str
        What a reader should know of the draws.
    target : Target, optional
        How precise the study shall be; its draws are then those that it begins with.
    origin : Loaded, optional
        What is held against the record beside its base, as its files have it: the scenario that the case names as
        tested, and where it is not among these the baseline. None if that is not from files.
    """

    scenarios: tuple[Scenario, ...]
    baseline: str
    keep: tuple[str, ...] | None
    pictures: bool
    set_by: dict[str, str]
    notes: tuple[str, ...] = ()
    target: Target | None = None
    origin: Loaded | None = None

    @property
    def draws(self) -> int:
        """Number of draws."""
        return self.scenarios[0].sampling.draws

    @property
    def stored(self) -> tuple[str, ...] | None:
        """Variables of which anything is stored while the study is made; None for all."""
        if self.keep is None or not (self.draws > MANY_DRAWS or self.target):
            return None
        wanted = {*self.keep, *_ALWAYS_STORED, *(variables_of(self.target.name) if self.target else ())}
        return tuple(name for name in VARIABLES if name in wanted and self._has(name))

    def _has(self, variable: str) -> bool:
        """Whether any scenario has a variable."""
        return any(exists_in(scenario, variable) for scenario in self.scenarios)

    def content(self) -> dict[str, Any]:
        """The request as the manifest states it: all that decides what comes out."""
        return overrides_content(self.scenarios) | {
            "scenarios": {scenario.name: scenario.model_dump(mode="json") for scenario in self.scenarios},
            "overridden": {scenario.name: as_json(scenario.overridden) for scenario in self.scenarios},
            "seed": self.scenarios[0].sampling.seed,
            "draws": self.draws,
            "set_by": self.set_by,
            "baseline": self.baseline,
            "keep": None if self.keep is None else list(self.keep),
            "pictures": self.pictures,
            "target": self.target and self.target.content(),
        }


def overrides_content(scenarios: Sequence[Scenario]) -> dict[str, Any]:
    """What the command line has set in some scenarios, as a manifest states it; nothing where it has set nothing."""
    overrides = {scenario.name: list(scenario.overrides) for scenario in scenarios if scenario.overrides}
    return {"overrides": overrides} if overrides else {}


def scenario_again(content: Any, asked: Mapping[str, Any]) -> Scenario:
    """A scenario as a manifest states it, with what the command line has set."""
    scenario = Scenario.model_validate(content)
    scenario._overrides = tuple(asked.get("overrides", {}).get(scenario.name, ()))
    return scenario


def make_request(
    given: Sequence[Given],
    *,
    draws: int | None,
    seed: int | None,
    baseline: str | None,
    keep: Collection[str] | None,
    pictures: bool,
    posterior: Path | str | None = None,
    target_se: str | None = None,
) -> Request:
    """Load the scenarios, put in the settings and check all of it.

    Raises
    ------
    ScenarioError
        All problems of the first kind that there is any of: files, settings, names, shared draws, options.
    """
    files = [str(one) if isinstance(one, str | Path) else "" for one in given]
    origins = [_origin(one) for one in given]
    loaded = [origin if isinstance(origin, Scenario) else origin.scenario for origin in origins]
    learned = None if posterior is None else read_posterior(Path(posterior))
    scenarios = tuple(_with_settings(scenario, draws, seed, learned) for scenario in loaded)
    names = [scenario.name for scenario in scenarios]
    _refuse(_unfit(files, scenarios))
    check_draws(scenarios[0].sampling.draws)
    _refuse(_wrong_seed(scenarios[0].sampling.seed))
    _refuse(_unpaired(files, scenarios))
    _refuse(_wrong_options(names, baseline, keep))
    _refuse(_without_rows(files, scenarios, learned))
    _refuse(_endless(learned, target_se))
    target = None if target_se is None else read_target(target_se)
    return Request(
        scenarios,
        baseline or names[0],
        None if keep is None else tuple(sorted(set(keep))),
        pictures,
        {"seed": _setter(seed), "draws": _setter_of_draws(draws, target, learned)},
        (*_absences(scenarios), *(() if learned is None else told(learned, loaded))),
        target,
        _held_against_the_record(origins, baseline or names[0]),
    )


def _held_against_the_record(origins: Sequence[Scenario | Loaded], baseline: str) -> Loaded | None:
    from_files = {one.scenario.name: one for one in origins if isinstance(one, Loaded)}
    first = from_files.get(baseline)
    tested = None if first is None else first.scenario.tested
    return first if tested is None else from_files.get(tested, first)


def _absences(scenarios: Sequence[Scenario]) -> Iterator[str]:
    """What scenarios do without, in one line, and which of them where not all do."""
    titles: dict[str, list[str]] = {}
    for scenario in scenarios:
        for means in dict.fromkeys(left_out(scenario).values()):
            titles.setdefault(means, []).append(scenario.title)
    told = [means if len(of) == len(scenarios) else f"{means} (in {listed(of)})" for means, of in titles.items()]
    if told:
        yield f"by what scenarios leave out: {'; '.join(told)}"


def _origin(given: Given) -> Scenario | Loaded:
    return given if isinstance(given, Scenario | Loaded) else read_scenario(given)


def request_of(content: Mapping[str, Any], folder: Path, posterior: Posterior | None) -> Request:
    """A request as the manifest of a folder states it.

    Raises
    ------
    ResultsError
        The draws are rows of a posterior, and this is not given.
    """
    plain = [_scenario_of(one, content) for one in content["scenarios"].values()]
    scenarios = tuple(_learned(scenario, folder, posterior) for scenario in plain)
    baseline, target, keep = (content[key] for key in ("baseline", "target", "keep"))
    return Request(
        scenarios,
        baseline,
        None if keep is None else tuple(keep),
        content["pictures"],
        content["set_by"],
        (*_absences(plain), *(() if posterior is None else told(posterior, plain))),
        target and read_target(f"{target['outcome']}={target['standard_error']!r}"),
    )


def _scenario_of(one: Any, content: Mapping[str, Any]) -> Scenario:
    scenario = scenario_again(one, content)
    scenario._overridden = dict(content["overridden"][scenario.name])
    return scenario


def _learned(scenario: Scenario, folder: Path, posterior: Posterior | None) -> Scenario:
    wanted = scenario.sampling.posterior
    if wanted is None:
        return scenario
    if posterior is None or posterior.hash != wanted:
        raise ResultsError(f"{folder}: its draws are rows of a posterior: give that very one with --posterior FILE")
    return learned_from(posterior, scenario)


def _setter_of_draws(draws: int | None, target: Target | None, learned: Posterior | None) -> str:
    if target is not None:
        return "--target-se"
    return _setter(draws) if draws or learned is None else "posterior"


def _setter(value: int | None) -> str:
    return "scenario file" if value is None else "command line"


def _with_settings(scenario: Scenario, draws: int | None, seed: int | None, learned: Posterior | None) -> Scenario:
    if learned is not None:
        scenario, draws = learned_from(learned, scenario), draws or learned.rows
    settings = {name: value for name, value in (("draws", draws), ("seed", seed)) if value is not None}
    return scenario.model_copy(update={"sampling": scenario.sampling.model_copy(update=settings)})


def _without_rows(files: Sequence[str], scenarios: Sequence[Scenario], learned: Posterior | None) -> Iterator[Problem]:
    """More draws than a posterior has rows, or a posterior that is named in a scenario and not given."""
    draws = scenarios[0].sampling.draws
    if learned is not None and draws > learned.rows:
        message = f"the posterior has {learned.rows} rows, and a draw is a row (found {draws}; at most {learned.rows})"
        yield Problem("--draws", 0, 0, "", message)
    for file, scenario in zip(files, scenarios, strict=True):
        if scenario.sampling.posterior is not None and scenario.learned is None:
            yield Problem(file, 0, 0, "sampling.posterior", "is set by --posterior FILE, and never in a scenario")


def _endless(learned: Posterior | None, target_se: str | None) -> Iterator[Problem]:
    """Draws can be added to the prior's, and not to the rows of a posterior."""
    if learned is not None and target_se is not None:
        yield Problem("--target-se", 0, 0, "", "goes without --posterior, whose rows are all that there are")


def _refuse(problems: Iterator[Problem]) -> None:
    found = list(problems)
    if found:
        raise ScenarioError(found)


def _unfit(files: Sequence[str], scenarios: Sequence[Scenario]) -> Iterator[Problem]:
    if not scenarios:
        yield Problem("", 0, 0, "", "no scenario is given")
    names = [scenario.name for scenario in scenarios]
    for place, (file, scenario) in enumerate(zip(files, scenarios, strict=True)):
        if scenario.abstract:
            yield Problem(file, 0, 0, scenario.name, "is abstract: a base for other scenarios, not one to run")
        if scenario.name in names[:place]:
            message = "is given twice: give one of the two another name, or leave it out"
            yield Problem(file, 0, 0, scenario.name, message)


def _wrong_seed(seed: int) -> Iterator[Problem]:
    if not 0 <= seed <= MOST_SEED:
        yield Problem("--seed", 0, 0, "", f"from 0 to {MOST_SEED} (found {seed})")


def _unpaired(files: Sequence[str], scenarios: Sequence[Scenario]) -> Iterator[Problem]:
    first = scenarios[0]
    for file, scenario in zip(files, scenarios, strict=True):
        reasons = disagreements(scenario, first)
        if reasons:
            message = f"does not share draws with {first.name}: they differ in {', '.join(reasons)}"
            yield Problem(file, 0, 0, scenario.name, message)


def _wrong_options(names: Sequence[str], baseline: str | None, keep: Collection[str] | None) -> Iterator[Problem]:
    if baseline is not None and baseline not in names:
        yield Problem("--baseline", 0, 0, "", f"no scenario of the study has this name {choices(baseline, names)}")
    for variable in keep or ():
        if variable not in VARIABLES:
            yield Problem("--keep", 0, 0, "", f"no variable has this name {choices(variable, list(VARIABLES))}")
