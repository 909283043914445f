"""The file of a decision: who decides, in which world, what can be done, what it costs and what it is for.

An action is a named set of values, each as after `--set PATH=`, in the scenario of the file or in one of its own. Who
decides is a provider with one `objective`, the `host` with what counts for it, or two `players`, each with an
objective and actions: every pair of these is a case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from sim.chance.pairing import disagreements
from sim.chance.sampling import check_draws
from sim.errors import Problem, ScenarioError, choices, shown
from sim.reading.documents import Node
from sim.reading.kinds import DECISION, tree_of
from sim.reading.loading import Loaded, read_scenario, with_values
from sim.reading.naming import file_named, named_file
from sim.reading.validation import conforming, refuse, steps
from sim.scenario.evidence import SCALES
from sim.scenario.families import Discrete
from sim.scenario.inputs import inputs
from sim.scenario.levers import Id
from sim.scenario.mechanisms import medians
from sim.scenario.money import DEFAULT_CURRENCY, Ledger, is_amount
from sim.scenario.records import Grade, Model
from sim.scenario.scenario import MOST_SEED, SETTINGS, Scenario
from sim.scenario.steps import HazardStep

__all__ = ["HOST", "Action", "Decider", "Decision", "DecisionFile", "decision_of", "decision_schema", "read_decision"]

HOST: Final = "host"

Paid = Literal["applying", "launching", "beginning"]
Finite = Annotated[float, Field(allow_inf_nan=False)]

_OWN: Final = ("title", "scenario", "cost")
"""Keys of an action that are no paths."""

_FIXED: Final = (*SETTINGS, "extends", "horizon")
"""Says nothing to the model, or is what actions must have in common to share their draws."""

_SOURCE: Final = "decision"


def _is_amount(unit: str) -> str:
    if not is_amount(unit):
        raise ValueError(f"wrong unit (found {unit!r}; allowed bn or m of a currency: {DEFAULT_CURRENCY} m)")
    return unit


class Cost(Model):
    """What committing to an action costs, once and for all."""

    value: Annotated[Finite, Field(ge=0)]
    unit: Annotated[str, AfterValidator(_is_amount)] = Field(description="Billions or millions of a currency.")
    paid: Paid = Field(
        default="applying", description="On the day of the application, of the launch, or when the valuation begins."
    )
    source: str = Field(default="judgement", min_length=1)
    grade: Grade = "judgement"
    note: str | None = None


class DiscountRate(Model):
    """At which rate the one who decides values, in discounting and in the rent of capital alike."""

    value: Finite
    unit: Literal["%/yr", "1/yr", "%/yr nominal", "1/yr nominal", "%/yr real", "1/yr real"]

    @property
    def yearly(self) -> float:
        """As a fraction per year."""
        return self.value * SCALES["growth of money"][self.unit]


class When(Model):
    """At which dates one may apply."""

    delays: Annotated[tuple[Annotated[Finite, Field(ge=0)], ...], Field(min_length=2, max_length=40)] = Field(
        description="Years after permission, rising from 0."
    )

    @model_validator(mode="after")
    def _rising(self) -> When:
        if list(self.delays) != sorted(set(self.delays)) or self.delays[0] != 0.0:
            raise ValueError("delays rise, and begin with 0: at once")
        return self


class Player(Model):
    """One of two who decide."""

    objective: Annotated[str, Field(min_length=1)]
    actions: Annotated[dict[Id, dict[str, Any]], Field(max_length=20)]


class DecisionFile(Model):
    """The keys of the file."""

    schema_version: Literal[1]
    name: Id
    question: Annotated[str, Field(min_length=1)]
    scenario: Annotated[str, Field(min_length=1)] = Field(description="The world, a file beside this one.")
    objective: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="Outcome of a provider, who decides: npv_with_terminal.total.<provider>."
    )
    host: Annotated[dict[str, Finite], Field(min_length=1)] | None = Field(
        default=None, description="Flows that count for the host, who decides, each with its weight."
    )
    players: dict[Id, Player] | None = Field(default=None, description="Two who decide, each with actions.")
    actions: Annotated[dict[Id, dict[str, Any]], Field(max_length=20)] | None = Field(
        default=None,
        description="By name: title, scenario, cost, and paths with their values; the first is doing nothing.",
    )
    against: str | None = Field(default=None, description="Outcome that the host's worth is drawn against.")
    discount: DiscountRate | None = Field(default=None, description="The median of the scenario's by default.")
    beliefs: str = Field(default="opening.hypothesis", description="Categories whose weights one may doubt.")
    when: When | None = None
    draws: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0, le=MOST_SEED)] | None = None


@dataclass(frozen=True)
class Action:
    """Something that can be done.

    Attributes
    ----------
    name, title : str
    cost : float
        Billions.
    paid : str
    is_benchmark : bool
        Whether it knows what nobody can: it is shown, and never chosen.
    note : str
        Where its cost is from.
    """

    name: str
    title: str
    cost: float
    paid: str
    is_benchmark: bool = False
    note: str = ""


@dataclass(frozen=True)
class Decider:
    """Who decides.

    Attributes
    ----------
    name, title : str
        Id of a provider, or `host`.
    objective : mapping of str to float
        Outcomes to weights.
    actions : tuple of Action
    """

    name: str
    title: str
    objective: Mapping[str, float]
    actions: tuple[Action, ...]

    @property
    def is_host(self) -> bool:
        """Whether it is the government whose market it is."""
        return self.name == HOST


@dataclass(frozen=True)
class Decision:
    """A decision that can be computed.

    Attributes
    ----------
    name, question : str
    deciders : tuple of Decider
        One or two.
    cases : tuple of Scenario
        One for each action, or for each pair of them, the second decider's varying fastest.
    against : str
    discount, terminal_growth : float
        Per year.
    beliefs : str
    delays : tuple of float
        Years after permission; empty without `when`.
    """

    name: str
    question: str
    deciders: tuple[Decider, ...]
    cases: tuple[Scenario, ...]
    against: str
    discount: float
    terminal_growth: float
    beliefs: str
    delays: tuple[float, ...]

    @property
    def start(self) -> Scenario:
        """The first case: states draws and seed."""
        return self.cases[0]

    @property
    def draws(self) -> int:
        """Number of draws."""
        return self.start.sampling.draws

    @cached_property
    def belief_weights(self) -> Mapping[str, float]:
        """The categories whose weights one may doubt, with where we stand."""
        (record,) = (item.record for item in inputs(self.start) if item.name == self.beliefs)
        assert isinstance(record, Discrete)
        return record.discrete

    def content(self) -> dict[str, Any]:
        """All of it as JSON."""
        own = {key: getattr(self, key) for key in _CONTENT}
        cases = [case.model_dump(mode="json") for case in self.cases]
        return {**own, "delays": list(self.delays), "deciders": [asdict(one) for one in self.deciders], "cases": cases}


def decision_schema() -> dict[str, Any]:
    """The JSON Schema of a decision file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **DecisionFile.model_json_schema()}


