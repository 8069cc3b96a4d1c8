"""The server's side of both APIs of decision models: what they read, what they answer, how they complain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rerank_kit.api.json_values import is_list, is_mapping
from rerank_kit.managed.served_formats import Refused

_BAD = 400
_MOST_QUESTIONS = 400
_MOST_CHOICES = 255
_SYSTEM_ONE = {"noul": "yes-no", "choice": "choice", "score": "score"}
_OPENAI = {"predicate": "yes-no", "choice": "choice", "score": "score"}
_ROLES = frozenset({"user", "developer", "system", "assistant"})


@dataclass(frozen=True, slots=True)
class Put:
    """A question as it was put.

    Attributes:
        name: Its name; `None` where it has none.
        kind: `"yes-no"`, `"choice"` or `"score"`.
        instructions: What it says.
        values: The options, or the labels of the levels.
        meanings: What each means.
    """

    name: str | None
    kind: str
    instructions: str
    values: tuple[str | bool, ...] = ()
    meanings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, before it is put into a shape.

    Attributes:
        question: The question.
        name: The name under which it is given.
        worth: From 0 to 1: the probability of yes, or the level as a share of the highest.
        probabilities: Of the options or levels, in their order.
        refused: Whether the model declines.
    """

    question: Put
    name: str | None
    worth: float
    probabilities: tuple[float, ...] = ()
    refused: bool = False

    @property
    def level(self) -> float:
        """The level that is expected."""
        return self.worth * (len(self.question.values) - 1)

    @property
    def best(self) -> int:
        """The place of the likeliest option."""
        return max(range(len(self.probabilities)), key=self.probabilities.__getitem__)

    @property
    def confidence(self) -> float:
        """The likeliest's probability, which stands for how sure the model is."""
        return self.probabilities[self.best]


@dataclass(frozen=True, slots=True)
class ServedDecisions:
    """One API: where its requests go, what is read of them, and how its answers look."""

    path: str
    root: str
    read: Callable[[Any], tuple[str, str, list[Put]]]
    answer: Callable[[str, Sequence[Said], int], dict[str, Any]]
    complaint: Callable[[int, str], Any]


def text_of(state: Any) -> str:
    """All texts in a state, whatever JSON it is."""
    if is_mapping(state):
        return "\n".join(map(text_of, state.values()))
    return "\n".join(map(text_of, state)) if is_list(state) else str(state)


def _need(true: object, complaint: str) -> None:
    if not true:
        raise Refused(400, complaint)


def _fields(body: Any, needed: set[str], also: set[str], what: str) -> Mapping[str, Any]:
    """An object with these fields and no others."""
    _need(is_mapping(body) and needed <= body.keys() <= needed | also, f"{what} must have {', '.join(sorted(needed))}")
    found: Mapping[str, Any] = body
    return found


def _read_system_one(body: Any) -> tuple[str, str, list[Put]]:
    asked = _fields(body, {"model", "state", "questions"}, set(), "the request")
    state: Any = asked["state"]
    told = isinstance(state, str) or is_mapping(state) or is_list(state)
    _need(told and text_of(state).strip(), "state must be a string, object or array with something in it")
    _need(is_mapping(asked["questions"]) and asked["questions"], "questions must be an object with some")
    return _model(asked["model"]), text_of(state), [_noul(name, row) for name, row in asked["questions"].items()]


def _noul(name: str, row: Any) -> Put:
    question = _fields(row, {"type", "instructions"}, {"criteria"}, f"question {name}")
    kind = _SYSTEM_ONE.get(str(question["type"]))
    criteria: Any = question.get("criteria")
    _need(kind is not None, f"question {name} has an unknown type")
    _need(question["instructions"], f"question {name} has no instructions")
    said = text_of(question["instructions"])
    if kind == "choice":
        _need(is_mapping(criteria) and criteria, f"question {name} has no criteria")
        return Put(name, kind, said, tuple(criteria), tuple(map(text_of, criteria.values())))
    if kind == "score":
        _need(is_list(criteria) and len(criteria) > 1, f"question {name} needs two levels")
        return Put(name, kind, said, tuple(str(each) for each in range(len(criteria))), tuple(map(text_of, criteria)))
    criteria = {} if criteria is None else criteria
    _need(is_mapping(criteria) and criteria.keys() <= {"true", "false"}, f"question {name} has other criteria")
    return Put(name, str(kind), said)


def _answer_system_one(model: str, said: Sequence[Said], tokens: int) -> dict[str, Any]:
    answers = {str(each.name): _system_one_row(each) for each in said if not each.refused}  # it knows no refusal
    return {"model": model, "answers": answers, "usage": {"input_tokens": tokens, "output_tokens": len(answers)}}


