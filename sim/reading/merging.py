"""One file over another: what a variant states in place of its base, and what it takes out of it.

Mappings merge key by key, all else is replaced whole. Nothing (`null`) in place of an entry by id, a provider or a
step or a regime, takes the entry out. With a provider go its shares of the base year: where shares are stated
directly, to the provider named `rest`; in a split, to the others in proportion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sim.errors import ScenarioError, choices
from sim.reading.documents import Node
from sim.reading.schema import Shape
from sim.reading.validation import Path, dotted

__all__ = ["dropped", "merged", "without_shares"]

_SPLITS: Final = ("direct", "foreign_split", "domestic_split")
"""Keys of a layer's shares under which providers stand by id."""


def merged(base: Node, variant: Node, place: Shape, above: Path = ()) -> Node:
    """The variant over the base.

    Raises
    ------
    ScenarioError
        If the variant takes out what the base does not have.
    """
    if not (place.merges and isinstance(base.value, Mapping) and isinstance(variant.value, Mapping)):
        return variant
    tree = replace(variant, value=base.value)
    for key, node in variant.value.items():
        below, here, known = place.below(key), (*above, key), tree.entries.get(key)
        if node.value is None and place.entry is not None:
            tree = dropped(tree, key, here, node)
        else:
            over = node if known is None or below is None else merged(known, node, below, here)
            tree = replace(tree, value={**tree.entries, key: over})
    return tree


def dropped(tree: Node, key: str, path: Path, stated: Node) -> Node:
    """A mapping by id without one entry; `stated` is the nothing that takes it out.

    Raises
    ------
    ScenarioError
        If there is no such entry.
    """
    if key not in tree.entries:
        message = f"there is nothing to take out {choices(key, tuple(tree.entries))}"
        raise ScenarioError([stated.place.problem(dotted(path), message)])
    return replace(tree, value={name: node for name, node in tree.entries.items() if name != key})


def without_shares(base: Node, tree: Node) -> Node:
    """A merged tree without the base's shares of the providers that were taken out; others' are left to be refused."""
    known, kept = (_entries(one, "providers") for one in (base, tree))
    gone = known.keys() - kept.keys()
    layers = dict(_entries(tree, "shares"))
    for name, layer in layers.items():
        for split in _SPLITS:
            before = _entries(base, "shares", name, split)
            stated = _entries(layer, split)
            stale = {key for key in gone & stated.keys() if stated[key] is before.get(key)}
            if stale:
                left = {key: node for key, node in stated.items() if key not in stale}
                layer = replace(layer, value={**layer.entries, split: replace(layer.entries[split], value=left)})
        layers[name] = layer
    if "shares" not in tree.entries or not gone:
        return tree
    return replace(tree, value={**tree.entries, "shares": replace(tree.entries["shares"], value=layers)})


def _entries(node: Node, *path: str) -> Mapping[str, Node]:
    """What stands by key at a path; nothing where nothing does."""
    below = node.at(path)
    return below.entries if below is not None else {}