_CONTENT: Final = ("name", "question", "against", "discount", "terminal_growth", "beliefs")


def decision_of(content: Mapping[str, Any]) -> Decision:
    """A decision as `content` gave it."""
    deciders = (
        Decider(**{**one, "actions": tuple(Action(**action) for action in one["actions"])})
        for one in content["deciders"]
    )
    cases = tuple(Scenario.model_validate(case) for case in content["cases"])
    own = {key: content[key] for key in _CONTENT}
    return Decision(**own, deciders=tuple(deciders), cases=cases, delays=tuple(content["delays"]))


def read_decision(path: Path, *, draws: int | None = None, seed: int | None = None) -> Decision:
    """The decision in a file, with every action checked.

    Parameters
    ----------
    path : Path
        Scenarios are named relative to it.
    draws, seed : int, optional
        In place of what the file says.

    Raises
    ------
    ScenarioError
        All problems of the first stage that has any: the file's own keys, the scenarios, the actions.
    """
    file_path = named_file(path, DECISION)
    tree = tree_of(file_path, DECISION)
    file = conforming(tree, DecisionFile)
    refuse(_wrong_keys(tree, file))
    world = _loaded(file_path.parent, tree.entries["scenario"], "scenario")
    settings = {"draws": draws or file.draws, "seed": file.seed if seed is None else seed}
    stated = {key: value for key, value in settings.items() if value is not None}
    draft = _Draft(file_path.parent, tree, file, world, stated)
    refuse(draft.wrong_settings())
    decision = draft.decision()
    refuse(draft.wrong_actions(decision))
    return decision


