"""The command line: the only place that exits and catches errors. What the user sees goes through `terminal`.

What a command needs is imported when it runs, so that `--help` need not wait for NumPy, SciPy or Matplotlib.
"""

from __future__ import annotations

import atexit
import contextlib
import datetime
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeVar

import typer

from sim import __version__, terminal
from sim.errors import Problem, ScenarioError, SimError

if TYPE_CHECKING:
    from sim.reading.loading import Loaded

__all__ = ["app", "main"]

T = TypeVar("T")

_FAILED: Final = 1
_WRONG_INPUT: Final = 2
_INTERRUPTED: Final = 130

_NEW_OBJECTS: Final = 100_000
"""So many come before garbage is looked for, not 700: little of what is imported and read ever becomes garbage."""

_SOON: Final = 0.05
"""Seconds until an interrupt comes again: by then the finalizer that met it has ended."""

_PLATFORMS: Final = ("linux", "darwin", "win32")

app = typer.Typer(
    name="sim",
    help="Simulate market entry under changing access rules.",
    epilog="Any command takes --debug, which shows where in the program an error arose.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _whole(text: str) -> int:
    """The whole number in an option's text."""
    try:
        return int(text)
    except ValueError:
        bare = text.translate(str.maketrans("", "", ",'_ "))
        remedy = f"; write {bare}" if bare.isdecimal() else ""
        raise typer.BadParameter(f"must be a whole number (found {text!r}{remedy})") from None


Files = Annotated[list[Path], typer.Argument(metavar="FILE", show_default=False, help="Scenario files.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="[SCENARIO:]PATH=VALUE", help="Set one value, in YAML; may be repeated."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Take values far beyond what the scenario holds possible.")]
Baseline = Annotated[str | None, typer.Option(help="Scenario to compare with; the first unless named.")]
TargetError = Annotated[
    str | None,
    typer.Option(
        "--target-se",
        metavar="PATH=VALUE",
        help="Add draws until a paired difference has this standard error: foreign_share.total.2030=0.001.",
    ),
]
Scheduler = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Run the draws on Dask's workers: tcp://HOST:8786.")
]
Patience = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="End if no worker of --scheduler answers for so long; 1800 by default."),
]
NoPlots = Annotated[bool, typer.Option("--no-plots", help="Draw no pictures.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Print all sentences and tables.")]
Force = Annotated[bool, typer.Option("--force", help="Run again what is finished already.")]
ScenarioFile = Annotated[Path, typer.Argument(metavar="FILE", show_default=False, help="A scenario file.")]
NamesFile = Annotated[
    Path | None, typer.Option("--map", metavar="FILE", help="What names of the record mean in the scenario.")
]
OwnSeed = Annotated[int | None, typer.Option(parser=_whole, metavar="N", help="Seed; the scenario's own by default.")]
Jobs = Annotated[
    int | None, typer.Option(parser=_whole, metavar="N", help="Processes at a time; all cores by default.")
]
Out = Annotated[Path, typer.Option(file_okay=False, help="Folder in which the study's own folder is made.")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        In place of those of the process.

    Returns
    -------
    int
        0 done, 1 the run failed, 2 the input is wrong; 130 if the user interrupts.
    """
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
    atexit.register(gc.freeze)  # a process that ends need not look for garbage
    if problem := _platform_problem():
        terminal.complain(problem)
    given = list(sys.argv[1:] if arguments is None else arguments)
    wanted = [argument for argument in given if argument != "--debug"]
    if wanted != given:
        return _status(wanted)
    try:
        return _status(wanted)
    except SimError as error:
        terminal.complain(str(error))
        return _WRONG_INPUT if isinstance(error, ScenarioError) else _FAILED
    except OSError as error:
        terminal.complain(f"{error.filename or 'output'}: {error.strerror}")
        return _FAILED
    except Exception as error:
        terminal.complain(f"a fault of the program: {type(error).__name__}: {error} (--debug shows where)")
        return _FAILED


def _platform_problem() -> str:
    """Why the program may not run properly here; empty where its tests run."""
    if sys.platform not in _PLATFORMS:
        return f"sim is made for Linux, macOS and Windows: on {sys.platform} runs may fail"
    if sys.maxsize < 2**32:
        return "sim is made for 64-bit Python: here large runs fail"
    return ""


def _status(arguments: list[str]) -> int:
    """Exit code of a command; its errors pass through."""
    try:
        with _interrupts_that_arrive():
            app(args=arguments, prog_name="sim")
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:
            terminal.complain("stopped")
        return stop.code if isinstance(stop.code, int) else _FAILED
    return 0


@contextlib.contextmanager
def _interrupts_that_arrive() -> Iterator[None]:
    """Have the user's interrupt come again where Python drops it: while an object is finalized."""
    before = sys.unraisablehook

    def hook(dropped: sys.UnraisableHookArgs) -> None:
        if issubclass(dropped.exc_type, KeyboardInterrupt):
            threading.Timer(_SOON, signal.raise_signal, [signal.SIGINT]).start()
        else:
            before(dropped)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def _say_version(wanted: bool) -> None:
    if wanted:
        from sim.outcomes.manifest import source_hash

        terminal.say(f"sim {__version__}, source {source_hash()}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_say_version,
            is_eager=True,
            help="Print the version, and the hash of the source that manifests record.",
        ),
    ] = False,
) -> None:
    """Simulate market entry under changing access rules."""


