"""`RerankFields`: what every reranker takes in either framework, and how the reranker at work is made of it.

It is made anew where a field changes, by assignment or in a copy: what fields show is what ranks.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeAlias, cast

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import override

from rerank_kit.errors import ConfigurationError, MissingExtra, WrongArguments
from rerank_kit.fields.given import as_field
from rerank_kit.fields.other_names import other_names
from rerank_kit.fields.uncoerced import uncoerced
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.names import check_names
from rerank_kit.quoting import looks_like_a_key, quoted
from rerank_kit.reranker import Reranker

logger = logging.getLogger("rerank_kit")

_BY_NAME = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
_SHOWN_APART = frozenset({"reranker", "top_n", "callback_manager"})

_told: list[Reranker] = []
"""What was taken by default, once that has been said."""


ThresholdField: TypeAlias = Annotated[float, Field(allow_inf_nan=False)] | Literal["calibrated"] | None
"""A lowest score, as pydantic checks it."""


class RerankFields(BaseModel):
    """Plain fields that describe a reranker. A subclass has those of one kind, and makes it in `_build`.

    The description of each field is its documentation: the class's own is completed by them. A field that is assigned,
    or given to `model_copy`, is checked and takes effect; one that cannot is refused, and nothing changes.
    """

    reranker: SkipJsonSchema[Annotated[Reranker | None, BeforeValidator(as_field)]] = Field(
        default=None,
        exclude=True,
        description="Any `rerank_kit.Reranker`, or a function as `Reranker.of` takes; by default what the other fields "
        "say, or the best local one installed.",
    )
    top_n: int | None = Field(default=3, ge=1, description="How many to return at most; `None` returns all.")
    threshold: ThresholdField = Field(
        default=None,
        validation_alias=AliasChoices("threshold", "score_threshold"),
        description='Leave out what has a lower score; `"calibrated"` is that of a `Calibrated` reranker. Also under '
        "the name `score_threshold`.",
    )
    timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False, description="Seconds allowed.")
    _loaded: Reranker = PrivateAttr()
    _left_out: ClassVar[frozenset[str]] = frozenset()
    _understood: ClassVar[frozenset[str]] = frozenset()
    fields_of_a_call: ClassVar[frozenset[str]] = frozenset({"top_n", "threshold", "timeout"})
    """The fields that are read at every call; of all others the reranker may be made."""
    elsewhere: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Names that are no fields, since they belong to another place, each with a sentence that says where."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
        extra="forbid",
        hide_input_in_errors=True,  # there may be a key in it
        populate_by_name=True,
        protected_namespaces=(),  # a field is called model
        defer_build=True,  # only the classes of the adapters are ever made objects of
    )

    @field_validator("*", mode="before")
    @classmethod
    def _as_it_is(cls, value: Any, info: ValidationInfo) -> Any:
        return uncoerced(cls, info.field_name, value)

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

        def __new__(cls, *others: Any, **fields: Any) -> Self:
            """Refuse what is passed by position, before Python says that of it alone."""
            count = len(others)
            del others, fields  # there may be a key in it, and this frame would show it
            check_by_position(cls, count)
            return super().__new__(cls)

        def __init__(self, **fields: Any) -> None:
            """Refuse what is no field, and make the reranker here, where pydantic turns no error of ours into another.

            A subclass with an `__init__` of its own takes whatever that takes: what is checked is what it passes on.
            """
            names = [name for name in fields if name not in self._left_out | self._understood]
            given = {name: value for name, value in fields.items() if name not in self._left_out}
            del fields  # there may be a key in it, and this frame would show it
            try:
                check_given(type(self), names)
                self._understand(given)
                check_needed(type(self), given)
            except ConfigurationError:
                given.clear()
                raise
            _checked(given, lambda taken: super(RerankFields, self).__init__(**taken))
            self._make()

        def __setattr__(self, name: str, value: Any) -> None:
            if name.startswith("_") or hasattr(type(self), name):
                super().__setattr__(name, value)
                return
            given = {name: value}
            del value  # it may be a key, and this frame would show it
            changed = self._changed(given, deep=False)
            changed._check_assigned()  # noqa: SLF001 - our own copy
            become(self, changed)

    @override
    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some fields changed.

        Raises:
            ConfigurationError: There is no such field, or it could not take effect.
            ValidationError: A field refuses its value.
        """
        given = dict(update or {})
        del update  # there may be a key in it, and this frame would show it
        return self._changed(given, deep=deep)

    def _changed(self, given: dict[str, Any], *, deep: bool) -> Self:
        """A copy with fields changed and, where it depends on them, another reranker made. `given` is emptied."""
        changed, names = super().model_copy(deep=deep), set(given)

        def check(given: dict[str, Any]) -> None:
            while given:
                self.__pydantic_validator__.validate_assignment(changed, *given.popitem())

        if names <= type(self).model_fields.keys():
            _checked(given, check)
        given.clear()
        check_fields(type(self), names)
        builder = next(kind for kind in type(self).__mro__ if "_build" in vars(kind))
        described = (names - self.fields_of_a_call - {"reranker"}) & set(getattr(builder, "model_fields", ()))
        if described and changed.reranker is not None:
            msg = (
                f"{min(described)} says which reranker to make, but this {type(self).__name__} has one that was given: "
                f"set reranker=None along with it, by model_copy(update=…), or change reranker"
            )
            raise ConfigurationError(msg)
        if "reranker" in names or (builder is not RerankFields and names - self.fields_of_a_call):
            changed._make()
        elif "threshold" in names:
            changed.loaded.threshold_of(changed.threshold)
        return changed

    def _check_assigned(self) -> None:
        """Refuse fields that do not go together, once one is assigned. Subclasses that have such fields override it."""

    @classmethod
    def _understand(cls, given: dict[str, Any]) -> None:
        """Put what users of other classes pass under the names of ours. Subclasses with such names override this."""

    def _make(self) -> None:
        """Make the reranker, or take the one that was given. One that is made anew has the hooks of the one before."""
        made = self._build() if self.reranker is None else self.reranker
        before: Reranker | None = getattr(self, "_loaded", None)
        if self.reranker is None and before is not None and before.hooks and not made.hooks:
            made.hooks = before.hooks
        made.threshold_of(self.threshold)
        self._loaded = made

    def _build(self) -> Reranker:
        """Make the reranker when none was given. Subclasses with fields of their own override this."""
        try:
            engine = OnnxCrossEncoder()
        except MissingExtra as error:
            missing = MissingExtra(f"no reranker was given, and {error}")
            missing.extra = error.extra
            raise missing from error
        _tell_of_default(engine)
        return engine

    @property
    def loaded(self) -> Reranker:
        """The reranker at work."""
        return self._loaded

    @override
    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """The reranker at work, how many it returns, and what else is not as by default."""
        yield "reranker", getattr(self, "_loaded", None)
        yield "top_n", vars(self).get("top_n")  # of one that could not be made there is none
        for name, value in super().__repr_args__():
            field = type(self).model_fields.get(name or "")
            if name not in _SHOWN_APART and field is not None and value != field.get_default():
                yield name, value

    @override
    def __str__(self) -> str:
        return repr(self)

    def _left_behind(self) -> set[str]:
        """The fields that do not travel in a pickle; the reranker at work does, without its secrets."""
        return set()


