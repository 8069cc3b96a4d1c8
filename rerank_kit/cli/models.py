"""`rerank-kit models`: the rerankers that are known, what each needs, and which are here."""

from __future__ import annotations

from typing import Annotated

import typer

from rerank_kit.cli.options import AsJson
from rerank_kit.cli.telling import say, say_json

EXAMPLES = ("models", "models apache multilingual", "models cpu french", "models --here", "models bge --json")


def run(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORD", help="Only models with all of these: of a name, language, licence, size."),
    ] = None,
    *,
    here: Annotated[bool, typer.Option("--here", help="Only models that are on this machine already.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the rerankers that are known: sizes, languages, licences, what runs them, what each needs, what is here."""
    from rerank_kit.local.catalogue import described, listed, unlisted
    from rerank_kit.local.on_disk import exported, on_disk

    there, wanted = on_disk(), " ".join(words or ())
    if as_json or here:
        rows = [each for each in listed(wanted, there) if each["here"] or not here]
        known = {each["model"] for each in listed()}
        if not wanted:
            rows += [unlisted(name, there[name]) for name in dict.fromkeys(exported().values()) if name not in known]
        if as_json:
            say_json(rows)
        else:
            say("\n".join(f"{each['model']}: {each['here']}" for each in rows) or "none of them is here yet")
    else:
        say(described(wanted, there))
