"""The program beside its description: names of its functions become links, a formula gets the source below it."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform

_NAME = re.compile(r"sim(\.\w+){2,}")
_SHELL = "%%bash\n"


class Names(SphinxTransform):
    """`sim.kernels.choice.invert`, in any text, leads to what the reference says of it."""

    default_priority = 400

    def apply(self, **_: object) -> None:
        """Wrap each name in a reference, which Sphinx resolves or complains of."""
        for literal in list(self.document.findall(nodes.literal)):
            if _NAME.fullmatch(literal.astext()) and not isinstance(literal.parent, nodes.reference):
                reference = addnodes.pending_xref(
                    "", refdomain="py", reftype="obj", reftarget=literal.astext(), refexplicit=False
                )
                literal.replace_self(reference)
                reference += literal


class Sources(SphinxTransform):
    """Below each "Computed by …" the source, as it runs, in a fold."""

    default_priority = 390

    def apply(self, **_: object) -> None:
        """Add a fold to each such paragraph."""
        for paragraph in list(self.document.findall(nodes.paragraph)):
            _, computed, sentence = paragraph.astext().partition("Computed by ")
            names = _in_sentence(sentence)
            if computed and names:
                place = paragraph.parent.index(paragraph) + 1
                paragraph.parent[place:place] = list(_fold(names))


class Shell(SphinxTransform):
    """Cells that are commands are shown as one types them, without the notebook's word for it."""

    default_priority = 380

    def apply(self, **_: object) -> None:
        """Take `%%bash` off the cells that begin with it."""
        for cell in self.document.findall(nodes.literal_block):
            if cell.astext().startswith(_SHELL):
                text = cell.astext().removeprefix(_SHELL)
                cell.rawsource = text
                cell.children = [nodes.Text(text)]
                cell["language"] = "bash"


def source(name: str) -> str:
    """A function or class as it stands in its file, without its docstring.

    Parameters
    ----------
    name : str
        Its module and name, with dots.
    """
    named = _named(name)
    text = textwrap.dedent(inspect.getsource((named.fget or named) if isinstance(named, property) else named))
    lines = text.splitlines()
    for node in reversed(
        [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    ):
        if ast.get_docstring(node) is not None:
            del lines[node.body[0].lineno - 1 : node.body[0].end_lineno]
    return "\n".join(lines)


def _named(name: str) -> object:
    """What a dotted name means."""
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError:
        return getattr(_named(module), attribute)


def _in_sentence(text: str) -> list[str]:
    """Dotted names at the beginning of a text, up to the end of their sentence."""
    return [match[0] for match in _NAME.finditer(re.split(r"\.(?:\s|$)", text)[0])]


def _fold(names: list[str]) -> Iterator[nodes.Node]:
    """The source of some functions, closed until a reader opens it."""
    titles = ", ".join(name.rpartition(".")[2] for name in names)
    yield nodes.raw("", f'<details class="source"><summary>Source of {titles}</summary>', format="html")
    for name in names:
        text = f"# {name}\n{source(name)}"
        yield nodes.literal_block(text, text, language="python")
    yield nodes.raw("", "</details>", format="html")


def _error(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, content: nodes.TextElement
) -> nodes.reference | None:
    """What a docstring says is raised, by its short name: all such are in one module."""
    if node["reftype"] != "exc" or "." in node["reftarget"]:
        return None
    name, domain = f"sim.errors.{node['reftarget']}", env.domains.python_domain
    return domain.resolve_xref(env, node["refdoc"], app.builder, "exc", name, node, content)


def setup(app: Sphinx) -> dict[str, bool]:
    """Offer the transforms to Sphinx."""
    for transform in (Shell, Sources, Names):
        app.add_transform(transform)
    app.connect("missing-reference", _error)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
