"""The workbook: what was found, charts, every table on a sheet of its own, and how to read and reproduce them.

The same study gives the same bytes: no date of the day, and no text is taken for a formula or an address.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Final

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from sim.outcomes.manifest import Manifest, content_hash
from sim.outcomes.variables import VARIABLES, unit_of
from sim.report.charts import add_charts
from sim.report.contents import Contents
from sim.report.layout import CREATED, OPTIONS, Looks, add_sheet, cut, write_heading, write_table
from sim.report.plain import plain_sheets
from sim.report.sheets import Sheet, sheets

__all__ = ["plain_workbook", "workbook"]

_LABELS: Final = 26
_TEXTS: Final = 118
"""Letters across the two columns of a sheet of sentences."""


def workbook(contents: Contents) -> bytes:
    """The workbook of a study, as the bytes of an `.xlsx` file."""
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, OPTIONS)
    book.set_properties({"title": contents.name, "created": CREATED, "comments": f"Study {contents.hash}"})
    book.set_size(2400, 1400)
    looks = Looks(book, {name: contents.title(name) for name in contents.names}, contents.colours)
    tables = sheets(contents)
    head, charts = add_sheet(book, "Verdict"), add_sheet(book, "Charts")
    for table in tables:
        write_table(book, looks, table)
    _write_front(head, looks, contents, tables)
    add_charts(book, charts, looks, contents, tables)
    _write_about(add_sheet(book, "About"), looks, contents)
    head.activate()
    book.close()
    return stream.getvalue()


def plain_workbook(name: str, manifest: Manifest, tables: Mapping[str, bytes]) -> bytes:
    """The tables of a study that has no sheets of its own, each as it stands.

    Parameters
    ----------
    name : str
        Of the study's folder.
    manifest : Manifest
    tables : mapping of str to bytes
        CSV by path.
    """
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, OPTIONS)
    book.set_properties({"title": name, "created": CREATED, "comments": f"Study {content_hash(manifest)}"})
    looks = Looks(book, {}, {})
    _write_sentences(add_sheet(book, "About"), looks, name, _origin(name, manifest))
    for table in plain_sheets(tables):
        write_table(book, looks, table)
    book.close()
    return stream.getvalue()


def _write_front(sheet: Worksheet, looks: Looks, contents: Contents, tables: Sequence[Sheet]) -> None:
    """What was found, a sentence a line, and where to find more."""
    sheet.set_column(0, 0, _LABELS)
    sheet.set_column(1, 1, _TEXTS)
    write_heading(sheet, looks, contents.question, contents.basis, [_LABELS, _TEXTS])
    row = 3
    for scenario, label, text in contents.sentences:
        mark = looks.scenario(scenario, bold=True) if scenario else looks.look(bold=True, indent=1)
        sheet.write_string(row, 0, cut(label), mark)
        sheet.write_string(row, 1, cut(text), looks.look(text_wrap=True, font_size=11))
        sheet.set_row(row, 15 * max(1, ceil(1.05 * len(text) / _TEXTS)) + 3)
        row += 1
    row += 1
    sheet.write_string(row, 0, "In this workbook", looks.look(bold=True, bottom=1))
    sheet.write_blank(row, 1, None, looks.look(bottom=1))
    for name, title in [("Charts", "The main numbers as charts")] + [(one.name, one.title) for one in tables]:
        row += 1
        sheet.write_url(row, 0, f"internal:'{name}'!A1", looks.look(font_color="#0563C1", underline=1, indent=1), name)
        sheet.write_string(row, 1, cut(title), looks.look())
    row += 1
    sheet.write_url(row, 0, "internal:'About'!A1", looks.look(font_color="#0563C1", underline=1, indent=1), "About")
    sheet.write_string(row, 1, "How to read and to reproduce these numbers", looks.look())


def _write_about(sheet: Worksheet, looks: Looks, contents: Contents) -> None:
    """What the numbers are, and how they are made again."""
    _write_sentences(sheet, looks, "How to read and to reproduce these numbers", _about(contents))


def _write_sentences(sheet: Worksheet, looks: Looks, title: str, sentences: Sequence[tuple[str, str]]) -> None:
    """A title, and sentences with their labels."""
    sheet.set_column(0, 0, _LABELS)
    sheet.set_column(1, 1, _TEXTS)
    write_heading(sheet, looks, title, "", [_LABELS, _TEXTS])
    for row, (label, text) in enumerate(sentences, start=2):
        sheet.write_string(row, 0, cut(label), looks.look(bold=True, text_wrap=True))
        sheet.write_string(row, 1, cut(text), looks.look(text_wrap=True))
        sheet.set_row(row, 14 * (1 + len(text) // (_TEXTS - 4)))


def _origin(name: str, manifest: Manifest) -> list[tuple[str, str]]:
    """Where a study comes from."""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(manifest.program.versions.items()))
    seed = manifest.asked.get("seed")
    drawn = f"{manifest.draws:,}" + ("" if seed is None else f", seed {seed}") if manifest.draws else "See the study."
    return [
        ("Study", name),
        ("Made by", f"sim {manifest.task}, source {manifest.program.source}, with {versions}"),
        ("Study hash", content_hash(manifest)),
        ("Draws", drawn),
        ("To reproduce", f"sim verify {name} --rerun makes the whole study anew and compares every number."),
        *((f"Note {place}", note) for place, note in enumerate(manifest.notes, start=1)),
    ]


def _about(contents: Contents) -> list[tuple[str, str]]:
    """Where the study comes from, and what its numbers are."""
    return [
        *_origin(contents.name, contents.manifest),
        ("All numbers", "summary.csv and comparison.csv of the study hold every variable, year and statistic."),
        (
            "Draw",
            "One possible world: a value for everything that is uncertain, luck included; all scenarios share it.",
        ),
        ("Median", "Half of the draws are below it."),
        ("5%, 95%", "One draw in twenty is below the first, one in twenty above the second."),
        ("Mean", "The average over draws; above the median where few draws are very large."),
        (
            "Money",
            f"{contents.prices}; flows are per year, present values of the end of the base year.",
        ),
        *(
            (name, f"{info.meaning} ({unit_of(name, contents.currency, contents.counted)})")
            for name, info in VARIABLES.items()
            if name in contents.variables
        ),
    ]
