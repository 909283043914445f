"""Hostile or unlucky input ends in one clear error, within a second and in bounded memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import SMALL, Folder

from sim import cli
from sim.errors import ScenarioError
from sim.reading.loading import load_scenario
from sim.tasks.run import run_study

EVIDENCE = "source: judgement, grade: judgement"
ONE = f"{{value: 1, unit: fraction, {EVIDENCE}}}"
LEANING = f"{{value: 1, unit: '1', {EVIDENCE}}}"
MONEY = f"unit: USD bn/yr, {EVIDENCE}"

BILLION_LAUGHS = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGED_LAUGHS = "a: &a {x: &x {<<: {y: 1}}}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 10)}]}}\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

TOO_MUCH = {
    "a billion laughs": (BILLION_LAUGHS, "5:4: unfolds to more than 100,000 values"),
    "a billion laughs by merge keys": (MERGED_LAUGHS, "6:12: unfolds to more than 100,000 values"),
    "thousands of brackets": ("a: " + "[" * 3_990, "1:35: is nested deeper than 32 levels"),
    "hundreds of braces": ("a: " + "{a: " * 900, "1:128: is nested deeper than 32 levels"),
    "hundreds of indents": ("".join(" " * i + "a:\n" for i in range(600)), "33:33: is nested deeper than 32 levels"),
    "thousands of dashes": ("- " * 1_900, "1:65: is nested deeper than 32 levels"),
    "a long line": ("a: " + "!" * 20_000, "1:1: a line of 20,003 characters (allowed 4,000)"),
    "many short keys": (
        "".join(f"k{i}: 1\n" for i in range(20_000)),
        "5000:8: holds more than 10,000 keys and values, too many for a scenario",
    ),
    "many empty lists": ("- []\n" * 49_000, "10000:3: holds more than 10,000 keys and values, too many for a scenario"),
    "an object that runs a command": (
        "a: !!python/object/apply:os.system [touch owned]\n",
        "1:4: tags have no meaning here (found 'tag:yaml.org,2002:python/object/apply:os.system')",
    ),
    "UTF-16": ("a: 1\n".encode("utf-16"), " is not text in UTF-8 (found byte 0xff at 0)"),
    "UTF-16 without a mark": ("a: 1\n".encode("utf-16-le"), "1:2: is not a text file (found the character U+0000)"),
    "a null byte": (b"a: \x00\n", "1:4: is not a text file (found the character U+0000)"),
    "text in Latin-1": ("name: Zürich\n".encode("latin-1"), " is not text in UTF-8 (found byte 0xfc at 7)"),
    "an escape sequence": ('question: "\\e[2Jcleared"\n', "1:11: holds the control character U+001B"),
    "a line turned around": ("question: a\u202eb\n", "1:11: holds the control character U+202E"),
    "a key of no text": ("? {a: 1}\n: 2\n", "1:3: a key must be a word (found a list, a mapping or an alias)"),
}


@pytest.mark.parametrize(("text", "line"), TOO_MUCH.values(), ids=TOO_MUCH.keys())
def test_a_file_that_is_too_much_is_refused_in_one_line_within_a_second(
    folder: Folder, text: str | bytes, line: str
) -> None:
    path = folder.write("case.yaml", text)
    began = time.process_time()
    complaints = folder.complaints(path)
    assert time.process_time() - began < 1
    assert complaints == [f"case.yaml:{line}"]
    assert not (folder.path / "owned").exists()


def _many(count: int, first: str) -> str:
    """Entries of a mapping that all are the first."""
    return "".join(f"  x{i}: *x\n" if i else f"  x0: &x {first}\n" for i in range(count))


MANY = {
    "providers": ("providers:\n" + _many(4_900, "{title: X, origin: domestic}"), "providers: must hold at most 100"),
    "segments": (
        "segments:\n" + _many(4_900, f"{{layer: iaas, weight: {ONE}, open: {ONE}, foreign_propensity: {LEANING}}}"),
        "segments: must hold at most 100",
    ),
    "regimes": ("regimes:\n" + _many(4_900, "{title: X}"), "regimes: must hold at most 100"),
    "steps": (
        "policy:\n steps:\n" + _many(4_900, "{when: 2020-01-01, adopt: pilot}"),
        "policy.steps: must hold at most",
    ),
    "leading inputs": (
        "sampling:\n leading:\n" + "  - market.size\n" * 9_000,
        "sampling.leading: must hold at most 64",
    ),
    "categories": (
        f"zone:\n reading:\n  unit: category\n  {EVIDENCE.replace(', ', chr(10) + '  ')}\n  discrete:\n"
        + "".join(f"   a{i}: 0.001\n" for i in range(4_900)),
        "zone.reading.discrete: must hold at most 1000",
    ),
    "unknown keys": ("".join(f"demand_{i}: 1\n" for i in range(4_900)), "demand_0: unknown key (found 'demand_0'"),
    "wrong numbers": ("providers:\n" + _many(4_900, "1"), "providers.x0: must be a mapping (found 1)"),
}


@pytest.mark.parametrize(("text", "beginning"), MANY.values(), ids=MANY.keys())
def test_thousands_of_entries_are_refused_within_a_second(folder: Folder, text: str, beginning: str) -> None:
    path = folder.variant(text)
    began = time.process_time()
    complaints = folder.complaints(path)
    assert time.process_time() - began < 1
    assert complaints[0].split(": ", 1)[1].startswith(beginning)
    assert len(complaints) <= 101


def test_what_is_not_told_is_counted(folder: Folder) -> None:
    complaints = folder.complaints(folder.variant("".join(f"k{i}: 1\n" for i in range(130))))
    assert complaints[-1] == "case.yaml:132:1: and 30 more problems up to here"
    assert len(complaints) == 101


# ---- in a process of its own, with little memory


def _checked(*arguments: str, megabytes: int = 400) -> tuple[int, str, float]:
    """Exit code, complaints and CPU seconds of a command whose address space is bounded."""

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
        resource.setrlimit(resource.RLIMIT_CPU, (10, 10))

    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(
        [sys.executable, "-m", "sim", *arguments], capture_output=True, text=True, preexec_fn=bound, check=False
    )
    return done.returncode, done.stderr, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not bound the address space")
@pytest.mark.parametrize("name", ["laughs", "huge", "keys", "nest"])
def test_the_command_ends_with_one_line_in_bounded_memory(folder: Folder, name: str) -> None:
    texts = {"laughs": BILLION_LAUGHS, "keys": MANY["steps"][0], "nest": "a: " + "[" * 3_900, "huge": "a: 1\n"}
    folder.variant(texts[name]) if name == "keys" else folder.write("case.yaml", texts[name])
    if name == "huge":
        os.truncate("case.yaml", 100_000_000)
    code, complaints, seconds = _checked("check", "case.yaml")
    assert (code, len(complaints.splitlines())) == (2, 1), complaints
    assert seconds < 2  # half a second of it is the start of Python


# ---- names that lead elsewhere


def test_a_base_that_is_a_link_out_of_the_folder_is_refused(
    folder: Folder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "secret.yaml"
    elsewhere.write_text(SMALL)
    (folder.path / "link.yaml").symlink_to(elsewhere)
    line = "case.yaml:1:1: extends: 'link.yaml' is a link that leads out of the folder"
    assert folder.complaints(folder.write("case.yaml", "extends: link.yaml\nname: case\n")) == [line]


def test_sources_that_are_a_link_out_of_the_folder_are_refused(
    folder: Folder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (folder.path / "sources.yaml").rename(elsewhere := tmp_path_factory.mktemp("elsewhere") / "sources.yaml")
    (folder.path / "sources.yaml").symlink_to(elsewhere)
    assert folder.complaints("small.yaml") == ["sources.yaml: is a link that leads out of the folder"]


def test_a_folder_of_links_into_another_one_is_read(folder: Folder) -> None:
    links = folder.path / "links"
    links.mkdir()
    folder.variant("entry: {rule: never}\n")
    for name in ("case.yaml", "small.yaml", "sources.yaml"):
        (links / name).symlink_to(folder.path / name)
    assert load_scenario(links / "case.yaml").entry.rule == "never"


@pytest.mark.parametrize(
    "base",
    ["../../../../etc/passwd", "/etc/passwd", "..\\\\base.yaml", "", ".", "\\0", "https://x/base.yaml", "~/base.yaml"],
)
def test_a_base_elsewhere_is_refused(folder: Folder, base: str) -> None:
    (complaint,) = folder.complaints(folder.write("case.yaml", f'extends: "{base}"\nname: case\n'))
    assert complaint.startswith("case.yaml:1:")


def test_a_base_whose_name_is_longer_than_any_file_can_have_is_refused(folder: Folder) -> None:
    (complaint,) = folder.complaints(folder.write("case.yaml", f"extends: {'x' * 300}\nname: case\n"))
    assert complaint.startswith("case.yaml:1:1: extends: must name a scenario, or a file by its path from this one")


def test_a_link_that_leads_nowhere_is_told_from_a_file_that_is_missing(folder: Folder) -> None:
    (folder.path / "case.yaml").symlink_to("case.yaml")
    assert folder.complaints("case.yaml") == ["case.yaml: is a link that leads nowhere"]


def test_a_missing_file_with_a_strange_ending_is_only_missing(folder: Folder) -> None:
    assert folder.complaints("case.**") == ["case.**: no such file"]


def test_two_files_that_extend_each_other_are_refused(folder: Folder) -> None:
    folder.write("one.yaml", "extends: two.yaml\nname: one\n")
    folder.write("two.yaml", "extends: one.yaml\nname: two\n")
    line = "two.yaml:1:1: extends: comes round to one.yaml again by way of one.yaml, two.yaml"
    assert folder.complaints("one.yaml") == [line]


@pytest.mark.parametrize(
    "name", ["../x", "/abs", "a/b", "=cmd()", "CON", "a\\tb", "x" * 41, "a\\0", " a", "é", "-a", "a."]
)
def test_a_name_is_a_plain_word(folder: Folder, name: str) -> None:
    (complaint,) = folder.complaints(folder.write("case.yaml", f'extends: small.yaml\nname: "{name}"\n'))
    assert complaint.startswith("case.yaml:2:")


@pytest.mark.parametrize("name", ["plots", "con", "nul", "com1"])
def test_a_name_that_a_folder_cannot_have_is_refused(folder: Folder, name: str) -> None:
    (complaint,) = folder.complaints(folder.write("case.yaml", f"extends: small.yaml\nname: {name}\n"))
    assert "no scenario can be named so" in complaint


def test_ids_do_not_mean_two_things_in_the_results(folder: Folder) -> None:
    path = folder.write(
        "case.yaml", SMALL.replace("saas", "total").replace("alibaba", "domestic").replace(" aws:", " foreign:")
    )
    complaints = folder.complaints(path)
    assert [
        complaint.split(": ")[1] for complaint in complaints if "no layer" in complaint or "no provider" in complaint
    ] == [
        "market.layers.total",
        "providers.domestic",
        "providers.foreign",
    ]


def test_letters_that_only_look_alike_are_named(folder: Folder) -> None:
    (complaint,) = folder.complaints(folder.variant("demand: {сhurn: 3}\n"))
    assert complaint.endswith("did you mean 'churn'?; it holds U+0441 CYRILLIC SMALL LETTER ES)")


# ---- numbers


NO_NUMBERS = {
    "a seed below zero": ("sampling: {seed: -1}", "sampling.seed: must be at least 0"),
    "a seed of 65 bits": (
        "sampling: {seed: 18446744073709551616}",
        "sampling.seed: must be at most 9223372036854775807",
    ),
    "no draws": ("sampling: {draws: 0}", "sampling.draws: must be above 0"),
    "negative draws": ("sampling: {draws: -512}", "sampling.draws: must be above 0"),
    "a tera of draws": ("sampling: {draws: 1099511627776}", "sampling.draws: must be at most 1073741824"),
    "draws that are true": ("sampling: {draws: true}", "sampling.draws: must be a whole number"),
    "a billion years": ("horizon: {end_year: 1000000000}", "horizon.end_year: must be at most 2150"),
    "an end before the base": ("horizon: {end_year: 2017}", "horizon.end_year: must be after the base year"),
    "a negative size": (f"market: {{size: {{value: -7, unit: USD bn/yr, {EVIDENCE}}}}}", "market.size"),
    "a size of zero": (f"market: {{size: {{value: 0, unit: USD bn/yr, {EVIDENCE}}}}}", "market.size"),
    "a size beyond counting": (
        f"market: {{size: {{value: 1e308, unit: USD bn/yr, {EVIDENCE}}}}}",
        "market.size.value: must be at most 1e+150",
    ),
    "a size below any cent": (
        f"market: {{size: {{value: 1e-320, unit: USD bn/yr, {EVIDENCE}}}}}",
        "market.size: is out of",
    ),
    "a part that can be negative": (
        f"migration: {{consent_loss: {{normal: {{mean: 0.1, sd: 0.05}}, unit: fraction, {EVIDENCE}}}}}",
        "migration.consent_loss: can fall to -0.3105 in some draws (allowed 0 to 1 in the unit 'fraction'; set min: 0)",
    ),
    "a part that can be more than the whole": (
        f"demand: {{conduct: {{lognormal: {{median: 0.5, sigma: 0.5}}, unit: fraction, {EVIDENCE}}}}}",
        "demand.conduct: can rise to 30.3",
    ),
    "a tail of scipy without end": (
        f"zone: {{cap: {{scipy: {{family: cauchy, parameters: {{loc: 1}}}}, unit: USD bn/yr, {EVIDENCE}}}}}",
        "zone.cap: can fall to -2.8",
    ),
    "a family that scipy cannot invert": (
        f"zone: {{cap: {{scipy: {{family: norminvgauss, parameters: {{a: 1.25, b: 0.5}}}}, {MONEY}}}}}",
        "zone.cap.scipy: scipy.stats cannot compute the tails of 'norminvgauss'",
    ),
    "an interval without end": (
        f"zone: {{cap: {{interval: 1 to inf, unit: USD bn/yr, {EVIDENCE}}}}}",
        "zone.cap.interval: both ends of an interval are numbers up to 1e+150, found 1 to inf",
    ),
    "a fallback that cannot be": (
        f"zone: {{cap: {{value: 1, {MONEY}, fallback: {{value: -1, {MONEY}}}}}}}",
        "zone.cap.fallback: is out of the range",
    ),
    "nobody who leans to foreign providers": (
        f"segments: {{users: {{foreign_propensity: {{value: 0, unit: '1', {EVIDENCE}}}}}}}",
        "segments.users.foreign_propensity: in one segment of 'saas' at least",
    ),
    "a hypothesis of everything": (
        "opening: {hypotheses: {wide: {cap: 1}}}",
        "opening.hypotheses.wide.cap: must be at most 0.999",
    ),
    "growth that does not fade": (
        f"market: {{growth_base: {{value: 30, unit: '%/yr', {EVIDENCE}}}}}",
        "market.growth_forecast: must lie between growth_base and growth_long_run (found 30.0%, 40.6%, 7.0%); growth "
        "that recovers, stays or falls is stated by growth_by_year and growth_fade",
    ),
    "value without end": (
        f"economics: {{terminal_growth: {{value: 10, unit: '%/yr', {EVIDENCE}}}}}",
        "economics.terminal_growth: must be below discount_rate",
    ),
    "costs above revenue": (
        f"economics: {{site_cost: {{value: 80, unit: '%', {EVIDENCE}}}}}",
        "economics.provider_margin: with site_cost takes more than there is (found 108.0%; allowed 100%)",
    ),
    "what one draw of a thousand sets at odds": (
        f"economics: {{terminal_growth: {{low: 0, median: 2, high: 8, unit: '%/yr', {EVIDENCE}}}}}",
        "economics.terminal_growth: must be below discount_rate, or the value has no end (found 13.3%; "
        "allowed below 10.0%) where economics.terminal_growth is 13.2722 %/yr, as in one draw of a thousand",
    ),
    "a date that is none": ("as_of: 2019-13-01", "as_of: must be a date such as 2018-12-31"),
}


@pytest.mark.parametrize(("text", "beginning"), NO_NUMBERS.values(), ids=NO_NUMBERS.keys())
def test_a_number_that_cannot_be_is_refused_in_one_line(folder: Folder, text: str, beginning: str) -> None:
    (complaint,) = folder.complaints(folder.variant(f"{text}\n"))
    assert complaint.split(": ", 1)[1].startswith(beginning)


@pytest.mark.parametrize("draws", [0, -512, 500, 2**40])
def test_draws_from_the_command_line_are_checked_too(folder: Folder, draws: int) -> None:
    with pytest.raises(ScenarioError, match=r"sampling\.draws"):
        run_study(["small.yaml"], draws=draws, out=folder.path / "results")


@pytest.mark.parametrize("seed", [-1, 2**63, 2**64])
def test_a_seed_from_the_command_line_is_checked_too(folder: Folder, seed: int) -> None:
    with pytest.raises(ScenarioError, match="--seed: from 0 to 9223372036854775807"):
        run_study(["small.yaml"], draws=512, seed=seed, out=folder.path / "results")


HOSTILE_OVERRIDES = (
    "demand.churn.=",
    "horizon.period_months=true",
    "a\x1b[2J=1",
    "a\nb=1",
    "a..b=1",
    "=1",
    "demand=",
    "demand.churn",
    f"{'a.' * 5_000}b=1",
    "demand.churn=.nan",
    "demand.churn=-.inf",
    "demand.churn=1e999",
    "demand.churn=" + "[" * 5_000,
    "demand.churn=!!python/object/apply:os.system [ls]",
    "demand.churn={value: 1, unit: '\\e[2J'}",
    "market.size[0]=1",
    "name=../x",
    "extends=/etc/passwd",
    "sources={}",
    "sampling.draws=1099511627776",
    "policy.steps.pilot_effective.when=0000-00-00",
)


@pytest.mark.parametrize("override", HOSTILE_OVERRIDES, ids=lambda text: text[:30])
def test_a_hostile_override_is_refused_with_exit_code_2(
    folder: Folder, capsys: pytest.CaptureFixture[str], override: str
) -> None:
    assert cli.main(["check", "small.yaml", "--set", override]) == 2
    told = capsys.readouterr().err
    lines = told.splitlines()
    assert lines
    assert not any("fault of the program" in line for line in lines)
    assert all(line.isprintable() and line.startswith(("--set", "small.yaml")) for line in told.split("\n")[:-1])


HOSTILE_SOURCES = {
    "a list": "- 1\n",
    "nothing": "",
    "a list of them": "sources: [1]\n",
    "a word": "sources: bank\n",
    "a bomb": BILLION_LAUGHS,
    "other keys": "sources: {}\nother: 1\n",
    "no date": "sources:\n  bank: {title: A bank}\n",
}


@pytest.mark.parametrize("text", HOSTILE_SOURCES.values(), ids=HOSTILE_SOURCES.keys())
def test_hostile_sources_are_refused_in_their_own_file(folder: Folder, text: str) -> None:
    folder.write("sources.yaml", text)
    assert all(line.startswith("sources.yaml") for line in folder.complaints("small.yaml"))


def test_a_mark_of_byte_order_is_no_mistake(folder: Folder) -> None:
    folder.write("case.yaml", b"\xef\xbb\xbf" + SMALL.encode())
    assert load_scenario(Path("case.yaml")).name == "small"
