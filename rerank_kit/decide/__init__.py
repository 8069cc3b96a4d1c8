"""Decision models: typed questions go in, probabilities come out. Importing this package loads no client."""

from rerank_kit.api.check_report import Check, Finding
from rerank_kit.decide.answers import Answer, Answers
from rerank_kit.decide.client import DecisionClient
from rerank_kit.decide.limits import DecisionLimits
from rerank_kit.decide.model import DecisionModel
from rerank_kit.decide.openai_decisions import OpenAIDecisions
from rerank_kit.decide.questions import Choice, Question, Questionnaire, Score, YesNo
from rerank_kit.decide.reranker import DecisionReranker
from rerank_kit.decide.system_one import SystemOne

__all__ = [
    "Answer",
    "Answers",
    "Check",
    "Choice",
    "DecisionClient",
    "DecisionLimits",
    "DecisionModel",
    "DecisionReranker",
    "Finding",
    "OpenAIDecisions",
    "Question",
    "Questionnaire",
    "Score",
    "SystemOne",
    "YesNo",
]