@app.command()
def run(
    files: Files,
    draws: Annotated[
        int | None,
        typer.Option(parser=_whole, metavar="N", help="Draws, a multiple of 512; the scenarios' own by default."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(parser=_whole, metavar="N", help="Seed; the scenarios' own by default.")
    ] = None,
    overrides: Overrides = None,
    yes: Yes = False,
    baseline: Baseline = None,
    out: Out = Path("results"),
    jobs: Jobs = None,
    keep: Annotated[str | None, typer.Option(help="Variables whose draws are stored: a,b,c; all by default.")] = None,
    no_plots: NoPlots = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail if an input or override moves nothing.")] = False,
    force: Force = False,
    posterior: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draws are the rows of what `sim calibrate` wrote.")
    ] = None,
    target_se: TargetError = None,
    scheduler: Scheduler = None,
    patience: Patience = None,
    verbose: Verbose = False,
) -> None:
    """Run scenarios as one study on shared draws, and compare them."""
    scenarios = _read(files, overrides, yes)
    from sim.tasks.cluster import workers
    from sim.tasks.run import run_study

    with terminal.progress() as progress, workers(scheduler, jobs, patience) as crew:
        first = terminal.FirstAnswer(progress)
        study = run_study(
            scenarios,
            draws=draws,
            seed=seed,
            baseline=baseline,
            out=out,
            keep=_names(keep),
            plots=not no_plots,
            strict=strict,
            force=force,
            posterior=posterior,
            target_se=target_se,
            progress=progress,
            announce=first,
            **crew,
        )
    terminal.report(study, answered=first.given, verbose=verbose)


@app.command()
def compare(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="RESULT", help="Folders of studies or of scenarios in them; or old=STUDY new=STUDY."),
    ],
    baseline: Baseline = None,
    where: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Compare only draws inside the box that `sim discover` wrote.")
    ] = None,
    out: Out = Path("results"),
    jobs: Jobs = None,
    no_plots: NoPlots = False,
    force: Force = False,
    verbose: Verbose = False,
) -> None:
    """Compare finished results that share their draws, or by old= and new= the same scenarios of two days."""
    if days := _days(results):
        if baseline or where:
            message = "goes without old= and new=, which say what is compared with what"
            raise ScenarioError([Problem("--baseline" if baseline else "--where", 0, 0, "", message)])
        from sim.tasks.revision import compare_days

        with terminal.progress() as progress:
            revision = compare_days(*days, out=out, force=force, progress=progress)
        terminal.report_findings(revision, verbose=verbose)
        return
    from sim.tasks.compare import compare_studies

    with terminal.progress() as progress:
        study = compare_studies(
            results,
            baseline=baseline,
            where=where,
            out=out,
            jobs=jobs,
            plots=not no_plots,
            force=force,
            progress=progress,
        )
    terminal.report(study, verbose=verbose)


