"""An LLM as the last judge of what a retriever found. Importing this package loads no client."""

from rerank_kit.judge.anthropic import Anthropic
from rerank_kit.judge.calibrate import Calibration, acalibrate, calibrate
from rerank_kit.judge.chat import BatchChatModel, CachingChatModel, ChatModel, Completion, GrammarPerRequest, Prompt
from rerank_kit.judge.judge import LLMJudge, Mode
from rerank_kit.judge.openai_compatible import OpenAICompatible
from rerank_kit.judge.spending import Estimate
from rerank_kit.judge.verdicts import Verdict, Verdicts

__all__ = [
    "Anthropic",
    "BatchChatModel",
    "CachingChatModel",
    "Calibration",
    "ChatModel",
    "Completion",
    "Estimate",
    "GrammarPerRequest",
    "LLMJudge",
    "Mode",
    "OpenAICompatible",
    "Prompt",
    "Verdict",
    "Verdicts",
    "acalibrate",
    "calibrate",
]
