"""Business rules behind a model: what is relevant by the text, and what we would rather recommend.

python examples/business_rules.py

pip install "rerank-kit[langchain,embedded]"

The house rules here: nothing that is deprecated, `secrets` rather than `random`, and no more than two of one module. It
prints what the model finds, and what the rules make of it, with the reason of each and of what was left out. Rules in a
file, without a model, are in daily_jobs.py.
"""

import re
import textwrap

from langchain_core.documents import Document
from passages import Passage, standard_library

from langchain_rerank_kit import BM25Retriever, with_rerank
from rerank_kit import Cascade, Rules, Stage
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.rules import at_most, equals, one_of, weighted

QUESTION = "How do I get random bytes?"


def document(passage: Passage) -> Document:
    """A passage with what the rules read: its module, and whether it says that it is deprecated."""
    module = passage.source.removesuffix(".py").replace("/", ".")
    deprecated = re.search(r"\bdeprecated\b", passage.text, re.IGNORECASE) is not None
    metadata = {"title": passage.title.partition("(")[0], "module": module, "deprecated": deprecated}
    return Document(passage.text, metadata=metadata)


def main() -> None:
    """Search without and with the rules."""
    model = OnnxCrossEncoder()
    house = Rules(
        exclude=[equals("deprecated", value=True)],
        prefer=[one_of("module", {"secrets"})],
        weights=[0.5],  # of the model's score from the lowest to the highest: a good one of `random` can be ahead
        blend=weighted(),
        at_most=at_most(2, by="module"),
    )
    with_rules = Cascade(Stage(model, top_n=20, name="model"), Stage(house, name="house rules"))
    bm25 = BM25Retriever.from_documents([document(each) for each in standard_library()])

    print(QUESTION)
    for name, reranker in (("the model alone", model), ("and the house rules", with_rules)):
        print(f"\n{name}")
        for each in with_rerank(bm25, reranker, top_n=5).invoke(QUESTION):
            print(f"  {each.metadata['title']}")
            if why := each.metadata.get("relevance_reason"):
                print(textwrap.indent(textwrap.fill(why, 100), "    "))
    print("\nleft out by the rules")
    for row in with_rerank(bm25, with_rules, top_n=20).explain(QUESTION).dropped:
        if "top_n" not in row[-1]:
            print(f"  {row[2]}: {row[-1]}")


if __name__ == "__main__":
    main()
