"""Systems of an evaluation: first stages, and rerankers on top of them, by object or by name."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard, cast

from rerank_kit.checks import check_count
from rerank_kit.combine.cascade import Cascade
from rerank_kit.combine.identity import described
from rerank_kit.combine.stages import Stage
from rerank_kit.errors import ConfigurationError, RerankError
from rerank_kit.evaluate.dataset import Dataset
from rerank_kit.evaluate.first_stages import BM25Stage, FirstStage, GivenStage, RetrieverStage
from rerank_kit.quoting import class_name, quoted
from rerank_kit.reranker import Reranker
from rerank_kit.wrong_kind import framework_of, is_retriever

RECALLS = (10, 50, 100)
"""How many candidates are reranked where no system is named."""
RECALL = 50
_DIGITS = 9  # of a number of candidates
_GRAMMAR = "'bm25', 'bm25@100 > onnx:embedded', 'given > cohere:rerank-v4.0-fast' or 'package.module:object'"
_BUILT_IN = ("bm25", "given")

Spec: TypeAlias = object
"""A name, a `Reranker`, a function from a query and texts to scores, a retriever, or (retriever, reranker), which may
have a third: how many candidates are reranked."""


@dataclass(frozen=True, slots=True)
class System:
    """What is measured.

    Attributes:
        name: What tables call it.
        first_stage: What brings the candidates.
        recall: How many of them are reranked; `None` where none are.
        reranker: What puts them in order; `None` for the first stage alone.
    """

    name: str
    first_stage: FirstStage
    recall: int | None = None
    reranker: Reranker | None = None


def key_of_reranker(name: str, reranker: Reranker) -> str:
    """On what a ranking depends beside query and candidates, as far as that can be told.

    What has no fingerprint is known by its name and settings, or by its name, class and model if it is none of ours.
    """
    return reranker.fingerprint or f"{name}: {described(reranker)}"


def systems_of(given: Mapping[str, Spec] | Sequence[Spec] | None, dataset: Dataset) -> list[System]:
    """The systems that somebody names, each after its first stage alone.

    Args:
        given: Each as `Spec` says, by the name that tables shall have; a list names them itself.
        dataset: What they are measured on.

    Raises:
        ConfigurationError: One of them is none, or two have the same name.
        MissingExtra: A package is not installed that one of them needs.
    """
    made = _Making(dataset)
    if given is None:
        given = made.default()
    if isinstance(given, str) or not isinstance(given, Mapping | Sequence):
        msg = (
            f"systems must be a list of systems, or a mapping of names to them, not {quoted(given)}: wrap it in a list"
        )
        raise ConfigurationError(msg)
    named = given.items() if isinstance(given, Mapping) else [(None, each) for each in given]
    broken: dict[str, list[str]] = {}
    for name, spec in named:
        try:
            made.add(name, spec)
        except RerankError as error:
            of = name or (spec if isinstance(spec, str) else quoted(spec))
            broken.setdefault(str(error).removeprefix("systems: "), []).append(of)
    if broken:
        told = (f"{each} ({', '.join(of)})" if len(of) > 1 else each for each, of in broken.items())
        msg = f"systems: {'; '.join(told)}"
        raise ConfigurationError(msg)
    if not made.systems:
        msg = "systems is empty: name at least one, or leave it out to compare BM25 with the embedded model"
        raise ConfigurationError(msg)
    return made.systems


class _Making:
    """Makes systems, with first stages that they share."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._stages: dict[object, FirstStage] = {}
        self._called: dict[int, str] = {}
        self.systems: list[System] = []

    def default(self) -> list[str]:
        """The first stage alone, and the embedded model on more and more of its candidates, as far as there are more.

        Raises:
            ConfigurationError: The dataset has neither candidates nor documents.
        """
        first = _first(self._dataset)
        stage, _ = self._stage(first)
        wanted = [first]
        for fewer, recall in pairwise((0, *RECALLS)):
            found = (stage.find(*query, fewer + 1) for query in self._dataset.queries.items())
            if not fewer or any(len(each) > fewer for each in found):
                wanted.append(f"{first}@{recall} > onnx:embedded")
        return wanted

    def add(self, name: str | None, spec: Spec) -> None:
        """Add what somebody names."""
        if isinstance(spec, System):
            name, stage, recall, reranker = spec.name, spec.first_stage, spec.recall, spec.reranker
            second: object = reranker
        else:
            name, spec = _of_a_module(name, spec)
            first, second = self._halves(spec)
            stage, recall = self._stage(first)
            recall = _third(spec) or recall
            reranker = None if second is None else reranker_of(second)
        self._put(System(stage.name, stage))
        if reranker is not None:
            recall = RECALL if recall is None else recall
            called = f"{stage.name}@{recall} > {_called(second, spec)}"
            self._put(System(name or called, stage, recall, reranker))
        elif name is not None:
            self._call(stage, name)

    def _call(self, stage: FirstStage, name: str) -> None:
        """Give a first stage the name that somebody chose."""
        before = self._called.setdefault(id(stage), name)
        if before != name:
            msg = f"systems: {before!r} and {name!r} are the same first stage: name it once"
            raise ConfigurationError(msg)
        if name != stage.name:  # its own name stands already
            self.systems = [each for each in self.systems if each.first_stage is not stage or each.reranker]
            stage.name = name
            self._put(System(name, stage))

    def _put(self, system: System) -> None:
        same = next((each for each in self.systems if each.name == system.name), None)
        if same is None:
            self.systems.append(system)
        elif system.reranker is not None or same.first_stage is not system.first_stage or same.reranker is not None:
            msg = f"systems: two are called {system.name!r}: name each once, and others apart by {{'a name': …}}"
            raise ConfigurationError(msg)

    def _halves(self, spec: Spec) -> tuple[object, object]:
        """The first stage, and the reranker on top of it, of which one may be `None`."""
        if isinstance(spec, str):
            first, arrow, second = map(str.strip, spec.partition(">"))
            if arrow:
                return first, _stages(second) if ">" in second else second
            name, at, _ = first.partition("@")
            if at and name in _BUILT_IN:
                such = f'"{first} > onnx:embedded" with these quotation marks, since a shell takes > for itself'
                msg = f"systems: {first!r} says how many are reranked, and not by what: write {such}; or {name}"
                raise ConfigurationError(msg)
            return (first, None) if first in _BUILT_IN else self._object(first)
        if _is_pair(spec):
            return spec[0], spec[1]
        return (spec, None) if _finds(spec) else (None, spec)

    def _object(self, name: str) -> tuple[object, object]:
        """A name of which it is not known yet whether it is that of a retriever."""
        if _kind(name) in _BY_NAME:
            return None, name
        return (name, None) if _finds(imported(name)) else (None, name)

    def _stage(self, given: object) -> tuple[FirstStage, int | None]:
        """A first stage, and how many of its candidates are reranked, where that is said."""
        if given is None:
            given = _first(self._dataset)
        recall, called = None, None
        if isinstance(given, str):
            name, at, count = given.rpartition("@")
            if at:
                given, recall = name.strip(), int(count) if _is_count(count) else 0
                if recall == 0:
                    msg = f"systems: {name}@{count} reranks no candidates: write {name}@50 or so"
                    raise ConfigurationError(msg)
            if given not in _BUILT_IN:
                called, given = given, imported(given)
        key = given if isinstance(given, str) else id(given)
        if key not in self._stages:
            self._stages[key] = self._made(given, called)
        return self._stages[key], recall

    def _made(self, given: object, called: str | None) -> FirstStage:
        if given == "bm25":
            return BM25Stage(self._dataset)
        if given == "given":
            return GivenStage(self._dataset)
        if _is_stage(given):
            return given
        if called is not None:
            return RetrieverStage(given, called, self._dataset)
        name = class_name(given)
        count = sum(each.name.partition(" ")[0] == name for each in self._stages.values())
        name = name if count == 0 else f"{name} {count + 1}"
        return RetrieverStage(given, name, self._dataset)


