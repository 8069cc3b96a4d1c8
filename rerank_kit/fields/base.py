"""`RerankFields`: what every reranker takes in either framework, and how the reranker at work is made of it."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import override

from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.reranker import Reranker

logger = logging.getLogger("rerank_kit")


class RerankFields(BaseModel):
    """Plain fields that describe a reranker. A subclass has those of one kind, and makes it in `_build`.

    The description of each field is its documentation: the class's own is completed by them.
    """

    reranker: SkipJsonSchema[Reranker | None] = Field(
        default=None,
        exclude=True,
        description="Any `rerank_kit.Reranker`; by default what the other fields say, or the best local one installed.",
    )
    top_n: int | None = Field(default=3, ge=1, description="How many to return at most; `None` returns all.")
    threshold: float | None = Field(default=None, allow_inf_nan=False, description="Leave out what has a lower score.")
    timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False, description="Seconds allowed.")
    _loaded: Reranker = PrivateAttr()
    _left_out: ClassVar[frozenset[str]] = frozenset()

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
        extra="forbid",
        hide_input_in_errors=True,  # there may be a key in it
        populate_by_name=True,
        protected_namespaces=(),  # a field is called model
        defer_build=True,  # only the classes of the adapters are ever made objects of
    )

    @classmethod
    @override
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Have `help()` tell of all fields, also of those that are written down elsewhere."""
        super().__pydantic_init_subclass__(**kwargs)
        own = vars(cls).get("__doc__")
        if own is None or "Attributes:" not in own:
            promise = (inspect.getdoc(cls) or "").partition("\n\nAttributes:")[0]
            descriptions = {name: _description(cls, name) for name in cls.model_fields}
            told = [f"    {name}: {description}" for name, description in descriptions.items() if description]
            cls.__doc__ = "\n".join([promise, "", "Attributes:", *told])

    if not TYPE_CHECKING:  # type checkers read the arguments off the fields

        def __init__(self, **fields: Any) -> None:
            """Make the reranker here, where pydantic does not turn its errors into others."""
            try:
                super().__init__(**{name: value for name, value in fields.items() if name not in self._left_out})
            except ValidationError as error:
                refused = _without_input(error)  # the other, and pydantic's own frames, show what was passed
            else:
                refused = None
            del fields  # there may be a key in it, and this frame would show it
            if refused is not None:
                try:
                    raise refused
                finally:
                    del refused
            self._loaded = self._build() if self.reranker is None else self.reranker

    def _build(self) -> Reranker:
        """Make the reranker when none was given. Subclasses with fields of their own override this."""
        engine = OnnxCrossEncoder()
        logger.info("no reranker was given: taking the local %r", engine)
        return engine

    @property
    def loaded(self) -> Reranker:
        """The reranker at work."""
        return self._loaded

    def _left_behind(self) -> set[str]:
        """The fields that do not travel in a pickle; the reranker at work does, without its secrets."""
        return set()


def _without_input(error: ValidationError) -> ValidationError:
    """The same error without what was passed, in which there may be a key: its pickle and its `errors()` show it."""
    known: list[Any] = []
    told: list[Any] = []
    for each in error.errors():
        known.append({"type": each["type"], "loc": each["loc"], "ctx": each.get("ctx", {})})
        told.append({"type": "value_error", "loc": each["loc"], "ctx": {"error": ValueError(each["msg"])}})
    try:
        return ValidationError.from_exception_data(error.title, known, hide_input=True)
    except KeyError:  # one is of a kind that a subclass made up
        return ValidationError.from_exception_data(error.title, told, hide_input=True)


def _description(kind: type[BaseModel], name: str) -> str | None:
    """What is said of a field where it comes from, when a subclass that changes it says nothing."""
    fields = (each.model_fields.get(name) for each in kind.__mro__ if issubclass(each, BaseModel))
    return next((each.description for each in fields if each is not None and each.description), None)
