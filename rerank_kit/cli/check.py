"""`rerank-kit check URL`: what a rerank server is, whether it ranks, its scale and limits, and the next step."""

from __future__ import annotations

import json
import os
from typing import Annotated, Any

import typer

from rerank_kit.cli.options import AsJson
from rerank_kit.cli.telling import as_options, say, say_json, score_text
from rerank_kit.errors import ConfigurationError
from rerank_kit.texts import in_a_line

EXAMPLES = (
    "check http://127.0.0.1:8080",
    "check http://127.0.0.1:8001 --format vllm --model BAAI/bge-reranker-v2-m3 --json",
)


def run(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the server is, such as http://127.0.0.1:8080.")],
    *,
    wire_format: Annotated[
        str, typer.Option("--format", help="What it speaks, such as tei or vllm, where it does not say.")
    ] = "auto",
    model: Annotated[str | None, typer.Option(help="Which of its models, where it has several.")] = None,
    instruction: Annotated[
        str | None, typer.Option(help="What makes a document relevant, for models that read it.")
    ] = None,
    key_from: Annotated[
        str | None, typer.Option(metavar="VARIABLE", help="The environment variable with its key.")
    ] = None,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="For all of it.")] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Test a rerank server with a few small requests: a question whose answer is known, among other texts.

    The exit code is 1 where something is wrong.
    """
    from rerank_kit.managed import Endpoint

    settings: dict[str, Any] = {"format": wire_format, "model": model, "instruction": instruction}
    if key_from is not None:
        settings["api_key"] = _key(key_from)
    server = Endpoint(url, **settings)
    report = server.check(timeout=timeout)
    told: dict[str, Any] = {
        "url": server.base_url,
        "ok": report.ok,
        "format": server.format,
        "model": server.model,
        "seconds": round(report.seconds, 4),
        "limits": {name: getattr(server.limits, name) for name in ("documents", "tokens", "bytes")},
        "scores": list(report.scores),
        "between_0_and_1": all(0 <= each <= 1 for each in report.scores) if report.scores else None,
        "findings": [
            {"what": each.what, "ok": each.ok, "detail": each.detail, "cause": "" if each.ok else _cause(each.cause)}
            for each in report.findings
        ],
    }
    told["next"] = _next(told, key_from)
    if as_json:
        say_json(told)
    else:
        say("\n".join(map(in_a_line, _shown(told))))
    if not report.ok:
        raise typer.Exit(1)


def _key(variable: str) -> str:
    """The key in an environment variable.

    Raises:
        ConfigurationError: There is none.
    """
    key = os.environ.get(variable)
    if not key:
        msg = f"--key-from {variable}: that environment variable is not set, or has nothing in it"
        raise ConfigurationError(msg)
    return key


def _cause(told: str) -> str:
    return as_options(told, {"format": "--format", "instruction": "--instruction"})


def _next(told: dict[str, Any], key_from: str | None) -> str:
    """What to do, as a sentence or a line of code."""
    wrong = next((each for each in told["findings"] if not each["ok"]), None)
    if wrong is not None:
        return f"{wrong['what']}: {wrong['cause']}"
    model = "" if told["model"] is None else f", model={told['model']!r}"
    key = "" if key_from is None else f", api_key=os.environ[{json.dumps(key_from)}]"
    line = f"with_rerank(retriever, Endpoint({told['url']!r}, format={told['format']!r}{model}{key}))"
    return line if told["between_0_and_1"] else f"{line}; choose a threshold on this server's own scores"


def _shown(told: dict[str, Any]) -> list[str]:
    model = "its model has no name there" if told["model"] is None else f"model {told['model']}"
    limits = [f"{value:,} {name}" for name, value in told["limits"].items() if value is not None]
    lines = [
        f"{told['url']} speaks {told['format']}, {model}; it answered in {told['seconds']:.3f} s",
        f"limits of a request: {', '.join(limits) or 'none that is known'}",
    ]
    if told["scores"]:
        kind = "between 0 and 1" if told["between_0_and_1"] else "the model's raw numbers"
        lines.append(f"scores: {score_text(min(told['scores']))} to {score_text(max(told['scores']))}, {kind}")
    causes = ["", next((each["cause"] for each in told["findings"] if not each["ok"]), "")]  # that one is the next step
    for each in told["findings"]:
        cause = "" if each["cause"] in causes else f": {each['cause']}"
        causes.append(each["cause"])
        lines.append(f"{'ok' if each['ok'] else 'WRONG'} {each['what']}: {each['detail']}{cause}")
    return [*lines, f"next: {told['next']}"]
