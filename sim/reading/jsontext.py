"""JSON text as an object, held to what a document of this program can be."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from sim.errors import shown

__all__ = ["json_object"]


def json_object(text: str | bytes) -> dict[str, Any]:
    """The object in a JSON text in UTF-8: no key twice, and every number finite.

    Raises
    ------
    ValueError
        With the reason, in words that follow the name of the text.
    """
    try:
        written = text.decode("utf-8") if isinstance(text, bytes) else text
        found = json.loads(written, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite)
    except UnicodeDecodeError:
        raise ValueError("is not text in UTF-8") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"is no JSON ({error.msg[:1].lower()}{error.msg[1:]}, {place})") from None
    except RecursionError:
        raise ValueError("is nested deeper than any document of this program") from None
    except ValueError as error:
        raise ValueError(_words(error)) from None
    if not isinstance(found, dict):
        raise ValueError(f"must be an object, in braces (found {shown(found)})")
    return found


class _WrongError(ValueError):
    """What a hook objects to, in words of ours."""


def _words(error: ValueError) -> str:
    return str(error) if isinstance(error, _WrongError) else "holds a number of more digits than are read"


def _once(pairs: Sequence[tuple[str, Any]]) -> Mapping[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise _WrongError(f"has the key {shown(key)} twice")
        made[key] = value
    return made


def _no_number(word: str) -> NoReturn:
    raise _WrongError(f"holds {word}, which is no number of JSON")


def _finite(word: str) -> float:
    value = float(word)
    return value if math.isfinite(value) else _no_number(shown(word))
