"""`ChatServer`: a real HTTP server that speaks to judges as Claude's API and OpenAI-compatible servers do."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from rerank_kit.api.json_values import is_mapping
from rerank_kit.managed.served_formats import Refused
from rerank_kit.testing.chat_batches import PATH, Batches, Results, errored
from rerank_kit.testing.chat_formats import (
    Asked,
    Prefix,
    PromptCache,
    Reply,
    claude_message,
    openai_message,
    read_claude,
    read_openai,
)
from rerank_kit.testing.chat_questions import ContextQuestion, Question, asked_about, longest_sentence, question_of
from rerank_kit.testing.faults import Fault, check_fault
from rerank_kit.testing.rerank_server import RerankServer, words_in_common

_PATHS = {"anthropic": "/v1/messages", "openai": "/v1/chat/completions"}
_YES = 0.5
_FAILED = 500
_ASKED = 8  # words of a sentence that make a question


def first_line(document: str, chunk: str) -> str:  # noqa: ARG001 - as every function that writes contexts
    """The first line of the document that is not blank: a context for tests, whatever the chunk."""
    return document.strip().partition("\n")[0]


class ChatServer(RerankServer):
    """Speaks Claude's Messages API and OpenAI's chat completions on 127.0.0.1, and answers judges' questions.

    Where `synthesise` asks for a question, it makes one of the longest sentence.

    It reads the prompt as a model would, decides by a function of query and text, and is as strict as the real APIs.
    Asked for the contexts of chunks, it writes them by a function of document and chunk. `fail` makes it fail like a
    `RerankServer`, `reply` makes its model answer badly, `on` does either whenever a text is asked about.

    Attributes:
        questions: The judges' questions that were answered, in order.
        contexts: The questions for contexts that were answered, in order.
        batch_polls: How many times a batch of Claude's is found still being worked on when somebody asks; `None` is
            every time, so that it never ends.
    """

    _roots: ClassVar[Mapping[str, str]] = {"anthropic": "", "openai": "/v1"}

    def __init__(
        self,
        judge: Callable[[str, str], float] = words_in_common,
        *,
        context: Callable[[str, str], str] = first_line,
        api_key: str | None = None,
    ) -> None:
        """Start listening on a free port.

        Args:
            judge: How well a text answers a query, from 0 to 1: from 0.5 on is yes, and grades are shares of 3.
            context: The context of a chunk, made of the document and the chunk.
            api_key: The only key that is let in; `None` lets everyone in.
        """
        self.questions: list[Question] = []
        self.contexts: list[ContextQuestion] = []
        self._context = context
        self._replies: deque[Reply] = deque()
        self._cases: list[tuple[str, Reply | Fault]] = []
        self.batch_polls: int | None = 1
        self._cache = PromptCache()
        self._batches = Batches()
        self._arrival = threading.local()  # what the cache held when the request of this thread came
        super().__init__(judge, api_key=api_key)

    def reply(self, reply: Reply, *, times: int = 1) -> None:
        """Answer that way the next few times."""
        with self._lock:
            self._replies.extend([reply] * times)

    def on(self, text: str, event: Reply | Fault) -> None:
        """Answer that way, or fail with a status, whenever a question contains a text.

        In a question for contexts, the text is looked for in the chunks, since the document holds them all.

        Raises:
            ConfigurationError: It is neither a reply nor a fault.
        """
        self._cases.append((text, event if isinstance(event, Reply) else check_fault(event)))

    def begin(self) -> Fault:
        """A request has come: what to do to it."""
        with self._lock:
            self._arrival.known = frozenset(self._cache.known)
        return super().begin()

    def answer(self, name: str, path: str, headers: Mapping[str, str], body: Any, fault: Fault) -> tuple[int, str]:
        """The status and the body for a request."""
        try:
            return 200, self._message(name, path, headers, body, fault)
        except Refused as refused:
            error = {"type": "error", "message": str(refused)}
            return refused.status, json.dumps({"type": "error", "error": error}) if fault.text is None else fault.text

    def _message(self, name: str, path: str, headers: Mapping[str, str], body: Any, fault: Fault) -> str:
        of_batches = name == "anthropic" and path.startswith(PATH)
        if not of_batches and (path != _PATHS.get(name) or not is_mapping(body)):
            raise Refused(404, "Not Found")
        self._let_in(headers)
        if of_batches:
            return self._of_batches(path, body, fault)
        asked = read_claude(headers, body) if name == "anthropic" else read_openai(body)
        event = self._event(asked)
        fault = event if isinstance(event, Fault) else fault
        told = self._told(fault)
        if told is not None:
            return told
        make = claude_message if name == "anthropic" else openai_message
        text, reply, counted = self._completed(asked, event, self._arrival.known)
        return fault.edited(json.dumps(make(text, reply, counted, asked.model), ensure_ascii=False))

    def _of_batches(self, path: str, body: Any, fault: Fault) -> str:
        told = self._told(fault)
        if told is not None:
            return told
        url = self.base_url("anthropic")
        given = self._batches.respond(path, body, polls=self.batch_polls, base_url=url, answer=self._in_batch)
        return fault.edited(given)

    def _event(self, asked: Asked) -> Reply | Fault | None:
        """What was asked for whenever a question contains a text."""
        return next((event for text, event in self._cases if text in asked_about(asked.turn)), None)

    def _in_batch(self, body: Any) -> Results:
        """What becomes of a request in a batch, one after the other."""
        try:
            asked = read_claude({"anthropic-version": ""}, body)
            event = self._event(asked)
            if isinstance(event, Fault):
                return [errored(event.status or _FAILED, f"the server was told: {event.name}")]
            text, reply, counted = self._completed(asked, event, frozenset(self._cache.known))
        except Refused as refused:
            return [errored(refused.status, str(refused))]
        right = {"type": "succeeded", "message": claude_message(text, reply, counted, asked.model)}
        others: dict[str, Results] = {
            "succeeded": [right],
            "errored": [errored(_FAILED, "the server was told to fail")],
            "missing": [],
            "twice": [right, {"type": "expired"}],
        }
        return others.get(reply.result, [{"type": reply.result}])

    def _completed(
        self, asked: Asked, event: Reply | Fault | None, known: frozenset[Prefix]
    ) -> tuple[str, Reply, dict[str, Any]]:
        """What the model writes, how it answers, and what it counted."""
        question = question_of(asked.system, asked.turn)
        with self._lock:
            self._note(question)
            reply = event if isinstance(event, Reply) else self._replies.popleft() if self._replies else Reply()
            counted = self._cache.count(asked, known)
        right = self._right_text(question) if isinstance(question, Question) else self._right_contexts(question)
        text = reply.change(right)
        with self._lock:
            self._cache.fill(asked)
        return text, reply, counted

    def _note(self, question: Question | ContextQuestion) -> None:
        if isinstance(question, Question):
            self.questions.append(question)
        else:
            self.contexts.append(question)

    def _right_contexts(self, question: ContextQuestion) -> str:
        written = {label: self._context(question.document, chunk) for label, chunk in question.chunks.items()}
        if "" in written:
            return written[""]
        return json.dumps({"contexts": [{"label": label, "context": text} for label, text in written.items()]})

    def _right_text(self, question: Question) -> str:
        if question.mode == "question":
            quote = longest_sentence(question.documents[""])
            return json.dumps({"question": f"{' '.join(quote.split()[:_ASKED]).rstrip('.,;:!?')}?", "quote": quote})
        labels = list(question.documents)
        worth = {
            labels[place]: score for place, score in self._scored(question.query, list(question.documents.values()))
        }
        rows: list[dict[str, Any]] = [{"label": label, "reason": f"worth {worth[label]:.2f}"} for label in labels]
        if question.mode == "ranking":
            return json.dumps({"ranking": list(worth)})
        if question.mode == "grades":
            return json.dumps({"grades": [{**row, "grade": round(3 * worth[row["label"]])} for row in rows]})
        return json.dumps({**rows[0], "verdict": "yes" if worth[rows[0]["label"]] >= _YES else "no"})