def _tell_of_default(engine: Reranker) -> None:
    """Say which reranker is at work where none was given: where a user sees it the first time, later in the log."""
    level = logging.INFO if _told else logging.WARNING
    _told[:] = [engine]
    logger.log(level, "no reranker was given: taking the local %r, for English; pass one to choose", engine)


def become(model: BaseModel, changed: BaseModel) -> None:
    """Have a model hold all that its changed copy holds: nothing fails halfway."""
    for each in ("__dict__", "__pydantic_fields_set__", "__pydantic_private__"):
        object.__setattr__(model, each, getattr(changed, each))


def check_fields(kind: type[BaseModel], names: Iterable[str]) -> None:
    """Refuse names that are no fields, which pydantic would leave out in silence.

    Raises:
        WrongArguments: There is such a name. The error says what was meant.
    """
    elsewhere: Mapping[str, str] = {**other_names(kind), **getattr(kind, "elsewhere", {})}
    check_names(kind.__name__, names, kind.model_fields, elsewhere, noun="field")


def check_by_position(kind: type[BaseModel], count: int) -> None:
    """Refuse what is passed by position where the class's `__init__` takes nothing so.

    Args:
        kind: The class.
        count: How many are passed by position.

    Raises:
        WrongArguments: There are some.
    """
    if count and all(each.kind in _BY_NAME for each in list(inspect.signature(kind.__init__).parameters.values())[1:]):
        msg = f"{kind.__name__} takes its fields by name: it has {', '.join(kind.model_fields)}"
        raise WrongArguments(msg)


