"""`ChatServer`: a real HTTP server that speaks to judges as Claude's API and OpenAI-compatible servers do."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from rerank_kit.api.json_values import is_list, is_mapping
from rerank_kit.managed.served_formats import Refused
from rerank_kit.testing.faults import Fault, check_fault
from rerank_kit.testing.rerank_server import RerankServer, words_in_common

_PATHS = {"anthropic": "/v1/messages", "openai": "/v1/chat/completions"}
_SHORTEST_CACHED = 512  # tokens
_REJECTED = ("temperature", "top_p", "top_k")  # by current Claude models


@dataclass(frozen=True, slots=True)
class Question:
    """A judge's question, as a model would read it.

    Attributes:
        system: The system prompt.
        query: The query.
        documents: The texts, by their labels, in the order in which they are shown.
        mode: What the answer is to be: `"verdict"`, `"grades"` or `"ranking"`.
    """

    system: str
    query: str
    documents: Mapping[str, str]
    mode: str

    @classmethod
    def of(cls, system: str, turn: str) -> Question:
        """Read a question by its code alone.

        Raises:
            Refused: It is not built as it should be.
        """
        code = re.match(r"Code: (\w+)\n", turn)
        tags = [] if code is None else re.findall(rf"</?(?:query|document) {code[1]}\b[^>]*>", turn)
        query = None if code is None else re.search(rf"<query {code[1]}>\n(.*?)\n</query {code[1]}>", turn, re.DOTALL)
        if code is None or query is None:
            raise Refused(400, "the first line has no code, or no query follows")
        found = re.findall(rf"<document {code[1]} (\w+)>\n(.*?)\n</document {code[1]} \1>", turn, re.DOTALL)
        if len(tags) != 2 + 2 * len(found):
            raise Refused(400, "the tags do not pair up")
        mode = next(each for each in ("verdict", "grades", "ranking") if f'"{each}"' in system)
        return cls(system, query[1], dict(found), mode)


@dataclass(frozen=True, slots=True)
class Reply:
    """How a model answers, if not as it should.

    Attributes:
        change: Makes another text of the right one.
        stop: Why it stops: `"end"`, `"length"` or `"refusal"`.
        counts: Whether it says how many tokens it took.
        thinks: What it thinks before.
    """

    change: Callable[[str], str] = str
    stop: str = "end"
    counts: bool = True
    thinks: str | None = None


_STOPS = {
    "anthropic": {"end": "end_turn", "length": "max_tokens", "refusal": "refusal"},
    "openai": {"end": "stop", "length": "length", "refusal": "content_filter"},
}


@dataclass
class _Cache:
    """The prompt cache of Claude's API: what has been put there."""

    known: set[str] = field(default_factory=set[str])

    def count(self, prefix: str, rest: str) -> dict[str, int]:
        """The usage of a prompt, of which the prefix is marked."""
        long_enough = tokens(prefix) >= _SHORTEST_CACHED
        read = long_enough and prefix in self.known
        if long_enough:
            self.known.add(prefix)
        return {
            "input_tokens": tokens(rest) + (0 if long_enough else tokens(prefix)),
            "cache_read_input_tokens": tokens(prefix) if read else 0,
            "cache_creation_input_tokens": tokens(prefix) if long_enough and not read else 0,
        }


def tokens(text: str) -> int:
    """Words, standing in for tokens."""
    return len(text.split())