def _wrong_keys(tree: Node, file: DecisionFile) -> Iterator[Problem]:
    """What is wrong with the file before any scenario is read."""
    stated = [key for key in ("objective", HOST, "players") if getattr(file, key) is not None]
    if len(stated) != 1:
        message = (
            f"who decides is told by one key (found {', '.join(stated) or 'nothing'}; allowed objective, host, players)"
        )
        yield tree.place.problem("", message)
        return
    if file.players is not None:
        node = tree.entries["players"]
        if len(file.players) != 2:
            yield node.place.problem("players", f"two decide, or one with an objective (found {len(file.players)})")
        if file.actions is not None:
            yield tree.entries["actions"].place.problem("actions", "stand with each of the players")
        for name in file.players:
            yield from _too_few(node.entries[name].entries["actions"], f"players.{name}.actions")
    elif file.actions is None:
        yield tree.place.problem("", "the key 'actions' is missing")
    else:
        yield from _too_few(tree.entries["actions"], "actions")
    if file.when is not None and file.objective is None:
        yield tree.entries["when"].place.problem("when", "goes with 'objective': one provider, who may wait")
    if file.against is not None and file.host is None:
        yield tree.entries["against"].place.problem(
            "against", "goes with 'host': it is what its worth is drawn against"
        )


def _too_few(node: Node, path: str) -> Iterator[Problem]:
    if len(node.entries) < 2:
        found = ", ".join(node.entries) or "none"
        message = f"a decision has two actions at least (found {found}; add what else could be done, or doing nothing)"
        yield node.place.problem(path, message)


def _loaded(folder: Path, node: Node, path: str) -> Loaded:
    loaded = read_scenario(file_named(node, path, folder))
    if loaded.scenario.abstract:
        raise ScenarioError([node.place.problem(path, f"{loaded.scenario.name} is abstract: a base, not one to run")])
    return loaded


@dataclass(frozen=True)
class _Option:
    """An action as the file states it."""

    name: str
    node: Node
    path: str
    cost: Cost | None

    @property
    def values(self) -> Mapping[str, Node]:
        return {key: node for key, node in self.node.entries.items() if key not in _OWN}

    def scenario_node(self) -> Node | None:
        return self.node.entries.get("scenario")