def check_given(kind: type[BaseModel], names: Iterable[str]) -> None:
    """Refuse names under which an object of that class is given nothing.

    Args:
        kind: The class. A subclass of somebody's own that says what becomes of further names is left alone.
        names: The names, which may be other names of fields, too.

    Raises:
        WrongArguments: There is such a name.
    """
    if kind.model_config.get("extra") == "forbid":
        also = {name for field in kind.model_fields.values() for name in _aliases(field.validation_alias)}
        check_fields(kind, [name for name in names if name not in also])


def check_needed(kind: type[BaseModel], names: Iterable[str]) -> None:
    """Refuse to make an object without a field that has to be given, and say what it could be.

    Raises:
        ConfigurationError: There is none under any of the field's names.
    """
    given = set(names)
    for name, field in kind.model_fields.items():
        if field.is_required() and given.isdisjoint({name, *_aliases(field.validation_alias)}):
            told = (_description(kind, name) or "it has no default").replace("`", "")
            msg = f"{kind.__name__} needs {name}=: {told[:1].lower()}{told[1:]}"
            raise ConfigurationError(msg)


def _aliases(alias: object) -> list[str]:
    """The further names of a field."""
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return [each for each in choices if isinstance(each, str)]


def _checked(given: dict[str, Any], check: Callable[[dict[str, Any]], None]) -> None:
    """Check fields, of which an error does not show the values. `given` is empty afterwards, for frames to show.

    Raises:
        ValidationError: A field refuses its value.
    """
    refused: ValidationError | None = None
    try:
        check(given)
    except ValidationError as error:
        refused = _without_input(error)  # the other, and pydantic's own frames, show what was passed
    given.clear()
    if refused is not None:
        try:
            raise refused
        finally:
            del refused


def _without_input(error: ValidationError) -> ValidationError:
    """The same error without what was passed, in which there may be a key: its pickle and its `errors()` show it."""
    told: list[Any] = [
        {"type": PydanticCustomError(cast("Any", each["type"]), "{told}", {"told": _told_of(each)}), "loc": each["loc"]}
        for each in error.errors()
    ]
    return ValidationError.from_exception_data(error.title, told, hide_input=True)


def _told_of(refusal: Any) -> str:
    """What is wrong with a field, in the words of our own errors: what it must be, and what it is if that is no secret.

    Numbers are, and a word in place of one of a few.
    """
    name, told, given = ".".join(map(str, refusal["loc"])), str(refusal["msg"]), refusal["input"]
    word = refusal["type"] == "literal_error" and isinstance(given, str) and not looks_like_a_key(given)
    if told.startswith("Input should be") and (word or isinstance(given, int | float | None)):
        told = f"{told}, not {quoted(given)}"
    return told.removeprefix("Value error, ").replace("Input should be", f"{name} must be", 1)


def _description(kind: type[BaseModel], name: str) -> str | None:
    """What is said of a field where it comes from, when a subclass that changes it says nothing."""
    fields = (each.model_fields.get(name) for each in kind.__mro__ if issubclass(each, BaseModel))
    return next((each.description for each in fields if each is not None and each.description), None)
