"""`DecisionServer`: a real HTTP server that answers typed questions as decision models do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from rerank_kit.arguments import named
from rerank_kit.checks import check_count, check_function, check_instance, check_text, check_whole
from rerank_kit.errors import ConfigurationError
from rerank_kit.managed.served_formats import Refused
from rerank_kit.quoting import quoted
from rerank_kit.testing.decision_formats import SERVED, Put, Said, ServedDecisions
from rerank_kit.testing.faults import Fault, check_fault
from rerank_kit.testing.rerank_server import RerankServer, words_in_common

_NONE = "none"


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """What a decision model was asked, as it would read it.

    Attributes:
        state: All that the questions are about.
        query: The query in it; the whole state, where it is not built as our requests are.
        documents: The texts in it by their labels, in the order in which they are shown.
        questions: The questions.
    """

    state: str
    query: str
    documents: Mapping[str, str]
    questions: Sequence[Put]

    @classmethod
    def of(cls, state: str, questions: Sequence[Put]) -> DecisionRequest:
        """Read a state by its code alone.

        Raises:
            Refused: It begins as ours do, and its tags do not pair up.
        """
        code = re.search(r"^Code: (\w+)\n\n(?=<query \1>\n)", state, re.MULTILINE)
        if code is None:
            return cls(state, state, {}, questions)
        request = state[code.start() :]
        tags = re.findall(rf"</?(?:query|document) {code[1]}\b[^>]*>", request)
        query = re.search(rf"<query {code[1]}>\n(.*?)\n</query {code[1]}>", request, re.DOTALL)
        found = re.findall(rf"<document {code[1]} (\w+)>\n(.*?)\n</document {code[1]} \1>", request, re.DOTALL)
        if query is None or len(tags) != 2 + 2 * len(found):
            raise Refused(400, "the tags do not pair up")
        return cls(state, query[1], dict(found), questions)

    def label(self, question: Put) -> str | None:
        """The document that a question is about; `None` of one about all."""
        return next((each for each in re.findall(r"\w+", question.instructions) if each in self.documents), None)


class DecisionServer(RerankServer):
    """Speaks `/v1/systemone` and OpenAI's `/v1/decisions` on 127.0.0.1, and answers typed questions.

    It reads the state as a model would, decides by a function of query and text, and is strict about the shape of a
    request. `fail` makes it fail like a `RerankServer`, `on` whenever a text is asked about, and `refuse` makes its
    model decline questions about a text.
    """

    _roots: ClassVar[Mapping[str, str]] = {name: wire.root for name, wire in SERVED.items()}

    @named
    def __init__(
        self,
        decide: Callable[[str, str], float] = words_in_common,
        *,
        api_key: str | None = None,
        models: Sequence[str] = ("jev-latest", "gpt-6-luna"),
        most_tokens: int | None = None,
        decimals: int = 2,
    ) -> None:
        """Start listening on a free port.

        Args:
            decide: How well a text answers a query, from 0 to 1.
            api_key: The only key that is let in; `None` lets everyone in.
            models: The names of models that it knows.
            most_tokens: The longest request that is taken, in words.
            decimals: To how many decimals probabilities are rounded.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        check_function("decide", decide, "a query", "a text")
        given: object = models
        if isinstance(given, str) or not isinstance(given, Sequence) or not models:
            msg = f"models must be a list of names, not {quoted(models)}"
            raise ConfigurationError(msg)
        self.asked: list[DecisionRequest] = []
        self._models = tuple(check_text(f"models[{place}]", each) for place, each in enumerate(models))
        self._most_tokens = check_count("most_tokens", most_tokens)
        self._decimals = check_whole("decimals", decimals, least=0)
        self._cases: list[tuple[str, Fault]] = []
        self._refused: list[str] = []
        super().__init__(decide, api_key=api_key)

    @named
    def on(self, text: str, fault: Fault) -> None:
        """Fail that way whenever a state contains a text.

        Raises:
            ConfigurationError: It is no text, or no fault.
        """
        self._cases.append((check_text("text", text), check_fault(fault)))

    @named
    def refuse(self, text: str) -> None:
        """Decline every question about a document that contains a text; `""` is for those about all documents.

        Raises:
            ConfigurationError: It is no text.
        """
        check_instance("text", text, str, "a str")
        self._refused.append(text)

    def answer(self, name: str, path: str, headers: Mapping[str, str], body: Any, fault: Fault) -> tuple[int, str]:
        """The status and the body for a request."""
        wire = SERVED.get(name)
        if wire is None or path != wire.path or "content-length" not in headers:
            return 404, json.dumps({"detail": "Not Found"})
        try:
            return 200, self._decision(wire, headers, body, fault)
        except Refused as refused:
            told = json.dumps(wire.complaint(refused.status, str(refused)))
            return refused.status, told if fault.text is None else fault.text

    def _decision(self, wire: ServedDecisions, headers: Mapping[str, str], body: Any, fault: Fault) -> str:
        self._let_in(headers)
        model, state, questions = wire.read(body)
        fault = next((fault for text, fault in self._cases if text in state), fault)
        told = self._told(fault)
        if told is not None:
            return told
        if model not in self._models:
            raise Refused(404, f"the model {model!r} does not exist")
        tokens = len(state.split()) + sum(len(each.instructions.split()) for each in questions)
        if self._most_tokens is not None and tokens > self._most_tokens:
            raise Refused(422, "max_tokens_exceeded")
        request = DecisionRequest.of(state, questions)
        with self._lock:
            self.asked.append(request)
        said = _changed([self._said(request, each) for each in questions], fault)
        return fault.edited(json.dumps(wire.answer(model, said, tokens), ensure_ascii=False))

    def _said(self, request: DecisionRequest, question: Put) -> Said:
        label = request.label(question)
        about = "" if label is None else request.documents[label]
        if any(text == about if text == "" else text in about for text in self._refused):
            return Said(question, question.name, 0.0, refused=True)
        if question.kind == "choice":
            return Said(question, question.name, 0.0, self._rounded(self._shares(request, question)))
        texts = [about] if label is not None else list(request.documents.values()) or [request.state]
        worth = max(self._worth(request.query, text) for text in texts)
        if question.kind == "yes-no":
            worth = round(worth, self._decimals)
        return Said(question, question.name, worth, self._rounded(_spread(worth, len(question.values))))

    def _shares(self, request: DecisionRequest, question: Put) -> list[float]:
        """The probability of each option: "none" has what the best is short of, the others share what is left."""
        named = dict(zip(map(str, question.values), question.meanings, strict=True))
        worth = [
            0.0 if name == _NONE else self._worth(request.query, request.documents.get(name, f"{name} {meant}"))
            for name, meant in named.items()
        ]
        best, whole = max(worth), sum(worth)
        shares = [best * each / whole if whole else 0.0 for each in worth]
        if _NONE in named:
            shares[list(named).index(_NONE)] = 1 - best
        whole = sum(shares)
        return [each / whole if whole else 1 / len(shares) for each in shares]

    def _worth(self, query: str, text: str) -> float:
        return dict(self._scored(query, [text]))[0]

    def _rounded(self, probabilities: Sequence[float]) -> tuple[float, ...]:
        return tuple(round(each, self._decimals) for each in probabilities)


def _spread(worth: float, levels: int) -> list[float]:
    """Probabilities of levels of which the expected one is that share of the highest: those between which it lies."""
    expected = worth * (levels - 1)
    return [max(0.0, 1 - abs(expected - level)) for level in range(levels)]


def _changed(said: Sequence[Said], fault: Fault) -> list[Said]:
    """The answers as a fault changes them; one that is for no question goes by a name that nobody gave."""
    if fault.change is None:
        return list(said)
    changed = fault.change([(place, each.worth) for place, each in enumerate(said)])
    return [
        _worth(said[place], worth) if place < len(said) else replace(_worth(said[0], worth), name="NOBODY")
        for place, worth in changed
    ]


def _worth(said: Said, worth: float) -> Said:
    """The answer with another number; of levels, with the probabilities that go with it."""
    if said.question.kind != "score" or not 0 <= worth <= 1:
        return replace(said, worth=worth)
    return replace(said, worth=worth, probabilities=tuple(_spread(worth, len(said.question.values))))