@dataclass(frozen=True)
class _Draft:
    """A decision file and its world, while it is made a decision."""

    folder: Path
    tree: Node
    file: DecisionFile
    world: Loaded
    settings: Mapping[str, int]

    def wrong_settings(self) -> Iterator[Problem]:
        """Draws, discount and beliefs that make no sense in this world."""
        scenario, tree = self._set(self.world.scenario), self.tree
        try:
            check_draws(scenario.sampling.draws)
        except ScenarioError as error:
            yield from error.problems
        found = {item.name: item.record for item in inputs(scenario)}
        if not isinstance(found.get(self.file.beliefs), Discrete):
            sets = [name for name, record in found.items() if isinstance(record, Discrete)]
            place = tree.entries.get("beliefs", tree).place
            yield place.problem("beliefs", f"{scenario.name} has no such categories {choices(self.file.beliefs, sets)}")
        if self.file.discount and (message := scenario.prices.objection(self.file.discount.unit, must_say=True)):
            yield tree.entries["discount"].place.problem("discount.unit", message)
        growth, rate = medians(scenario)["economics.terminal_growth"], self._discount()
        if not rate > max(growth, 0.0):
            message = f"must be above terminal growth of {growth:.1%}, or the value has no end (found {rate:.1%})"
            yield tree.entries.get("discount", tree).place.problem("discount", message)

    def decision(self) -> Decision:
        """The decision; ScenarioError with the problems of all actions."""
        options, problems = [], list[Problem]()
        for path, node in self._stated():
            options.append(
                [self._option(name, below, f"{path}.{name}", problems) for name, below in node.entries.items()]
            )
        cases = [self._case(pair, problems) for pair in product(*options)]
        refuse(iter(problems))
        scenarios = tuple(case for case in cases if case is not None)
        deciders = tuple(self._decider(place, some, scenarios) for place, some in enumerate(options))
        return Decision(
            self.file.name,
            self.file.question,
            deciders,
            scenarios,
            self.file.against or "",
            self._discount(),
            medians(scenarios[0])["economics.terminal_growth"],
            self.file.beliefs,
            self.file.when.delays if self.file.when else (),
        )

    def _discount(self) -> float:
        stated = self.file.discount
        return stated.yearly if stated else medians(self.world.scenario)["economics.discount_rate"]

    def _stated(self) -> list[tuple[str, Node]]:
        """Where actions stand, with their path."""
        if self.file.players is None:
            return [("actions", self.tree.entries["actions"])]
        players = self.tree.entries["players"].entries
        return [(f"players.{name}.actions", node.entries["actions"]) for name, node in players.items()]

    def _option(self, name: str, node: Node, path: str, problems: list[Problem]) -> _Option:
        cost = None
        if "cost" in node.entries:
            try:
                cost = conforming(node.entries["cost"], Cost)
                if message := self.world.scenario.ledger.objection(cost.unit):
                    problems.append(node.entries["cost"].entries["unit"].place.problem(f"{path}.cost.unit", message))
            except ScenarioError as error:
                problems += [replace(one, path=f"{path}.cost.{one.path}".rstrip(".")) for one in error.problems]
        for key, below in node.entries.items():
            if key not in _OWN and next(iter(steps(key)), "") in _FIXED:
                problems.append(
                    below.place.problem(f"{path}.{key}", "is the same in all actions, which share their draws")
                )
        return _Option(name, node, path, cost)

    def _case(self, options: Iterable[_Option], problems: list[Problem]) -> Scenario | None:
        """The scenario in which each decider takes one action."""
        chosen = list(options)
        try:
            own = [(option, node) for option in chosen if (node := option.scenario_node()) is not None]
            loaded = _loaded(self.folder, own[0][1], f"{own[0][0].path}.scenario") if own else self.world
        except ScenarioError as error:
            problems += error.problems
            return None
        values = {path: node for option in chosen for path, node in option.values.items()}
        try:
            made = with_values(loaded, values, source=_SOURCE)
        except ScenarioError as error:
            problems += [_with_remedy(one, loaded.scenario.name) for one in error.problems if one not in problems]
            return None
        name = "__".join(option.name for option in chosen)
        return self._set(made.named(name).model_copy(update={"question": self.file.question}))

    def _set(self, scenario: Scenario) -> Scenario:
        return scenario.model_copy(update={"sampling": scenario.sampling.model_copy(update=dict(self.settings))})

    def _decider(self, place: int, options: list[_Option], cases: tuple[Scenario, ...]) -> Decider:
        file, scenario = self.file, cases[0]
        if file.host is not None:
            return Decider(
                HOST,
                "the host",
                file.host,
                tuple(_action(option, scenario.ledger, is_benchmark=False) for option in options),
            )
        player = None if file.players is None else list(file.players)[place]
        objective = file.objective or ""
        if file.players is not None and player is not None:
            objective = file.players[player].objective
        name = player or next((one for one in reversed(objective.split(".")) if one in scenario.providers), "")
        title = scenario.providers[name].short_title if name in scenario.providers else name
        last = 1 if place else len(cases) // len(options)
        own = cases[: last * len(options) : last]
        benchmarks = [name in case.foreign and case.entry_of(name).rule == "profit" for case in own]
        actions = tuple(
            _action(option, scenario.ledger, is_benchmark=knows)
            for option, knows in zip(options, benchmarks, strict=True)
        )
        return Decider(name, title, {objective: 1.0}, actions)

    def wrong_actions(self, decision: Decision) -> Iterator[Problem]:
        """Actions that do not share their draws, or are none of the one who decides."""
        first = decision.cases[0]
        for case in decision.cases[1:]:
            reasons = disagreements(case, first)
            if reasons:
                message = f"{case.name} does not share draws with {first.name}: they differ in {', '.join(reasons)}"
                yield self.tree.entries.get("actions", self.tree).place.problem("actions", message)
        for decider, (path, node) in zip(decision.deciders, self._stated(), strict=True):
            yield from (
                _wrong_host(decider, node, path, decision)
                if decider.is_host
                else _wrong_provider(decider, node, path, first)
            )


