"""Calls with arguments that a function or a class does not have: refused with what was most likely meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache, wraps
from inspect import Parameter, iscoroutinefunction, signature, unwrap
from itertools import dropwhile
from types import MappingProxyType
from typing import Any, TypeVar, cast, get_args, get_type_hints

from rerank_kit.errors import WrongArguments
from rerank_kit.names import check_names

F = TypeVar("F", bound=Callable[..., Any])

_BY_POSITION = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
OF_A_CALL = {  # what people give a reranker, though it belongs to its calls, with a sentence that says so
    name: f"it belongs to the call, reranker.rerank(query, documents, {name}=…)"
    for name in ("top_n", "threshold", "timeout")
}


@dataclass(frozen=True, slots=True)
class Arguments:
    """What can be passed.

    Attributes:
        by_position: The names of those that can be passed by their place.
        by_name: The names of those that can be passed by name, without `self`; `None` if any name can be.
        others: What those that can be passed by place in any number are called; `None` where there are none.
    """

    by_position: tuple[str, ...]
    by_name: Mapping[str, None] | None
    others: str | None

    @classmethod
    def of(cls, *functions: Callable[..., Any]) -> Arguments:
        """Those of a function that passes all that it does not have itself on to the next one, and so on."""
        first = list(signature(functions[0]).parameters.values())
        names: dict[str, None] = {}
        known: Mapping[str, None] | None = None
        for function in functions:
            parameters = list(signature(function).parameters.values())
            names |= dict.fromkeys(each.name for each in parameters if each.kind in _BY_NAME and each.name != "self")
            further = [each.name for each in parameters if each.kind is Parameter.VAR_KEYWORD]
            keys = _keys(function, further[0]) if further else ()
            if keys is not None:
                known = names | dict.fromkeys(keys)
                break
        return cls(
            tuple(each.name for each in first if each.kind in _BY_POSITION),
            known,
            next((each.name for each in first if each.kind is Parameter.VAR_POSITIONAL), None),
        )

    def fit(self, count: int, names: AbstractSet[str]) -> bool:
        """Whether there are places and names for all that is passed."""
        return (self.others is not None or count <= len(self.by_position)) and (
            self.by_name is None or names <= self.by_name.keys()
        )

    def check(self, what: str, count: int, names: Iterable[str], elsewhere: Mapping[str, str]) -> None:
        """Refuse what there is no place or name for. It gets no values: one may be a key, and frames are shown.

        Args:
            what: What is called, as users call it.
            count: How many are passed by their place, `self` included.
            names: The names of what is passed by name.
            elsewhere: Names that belong to another place, each with a sentence that says where.

        Raises:
            WrongArguments: There is such a thing.
        """
        if self.by_name is not None:
            listed = {} if self.others is None else {self.others: f"pass them one by one, {what}(first, second)"}
            check_names(what, names, self.by_name, {**elsewhere, **listed})
        if self.others is None and count > len(self.by_position):
            places = [name for name in self.by_position if name != "self"]
            others = ", ".join(f"{name}=" for name in self.by_name or () if name not in places)
            given = f"{count - len(self.by_position)}{' more' if places else ''}"
            msg = f"{what} takes {' and '.join(places) or 'nothing'} by position, and was given {given}"
            msg += f": pass {'the others' if places else 'what it takes'} by name, {others}" if others else ""
            raise WrongArguments(msg)


def named(function: F, *, elsewhere: Mapping[str, str] = MappingProxyType({})) -> F:
    """Have a function, a method or a class refuse arguments that it does not have, and say what was meant.

    Args:
        function: The function, method or class.
        elsewhere: Names that belong to another place than a function, each with a sentence that says where.
    """
    if isinstance(function, type):
        kind: Any = function
        kind.__init__ = named(kind.__init__)
        return cast("F", kind)
    arguments = Arguments.of(function)
    method = arguments.by_position[:1] == ("self",)
    name = function.__name__ if method else function.__qualname__

    def refuse(kind: type | None, count: int, names: list[str]) -> None:  # which raises
        if name == "__init__" and kind is not None:
            arguments.check(kind.__name__, count, names, _of_a_call(kind))
        else:
            arguments.check(name, count, names, elsewhere)

    if iscoroutinefunction(function):

        @wraps(function)
        async def awaited(*given: Any, **options: Any) -> Any:
            if arguments.fit(len(given), options.keys()):
                return await function(*given, **options)
            told = _class_of(given), len(given), list(options)
            del given, options
            return refuse(*told)

        return cast("F", awaited)

    @wraps(function)
    def called(*given: Any, **options: Any) -> Any:
        if arguments.fit(len(given), options.keys()):
            return function(*given, **options)
        told = _class_of(given), len(given), list(options)
        del given, options
        return refuse(*told)

    return cast("F", called)


def _class_of(given: Sequence[object]) -> type | None:
    """The class of what a method is called on, which is passed first."""
    return type(given[0]) if given else None


def _of_a_call(kind: type) -> Mapping[str, str]:
    """What people pass to a constructor though it belongs to the calls of what is made."""
    return OF_A_CALL | getattr(kind, "_of_another", {}) if hasattr(kind, "rerank") else {}


def check_made(made: object, init: Callable[..., None], given: Sequence[Any], options: Mapping[str, Any]) -> None:
    """Refuse what a constructor and those that it passes on to have no place or name for.

    Args:
        made: What is made.
        init: The constructor: its class's own, or one of a class above it.
        given: What is passed by its place.
        options: What is passed by name.

    Raises:
        WrongArguments: There is such a thing. The error does not show it: it may be a key.
    """
    kind: Any = type(made)
    _of_class(kind, unwrap(init)).check(kind.__name__, 1 + len(given), list(options), _of_a_call(kind))


def names_of(kind: type) -> Mapping[str, None]:
    """What can be passed by name to a constructor and to those that it passes on to."""
    return _of_class(kind, unwrap(vars(kind)["__init__"])).by_name or {}


@lru_cache(maxsize=100)  # classes may be made while a program runs
def _of_class(kind: type, init: Callable[..., None]) -> Arguments:
    all_of_them = [vars(each)["__init__"] for each in kind.__mro__ if "__init__" in vars(each)]
    return Arguments.of(*dropwhile(lambda each: unwrap(each) is not init, all_of_them))


def _keys(function: Callable[..., Any], name: str) -> tuple[str, ...] | None:
    """The names that `**options: Unpack[Options]` stands for; `None` where nothing is said of them."""
    try:
        told = get_args(get_type_hints(function).get(name))
    except Exception:  # noqa: BLE001 - annotations of somebody's own, which may need what is imported for types alone
        return None
    return tuple(told[0].__annotations__) if told else None