@app.command()
def report(
    studies: Annotated[
        list[Path],
        typer.Argument(
            metavar="STUDY...", show_default=False, help="A study of sim run or sim compare, then others of that case."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file; beside the first study by default, under its name.")
    ] = None,
) -> None:
    """Put a study on one page, with what else was found about the same case."""
    from sim.tasks.report import report_study

    terminal.say(str(report_study(studies, out=out)))


@app.command()
def drivers(
    study: Annotated[Path, typer.Argument(metavar="STUDY", show_default=False, help="Folder of a finished run.")],
    of: Annotated[
        list[str] | None,
        typer.Option(
            "--of", metavar="OUTCOME", help="What is to be explained: gain(foreign_share.total.2030); may be repeated."
        ),
    ] = None,
    total: Annotated[
        bool, typer.Option("--total", help="Redraw what is uncertain: total shares, and how much is luck. Takes runs.")
    ] = False,
    out: Out = Path("results"),
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    patience: Patience = None,
    no_plots: NoPlots = False,
    force: Force = False,
    verbose: Verbose = False,
) -> None:
    """Say what drives the outcomes of a finished run, and how much of it is disagreement, ignorance and luck."""
    from sim.tasks.cluster import workers
    from sim.tasks.drivers import run_drivers

    with terminal.progress() as progress, workers(scheduler, jobs, patience) as crew:
        found = run_drivers(
            study,
            outcomes=of or (),
            total=total,
            out=out,
            plots=not no_plots,
            force=force,
            progress=progress,
            **crew,
        )
    terminal.report_findings(found, verbose=verbose)


@app.command()
def sweep(
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False, help="A sweep file.")],
    draws: Annotated[
        int | None, typer.Option(parser=_whole, metavar="N", help="Draws at each point; the file's own by default.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(parser=_whole, metavar="N", help="Seed; the file's own by default.")
    ] = None,
    out: Out = Path("results"),
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    patience: Patience = None,
    no_plots: NoPlots = False,
    force: Force = False,
    verbose: Verbose = False,
) -> None:
    """Run a scenario at every point of a design over levers and parameters, on shared draws."""
    from sim.tasks.cluster import workers
    from sim.tasks.sweep import run_sweep

    with terminal.progress() as progress, workers(scheduler, jobs, patience) as crew:
        found = run_sweep(
            file,
            draws=draws,
            seed=seed,
            out=out,
            plots=not no_plots,
            force=force,
            progress=progress,
            **crew,
        )
    terminal.report_sweep(found, verbose=verbose)


@app.command()
def discover(
    study: Annotated[Path, typer.Argument(metavar="STUDY", show_default=False, help="Folder of a finished run.")],
    where: Annotated[
        str, typer.Option(metavar="EVENT", help="OUTCOME > VALUE, as in 'gain(foreign_share.total.2030) > 10%'.")
    ],
    with_luck: Annotated[
        bool, typer.Option("--with-luck", help="Let shocks, events and delays be conditions too.")
    ] = False,
    out: Out = Path("results"),
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    patience: Patience = None,
    no_plots: NoPlots = False,
    force: Force = False,
    verbose: Verbose = False,
) -> None:
    """Find the conditions under which something happens in a finished run, and how much of it is luck."""
    from sim.tasks.cluster import workers
    from sim.tasks.discover import run_discovery

    with terminal.progress() as progress, workers(scheduler, jobs, patience) as crew:
        conditions = run_discovery(
            study,
            where,
            with_luck=with_luck,
            out=out,
            plots=not no_plots,
            force=force,
            progress=progress,
            **crew,
        )
    terminal.report_findings(conditions, verbose=verbose)