def _action(option: _Option, ledger: Ledger, *, is_benchmark: bool) -> Action:
    title = option.node.entries.get("title")
    words = str(title.value) if title is not None else option.name.replace("_", " ")
    cost = option.cost
    if cost is None:
        return Action(option.name, words, 0.0, "applying", is_benchmark)
    value = cost.value * ledger.scale(cost.unit)
    return Action(option.name, words, value, cost.paid, is_benchmark, cost.note or "")


def _with_remedy(problem: Problem, scenario: str) -> Problem:
    """What cannot be set in a scenario, with what to do about it."""
    if "does not exist" not in problem.message:
        return problem
    remedy = f"; {scenario} has no such thing: give the action a scenario that has it, by the key 'scenario'"
    return replace(problem, message=problem.message + remedy)


def _wrong_provider(decider: Decider, node: Node, path: str, scenario: Scenario) -> Iterator[Problem]:
    if decider.name not in scenario.foreign:
        named = shown(next(iter(decider.objective)))
        allowed = ", ".join(scenario.foreign)
        message = f"the objective is of no foreign provider, who could decide (found {named}; allowed {allowed})"
        yield node.place.problem(path.rpartition(".")[0] or "objective", message)
        return
    real = [action.name for action in decider.actions if not action.is_benchmark]
    if len(real) < 2:
        others = ", ".join(real) or "none"
        message = (
            f"rule: profit knows what nobody can, and is a benchmark; two other actions are needed (found {others})"
        )
        yield node.place.problem(path, message)
    elif decider.actions[0].is_benchmark:
        yield node.place.problem(path, "the first action is what the others are held against: it cannot be a benchmark")


def _wrong_host(decider: Decider, node: Node, path: str, decision: Decision) -> Iterator[Problem]:
    """A regime is a choice, a calendar of chances is a world."""
    for action, case in zip(decider.actions, decision.cases, strict=True):
        chances = [
            name
            for name, step in case.policy.steps.items()
            if step.probability is not None or isinstance(step, HazardStep)
        ]
        if chances:
            message = f"what may never come is a world and no choice (found steps with a chance: {', '.join(chances)})"
            yield node.entries[action.name].place.problem(f"{path}.{action.name}", message)
        if action.cost:
            yield node.entries[action.name].place.problem(f"{path}.{action.name}.cost", "the host applies for nothing")
