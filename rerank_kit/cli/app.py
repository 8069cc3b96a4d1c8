"""The commands together, and what becomes of their errors: a line on stderr and an exit code."""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Annotated, Any, cast

import typer

from rerank_kit.cli import (
    calibrate,
    check,
    contextualize,
    doctor,
    export,
    label,
    mcp,
    models,
    plan,
    report,
    rerank,
    search,
    serve,
    shadow,
    status,
    tune,
)
from rerank_kit.cli import eval as evaluation
from rerank_kit.cli.options import examples
from rerank_kit.cli.telling import as_options, say, tell
from rerank_kit.errors import RerankError
from rerank_kit.texts import in_a_line
from rerank_kit.user_warnings import hearing

WrongUsage = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])
"""What typer raises for a wrong command; it has no public name there."""

_IN_PYTHON = {
    "path": "dataset",
    "money": "dollars",
    "format": "wire_format",
    "api_key": "key_from",
    "base_url": "url",
}
"""Arguments of Python functions that stand for an option of another name."""

app = typer.Typer(
    name="rerank-kit",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples('search notes "when are backups made?"', "status", "eval questions.csv --corpus notes"),
)

app.command("search", epilog=examples(*search.EXAMPLES))(search.run)
app.command("rerank", epilog=examples(*rerank.EXAMPLES))(rerank.run)
app.command("eval", epilog=examples(*evaluation.EXAMPLES))(evaluation.run)
app.command("report", epilog=examples(*report.EXAMPLES))(report.run)
app.command("label", epilog=examples(*label.EXAMPLES))(label.run)
app.command("calibrate", epilog=examples(*calibrate.EXAMPLES))(calibrate.run)
app.command("tune", epilog=examples(*tune.EXAMPLES))(tune.run)
app.command("shadow", epilog=examples(*shadow.EXAMPLES))(shadow.run)
app.command("contextualize", epilog=examples(*contextualize.EXAMPLES))(contextualize.run)
app.command("status", epilog=examples(*status.EXAMPLES))(status.run)
app.command("plan", epilog=examples(*plan.EXAMPLES))(plan.run)
app.command("check", epilog=examples(*check.EXAMPLES))(check.run)
app.command("serve", epilog=examples(*serve.EXAMPLES))(serve.run)
app.command("mcp", epilog=examples(*mcp.EXAMPLES))(mcp.run)
app.command("doctor", epilog=examples(*doctor.EXAMPLES))(doctor.run)
app.command("models", epilog=examples(*models.EXAMPLES))(models.run)
answers = {"allow_extra_args": True}  # words behind the first one of --answers
app.command("export", epilog=examples(*export.EXAMPLES), context_settings=answers)(export.run)


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        say(f"rerank-kit {version('rerank-kit')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _begin(
    context: typer.Context,
    *,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """Search with a reranker, and find out which one is best on your own data."""
    if context.invoked_subcommand is None:
        tell(
            "rerank-kit: name a COMMAND: search, rerank, eval, report, label, calibrate, tune, shadow, contextualize, "
            "plan, status, doctor, check, serve, mcp, models or export. rerank-kit --help tells of each, rerank-kit "
            "status what to do next"
        )
        raise typer.Exit(2)


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code. Warnings of ours are told when it is done, each once."""
    names = option_names(arguments)
    with warnings.catch_warnings(), hearing() as heard:
        warnings.simplefilter("ignore")
        code = _ran(arguments, names)
    for each in dict.fromkeys(heard):
        tell(f"rerank-kit: {as_options(in_a_line(each), names)}")
    return code


def option_names(arguments: Sequence[str]) -> dict[str, str]:
    """What the arguments of Python functions are called by the command that runs: `--max-cost` for `max_cost`."""
    commands: dict[str, Any] = getattr(typer.main.get_command(app), "commands")  # noqa: B009 - only a group has them
    name = next((each for each in arguments if not each.startswith("-")), "")
    if name not in commands:
        return {}
    params: list[Any] = commands[name].params
    options = {each.name: [name for name in each.opts if name.startswith("--")] for each in params}
    called = {each.name: (options[each.name] or [each.metavar])[0] for each in params}
    return {python: shown for python, known in _IN_PYTHON.items() if (shown := called.get(known))} | called


def _ran(arguments: Sequence[str], names: Mapping[str, str]) -> int:
    try:
        code: object = app(args=list(arguments), prog_name="rerank-kit", standalone_mode=False)
    except WrongUsage as error:
        context = getattr(error, "ctx", None)
        path = "rerank-kit" if context is None else context.command_path
        tell(f"rerank-kit: {as_options(in_a_line(error.format_message()), names)} ({path} --help says more)")
        return 2
    except (RerankError, OSError, sqlite3.Error) as error:
        tell(f"rerank-kit: {as_options(in_a_line(str(error) or type(error).__name__), names)}")
        return 1
    except SystemExit as ended:  # typer ends so where nobody reads the help
        if isinstance(ended.code, int | None):
            return ended.code or 0
        tell(f"rerank-kit: {in_a_line(str(ended.code))}")  # a module of a user's
        return 1
    return code if isinstance(code, int) else 0
