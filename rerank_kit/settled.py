"""`Settled`: what an object was made with cannot be assigned later, where that would show and change nothing."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

from rerank_kit.errors import ConfigurationError
from rerank_kit.names import check_names


class Settled:
    """Refuses to assign a setting that is read once, and names that nothing reads.

    `__init__` calls `_settle` at its end. A subclass of somebody's own, which may have attributes of its own, is left
    alone, and so are private names and what the class itself has, such as `hooks`.
    """

    _settled_when = "it is made"
    _fixed: frozenset[str] = frozenset()  # empty until `__init__` is done

    def _settle(self, kind: type, *, free: frozenset[str] = frozenset()) -> None:
        """Fix the arguments of `kind` and all public attributes but the free ones, if this is no subclass of it."""
        if type(self) is kind:
            public = {name for name in vars(self) if not name.startswith("_")}
            self._fixed = frozenset(public | signature(kind).parameters.keys()) - free

    if not TYPE_CHECKING:  # type checkers would take it for leave to assign anything

        def __setattr__(self, name: str, value: Any) -> None:
            if self._fixed and not name.startswith("_"):
                self._check_assigned(name)
            super().__setattr__(name, value)

    def _check_assigned(self, name: str) -> None:
        """Refuse what would have no effect.

        Raises:
            ConfigurationError: It would have none.
        """
        kind = type(self).__name__
        if name in self._fixed:
            argument = f"{name}=…" if name in signature(type(self)).parameters else "…"
            msg = f"{name} is fixed when {self._settled_when}: make a new {kind}({argument})"
            raise ConfigurationError(msg)
        if not hasattr(self, name):
            check_names(kind, [name], ["hooks", *sorted(self._fixed)], noun="attribute")
