"""What a step makes of numbers from its date on: which numbers may change, to what, and why others may not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Self, TypeVar

from pydantic import BeforeValidator, Field, create_model, model_validator

from sim.scenario.channels import Channel
from sim.scenario.evidence import Number, Range
from sim.scenario.levers import Id
from sim.scenario.market import Closure, Demand, LayerTechnology, Market, Migration, Technology
from sim.scenario.providers import Entry, ProviderEconomics, ProviderEntry
from sim.scenario.records import MOST, Model
from sim.scenario.supply import Capacity, Economics, Zone

__all__ = ["DATED", "Effect", "Effects", "StatedEffects", "named_effects", "refusal"]

M = TypeVar("M", bound=Model)

DATED: Final[Mapping[str, tuple[type[Model], tuple[str, ...]]]] = {
    "market": (Market, ("growth_long_run",)),
    "market.layers.*.technology": (LayerTechnology, ("catch_up", "spillover", "owned_spillover")),
    "demand": (Demand, ("captive_growth", "churn", "repurchase_years", "loyalty")),
    "technology": (Technology, ("catch_up", "spillover", "owned_spillover")),
    "closure": (Closure, ("drift",)),
    "migration": (Migration, ("rate", "consent_loss")),
    "capacity": (Capacity, ("planning_years",)),
    "zone": (Zone, ("cap",)),
    "entry": (Entry, ("hurdle",)),
    "economics": (
        Economics,
        (
            *("site_cost", "operator_margin", "provider_margin", "incremental_technology", "technology_royalty"),
            *("buy_out_price", "royalty_withholding", "royalty_vat", "profit_tax", "dividend_withholding"),
            *("domestic_margin", "transfer_price"),
        ),
    ),
    "channels.*": (Channel, ("tariff",)),
    "providers.*.economics": (
        ProviderEconomics,
        (
            *("site_cost", "operator_margin", "provider_margin", "incremental_technology", "technology_royalty"),
            "buy_out_price",
        ),
    ),
    "providers.*.entry": (ProviderEntry, ("hurdle",)),
}
"""Where numbers stand that may change from a date on, any id as `*`, and which: the engine reads them by period."""

_REASONS: Final = (
    ("regimes", "is a lever, which 'adopt' and 'change' set"),
    ("policy", "says when steps happen, which is settled before they do"),
    ("segments", "is of the base year; 'closes' and 'opens' move what is open"),
    ("shares", "is of the base year"),
    ("providers", "is of what the provider is throughout, or values its capital and all its years alike"),
    ("opening", "says what control is worth, which the base year tells once"),
    ("rivalry", "is the law of luck, which is one throughout"),
    ("regulator", "rules dates, which are settled before the market moves"),
    ("entry", "rules dates, which are settled before the market moves"),
    ("zone", "is how a licence is read; what a regime lets sites reach is its lever"),
    ("capacity", "is how long what is on order takes"),
    ("demand", "is inside the utilities and the value of control that the base year tells once"),
    ("economics", "values capital that is in place whenever it was bought, or all years alike"),
    ("market", "is of the base year, of the trend through it, or of luck"),
)
"""Sections, and why the numbers in them that no step changes do not change on a date."""


class Effect(Model):
    """One number from the date of a step on: its new value, a multiple of what it was, or that and something more."""

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        stated = [key for key in type(self).model_fields if getattr(self, key) is not None]
        if len(stated) != 1:
            ways = ", ".join(type(self).model_fields)
            raise ValueError(f"states one of {ways} (found {' and '.join(stated) or 'none'})")
        return self

    @property
    def way(self) -> str:
        """`to`, `times` or `plus`."""
        return next(key for key in type(self).model_fields if getattr(self, key) is not None)


def _range_of(quantity: Any) -> tuple[Range, bool]:
    """What a quantity can be at all, and whether it is a duration."""
    marks = quantity.__metadata__
    kinds = [getattr(mark, "name", "") for mark in marks]
    return [mark for mark in marks if isinstance(mark, Range)][-1], "duration" in kinds


def _effect_on(model: type[Model], key: str, *, by_id: bool) -> type[Effect]:
    """The class of effects on a field, whose forms have its dimension, range and title."""
    info = model.model_fields[key]
    quantity = _without_none(info.rebuild_annotation())
    allowed, lasts = _range_of(quantity)
    called = (info.title or key.replace("_", " ")).replace(" in the base year", "")
    called, after = (called.replace("{0}", "{1}") if by_id else called), " after {0}"
    width = allowed.most - allowed.least
    ways: dict[str, Any] = {
        "to": (quantity | None, Field(default=None, title=f"{called}{after}", description="Its new value.")),
        "times": (
            Number | None,
            Field(default=None, title=f"multiple of {called}{after}", description="Of what it was."),
        ),
    }
    if not lasts:
        words = Field(default=None, title=f"change of {called}{after}", description="Added to what it was.")
        ways["plus"] = (Annotated[(quantity, Range(-width, width))] | None, words)
    name = "".join((model.__name__, *(part.capitalize() for part in key.split("_")), "Effect"))
    return _declared(create_model(name, __base__=Effect, __module__=__name__, __doc__=Effect.__doc__, **ways))


def _declared(made: type[M]) -> type[M]:
    """A class that was made, under its name in this module: whoever pickles an instance looks for it there."""
    globals()[made.__name__] = made
    return made


def _without_none(annotation: Any) -> Any:
    """An annotation without `| None`."""
    forms = [form for form in getattr(annotation, "__args__", ()) if form is not type(None)]
    return forms[0] if type(None) in getattr(annotation, "__args__", ()) else annotation


def _below_of(path: str) -> list[str]:
    """The keys right below a path on the way to numbers that may change."""
    start = f"{path}." if path else ""
    return list(dict.fromkeys(one[len(start) :].partition(".")[0] for one in DATED if one.startswith(start)))


def _numbers(path: str) -> type[Model]:
    """The class of what may change at a path and below."""
    model, keys = DATED.get(path, (Model, ()))
    fields: dict[str, Any] = {
        key: (
            _effect_on(model, key, by_id="*" in path) | None,
            Field(default=None, description=model.model_fields[key].description),
        )
        for key in keys
    }
    fields |= {key: _field(f"{path}.{key}") for key in _below_of(path)}
    parts = "".join(part.capitalize() for part in path.split(".") if part != "*")
    title, words = f"{model.__name__ if keys else parts}Effects", "Numbers that a step changes."
    return _declared(create_model(title, __base__=Model, __module__=__name__, __doc__=words, **fields))


def _field(path: str) -> tuple[Any, Any]:
    """A field for what may change at a path and below, by id where ids stand there."""
    if _below_of(path) == ["*"]:
        return dict[Id, _numbers(f"{path}.*")], Field(default_factory=dict, max_length=MOST)  # type: ignore[misc]
    return _numbers(path) | None, Field(default=None)


if TYPE_CHECKING:

    class Effects(Model):
        """Numbers that a step changes, by section."""

else:
    Effects = create_model(
        "Effects",
        __base__=Model,
        __module__=__name__,
        __doc__="Numbers that change on the date of a step and stay so, until another step changes them; by section.",
        **{name: _field(name) for name in _below_of("")},
    )


def named_effects(effects: Effects | None) -> Iterator[tuple[str, Effect]]:
    """The dotted path of each number that changes, and what is made of it."""
    yield from _below("", effects)


def _below(path: str, node: Any) -> Iterator[tuple[str, Effect]]:
    if isinstance(node, Effect):
        yield path, node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _below(f"{path}.{key}", value)
    elif isinstance(node, Model):
        for key in type(node).model_fields:
            yield from _below(f"{path}.{key}".lstrip("."), getattr(node, key))


def refusal(stated: Any) -> str:
    """Why raw effects name a number that no step changes on a date; empty if they name none."""
    for path in _raw_paths((), stated):
        if any("." in part for part in path):
            keys = ".".join(path).split(".")
            return f"is written as {': {'.join(keys)}: ...{'}' * (len(keys) - 1)} (found '{'.'.join(path)}')"
        places = [(model, keys, path[depth]) for depth, (model, keys) in _on_the_way(path)]
        if any(key in keys or key not in model.model_fields for model, keys, key in places[-1:]):
            continue
        reason = next((why for start, why in _REASONS if start == path[0]), "")
        if reason:
            return f"{'.'.join(path)} {reason} (a step changes {', '.join(_allowed())})"
    return ""


def _on_the_way(path: tuple[str, ...]) -> Iterator[tuple[int, tuple[type[Model], tuple[str, ...]]]]:
    """Places of `DATED` that a path goes through, the deepest last, with how deep they are."""
    for place, numbers in DATED.items():
        parts = place.split(".")
        if len(path) > len(parts) and all(part in ("*", key) for part, key in zip(parts, path, strict=False)):
            yield len(parts), numbers


def _allowed() -> list[str]:
    """Paths of the numbers that may change."""
    return [f"{place.replace('*', '<id>')}.{key}" for place, (_, keys) in DATED.items() for key in keys]


def _raw_paths(path: tuple[str, ...], node: Any) -> Iterator[tuple[str, ...]]:
    """Paths of what stands below raw effects, down to where a way is stated."""
    if not isinstance(node, Mapping) or set(node) & {"to", "times", "plus", "unit"}:
        yield path
        return
    for key, value in node.items():
        yield from _raw_paths((*path, str(key)), value)


def _refuse(stated: Any) -> Any:
    if isinstance(stated, Mapping) and (words := refusal(stated)):
        raise ValueError(words)
    return stated


StatedEffects = Annotated[Effects, BeforeValidator(_refuse)]
"""Effects as a step states them; a number that has no date is refused with the reason."""
