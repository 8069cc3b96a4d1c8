"""Fields that take effect when they are assigned or given to a copy, or are refused and change nothing."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel
from typing_extensions import override

from rerank_kit.fields.base import become, check_by_position, check_fields, check_given


class Changing(BaseModel):
    """A model that does in `_follow` what else changes with its fields. It is changed as a whole or not at all."""

    if not TYPE_CHECKING:  # type checkers would take it for leave to assign anything

        def __new__(cls, *others: Any, **_: Any) -> Self:
            """Refuse what is passed by position, before Python says that of it alone."""
            check_by_position(cls, len(others))
            return super().__new__(cls)

        def __init__(self, **fields: Any) -> None:
            """Refuse what is no field, which LangChain would leave out in silence."""
            check_given(type(self), fields)
            super().__init__(**fields)

        def __setattr__(self, name: str, value: Any) -> None:
            if name.startswith("_") or hasattr(type(self), name):
                super().__setattr__(name, value)
                return
            become(self, self.model_copy(update={name: value}))

    @override
    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some fields changed, and all that depends on them.

        Raises:
            ConfigurationError: There is no such field, or it cannot take effect.
            ValidationError: A field refuses its value.
        """
        given = dict(update or {})
        check_fields(type(self), given)
        changed = super().model_copy(deep=deep)
        for name, value in given.items():
            self.__pydantic_validator__.validate_assignment(changed, name, value)
        changed._follow(frozenset(given))  # noqa: SLF001 - our own copy
        return changed

    @abstractmethod
    def _follow(self, names: frozenset[str]) -> None:
        """Change what depends on these fields, or raise what says that they cannot be so."""
