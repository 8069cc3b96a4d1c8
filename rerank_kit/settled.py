"""`Settled`: what an object was made with cannot be assigned later, where that would show and change nothing."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

from rerank_kit.arguments import OF_A_CALL, names_of
from rerank_kit.errors import ConfigurationError
from rerank_kit.names import check_names


class Settled:
    """Refuses to assign a setting that is read once, and names that nothing reads.

    `__init__` calls `_settle` at its end. A subclass of somebody's own, which may have attributes of its own, is left
    alone, and so are private names and what the class itself has, such as `hooks`.
    """

    _settled_when = "it is made"
    _fixed: frozenset[str] | None = None  # until `__init__` is done

    def _settle(self, kind: type, *, free: frozenset[str] = frozenset()) -> None:
        """Fix the arguments of `kind` and all public attributes but the free ones, if this is no subclass of it."""
        if type(self) is kind:
            self._fixed = frozenset(self._public() | signature(kind).parameters.keys() | names_of(kind).keys()) - free

    def _public(self) -> set[str]:
        return {name for name in vars(self) if not name.startswith("_")}

    if not TYPE_CHECKING:  # type checkers would take it for leave to assign anything

        def __setattr__(self, name: str, value: Any) -> None:
            try:
                if self._fixed is not None and not name.startswith("_"):
                    self._check_assigned(name, self._fixed)
            except ConfigurationError:
                del value  # it may be a key, and frames are shown
                raise
            super().__setattr__(name, value)

    def _check_assigned(self, name: str, fixed: frozenset[str]) -> None:
        """Refuse what would have no effect.

        Raises:
            ConfigurationError: It would have none.
        """
        kind = type(self)
        if name in fixed:
            argument = f"{name}=…" if name in names_of(kind) else "…"
            msg = f"{name} is fixed when {self._settled_when}: make a new {kind.__name__}({argument})"
            raise ConfigurationError(msg)
        if not hasattr(self, name):
            known = dict.fromkeys(["hooks", *sorted(fixed | self._public())])
            check_names(kind.__name__, [name], known, OF_A_CALL if hasattr(self, "rerank") else {}, noun="attribute")
