"""Long documents: only the part of each that answers goes to the LLM, in place of the whole.

python examples/spans_before_llm.py               # the LLM is a stand-in that quotes the first source it is given
python examples/spans_before_llm.py --live MODEL  # a model of OpenAI's, with the key in OPENAI_API_KEY

pip install "rerank-kit[bm25,embedded]" openai

The documents are whole modules of Python's standard library. The reranker reads each in windows, ranks it by the best
one, and says where that is. It prints these parts, and the answer to each prompt with the tokens that the LLM's API
counts: whole documents, and spans alone. The stand-in counts words.
"""

import argparse
import textwrap
from collections.abc import Sequence
from typing import Any

from passages import standard_library
from stand_in import chat_model, completed

from rerank_kit import Hit
from rerank_kit.bm25 import BM25
from rerank_kit.local import OnnxCrossEncoder

QUESTION = "How are the data divided into quartiles or deciles?"
INSTRUCTIONS = "Answer from the sources alone, and name those that you used by their numbers, such as [1]."
CANDIDATES = 6  # every window of each is read; of short documents it would be 50


def modules() -> dict[str, str]:
    """All that each module says about itself, by its file."""
    texts: dict[str, list[str]] = {}
    for each in standard_library():
        texts.setdefault(each.source, []).append(each.text)
    return {name: "\n\n".join(parts) for name, parts in texts.items()}


def span(hit: Hit, text: str) -> str:
    """The part of a document that decided, from the first paragraph on that begins in it."""
    part = text if hit.passage is None else text[slice(*hit.passage)]
    before, _, rest = part.partition("\n\n")
    return rest or before


def asked(settings: dict[str, Any], sources: Sequence[tuple[str, str]]) -> str:
    """What the LLM answers, and how much it read."""
    numbered = [f"[{number}] {name}\n\n{text}" for number, (name, text) in enumerate(sources, start=1)]
    text, read = completed(settings, "\n\n".join([INSTRUCTIONS, *numbered, f"Question: {QUESTION}"]))
    return f"{read:,} tokens read\n{textwrap.indent(text, '  ')}"


def main() -> None:
    """Ask with both prompts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", metavar="MODEL", help="ask this model, rather than a stand-in")
    live = parser.parse_args().live
    texts = modules()
    names = list(texts)
    candidates = [names[place] for place, _ in BM25(list(texts.values())).best(QUESTION, CANDIDATES)]
    reranker = OnnxCrossEncoder(long_documents="max", max_length=256)
    ranking = reranker.rerank(QUESTION, [texts[name] for name in candidates], top_n=3)

    print(f"{QUESTION}\n{ranking.usage.pairs} windows of {len(candidates)} documents were read\n")
    best = [(candidates[hit.index], span(hit, texts[candidates[hit.index]])) for hit in ranking]
    for hit, (name, part) in zip(ranking, best, strict=True):
        shown = textwrap.shorten(part, 160, placeholder=" …")
        print(f"{hit.score:.2f} {name}, {len(part):,} of {len(texts[name]):,} characters\n  {shown}")
    with chat_model(live) as settings:
        print(f"\nwhole documents: {asked(settings, [(name, texts[name]) for name, _ in best])}")
        print(f"\nspans alone: {asked(settings, best)}")


if __name__ == "__main__":
    main()