def _system_one_row(said: Said) -> dict[str, Any]:
    kind, values = said.question.kind, [str(each) for each in said.question.values]
    if kind == "yes-no":
        return {"type": "noul", "noul": said.worth}
    probabilities = dict(zip(values, said.probabilities, strict=True))
    if kind == "choice":
        chosen = {"type": "choice", "choice": values[said.best]}
        return {**chosen, "probabilities": probabilities, "confidence": said.confidence}
    legend = dict(zip(values, said.question.meanings, strict=True))
    level = {"type": "score", "score": said.level, "legend": legend}
    return {**level, "probabilities": probabilities, "confidence": said.confidence}


def _read_openai(body: Any) -> tuple[str, str, list[Put]]:
    also = {"prompt_cache_key", "prompt_cache_options", "safety_identifier"}
    asked = _fields(body, {"model", "input", "questions"}, also, "the request")
    rows = asked["questions"]
    _need(is_list(rows) and 1 <= len(rows) <= _MOST_QUESTIONS, f"questions must be 1 to {_MOST_QUESTIONS}")
    questions = [_openai_question(row) for row in rows]
    names = [each.name for each in questions if each.name is not None]
    _need(len(set(names)) == len(names), "two questions have the same name")
    return _model(asked["model"]), _openai_input(asked["input"]), questions


def _model(given: Any) -> str:
    _need(isinstance(given, str), "model must be a string")
    return str(given)


def _openai_input(given: Any) -> str:
    _need(isinstance(given, str) or is_list(given), "input must be a string or messages")
    said = given if isinstance(given, str) else "\n".join(map(_message, given))
    _need(said.strip(), "input must be a string or messages with something in it")
    return said


def _message(given: Any) -> str:
    _fields(given, {"role", "content"}, {"type"}, "a message")
    _need(str(given["role"]) in _ROLES, "a message has an unknown role")
    _need(given.get("type", "message") == "message", "a message has another type")
    content = given["content"]
    if isinstance(content, str):
        return content
    _need(is_list(content) and content, "a message has no content")
    return "\n".join(map(_part, content))


def _part(given: Any) -> str:
    _need(is_mapping(given) and given.get("type") == "input_text", "a part is no input_text")
    _need(isinstance(given.get("text"), str), "a part has no text")
    return str(given["text"])


def _openai_question(row: Any) -> Put:
    kind = _OPENAI.get(str(row.get("type"))) if is_mapping(row) else None
    _need(kind is not None, "a question has an unknown type")
    own = {"choice": {"choices"}, "score": {"levels"}}.get(str(kind), set[str]())
    question = _fields(row, {"type", "instructions"} | own, {"name"}, f"a {kind} question")
    _need(question["instructions"], "a question has no instructions")
    said, name = text_of(question["instructions"]), question.get("name")
    _need(name is None or (isinstance(name, str) and name), "the name of a question must be a string")
    if kind == "yes-no":
        return Put(name, kind, said)
    key = "value" if kind == "choice" else "label"
    given = question[next(iter(own))]
    _need(is_list(given), f"{next(iter(own))} must be an array")
    options = [_fields(each, {key}, {"description"}, f"a {key}") for each in given]
    values = tuple(each[key] for each in options)
    _need(all(isinstance(each, str | bool) and each != "" for each in values), f"a {key} is empty")
    most = _MOST_CHOICES if kind == "choice" else len(values)
    _need(2 <= len(set(values)) == len(values) <= most, f"there must be 2 to {_MOST_CHOICES} options, each different")  # noqa: PLR2004 - to choose from
    return Put(name, str(kind), said, values, tuple(str(each.get("description", "")) for each in options))


def _answer_openai(model: str, said: Sequence[Said], tokens: int) -> dict[str, Any]:
    usage = {
        "input_tokens": tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 0,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": tokens,
    }
    return {"model": model, "answers": [{"name": each.name, **_openai_row(each)} for each in said], "usage": usage}


def _openai_row(said: Said) -> dict[str, Any]:
    kind, values = said.question.kind, said.question.values
    if said.refused:
        return {"type": "refusal"}
    if kind == "yes-no":
        return {"type": "predicate", "probability": said.worth}
    pairs = list(zip(values, said.probabilities, strict=True))
    if kind == "choice":
        rows = [{"value": value, "probability": each} for value, each in pairs]
        return {"type": "choice", "choice": values[said.best], "confidence": said.confidence, "probabilities": rows}
    levels = [{"label": label, "value": place, "probability": each} for place, (label, each) in enumerate(pairs)]
    return {"type": "score", "score": said.level, "confidence": said.confidence, "probabilities": levels}


def _complain_system_one(status: int, message: str) -> Any:
    return {"detail": {"error_type": "invalid_request" if status == _BAD else message, "message": message}}


def _complain_openai(status: int, message: str) -> Any:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": str(status)}}


SERVED: Mapping[str, ServedDecisions] = {
    "system_one": ServedDecisions("/v1/systemone", "/v1", _read_system_one, _answer_system_one, _complain_system_one),
    "openai": ServedDecisions("/v1/decisions", "/v1", _read_openai, _answer_openai, _complain_openai),
}
"""Every API of decision models, by its name."""
