"""What may stand where in a scenario file: its shape by dotted path, and the JSON Schema that editors read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, Final, ForwardRef, Union, get_args, get_origin

from pydantic import BaseModel, Tag
from pydantic.fields import FieldInfo

from sim.scenario.evidence import SCALES, UNIT_FORMS, Dimension
from sim.scenario.records import FAMILIES
from sim.scenario.scenario import Scenario

__all__ = ["SCENARIO", "Shape", "scenario_schema", "shape"]


@dataclass(frozen=True)
class Shape:
    """What the schema knows of one place in a scenario.

    Attributes
    ----------
    model : type or None
        The class whose fields are the keys of this mapping.
    entry : annotation or None
        What each entry of this mapping by id is.
    item : annotation or None
        What each item of this list is.
    forms : mapping of str to annotation
        The forms between which the content decides: families of a record, triggers of a step, number, record
        or reference of a lever. Such a value is replaced whole and never merged.
    dimension : str or None
        Key of `evidence.CANONICAL_UNITS` if this is a number with a unit.
    """

    model: type[BaseModel] | None = None
    entry: Any = None
    item: Any = None
    forms: Mapping[str, Any] = field(default_factory=dict)
    dimension: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that may stand here, where they are fixed."""
        return tuple(_by_alias(self.model)) if self.model else ()

    @property
    def merges(self) -> bool:
        """Whether two files' versions of this merge key by key."""
        return self.model is not None or self.entry is not None

    @property
    def is_record(self) -> bool:
        """Whether a parameter record may stand here: always, or in place of a lever's number."""
        return "value" in self.forms or "record" in self.forms

    def below(self, key: str | int) -> Shape | None:
        """The shape one key, entry, item or form further down; None if there is none."""
        if self.forms:
            return shape(self.forms[str(key)]) if key in self.forms else None
        if self.model is not None:
            info = _by_alias(self.model).get(str(key))
            return shape(info.rebuild_annotation()) if info is not None else None
        inner = self.entry if self.entry is not None else self.item
        return shape(inner) if inner is not None else None