class ChatServer(RerankServer):
    """Speaks Claude's Messages API and OpenAI's chat completions on 127.0.0.1, and answers judges' questions.

    It reads the prompt as a model would, decides by a function of query and text, and is as strict as the real APIs.
    `fail` makes it fail like a `RerankServer`, `reply` makes its model answer badly, `on` does either whenever a text
    is asked about.
    """

    _roots: ClassVar[Mapping[str, str]] = {"anthropic": "", "openai": "/v1"}

    def __init__(self, judge: Callable[[str, str], float] = words_in_common, *, api_key: str | None = None) -> None:
        """Start listening on a free port.

        Args:
            judge: How well a text answers a query, from 0 to 1: from 0.5 on is yes, and grades are shares of 3.
            api_key: The only key that is let in; `None` lets everyone in.
        """
        self.questions: list[Question] = []
        self._replies: deque[Reply] = deque()
        self._cases: list[tuple[str, Reply | Fault]] = []
        self._cache = _Cache()
        super().__init__(judge, api_key=api_key)

    def reply(self, reply: Reply, *, times: int = 1) -> None:
        """Answer that way the next few times."""
        with self._lock:
            self._replies.extend([reply] * times)

    def on(self, text: str, event: Reply | Fault) -> None:
        """Answer that way, or fail with a status, whenever a question contains a text.

        Raises:
            ConfigurationError: It is neither a reply nor a fault.
        """
        self._cases.append((text, event if isinstance(event, Reply) else check_fault(event)))

    def answer(self, name: str, path: str, headers: Mapping[str, str], body: Any, fault: Fault) -> tuple[int, str]:
        """The status and the body for a request."""
        try:
            return 200, self._message(name, path, headers, body, fault)
        except Refused as refused:
            error = {"type": "error", "message": str(refused)}
            return refused.status, json.dumps({"type": "error", "error": error}) if fault.text is None else fault.text

    def _message(self, name: str, path: str, headers: Mapping[str, str], body: Any, fault: Fault) -> str:
        if path != _PATHS.get(name) or not is_mapping(body):
            raise Refused(404, "Not Found")
        self._let_in(headers)
        system, turn, marked = _claude(headers, body) if name == "anthropic" else _openai(body)
        event = next((event for text, event in self._cases if text in turn), None)
        fault = event if isinstance(event, Fault) else fault
        told = self._told(fault)
        if told is not None:
            return told
        question = Question.of(system, turn)
        with self._lock:
            self.questions.append(question)
            reply = event if isinstance(event, Reply) else self._replies.popleft() if self._replies else Reply()
            counted = self._cache.count(marked, (system + turn)[len(marked) :])
        text = reply.change(self._right_text(question))
        make = _claude_message if name == "anthropic" else _openai_message
        return fault.edited(json.dumps(make(text, reply, counted, str(body["model"])), ensure_ascii=False))

    def _right_text(self, question: Question) -> str:
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


_YES = 0.5


def _claude(headers: Mapping[str, str], body: Mapping[str, Any]) -> tuple[str, str, str]:
    """System prompt, user's turn, and what of both is marked for the cache; as strict as current models are."""
    for name in _REJECTED:
        if name in body:
            raise Refused(400, f"{name}: not supported by this model")
    if "anthropic-version" not in headers or not isinstance(body.get("max_tokens"), int):
        raise Refused(400, "anthropic-version and max_tokens are required")
    output, messages = body.get("output_config", {}), body["messages"]
    if output.get("effort") in {"xhigh", "max"} and body.get("thinking", {}).get("type") == "disabled":
        raise Refused(400, "thinking cannot be disabled at this effort")
    if len(messages) != 1 or messages[0]["role"] != "user":
        raise Refused(400, "the model does not continue an answer that was begun for it")
    if not _closed(output.get("format", {}).get("schema", {})):
        raise Refused(400, "every object of the schema needs additionalProperties: false")
    blocks = [*body["system"], *messages[0]["content"]]
    texts = [block["text"] for block in blocks]
    marks = [place for place, block in enumerate(blocks, start=1) if "cache_control" in block]
    turn = "\n".join(texts[len(body["system"]) :])
    return texts[0], turn, "".join(texts[: max(marks, default=0)])


def _openai(body: Mapping[str, Any]) -> tuple[str, str, str]:
    """System prompt and user's turn; nothing is marked."""
    roles = [message["role"] for message in body["messages"]]
    if roles != ["system", "user"]:
        raise Refused(400, f"the roles are {roles}")
    system, turn = (message["content"] for message in body["messages"])
    return system, turn, ""


def _closed(schema: Any) -> bool:
    """Whether no object in a schema may have more properties than are named, as structured output asks for."""
    if is_list(schema):
        return all(map(_closed, schema))
    if not is_mapping(schema):
        return True
    return (schema.get("type") != "object" or schema.get("additionalProperties") is False) and all(
        _closed(each) for each in schema.values()
    )


def _claude_message(text: str, reply: Reply, counted: Mapping[str, int], model: str) -> dict[str, Any]:
    thoughts = [] if reply.thinks is None else [{"type": "thinking", "thinking": reply.thinks, "signature": "c2ln"}]
    content = [*thoughts, *([] if reply.stop == "refusal" else [{"type": "text", "text": text}])]
    usage = {**counted, "output_tokens": tokens(text)} if reply.counts else {"input_tokens": 0, "output_tokens": 0}
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": _STOPS["anthropic"][reply.stop],
        "stop_sequence": None,
        "usage": usage,
    }


def _openai_message(text: str, reply: Reply, counted: Mapping[str, int], model: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "reasoning_content": reply.thinks}
    choice = {"index": 0, "message": message, "finish_reason": _STOPS["openai"][reply.stop]}
    usage = {"prompt_tokens": counted["input_tokens"], "completion_tokens": tokens(text)}
    counts = {"usage": usage} if reply.counts else {}
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": model, "choices": [choice], **counts}