@app.command()
def bridge(
    first: Annotated[Path, typer.Argument(metavar="A", show_default=False, help="Scenario to start from.")],
    second: Annotated[Path, typer.Argument(metavar="B", show_default=False, help="Scenario to arrive at.")],
    of: Annotated[
        list[str] | None,
        typer.Option(metavar="OUTCOME", help="What is shared out: foreign_share.total.2030; may be repeated."),
    ] = None,
    clause: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=LEVER,…", help="Levers given together; by kind unless told; may be repeated."),
    ] = None,
    overrides: Overrides = None,
    yes: Yes = False,
    draws: Annotated[
        int | None,
        typer.Option(parser=_whole, metavar="N", help="Draws of each run, a multiple of 512; 2048 by default."),
    ] = None,
    seed: OwnSeed = None,
    out: Out = Path("results"),
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    patience: Patience = None,
    no_plots: NoPlots = False,
    force: Force = False,
    verbose: Verbose = False,
) -> None:
    """Tell apart what each clause brings on the way from one scenario to another."""
    pair = [loaded.scenario for loaded in _read([first, second], overrides, yes)]
    from sim.tasks.bridge import read_clauses, run_bridge
    from sim.tasks.cluster import workers

    with terminal.progress() as progress, workers(scheduler, jobs, patience) as crew:
        study = run_bridge(
            *pair,
            outcomes=of or (),
            clauses=read_clauses(clause or ()),
            draws=draws,
            seed=seed,
            out=out,
            plots=not no_plots,
            force=force,
            progress=progress,
            **crew,
        )
    terminal.report_findings(study, verbose=verbose)


@app.command()
def decide(
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False, help="A decision file.")],
    draws: Annotated[
        int | None, typer.Option(parser=_whole, metavar="N", help="Draws of each action; the file's own by default.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(parser=_whole, metavar="N", help="Seed; the file's own by default.")
    ] = None,
    out: Out = Path("results"),
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    patience: Patience = None,
    no_plots: NoPlots = False,
    force: Force = False,
    verbose: Verbose = False,
) -> None:
    """Say what to do: actions beside each other, up to which commitment they pay, and what to find out first."""
    from sim.tasks.cluster import workers
    from sim.tasks.decide import run_decision

    with terminal.progress() as progress, workers(scheduler, jobs, patience) as crew:
        advice = run_decision(
            file,
            draws=draws,
            seed=seed,
            out=out,
            plots=not no_plots,
            force=force,
            progress=progress,
            **crew,
        )
    terminal.report_decision(advice, verbose=verbose)


@app.command()
def backtest(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", show_default=False, help="A scenario file.")] = None,
    observed: Annotated[Path | None, typer.Option(metavar="CSV", help="The record to score against.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every shipped case that has a record, in one table, instead of a file.")
    ] = False,
    as_of: Annotated[
        str | None, typer.Option(metavar="DATE", help="Last day whose knowledge counts; the scenario's own by default.")
    ] = None,
    mapping: NamesFile = None,
    draws: Annotated[
        int | None,
        typer.Option(parser=_whole, metavar="N", help="Draws, a multiple of 512; the scenario's own by default."),
    ] = None,
    seed: OwnSeed = None,
    out: Out = Path("results"),
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    patience: Patience = None,
    no_plots: NoPlots = False,
    force: Force = False,
    verbose: Verbose = False,
) -> None:
    """Score a scenario, as it could have been written on its day, against what happened since."""
    cutoff = _day("--as-of", as_of)
    from sim.tasks.backtest import TRACK_RECORD, run_backtest, run_backtests
    from sim.tasks.cluster import workers

    for option, given in {"--as-of": as_of, "--map": mapping}.items():
        if every and given is not None:
            message = "goes with one scenario file; with --all each case has its own day and names (leave it out)"
            raise ScenarioError([Problem(option, 0, 0, "", message)])
    if every != (file is None and observed is None) or (file is None) != (observed is None):
        message = "takes a scenario file and --observed, or --all alone"
        raise ScenarioError([Problem("backtest", 0, 0, "", message)])
    with terminal.progress() as progress, workers(scheduler, jobs, patience) as crew:
        if file is None or observed is None:
            common = {"seed": seed, "plots": not no_plots, "force": force, "progress": progress}
            terminal.report_tracks(run_backtests(out=out, draws=draws, **common, **crew), out / TRACK_RECORD)
            return
        track = run_backtest(
            file,
            observed,
            as_of=cutoff,
            mapping=mapping,
            draws=draws,
            seed=seed,
            out=out,
            plots=not no_plots,
            force=force,
            progress=progress,
            **crew,
        )
    terminal.report_track(track, verbose=verbose)