def _first(dataset: Dataset) -> str:
    """The first stage where none is named: the candidates that come with the dataset, or BM25."""
    return "bm25" if dataset.candidates is None else "given"


def _stages(names: str) -> Reranker:
    """A cascade such as `onnx:embedded@20 > cohere:rerank-v4.0-fast`: 20 go on to the second reranker.

    Raises:
        ConfigurationError: One of them is no reranker, or it is not said how many go on.
    """
    stages: list[Stage] = []
    *before, last = map(str.strip, names.split(">"))
    for each in before:
        name, at, count = each.rpartition("@")
        if not at or not _is_count(count) or int(count) < 1:
            msg = (
                f"systems: {each!r} goes on to another reranker: say with how many, such as {each.partition('@')[0]}@20"
            )
            raise ConfigurationError(msg)
        stages.append(Stage(reranker_of(name.strip()), top_n=int(count)))
    return Cascade(*stages, Stage(reranker_of(last)), keep_rest=True)


def _of_a_module(name: str | None, spec: Spec) -> tuple[str | None, Spec]:
    """A system and what it is called, where a name stands for a pair of a retriever and a reranker."""
    if isinstance(spec, str) and ">" not in spec and _kind(spec) not in {*_BY_NAME, *_BUILT_IN} and "@" not in spec:
        found = imported(spec)
        if _is_pair(found):
            return name or spec, found
    return name, spec


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


def _finds(spec: object) -> bool:
    return is_retriever(spec) or _is_stage(spec)


def _is_stage(spec: object) -> TypeGuard[FirstStage]:
    return callable(getattr(spec, "find", None))


