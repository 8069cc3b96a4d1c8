"""The self-test of a rerank server: what it is asked, and what a failure most likely means."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from rerank_kit.api.check_report import Check, Finding
from rerank_kit.api.exchange import Request, Response
from rerank_kit.errors import InvalidResponse, RerankError
from rerank_kit.flow import Flow
from rerank_kit.managed.formats import Format
from rerank_kit.managed.results import Decoded, complete
from rerank_kit.quoting import quoted
from rerank_kit.user_warnings import warn_user
from rerank_kit.values import Deadline

QUERY = "Which planet is known as the Red Planet?"
TEXTS = (
    "Preheat the oven, then fold the flour into the butter and sugar.",
    "The train to the coast leaves every hour from platform two.",
    "Mars is often called the Red Planet because iron oxide gives its surface a reddish colour.",
    "Interest on the loan is due on the first day of each quarter.",
)
_ANSWER = 2  # its place among the texts
_SPREAD = 0.01  # between the answer's score and the others', which have nothing to do with the question
# One text, parted at two places: the first time what follows answers the question, the second time it does not.
PARTINGS = (
    ("How is bread baked?", " In a hot oven. Which planet is red?"),
    ("How is bread baked? In a hot oven.", " Which planet is red?"),
)
_NAMES = 5  # of a server's models that are told
_SAME = 1e-6  # of a score: what rounding may change
_FORMAT = "most likely a wrong format="
_TEMPLATE = (
    "most likely a model that needs a prompt template, such as Qwen3-Reranker, is served without it, or one that is no "
    "reranker at all. vLLM needs --hf-overrides and the score template, llama.cpp a GGUF converted with its "
    "template, SGLang --chat-template; TEI and infinity do not serve such models"
)
_IGNORED = (
    "most likely the model reads no instruction, or it is served without a template that has a place for one, or by a "
    "release that does not know the field: give the server the template, or leave instruction= out"
)

T = TypeVar("T")


class SelfTestWarning(UserWarning):
    """A server does not pass its self-test."""


class Tested(Protocol):
    """What is tested: an `Endpoint`."""

    instruction: str | None
    offered: tuple[str, ...]

    @property
    def model(self) -> str | None:
        """Which model is asked for."""
        ...

    @property
    def format(self) -> str:
        """The wire format's name."""
        ...

    @property
    def spoken(self) -> Format:
        """The wire format."""
        ...

    def request(self, query: str, texts: Sequence[str], top_n: int, instruction: str | None) -> Request:
        """What to send."""
        ...

    def exchange(self, request: Request, deadline: Deadline) -> Flow[tuple[Response, int]]:
        """Send it, and bring the answer."""
        ...

    def understood(self, response: Response, read: Callable[[Any], T]) -> T:
        """What an answer says."""
        ...

    def decode(self, body: Any, texts: Sequence[str]) -> Decoded:
        """The results in an answer."""
        ...


def warning(tested: Tested, deadline: Deadline) -> Flow[None]:
    """Test a server, and warn of what is wrong. It raises nothing, and takes half of the time that is left at most."""
    left = deadline.remaining()
    try:
        until = deadline if left is None else replace(deadline, at=deadline.clock() + left / 2)
        report = yield from examining(tested, until)
    except RerankError as error:
        warn_user(f"the self-test of {tested!r} could not be finished: {error}", SelfTestWarning, ranking=True)
        return
    wrong = next((each for each in report.findings if not each.ok), None)
    if wrong is not None:
        said = f"{wrong.what!r} does not hold ({wrong.detail}): {wrong.cause}"
        told = f"{tested!r} does not pass its self-test: {said}. print(….check()) shows all of it"
        warn_user(told, SelfTestWarning, ranking=True)


def examining(tested: Tested, deadline: Deadline) -> Flow[Check]:
    """Ask a server what is known, and judge its answers.

    Raises:
        RerankError: There was no answer.
    """
    asking = _Asking(tested, deadline)
    started = deadline.clock()
    whole = yield from asking.results(QUERY, TEXTS, len(TEXTS), tested.instruction)
    seconds = deadline.clock() - started
    first = None
    if tested.spoken.top_n is not None:
        first = yield from asking.results(QUERY, TEXTS, 1, tested.instruction)
    scores = _scores(whole, len(TEXTS))
    what = "one result for each document"
    if isinstance(whole, InvalidResponse) or isinstance(scores, InvalidResponse):
        return Check(tested.format, (Finding(what, ok=False, detail=str(scores), cause=_FORMAT),), seconds)
    findings = [Finding(what, ok=True, detail=f"{len(scores)} results"), *_judged(scores), *_named(tested)]
    findings.append((yield from _apart(asking)))
    if tested.instruction is not None:
        findings.append((yield from _heeded(asking, scores)))
    findings += [_range(scores), _order(whole)]
    if first is not None:
        findings.append(_top_n(first))
    return Check(tested.format, tuple(findings), seconds, scores)


