"""Three jobs a day out of eighteen, by rules in a file, each with its reason. No key, no model, no download.

python examples/daily_jobs.py
python examples/daily_jobs.py --framework llama-index

pip install "rerank-kit[langchain]", or "rerank-kit[llama-index]"
"""

import argparse
import json
import textwrap
from datetime import datetime
from pathlib import Path
from typing import Any

from rerank_kit import Document, Rules

FOLDER = Path(__file__).parent
WANTED = "a job in machine learning"


def main() -> None:
    """Read jobs and rules, pick, and say why."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--framework", choices=sorted(PICKS), default="langchain")
    framework = parser.parse_args().framework
    data = json.loads((FOLDER / "daily_jobs.json").read_text("utf-8"))
    jobs: list[dict[str, Any]] = data["jobs"]
    rules = Rules.from_file(FOLDER / "daily_jobs.toml", now=datetime.fromisoformat(data["today"]))

    picks = PICKS[framework](jobs, rules)
    print(f"{len(picks)} of {len(jobs)} jobs, with {framework}")
    for job, why in picks:
        print(f"\n{job['title']} at {job['company']}\n{textwrap.indent(textwrap.fill(why, 96), '  ')}")

    print("\nNot picked:")
    for place, reason in sorted(rules.left_out(WANTED, [Document("", job) for job in jobs]).items()):
        print(f"  {jobs[place]['title']}: {reason}")


def with_langchain(jobs: list[dict[str, Any]], rules: Rules) -> list[tuple[dict[str, Any], str]]:
    """Pick with a document compressor."""
    from langchain_core.documents import Document as Page

    from langchain_rerank_kit import RuleRerank

    pages = [Page(page_content=job["title"], metadata=job) for job in jobs]
    best = RuleRerank(rules=rules).compress_documents(pages, WANTED)
    return [(page.metadata, page.metadata["relevance_reason"]) for page in best]


def with_llama_index(jobs: list[dict[str, Any]], rules: Rules) -> list[tuple[dict[str, Any], str]]:
    """Pick with a node postprocessor."""
    from llama_index.core.schema import NodeWithScore, TextNode

    from llama_rerank_kit import RuleRerank

    nodes = [NodeWithScore(node=TextNode(text=job["title"], metadata=job)) for job in jobs]
    best: list[Any] = RuleRerank(rules=rules).postprocess_nodes(nodes, query_str=WANTED)
    return [(node.metadata, node.relevance_reason) for node in best]


PICKS = {"langchain": with_langchain, "llama-index": with_llama_index}

if __name__ == "__main__":
    main()
