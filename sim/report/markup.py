"""HTML by construction: text is escaped unless it is markup already, so that a title may hold any text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Final, TypeAlias

__all__ = ["Attribute", "Content", "Html", "element", "joined"]


class Html(str):
    """Text that is markup, and is not escaped again."""

    __slots__ = ()


Content: TypeAlias = str | Html | None
"""What stands inside an element: text, which is escaped, or markup; None is nothing."""

Attribute: TypeAlias = str | int | float | bool | None

_VOID: Final = frozenset({"br", "col", "hr", "input", "link", "meta"})
"""Elements without an end."""

_NOT_TEXT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Characters that no document may hold."""


def _markup(content: Content) -> Html:
    if content is None:
        return Html()
    return content if isinstance(content, Html) else Html(escape(_NOT_TEXT.sub("\ufffd", content), quote=False))


def joined(parts: Iterable[Content], between: str = "") -> Html:
    """Some content in a row."""
    return Html(between.join(map(_markup, parts)))


def element(tag: str, /, *content: Content, **attributes: Attribute) -> Html:
    """An element with its content.

    Parameters
    ----------
    tag : str
    *content : str or Html
    **attributes : str, number or bool
        Underscores stand for hyphens, and one at the end for nothing (`class_`); True is an attribute without a value,
        False and None leave it out.
    """
    stated = "".join(map(_attribute, attributes, attributes.values()))
    return Html(f"<{tag}{stated}>" if tag in _VOID else f"<{tag}{stated}>{joined(content)}</{tag}>")


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    plain = name.rstrip("_").replace("_", "-")
    return f" {plain}" if value is True else f' {plain}="{escape(_NOT_TEXT.sub(chr(0xFFFD), str(value)))}"'
