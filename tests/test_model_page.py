"""The model page and the code cite each other: every equation is computed by what cites it, and nothing else does."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "model.md").read_text()

_EQUATION = re.compile(r"^\$\$\n(?P<formula>.*?)\n\\tag\{(?P<number>\d+)\}\n\$\$\n", re.DOTALL | re.MULTILINE)
_NAME = re.compile(r"`(sim(?:\.\w+)+)`")
_CITATION = re.compile(r"Equations? ((?:\(\d+\)(?:, | and )?)+) of docs/model\.md")


def _texts() -> dict[int, str]:
    """What follows each equation, up to the next one."""
    found = list(_EQUATION.finditer(PAGE))
    ends = [match.start() for match in found[1:]] + [len(PAGE)]
    return {int(match["number"]): PAGE[match.end() : end] for match, end in zip(found, ends, strict=True)}


def _computed_by(text: str) -> list[str]:
    """Dotted names after "Computed by", in all of its sentences."""
    return [name for part in re.findall(r"Computed by ((?:`[\w.]+`(?:,\s+)?)+)", text) for name in _NAME.findall(part)]


COMPUTED = {number: _computed_by(text) for number, text in _texts().items()}


def _found(dotted: str) -> object:
    """What a dotted name of a module's function, class or method means."""
    parts = dotted.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:cut])
        if _exists(module):
            found: object = importlib.import_module(module)
            for part in parts[cut:]:
                found = getattr(found, part)
            return found
    raise AssertionError(f"nothing is called {dotted}")


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _cited(docstring: str | None) -> list[int]:
    """Numbers of the equations that a docstring cites."""
    text = " ".join((docstring or "").split())
    return [int(number) for found in _CITATION.findall(text) for number in re.findall(r"\d+", found)]


def _docstrings() -> Iterator[tuple[str, str]]:
    """Dotted name and docstring of every module, class and function of the program."""
    for path in sorted((ROOT / "sim").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        yield from _inside(ast.parse(path.read_text()), module)


def _inside(node: ast.AST, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
        yield name, ast.get_docstring(node) or ""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef):
                yield from _inside(child, f"{name}.{child.name}")


def test_equations_are_numbered_from_one() -> None:
    numbers = [int(number) for number in re.findall(r"\\tag\{(\d+)\}", PAGE)]
    assert numbers == list(COMPUTED) == list(range(1, len(numbers) + 1))
    assert 20 <= len(numbers) <= 42


@pytest.mark.parametrize("number", COMPUTED)
def test_an_equation_is_computed_by_functions_that_cite_it(number: int) -> None:
    assert COMPUTED[number], "the equation names no function"
    for name in COMPUTED[number]:
        assert number in _cited(_found(name).__doc__), f"{name} does not cite ({number})"


def test_every_citation_is_answered_by_the_page() -> None:
    cited = {(number, name) for name, docstring in _docstrings() for number in _cited(docstring)}
    named = {(number, name) for number, names in COMPUTED.items() for name in names}
    assert cited == named


def test_citations_are_written_in_one_form() -> None:
    mentions = [(name, text) for name, text in _docstrings() if "docs/model.md" in text]
    assert mentions
    assert all(text.count("docs/model.md") == len(_CITATION.findall(" ".join(text.split()))) for _, text in mentions)


def test_whatever_the_page_names_exists() -> None:
    for name in set(_NAME.findall(PAGE)):
        assert _found(name) is not None
    for file, constants in re.findall(r"`(\w+)\.(_?[A-Z_]+(?:`, `_[A-Z_]+)*)`", PAGE):
        text = "".join(path.read_text() for path in (ROOT / "sim").rglob(f"{file}.py"))
        for constant in constants.split("`, `"):
            assert re.search(rf"\b{constant}\b", text), f"{file} has no {constant}"


def test_the_reference_documents_whatever_the_page_names() -> None:
    text = (ROOT / "docs" / "reference" / "program.md").read_text()
    modules = tuple(f"{name}." for name in re.findall(r"^\.\. automodule:: (sim[\w.]+)$", text, re.MULTILINE))
    entries = set(re.findall(r"^\.\. auto\w+:: (sim[\w.]+)$", text, re.MULTILINE))
    assert all(_found(entry) is not None for entry in entries)
    assert not [name for name in _NAME.findall(PAGE) if name not in entries and not name.startswith(modules)]


def test_formulas_can_be_shown_by_sphinx_and_by_github() -> None:
    """Sphinx wraps what has a line break in an environment without tags; GitHub eats a backslash before punctuation."""
    formulas = [match["formula"] for match in _EQUATION.finditer(PAGE)]
    inline = re.findall(r"(?<!\$)\$([^$\n]+)\$(?!\$)", PAGE)
    assert not [formula for formula in (*formulas, *inline) if re.search(r"\\[^a-zA-Z]|[<>*]", formula)]
    assert PAGE.count("$") == 4 * len(formulas) + 2 * len(inline)


def test_the_page_can_be_read_in_half_an_hour() -> None:
    """What other markets add is a page of its own to who needs it."""
    first, _, others = PAGE.partition("## 11. What other markets add")
    assert len(_EQUATION.sub("", first).split()) <= 3500
    assert len(_EQUATION.sub("", others).split()) <= 1900
