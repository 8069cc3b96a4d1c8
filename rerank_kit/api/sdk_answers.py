"""What an SDK's method gave, as plain JSON: the SDK's own objects, or the doubles of them that tests are made with."""

from __future__ import annotations

import inspect
from numbers import Number
from typing import Any, TypeAlias

from rerank_kit.api.json_values import is_list, is_mapping
from rerank_kit.errors import InvalidResponse
from rerank_kit.quoting import class_name

Shape: TypeAlias = dict[str, Any] | list[Any] | None
"""What is read of an object: by the names of its attributes, each with its own shape; a list holds that of its parts;
`None` is a number or a text."""


def plain_answer(given: Any, shape: dict[str, Any]) -> Any:
    """An answer as plain JSON; where a server sent something else, SDKs hand out what it sent.

    SDKs' own objects say what they hold. Of any other, what the shape names is read: a mock has every attribute.

    Args:
        given: What the method gave.
        shape: What an answer holds; without what stands under the first name, a list or a text, there is none.

    Raises:
        InvalidResponse: It is an object of which no answer can be read.
    """
    if is_list(given):
        return [plain_answer(each, shape) for each in given]
    dumped = _dumped(given)
    if dumped is not None:
        return dumped
    answer, (first, *_) = _plain(given, shape), shape
    wanted = list if is_list(shape[first]) else str
    if is_mapping(answer) and not is_mapping(given) and not isinstance(answer.get(first), wanted):
        msg = f"client= gave no answer but {class_name(given)}: it must be an object or a dict with {_told(shape)}"
        raise InvalidResponse(msg)
    return answer


def _dumped(given: Any) -> Any:
    """What an object says that it holds; `None` if it does not say."""
    quietly = {"by_alias": True, "exclude_unset": True, "warnings": False}  # warnings quote what does not fit
    for name, options in (("model_dump", quietly), ("to_dict", {}), ("dict", {})):
        method = getattr(given, name, None)
        dumped: Any = method(**options) if callable(method) else None
        if is_mapping(dumped) or is_list(dumped):
            return dumped
        if inspect.iscoroutine(dumped):
            dumped.close()  # or Python would warn that nobody waited for it
    return None


def _plain(given: Any, shape: Shape) -> Any:
    """A value as plain JSON, down to where the shape ends; `None` for what has no place in it."""
    if given is None or isinstance(given, str | Number):
        return given
    if isinstance(shape, list):
        parts: Any = given
        return [_plain(each, shape[0]) for each in parts] if isinstance(given, list | tuple) else None
    if shape is None or is_list(given):
        return given if is_mapping(given) or is_list(given) else None
    if is_mapping(given):
        return {name: _plain(value, shape[name]) if name in shape else value for name, value in given.items()}
    held = {name: _plain(getattr(given, name, None), inner) for name, inner in shape.items()}
    return {name: value for name, value in held.items() if value is not None}


def _told(shape: dict[str, Any]) -> str:
    """What a list must be called, and what its parts must have; or what a text must be called."""
    name, held = next(iter(shape.items()))
    if held is None:
        return f"{name}, a text"
    (inner,) = held
    return f"{name}, a list whose items have {' and '.join(list(inner)[:2])}"
