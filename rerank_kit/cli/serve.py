"""`rerank-kit serve REFERENCE…`: rerankers behind the HTTP endpoints that clients speak already."""

from __future__ import annotations

import os
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Annotated

import typer

from rerank_kit.cli.options import NAMES, named_reranker
from rerank_kit.cli.telling import log_to_stderr, say
from rerank_kit.errors import ConfigurationError
from rerank_kit.reranker import Reranker

EXAMPLES = (
    "serve onnx:embedded",
    "serve onnx:BAAI/bge-reranker-base --host 0.0.0.0 --keys-from RERANK_KEYS",
    "serve rerank-v3.5=onnx:embedded mine=package.module:cascade --port 8001",
)


def run(
    references: Annotated[
        list[str],
        typer.Argument(metavar="REFERENCE…", help=f"What ranks: {NAMES}; or NAME=REFERENCE, for several."),
    ],
    *,
    host: Annotated[
        str, typer.Option(help="Where to listen: 127.0.0.1 is for this machine alone, 0.0.0.0 for everybody.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 is one that is free.")] = 8000,
    keys_from: Annotated[
        str | None,
        typer.Option(metavar="VARIABLE", help="The environment variable with the keys that are let in."),
    ] = None,
    key_hash: Annotated[
        list[str] | None,
        typer.Option("--key-hash", metavar="HASH", help="sha256: and the SHA-256 of a key that is let in, in hex."),
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--open", help="Let everybody in without a key, from other machines too.")
    ] = False,
    documents: Annotated[int, typer.Option(min=1, help="At most in a request.")] = 1000,
    tokens: Annotated[int, typer.Option(min=1, help="At most in a request, as they are guessed.")] = 1_000_000,
    megabytes: Annotated[int, typer.Option(min=1, help="At most of a request's body.")] = 10,
    in_flight: Annotated[int, typer.Option(min=1, help="Rankings, or parts of them, at work at a time.")] = 4,
    queue: Annotated[int, typer.Option(min=0, help="Requests that may wait besides.")] = 100,
    part: Annotated[
        int, typer.Option(min=1, help="Documents that a local model scores before others have their turn.")
    ] = 16,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="For a request.")] = 60.0,
    warm_up: Annotated[
        bool, typer.Option("--warm-up/--no-warm-up", help="Rank four texts at the start, which an API may bill.")
    ] = True,
    shutdown_timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="For what is in hand when it is told to end.")
    ] = 30.0,
) -> None:
    """Serve rerankers to the clients of Cohere, Jina, vLLM, infinity and TEI, until Ctrl-C or SIGTERM."""
    keys = [*(key_hash or ()), *_hashed(keys_from)]
    if not (keys or everybody or _is_this_machine(host)):
        msg = (
            f"--host {host} lets other machines in: name the environment variable with the keys by --keys-from, or "
            "write --open to let everybody in"
        )
        raise ConfigurationError(msg)
    from rerank_kit.managed import Limits
    from rerank_kit.serve import rerank_app
    from rerank_kit.serve import run as listen

    log_to_stderr("rerank_kit", "uvicorn.error")
    app = rerank_app(
        _rerankers(references),
        keys=keys,
        limits=Limits(documents=documents, tokens=tokens, bytes=megabytes * 1_000_000),
        in_flight=in_flight,
        queue=queue,
        part=part,
        timeout=timeout,
        warm_up=warm_up,
    )
    named = ", ".join(references)
    listen(
        app,
        host=host,
        port=port,
        shutdown_timeout=shutdown_timeout,
        told=lambda url: say(f"{named} at {url}: POST {url}/v2/rerank, /v1/rerank or /rerank"),
    )


def _rerankers(references: Sequence[str]) -> Reranker | dict[str, Reranker]:
    """The rerankers by name; one that has none is alone."""
    if len(references) == 1 and "=" not in references[0]:
        return named_reranker(references[0], "REFERENCE")
    found: dict[str, Reranker] = {}
    for each in references:
        name, named, reference = each.partition("=")
        if name in found:
            msg = f"REFERENCE: {name!r} is there twice: give each one a name of its own, NAME=REFERENCE"
            raise ConfigurationError(msg)
        found[name] = named_reranker(reference if named else name, "REFERENCE")
    return found


def _hashed(variable: str | None) -> list[str]:
    """The hashes of the keys in an environment variable, which stand there with spaces or commas between.

    Raises:
        ConfigurationError: There are none.
    """
    if variable is None:
        return []
    from rerank_kit.serve import hashed

    hashes = [hashed(each) for each in os.environ.get(variable, "").replace(",", " ").split()]
    if not hashes:
        msg = f"--keys-from {variable}: that environment variable is not set, or has nothing in it"
        raise ConfigurationError(msg)
    return hashes


def _is_this_machine(host: str) -> bool:
    """Whether nobody else reaches what listens there."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
