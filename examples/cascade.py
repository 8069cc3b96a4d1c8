"""A cascade with a decision model and a judge, each asked only about what the stage before could not settle.

50 candidates of BM25; the ten best by a cross-encoder; a decision model that says whether any answers, and keeps five;
where several still could, an LLM that says which do, with a reason.

python examples/cascade.py         # both models are stand-ins on this machine, which speak the APIs of the real ones
python examples/cascade.py --live  # OpenAI's and Claude's, with the keys in OPENAI_API_KEY and ANTHROPIC_API_KEY

pip install "rerank-kit[langchain,embedded,http,anthropic]"

It prints for three questions what each stage did and cost, and what is left: several, one at once, and none.
"""

import argparse
import re

from langchain_core.documents import Document
from passages import standard_library

from langchain_rerank_kit import BM25Retriever, with_rerank
from rerank_kit import Budget, Cascade, Ranking, Span, Stage
from rerank_kit.decide import DecisionReranker, OpenAIDecisions
from rerank_kit.judge import Anthropic, LLMJudge
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.testing import ChatServer, DecisionServer

QUESTIONS = (
    "How can I wait until a thread is over?",
    "How can I tell whether two files have the same contents?",
    "How do I renew my passport?",
)
AHEAD = 0.25


def decision_stand_in(query: str, text: str) -> float:
    """What the stand-in of the decision model thinks: the share of the question's long words in a text."""
    wanted = re.findall(r"\w{5,}", query.lower())
    return sum(word in text.lower() for word in wanted) / len(wanted)


def judge_stand_in(_query: str, text: str) -> float:
    """What the stand-in of the judge thinks: what says that it waits for a thread answers."""
    return float(re.search(r"\bwait\w* (until|for) (the|a|all) (\w+ )?threads?\b", text, re.IGNORECASE) is not None)


def undecided(_query: str, ranking: Ranking) -> bool:
    """Whether the judge is to be asked: not where one is ahead of all others."""
    return len(ranking) > 1 and ranking[0].score - ranking[1].score < AHEAD


def main() -> None:
    """Ask all three questions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", action="store_true", help="ask OpenAI and Claude, rather than stand-ins")
    live = parser.parse_args().live
    documents = [Document(each.text, metadata={"title": each.title}) for each in standard_library()]
    with DecisionServer(decision_stand_in) as decisions, ChatServer(judge_stand_in) as chats:
        key = None if live else "stand-in"
        model = OpenAIDecisions(api_key=key, base_url=None if live else decisions.base_url("openai"))
        chat = Anthropic(api_key=key, base_url=None if live else chats.base_url("anthropic"))
        cascade = Cascade(
            Stage(OnnxCrossEncoder(), top_n=10, name="cross-encoder"),
            Stage(DecisionReranker(model, min_answerable=0.5), top_n=5, name="decision model"),
            Stage(LLMJudge(chat), threshold=0.5, name="judge", when=undecided),
            budget=Budget(seconds=60, money=0.01),
        )
        spans: list[Span] = []
        cascade.hooks = [spans.append]
        retriever = with_rerank(BM25Retriever.from_documents(documents), cascade, recall=50, top_n=3)
        for question in QUESTIONS:
            found = retriever.invoke(question)
            print(f"\n{question}")
            for stage in spans[-1].children:
                cost = "" if not stage.cost else f", ${stage.cost:.6f}"
                problem = f": {stage.problem}" if stage.problem else ""
                print(f"  {stage.stage}: {stage.documents_in} → {stage.documents_out}, {stage.outcome}{cost}{problem}")
            for each in found:
                about = each.metadata
                print(f"    {about['title'][:60]:60}  {about.get('relevance_reason', '')}")
            if not found:
                print("    I don't know: probably nothing here answers that.")
        model.close()
        chat.close()


if __name__ == "__main__":
    main()
