"""What is made on another machine: a name or a function travels there, never a loaded model."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Generic, TypeVar

from rerank_kit.checks import can_take, is_number
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.systems import imported, is_back_end, meant, reranker_of
from rerank_kit.quoting import class_name, quoted

T = TypeVar("T")


class Making(Generic[T]):
    """How something is made in the process that will use it: once, when it is first wanted."""

    def __init__(self, name: str, given: str | Callable[[], T], kind: type[T] | tuple[type[T], ...]) -> None:
        """Check what can be checked here.

        Args:
            name: The parameter that it was given as.
            given: A name, such as `"onnx:embedded"` for a reranker or `"package.module:function"`; or a function that
                takes nothing and makes it.
            kind: What it has to be.

        Raises:
            ConfigurationError: It is neither.
        """
        asked: object = given
        if isinstance(asked, kind):
            msg = (
                f"{name}={quoted(asked)} is loaded here, and would have to travel to other machines: pass a function "
                f"that makes it there, as in {name}=lambda: {class_name(asked)}(…), or its name"
            )
            raise ConfigurationError(msg)
        if not (isinstance(asked, str) and asked.strip()) and not (callable(asked) and can_take(asked, 0)):
            msg = (
                f"{name} must be a name, such as 'package.module:function', or a function that takes nothing and makes "
                f"it, not {quoted(asked)}"
            )
            raise ConfigurationError(msg)
        if isinstance(asked, str) and not is_back_end(asked) and meant(asked) and not _is_module(asked):
            msg = f"{name}={quoted(asked)} is no module and no kind of model{meant(asked)}"
            raise ConfigurationError(msg)
        self._name, self._given, self._kind = name, given, kind
        self._made: T | None = None

    def __call__(self) -> T:
        """What was made.

        Raises:
            ConfigurationError: It is not what it has to be.
        """
        if self._made is None:
            self._made = self._checked(self._making())
        return self._made

    def _making(self) -> Any:
        given = self._given
        if not isinstance(given, str):
            return given()
        try:
            found: Any = reranker_of(given) if is_back_end(given) else imported(given)
        except ConfigurationError as error:
            raise ConfigurationError(str(error).replace("systems:", f"{self._name}:", 1)) from error
        return found() if not isinstance(found, self._kind) and callable(found) and can_take(found, 0) else found

    def _checked(self, made: Any) -> T:
        if not isinstance(made, self._kind):
            kinds = self._kind if isinstance(self._kind, tuple) else (self._kind,)
            wanted = " or ".join(each.__name__ for each in kinds)
            msg = f"{self._name} has to make a {wanted}, and {quoted(self._given)} made {quoted(made)}"
            raise ConfigurationError(msg)
        return made

    def packed(self, dumps: Callable[[object], bytes]) -> bytes:
        """This, as it travels.

        Args:
            dumps: What pickles functions too, such as `ray.cloudpickle.dumps`.

        Raises:
            ConfigurationError: The function cannot be pickled.
        """
        try:
            return dumps(self)
        except Exception as error:  # a user's own `__reduce__` may raise anything
            msg = (
                f"{self._name}={quoted(self._given)} cannot travel to other machines ({error}): make within the "
                "function what it uses, such as locks and connections, or name it as 'package.module:function'"
            )
            raise ConfigurationError(msg) from error

    @staticmethod
    def unpacked(packed: bytes) -> Making[Any]:
        """What `packed` gave.

        Raises:
            ConfigurationError: What it needs is not on this machine.
        """
        try:
            found: Making[Any] = pickle.loads(packed)  # noqa: S301 - it comes from the user's own program
        except Exception as error:
            msg = (
                f"what was passed as a function needs a module that cannot be imported here ({error}): install it on "
                "every machine of the cluster, or pass it by ray.init(runtime_env={'py_modules': […]})"
            )
            raise ConfigurationError(msg) from error
        return found

    def __getstate__(self) -> dict[str, Any]:
        """It travels without what was made."""
        return {**self.__dict__, "_made": None}


def amount(name: str, value: object) -> float:
    """A number of cores or GPUs, which may be a part of one.

    Raises:
        ConfigurationError: It is none.
    """
    if not is_number(value) or not 0.0 <= value < math.inf:
        msg = f"{name} must be a number from 0 on, such as 0.5, not {quoted(value)}"
        raise ConfigurationError(msg)
    return float(value)


def _is_module(name: str) -> bool:
    """Whether what stands before the colon can be imported here."""
    try:
        return find_spec(name.partition(":")[0]) is not None
    except (ImportError, ValueError):
        return False