@app.command()
def calibrate(
    file: ScenarioFile,
    observed: Annotated[Path, typer.Option(metavar="CSV", help="The record to learn from.")],
    as_of: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Last day whose knowledge counts; the numbers in force by default."),
    ] = None,
    mapping: NamesFile = None,
    draws: Annotated[
        int | None,
        typer.Option(parser=_whole, metavar="N", help="Rows, a multiple of 512; the scenario's draws by default."),
    ] = None,
    seed: OwnSeed = None,
    out: Out = Path("results"),
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    patience: Patience = None,
    no_plots: NoPlots = False,
    force: Force = False,
    verbose: Verbose = False,
) -> None:
    """Learn from what happened since: a posterior, from which `sim run --posterior` draws."""
    cutoff = _day("--as-of", as_of)
    from sim.tasks.calibrate import run_calibration
    from sim.tasks.cluster import workers

    with terminal.progress() as progress, workers(scheduler, jobs, patience) as crew:
        learning = run_calibration(
            file,
            observed,
            as_of=cutoff,
            mapping=mapping,
            draws=draws,
            seed=seed,
            out=out,
            plots=not no_plots,
            force=force,
            progress=progress,
            **crew,
        )
    terminal.report_learning(learning, verbose=verbose)


@app.command()
def verify(
    result: Annotated[
        Path, typer.Argument(metavar="RESULT", show_default=False, help="Folder of a study or of a scenario in it.")
    ],
    rerun: Annotated[bool, typer.Option("--rerun", help="Compute all draws anew, and compare them too.")] = False,
    posterior: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What the draws were made of, if they are rows of a posterior.")
    ] = None,
    jobs: Jobs = None,
) -> None:
    """Hold a study against its manifest: every file, every variable, and the program."""
    from sim.tasks.verify import verify_study

    with terminal.progress() as progress:
        verdict = verify_study(result, rerun=rerun, posterior=posterior, jobs=jobs, progress=progress)
    for fault in verdict.faults:
        terminal.complain(f"{result}: {fault}")
    if verdict.faults:
        raise typer.Exit(_FAILED)
    terminal.say(f"{result}: as its manifest says ({verdict.checked})")


@app.command()
def export(
    study: Annotated[Path, typer.Argument(metavar="STUDY", show_default=False, help="Folder of a finished study.")],
    to: Annotated[
        Literal["xlsx", "iamc", "parquet", "datapackage"], typer.Option("--to", help="For whom: see docs/exports.md.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="File, or folder that is there; beside the study by default."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that holds something else.")] = False,
) -> None:
    """Write a finished study for Excel, for the IAMC's tools, for data frames, or as an archive."""
    from sim.tasks.export import export_study

    with terminal.progress() as progress:
        paths = export_study(study, to, out=out, force=force, progress=progress)
    for path in paths:
        terminal.say(str(path))


@app.command()
def check(files: Files, overrides: Overrides = None, yes: Yes = False) -> None:
    """Validate files and nothing else, each as what it is: scenario, sweep, decision, box, record, sources."""
    from sim.tasks.check import check_files

    lines, notes = check_files(files, overrides=overrides or (), extremes=yes)
    for note in notes:
        terminal.complain(note)
    for line in lines:
        terminal.say(line)


@app.command()
def explain(
    file: ScenarioFile,
    path: Annotated[str, typer.Argument(metavar="[PATH]", help="Show only what stands at this path.")] = "",
    overrides: Overrides = None,
    yes: Yes = False,
) -> None:
    """Show every number in force, where it is from, and which file set it."""
    (loaded,) = _read([file], overrides, yes)
    from sim.reading.explain import Line, details, lines

    terminal.table(Line._fields, [tuple(line) for line in lines(loaded, path)])
    for text in details(loaded, path):
        terminal.say(text)


