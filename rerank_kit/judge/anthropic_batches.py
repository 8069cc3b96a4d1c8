"""Claude's Message Batches: what is sent to ask many questions at once, and what the answers say. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from rerank_kit.api.answer_size import longest_answer
from rerank_kit.api.exchange import Request, Response
from rerank_kit.api.json_values import amount, is_list, is_mapping, shown
from rerank_kit.api.retry import worth_repeating
from rerank_kit.errors import BackendError, ConfigurationError, InvalidResponse, RerankError, StatusError
from rerank_kit.judge.anthropic_sdk import BATCHES, RESULTS
from rerank_kit.judge.chat import Completion, Prompt
from rerank_kit.quoting import quoted

# https://platform.claude.com/docs/en/build-with-claude/batch-processing
MOST_REQUESTS = 100_000
"""Requests in one batch."""
MOST_BYTES = 256_000_000
"""Bytes of one batch, as JSON."""
_KEPT = 29  # days
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ID = re.compile(r"\w[\w.:-]*", re.ASCII)
_TOKENS = 256  # of an answer, by which the length of all of them is bounded; one may well have more
_WORKED_ON = ("in_progress", "canceling")
_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_SERVER_ERROR = 500
_UNDONE = {
    "canceled": "its batch was canceled",
    "expired": "its batch was not worked on to the end within 24 hours: submit it again",
}
_BACKEND = "Anthropic"


def check_prompts(prompts: object) -> Mapping[str, Prompt]:
    """The prompts of a batch, by names that its API takes.

    Raises:
        ConfigurationError: They are too many or none, or one of them has no such name or is no prompt.
    """
    if not is_mapping(prompts) or not 0 < len(prompts) <= MOST_REQUESTS:
        what = f"{len(prompts):,} prompts" if is_mapping(prompts) else quoted(prompts)
        msg = f"prompts must be a mapping of names to 1 to {MOST_REQUESTS:,} prompts, not {what}"
        raise ConfigurationError(msg)
    for name, prompt in prompts.items():
        if not isinstance(cast("object", name), str) or not _NAME.fullmatch(name):
            msg = f"a name of prompts= must be 1 to 64 letters, digits, - or _, not {quoted(name)}"
            raise ConfigurationError(msg)
        if not isinstance(prompt, Prompt):
            msg = f"prompts[{name!r}] must be a rerank_kit.judge.Prompt, not {quoted(prompt)}"
            raise ConfigurationError(msg)
    return prompts


def submission(bodies: Mapping[str, Mapping[str, Any]]) -> Request:
    """The request that submits a batch of requests.

    Raises:
        ConfigurationError: They are too long.
    """
    requests = [{"custom_id": name, "params": body} for name, body in bodies.items()]
    size = sum(len(json.dumps(each, ensure_ascii=False).encode()) for each in requests)
    if size > MOST_BYTES:
        msg = f"prompts must come to at most {MOST_BYTES:,} bytes in a batch, not {size:,}: submit several"
        raise ConfigurationError(msg)
    return Request(BATCHES, {"requests": requests}, once=True)


def perhaps_taken(error: RerankError) -> RerankError:
    """An error of a submission, which says so where nobody knows whether the batch was taken."""
    refused = isinstance(error, StatusError) and (error.status < _SERVER_ERROR or worth_repeating(error, once=True))
    if error.requests != 0 and not refused and not isinstance(error, ConfigurationError):
        error.args = (f"{error}: the batch may have been taken all the same, so look before you submit it again",)
    return error


def id_of(body: Any) -> str:
    """The id of a batch that was taken.

    Raises:
        InvalidResponse: There is none.
    """
    batch = body.get("id") if is_mapping(body) else None
    if not isinstance(batch, str) or not _ID.fullmatch(batch):
        msg = f"the answer is no batch but {shown(body)}"
        raise InvalidResponse(msg, backend=_BACKEND)
    return batch


def path_of(batch: object) -> str:
    """Where to ask for a batch.

    Raises:
        ConfigurationError: That is no batch's id.
    """
    if not isinstance(batch, str) or not _ID.fullmatch(batch):
        msg = f"batch must be the id that submit gave, not {quoted(batch)}"
        raise ConfigurationError(msg)
    return f"{BATCHES}/{batch}"


def unknown(batch: str, error: ConfigurationError) -> ConfigurationError:
    """The error for a batch that the server does not know."""
    msg = f"there is no batch {batch!r} for this key and address, or none any more ({_KEPT} days): {error}"
    told = ConfigurationError(msg)
    told.status, told.requests = error.status, error.requests
    return told


def asking_for_results(body: Any, batch: str) -> Request | None:
    """The request for a batch's results; `None` while it is being worked on.

    Raises:
        ConfigurationError: They are there no longer.
        InvalidResponse: The answer does not say what has become of it.
    """
    status = body.get("processing_status") if is_mapping(body) else None
    if status in _WORKED_ON:
        return None
    if status != "ended":
        msg = f"the answer does not say whether batch {batch!r} has ended but {shown(body)}"
        raise InvalidResponse(msg, backend=_BACKEND)
    if body.get("archived_at"):
        msg = f"the results of batch {batch!r} are there no longer: they are kept for {_KEPT} days"
        raise ConfigurationError(msg)
    counts = body.get("request_counts")
    many = int(sum(amount(counts, name) for name in counts)) if is_mapping(counts) else 0
    many = many or MOST_REQUESTS
    return Request(f"{BATCHES}/{batch}{RESULTS}", longest=longest_answer(results=many, tokens=many * _TOKENS))


def results_of(body: Any) -> dict[str, Mapping[str, Any]]:
    """The results of a batch, by the names of its requests; one that came twice, and not the same, has no type.

    Raises:
        InvalidResponse: A line of them is none.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for row in body if is_list(body) else [body]:
        name, result = (row.get("custom_id"), row.get("result")) if is_mapping(row) else (None, None)
        if not isinstance(name, str) or not is_mapping(result):
            msg = f"a line of the results is none but {shown(row)}"
            raise InvalidResponse(msg, backend=_BACKEND)
        found[name] = result if found.get(name, result) == result else {}
    return found


def answer_of(
    result: Mapping[str, Any], read: Callable[[Any], Completion], error_of: Callable[[Response], RerankError]
) -> Completion | RerankError:
    """What became of one request.

    Args:
        result: Its result.
        read: Reads a message.
        error_of: The error that a response stands for.

    Raises:
        InvalidResponse: It does not say.
    """
    kind = result.get("type")
    if kind == "succeeded":
        return read(result.get("message"))
    if kind == "errored":
        return error_of(Response(_status_of(result.get("error")), result.get("error")))
    if isinstance(kind, str) and kind in _UNDONE:
        return BackendError(f"{_BACKEND} has not answered: {_UNDONE[kind]}", backend=_BACKEND)
    msg = f"the results hold no answer or several: {shown(result)}"
    raise InvalidResponse(msg, backend=_BACKEND)


def _status_of(error: Any) -> int:
    """The status that an error would have had, had it been asked for by itself."""
    inner = error.get("error") if is_mapping(error) else None
    kind = inner.get("type") if is_mapping(inner) else None
    return _STATUSES.get(kind, _SERVER_ERROR) if isinstance(kind, str) else _SERVER_ERROR