@dataclass(frozen=True, slots=True)
class _Asking:
    """Asks a server."""

    tested: Tested
    deadline: Deadline

    def results(
        self, query: str, texts: Sequence[str], top_n: int, instruction: str | None
    ) -> Flow[Decoded | InvalidResponse]:
        """The results for some texts, or why the answer could not be read."""
        request = self.tested.request(query, texts, top_n, instruction)
        response, _ = yield from self.tested.exchange(request, self.deadline)
        try:
            return self.tested.understood(response, lambda body: self.tested.decode(body, texts))
        except InvalidResponse as error:
            return error


def _scores(answer: Decoded | InvalidResponse, count: int) -> tuple[float, ...] | InvalidResponse:
    """A score for each of so many texts, or why there is none."""
    if isinstance(answer, InvalidResponse):
        return answer
    try:
        results = complete(answer.results, count)
    except InvalidResponse as error:
        return error
    return tuple(results[place].score for place in range(count))


def _judged(scores: Sequence[float]) -> Generator[Finding]:
    shown = ", ".join(f"{score:.4g}" for score in scores)
    best = max(range(len(TEXTS)), key=scores.__getitem__)
    yield Finding("the answer ranks first", best == _ANSWER, f"scores {shown}", _TEMPLATE)
    lead = scores[_ANSWER] - max(score for place, score in enumerate(scores) if place != _ANSWER)
    yield Finding("scores are spread out", abs(lead) >= _SPREAD, f"it leads by {lead:.4g}", _TEMPLATE)


def _named(tested: Tested) -> Generator[Finding]:
    """That the server says that it has other models, and answers all the same."""
    if tested.model is not None and tested.offered and tested.model not in tested.offered:
        has = ", ".join(map(quoted, tested.offered[:_NAMES]))
        detail = f"no, asked for {quoted(tested.model)} it answers with what it has: {has}"
        yield Finding("the model is one that the server names", ok=True, detail=detail)


def _apart(asking: _Asking) -> Flow[Finding]:
    """Whether the model is told where the query ends: without a template, vLLM puts the document right behind it."""
    what, scores = "query and document are kept apart", list[float]()
    for query, text in PARTINGS:
        score = _scores((yield from asking.results(query, [text], 1, asking.tested.instruction)), 1)
        if isinstance(score, InvalidResponse):
            return Finding(what, ok=False, detail=str(score), cause=_FORMAT)
        scores += score
    told = f"one text, parted at two places, scores {scores[0]:.4g} and {scores[1]:.4g}"
    return Finding(what, not _same(scores[:1], scores[1:]) or scores[0] in (0, 1), told, _TEMPLATE)


def _heeded(asking: _Asking, scores: Sequence[float]) -> Flow[Finding]:
    """Whether the instruction changes anything."""
    what = "the instruction is heeded"
    without = _scores((yield from asking.results(QUERY, TEXTS, len(TEXTS), None)), len(TEXTS))
    if isinstance(without, InvalidResponse):
        return Finding(what, ok=False, detail=str(without), cause=_FORMAT)
    most = max(abs(one - other) for one, other in zip(scores, without, strict=True))
    return Finding(what, not _same(scores, without), f"it changes scores by up to {most:.4g}", _IGNORED)


def _same(some: Sequence[float], others: Sequence[float]) -> bool:
    pairs = zip(some, others, strict=True)
    return all(abs(one - other) <= _SAME * max(abs(one), abs(other)) for one, other in pairs)


def _range(scores: Sequence[float]) -> Finding:
    inside = all(0 <= score <= 1 for score in scores)
    detail = "yes" if inside else "no, the model's raw numbers: their order is right, but a threshold must fit them"
    return Finding("scores are between 0 and 1", ok=True, detail=detail)


def _order(whole: Decoded) -> Finding:
    order = [each.score for each in whole.results]
    ordered = order == sorted(order, reverse=True)
    told = "best first" if ordered else "in another order, which does no harm: results are sorted here"
    return Finding("results come in some order", ok=True, detail=told)


def _top_n(first: Decoded | InvalidResponse) -> Finding:
    if isinstance(first, InvalidResponse):
        return Finding("top_n can be sent", ok=False, detail=str(first), cause=_FORMAT)
    count = len(first.results)
    told = "honoured" if count == 1 else f"ignored ({count} results), which does no harm: lists are cut here"
    return Finding("top_n can be sent", ok=True, detail=told)
