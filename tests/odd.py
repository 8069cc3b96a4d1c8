"""JSON that no server ought to send, made of what it does send."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

from rerank_kit.api.json_values import is_list, is_mapping

VALUES = [
    *("null", "true", "false", "0", "1", "2", "-1", "0.5", "1.0", "1.5", "-0.0", "5e-324", "1e308"),
    *(
        "1e999",
        "-1e999",
        "NaN",
        "Infinity",
        "-Infinity",
        "9" * 100,
        "9" * 400,
        "-" + "9" * 400,
        "9" * 5000,
        "9007199254740993",
    ),
    *('""', '"0"', '"1"', '"0.5"', '"nan"', '"\\ud83d"', '"\\u0000"', '"' + "x" * 10_000 + '"'),
    *("[]", "{}", "[0]", "[[]]", '[{"index": 0}]', '{"a": 1}', '{"0": {}}'),
    *("[" * 700 + "]" * 700, '{"a":' * 700 + "1" + "}" * 700, '{"message":' * 700 + "1" + "}" * 700),
    "[" * 200_000 + "]" * 200_000,
]
"""Values as they stand in JSON: of every type, and of sizes and depths that Python does not read or show."""

_HOLE = "\N{OBJECT REPLACEMENT CHARACTER}"


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside, and to the whole."""
    yield path
    whole: Any = value
    keys: Sequence[Any] = list(value) if is_mapping(value) else range(len(value)) if is_list(value) else ()
    for key in keys:
        yield from paths(whole[key], (*path, key))


def replaced(value: Any, path: tuple[Any, ...], text: str) -> str:
    """The JSON of a value in which something else stands at the end of a path."""
    return json.dumps(_put(value, path, _HOLE)).replace(json.dumps(_HOLE), text)


def _put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = _put(value[path[0]], path[1:], new)
    return copy


@st.composite
def changed(draw: st.DrawFn, value: Any) -> str:
    """The JSON of a value of which one or two parts are something else, missing, doubled, or wrapped."""
    for _ in range(draw(st.integers(0, 1))):
        path = draw(st.sampled_from(list(paths(value))))
        value = _changed_at(value, path, draw(st.sampled_from(["leave out", "double", "wrap", "empty"])))
    path = draw(st.sampled_from(list(paths(value))))
    return replaced(value, path, draw(st.sampled_from(VALUES)))


def _changed_at(value: Any, path: tuple[Any, ...], how: str) -> Any:
    if not path:
        whole: dict[str, Any] = {"leave out": None, "double": [value, value], "wrap": [value], "empty": {}}
        return whole[how]
    copy: Any = value.copy()
    key = path[0]
    if len(path) > 1:
        copy[key] = _changed_at(value[key], path[1:], how)
    elif how == "leave out":
        del copy[key]
    elif how == "double" and is_list(copy):
        copy.append(copy[key])
    else:
        copy[key] = [copy[key]] if how == "wrap" else {}
    return copy