def _by_alias(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """Fields by the name that a file gives them; what names a class that was declared after it is looked up."""
    if any(isinstance(field.annotation, ForwardRef) for field in model.model_fields.values()):
        model.model_rebuild()
    return {field.alias or name: field for name, field in model.model_fields.items()}


def shape(annotation: Any) -> Shape:
    """The shape that a type annotation describes."""
    bare, marks = _unwrapped(annotation)
    dimension = next((mark.name for mark in marks if isinstance(mark, Dimension)), None)
    if get_origin(bare) in (Union, UnionType):
        forms = {_tag(form): form for form in get_args(bare)}
        inner = (shape(form).dimension for form in forms.values())
        return Shape(forms=forms, dimension=dimension or next(filter(None, inner), None))
    if get_origin(bare) is dict:
        return Shape(entry=get_args(bare)[1])
    if get_origin(bare) is tuple:
        return Shape(item=get_args(bare)[0])
    return Shape(model=bare) if isinstance(bare, type) and issubclass(bare, BaseModel) else Shape()


def _unwrapped(annotation: Any, marks: tuple[Any, ...] = ()) -> tuple[Any, tuple[Any, ...]]:
    """An annotation without `Annotated` and `| None`, and the marks that it bore."""
    if get_origin(annotation) is Annotated:
        return _unwrapped(annotation.__origin__, (*marks, *annotation.__metadata__))
    if get_origin(annotation) in (Union, UnionType):
        forms = [form for form in get_args(annotation) if form is not type(None)]
        if len(forms) == 1:
            return _unwrapped(forms[0], marks)
    return annotation, marks


def _tag(form: Any) -> str:
    return next(mark.tag for mark in form.__metadata__ if isinstance(mark, Tag))


SCENARIO: Final = Shape(model=Scenario)
"""The shape of a whole scenario."""

_EXTENDS: Final[Mapping[str, Any]] = {
    "type": "string",
    "description": "File in the same folder that this one changes; mappings merge down to a record, a step or a list.",
}


_FAMILIES: Final = [{"$ref": f"#/$defs/{family.__name__}"} for family in FAMILIES.values()]


def scenario_schema() -> dict[str, Any]:
    """The JSON Schema of a scenario file, in two branches.

    A file with `extends` states only what differs and must have a `name`; one without must be complete. In the first
    null takes out an entry by id that the base has.
    Records and policy steps are complete in both, because they replace what they change.

    References
    ----------
    JSON Schema, draft 2020-12.
    """
    raw = Scenario.model_json_schema()
    definitions = {**raw.pop("$defs"), "Scenario": raw}
    definitions = {name: _tidied(node) for name, node in definitions.items()}
    complete = definitions.pop("Scenario")
    complete["properties"].pop("sources")
    definitions.pop("Source")
    partial = {f"Partial{model.__name__}" for model in _mergeable(SCENARIO)} - {"PartialSource"}
    variants = {name: _partial(definitions[name.removeprefix("Partial")], partial) for name in sorted(partial)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Scenario of market-entry-sim",
        "type": "object",
        "if": {"required": ["extends"]},
        "then": {"$ref": "#/$defs/Variant"},
        "else": {"$ref": "#/$defs/Complete"},
        "$defs": {"Complete": complete, "Variant": _variant(complete, partial), **definitions, **variants, **_units()},
    }


def _variant(complete: Mapping[str, Any], partial: set[str]) -> dict[str, Any]:
    variant = _partial(complete, partial)
    properties = {"extends": dict(_EXTENDS), **variant["properties"]}
    return {**variant, "properties": properties, "required": ["extends", "name"]}


def _mergeable(place: Shape) -> Iterator[type[BaseModel]]:
    """Classes below a place whose content merges key by key."""
    if place.forms or place.item is not None:
        return
    below = [place.below(key) for key in place.keys] if place.model else [place.below("")]
    for inner in filter(None, below):
        if inner.model is not None:
            yield inner.model
        yield from _mergeable(inner)


def _partial(node: Any, partial: set[str]) -> Any:
    """A piece of schema in which nothing is required that a base file may have, and null takes out an entry by id."""
    if isinstance(node, list):
        return [_partial(inner, partial) for inner in node]
    if not isinstance(node, dict):
        return node
    name = f"Partial{str(node.get('$ref', '')).removeprefix('#/$defs/')}"
    if name in partial:
        return {**node, "$ref": f"#/$defs/{name}"}
    kept = {key: _partial(inner, partial) for key, inner in node.items() if key not in ("required", "minProperties")}
    if "patternProperties" in kept:
        entries = kept["patternProperties"].items()
        kept["patternProperties"] = {key: {"anyOf": [inner, {"type": "null"}]} for key, inner in entries}
    return kept


def _tidied(node: Any) -> Any:
    """A piece of schema without generated titles, with each list of families named by its dimension.

    Ids that do not fit their pattern are refused.
    """
    if isinstance(node, list):
        return [_tidied(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    if node.get("oneOf") == _FAMILIES:
        kept = {key: node[key] for key in ("description", "default") if key in node}
        return {"$ref": f"#/$defs/{_definition(node.get('dimension', 'Parameter'))}", **kept}
    tidy = {key: _tidied(inner) for key, inner in node.items() if key != "title" or isinstance(inner, dict)}
    return {**tidy, "additionalProperties": False} if "patternProperties" in tidy else tidy


def _definition(dimension: str) -> str:
    """The name of a definition; an address holds no spaces."""
    return dimension.replace(" ", "_")


def _units() -> dict[str, Any]:
    """A definition per dimension: a record, with the units in which it may be written."""
    definitions: dict[str, Any] = {"Parameter": {"oneOf": _FAMILIES}}
    units: dict[str, dict[str, Any]] = {dimension: {"enum": list(units)} for dimension, units in SCALES.items()}
    units |= {dimension: {"pattern": f"^{form}$"} for dimension, form in UNIT_FORMS.items()}
    for dimension, unit in units.items():
        of = "Discrete" if dimension == "category" else "Parameter"
        definitions[_definition(dimension)] = {"$ref": f"#/$defs/{of}", "properties": {"unit": unit}}
    return definitions
