"""What workers make in tests."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from rerank_kit import Deadline, Document, Ranking, Reranker, Usage
from rerank_kit.contextual import Contextualizer
from rerank_kit.errors import ConfigurationError
from rerank_kit.flow import Flow, blocking
from rerank_kit.judge import Completion, LLMJudge, Prompt
from tests.judge.doubles import Scripted as ScriptedJudge
from tests.judge.doubles import honest


class Noting(Reranker):
    """Scores each text by the number that it ends in, and writes down which it was asked for."""

    model = "noting"

    def __init__(self, pause: float = 0.0, log: str | None = None) -> None:
        self._pause, self._log = pause, log

    @property
    def fingerprint(self) -> str:
        return "noting"

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        scores = yield from blocking(lambda: [self._scored(each.text) for each in documents])
        return Ranking.by_score(scores, Usage(pairs=len(documents)))

    def _scored(self, text: str) -> float:
        time.sleep(self._pause)
        if self._log is not None:
            with Path(self._log).open("ab", buffering=0) as file:
                file.write(f"{os.getpid()} {text}\n".encode())
        last = text.rsplit(maxsplit=1)[-1]
        return int(last) / 1000 if last.isdigit() else 0.0


class Unknown(Noting):
    """One that does not say what its scores depend on."""

    @property
    def fingerprint(self) -> None:  # type: ignore[override]
        return None


class Writing:
    """A model that writes the same context for everything."""

    def __init__(self) -> None:
        self.model: str | None = "claude-haiku-5-5"
        self.asked = list[Prompt]()

    def complete(self, prompt: Prompt, deadline: Deadline = Deadline()) -> Flow[Completion]:  # noqa: B008 - frozen
        yield from ()
        self.asked.append(prompt)
        if "refuse" in prompt.parts[-1]:
            return Completion("", stop="refusal", usage=Usage(calls=1))
        return Completion("About planets.", usage=Usage(calls=1, input_tokens=100, output_tokens=10))


class Failing(Noting):
    """One that fails in the process that makes it."""

    def _scored(self, text: str) -> float:
        msg = "no such model"
        raise ConfigurationError(msg)


def reranker() -> Reranker:
    return Noting()


def judge() -> LLMJudge:
    return LLMJudge(ScriptedJudge(honest))


def contextualizer() -> Contextualizer:
    return Contextualizer(Writing(), on_error="keep")
