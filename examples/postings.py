"""Search real job postings in stages: what is not open goes, a cross-encoder reads the rest, rules have the last word.

The postings are not part of the project: a file with one JSON object in a line, each with "title", "text" and, under
"metadata", "open_date", "close_date" and "department", as https://www.usajobs.gov describes its postings.

python examples/postings.py listings.jsonl
POSTINGS=listings.jsonl python examples/postings.py --framework llama-index

pip install "rerank-kit[langchain,embedded]", or "rerank-kit[llama-index,embedded]"
"""

import argparse
import json
import os
import textwrap
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from rerank_kit import Cascade, Document, Rules, Stage
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.rules import at_most, contains, newer, tier, weighted


def main() -> None:
    """Ask for the postings, search them, and say why each of the best is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", default=os.environ.get("POSTINGS", ""), help="the file with the postings")
    parser.add_argument("--framework", choices=sorted(FOUND), default="langchain")
    parser.add_argument("--query", default="IT specialist for network security")
    parser.add_argument("--on", default="2025-09-12", help="the day of the search")
    given = parser.parse_args()
    if not Path(given.data).is_file():
        parser.error(f"there is no file {given.data!r}: pass the path of the postings, or set POSTINGS to it")
    lines = Path(given.data).read_text("utf-8").splitlines()
    postings: list[dict[str, Any]] = [json.loads(line) for line in lines]

    found = FOUND[given.framework](postings, stages(date.fromisoformat(given.on)), given.query)
    print(f"{given.query}: {len(found)} of {len(postings)} postings on {given.on}, with {given.framework}")
    for title, why in found:
        print(f"\n{title}\n{textwrap.indent(textwrap.fill(why, 96), '  ')}")


def stages(day: date) -> Cascade:
    """Cheap and sure first, then the model, then what matters to us besides the words."""

    def is_open(_query: str, posting: Document) -> bool:
        opens, closes = (date.fromisoformat(posting.metadata[name]) for name in ("open_date", "close_date"))
        return opens <= day <= closes

    wishes = Rules(
        tiers=[tier("open to all", when=contains("audience", "public"))],
        prefer=[newer("open_date", half_life="7d"), contains("department", "Energy")],
        weights=[1, 0.5],
        blend=weighted(weight=3),
        at_most=at_most(1, by="title"),
        now=datetime.combine(day, time(12), UTC),
    )
    return Cascade(
        Stage(Rules(require=[is_open]), name="open"),
        Stage(OnnxCrossEncoder(), top_n=15, name="cross-encoder"),
        Stage(wishes, name="wishes"),
    )


def with_langchain(postings: list[dict[str, Any]], cascade: Cascade, query: str) -> list[tuple[str, str]]:
    """Search with a retriever."""
    from langchain_core.documents import Document as Page

    from langchain_rerank_kit import BM25Retriever, with_rerank

    pages = [Page(page_content=text(each), metadata=metadata(each)) for each in postings]
    retriever = with_rerank(BM25Retriever.from_documents(pages), cascade, recall=min(400, len(pages)), top_n=5)
    found = [page.metadata for page in retriever.invoke(query)]
    return [(page["title"], page["relevance_reason"]) for page in found]


def with_llama_index(postings: list[dict[str, Any]], cascade: Cascade, query: str) -> list[tuple[str, str]]:
    """Search with a LlamaIndex retriever."""
    from llama_index.core.schema import BaseNode, TextNode
    from llama_index.retrievers.bm25 import BM25Retriever

    from llama_rerank_kit import with_rerank

    nodes: list[BaseNode] = []
    for each in postings:
        hidden = metadata(each)
        nodes.append(TextNode(text=text(each), metadata=hidden, excluded_embed_metadata_keys=list(hidden)))
    retriever = with_rerank(BM25Retriever(nodes=nodes), cascade, recall=min(400, len(nodes)), top_n=5)
    found: list[Any] = retriever.retrieve(query)
    return [(node.metadata["title"], node.relevance_reason) for node in found]


def text(posting: dict[str, Any]) -> str:
    """What the search and the model read."""
    return f"{posting['title']}\n{posting['text']}"


def metadata(posting: dict[str, Any]) -> dict[str, Any]:
    """What the rules read. Whom a posting is open to stands behind the first full stop of its text."""
    return {**posting["metadata"], "title": posting["title"], "audience": posting["text"].partition(". ")[2]}


FOUND = {"langchain": with_langchain, "llama-index": with_llama_index}

if __name__ == "__main__":
    main()