@app.command()
def schema(
    of: Annotated[Literal["scenario", "decision"], typer.Option("--of", help="Of which kind of file.")] = "scenario",
) -> None:
    """Print the JSON Schema of a scenario file, or of a decision."""
    if of == "decision":
        from sim.tasks.decisionfile import decision_schema as described
    else:
        from sim.reading.schema import scenario_schema as described

    terminal.say(json.dumps(described(), indent=1))


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder that receives the files.")],
    blank: Annotated[bool, typer.Option("--blank", help="A small invented market to write your own over.")] = False,
    case: Annotated[
        str, typer.Option(metavar="CASE", help="A case in a folder of its own, such as cars; else the first one.")
    ] = "",
) -> None:
    """Copy the shipped scenarios, sweeps and decisions of a case, their schemas and the record, to change them."""
    from sim.disk import write_bytes
    from sim.reading.naming import skeleton, starting_files

    if blank and case:
        raise ScenarioError([Problem("--case", 0, 0, "", "goes without --blank")])
    copies = {folder / path: content for path, content in (skeleton() if blank else starting_files(case))}
    other = [copy for copy, content in copies.items() if os.path.lexists(copy) and not _holds(copy, content)]
    if other:
        raise ScenarioError(Problem(str(copy), 0, 0, "", "exists already; nothing was copied") for copy in other)
    for copy, content in copies.items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(copy, content)
        terminal.say(str(copy))


def _holds(path: Path, content: bytes) -> bool:
    """Whether a file is what a command that was stopped has written already."""
    return path.is_file() and not path.is_symlink() and path.read_bytes() == content


@app.command("list")
def list_(out: Out = Path("results")) -> None:
    """List scenarios, sweeps and decisions by name, and the finished studies with what they were asked."""
    from sim.tasks.catalogue import KINDS, named, studies
    from sim.tasks.store import unfinished

    for word, kind in KINDS.items():
        found = named(kind)
        cells = ("file",) if any(one.file for one in found) else ()
        terminal.table(
            (word, *cells, "question"), [(one.name, *([one.file] if cells else []), one.question) for one in found]
        )
        terminal.say("")
    entries = studies(out)
    if entries:
        header = ("study", "command", "date", "draws", "question", "set")
        rows = [
            (str(one.folder), one.command, one.day.isoformat(), f"{one.draws or ''}", one.question, one.overrides)
            for one in entries
        ]
        terminal.table(header, rows)
    for folder in unfinished(out):
        terminal.say(f"{folder}: unfinished; the same command goes on from it")


def _read(files: Sequence[Path], overrides: Sequence[str] | None, extremes: bool = False) -> Sequence[Loaded]:
    """Every scenario, by file or by name; what a user should know of how they were read is said."""
    from sim.reading.loading import read_scenarios

    loaded = read_scenarios(files, overrides=overrides or (), extremes=extremes)
    for note in dict.fromkeys(note for one in loaded for note in one.notes):
        terminal.complain(note)
    return loaded


def _days(results: Sequence[Path]) -> tuple[Path, Path] | None:
    """The studies that are given by old= and new=; None if none is.

    Raises
    ------
    ScenarioError
        One of the two is missing, or something else is given too.
    """
    named = [str(one).partition("=") for one in results]
    days = {name: Path(path) for name, equals, path in named if equals and path and name in _DAYS}
    if not days:
        return None
    if len(days) < len(_DAYS) or len(results) > len(_DAYS):
        message = (
            f"the same scenarios of two days are given as old=STUDY new=STUDY (found {' '.join(map(str, results))})"
        )
        raise ScenarioError([Problem("", 0, 0, "", message)])
    return days["old"], days["new"]


_DAYS: Final = ("old", "new")


def _day(option: str, text: str | None) -> datetime.date | None:
    """The day that an option names."""
    try:
        return None if text is None else datetime.date.fromisoformat(text)
    except ValueError:
        message = f"must be a day such as 2019-04-30 (found {text!r})"
        raise ScenarioError([Problem(option, 0, 0, "", message)]) from None


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())