def _is_pair(spec: Spec) -> TypeGuard[tuple[object, ...]]:
    return isinstance(spec, tuple) and len(cast("tuple[object, ...]", spec)) in (2, 3)


def _third(spec: Spec) -> int | None:
    """How many candidates are reranked, where (retriever, reranker, recall) says so."""
    return check_count("recall", spec[2]) if _is_pair(spec) and len(spec) == 3 else None  # noqa: PLR2004 - the third


def _kind(name: str) -> str:
    return name.partition(":")[0]


def _called(reranker: object, spec: Spec) -> str:
    """What tables call a reranker: as it was named, or by its class and model."""
    if isinstance(reranker, str):
        return reranker
    if isinstance(spec, str):  # a cascade
        return spec.partition(">")[2].strip()
    model = getattr(reranker, "model", None)
    name = str(getattr(reranker, "__name__", class_name(reranker)))
    return f"{name}({model})" if isinstance(model, str) else name


def reranker_of(spec: object) -> Reranker:
    """The reranker that a name, a function or an object stands for.

    Raises:
        ConfigurationError: It is none.
        MissingExtra: A package is not installed that it needs.
    """
    if isinstance(spec, str):
        kind, _, model = spec.partition(":")
        if kind in _BY_NAME:
            if not model:
                msg = f"systems: {spec!r} names no model: write it behind the colon, as in {_GRAMMAR}"
                raise ConfigurationError(msg)
            return _BY_NAME[kind](model)
        spec = imported(spec)
    if isinstance(spec, Reranker):
        return spec
    loaded: object = getattr(spec, "loaded", None)
    if framework_of(spec) is not None and isinstance(loaded, Reranker):
        return loaded  # a compressor or postprocessor of ours
    if callable(spec):
        return Reranker.of(cast("Callable[..., Any]", spec))
    if is_retriever(spec):
        msg = (
            f"systems: {class_name(spec)} finds candidates, and can only stand first, as in 'module:it > onnx:embedded'"
        )
        raise ConfigurationError(msg)
    msg = f"systems: {quoted(spec)} is no reranker, no function and no retriever: write {_GRAMMAR}"
    raise ConfigurationError(msg)


def is_back_end(name: str) -> bool:
    """Whether a name is that of a model on a back end, such as `onnx:embedded`, and not of something to import."""
    return name.partition(":")[0] in _BY_NAME


def imported(name: str) -> object:
    """What `package.module:object` names.

    Raises:
        ConfigurationError: There is no such thing, or it raises while it is imported.
    """
    module, colon, path = name.partition(":")
    if not colon or not all(each.isidentifier() for each in (*module.split("."), *path.split("."))):
        msg = f"systems: {name!r} is not understood{meant(name)}: write {_GRAMMAR}"
        raise ConfigurationError(msg)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # as `python -m` does
    try:
        found: object = importlib.import_module(module)
        for each in path.split("."):
            found = getattr(found, each)
    except (Exception, SystemExit) as error:
        msg = f"systems: {name!r} cannot be imported: {type(error).__name__}: {error}{meant(name)}"
        raise ConfigurationError(msg) from error
    return found


def meant(name: str) -> str:
    """The end of an error: what a name that cannot be imported was probably meant to be."""
    kind, colon, model = name.partition(":")
    close = get_close_matches(kind, _BY_NAME, n=1)
    return f" (did you mean {f'{close[0]}{colon}{model}'!r}?)" if close else ""


def _onnx(model: str) -> Reranker:
    from rerank_kit.local import OnnxCrossEncoder

    if model == "embedded":
        return OnnxCrossEncoder()
    if get_close_matches(model, ["embedded"], cutoff=0.75) and not Path(model).exists():
        msg = f"systems: 'onnx:{model}' is no model here: did you mean 'onnx:embedded'?"
        raise ConfigurationError(msg)
    return OnnxCrossEncoder(model)


def _local(name: str) -> Callable[[str], Reranker]:
    def make(model: str) -> Reranker:
        return cast("Reranker", getattr(importlib.import_module("rerank_kit.local"), name)(model))

    return make


def _late(model: str) -> Reranker:
    from rerank_kit.late import LateInteraction

    return LateInteraction(model)


def _managed(name: str) -> Callable[[str], Reranker]:
    def make(model: str) -> Reranker:
        return cast("Reranker", getattr(importlib.import_module("rerank_kit.managed"), name)(model))

    return make


_BY_NAME: Mapping[str, Callable[[str], Reranker]] = {
    "onnx": _onnx,
    "local": _local("cross_encoder"),
    "sentence-transformers": _local("SentenceTransformersCrossEncoder"),
    "flashrank": _local("FlashRank"),
    "late": _late,
    "cohere": _managed("Cohere"),
    "voyage": _managed("Voyage"),
    "jina": _managed("Jina"),
    "endpoint": _managed("Endpoint"),
}
