"""Work over more rows than one machine gets through, on Ray Data: each result is kept once, and never lost.

Every function adds columns to a `ray.data.Dataset` and is as lazy as Ray's own: it begins when rows are taken, counted
or written. Workers find results out and hand them to a keeper, an actor on the machine where the program runs, which
alone writes the file; keys make a result that comes twice one row. So what is killed, be it a worker, a machine or the
program, costs what was in hand, and the same call goes on from what is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rerank_kit.arguments import named
from rerank_kit.checks import check_instance, check_positive, check_text, check_whole
from rerank_kit.contextual import Contextualizer
from rerank_kit.decide import DecisionReranker
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.label_store import Judge
from rerank_kit.judge import LLMJudge
from rerank_kit.late import LateInteraction
from rerank_kit.optional import optional
from rerank_kit.reranker import Reranker
from rerank_kit.scale.keeping import Keeper, Kind
from rerank_kit.scale.making import Making, amount
from rerank_kit.scale.working import Contextualizing, Labelling, Scoring, Warming

_log = logging.getLogger("rerank_kit.scale")
_READING = 1.0  # core for each task that reads
_PAIRS = ("query", "text")
_TEXTS = ("text",)
_DOCUMENTS = ("text", "chunks")


@named
def score_pairs(
    rows: Any,
    reranker: str | Callable[[], Reranker],
    *,
    store: str | Path,
    workers: int = 1,
    cpus: float = 1.0,
    gpus: float = 0.0,
    batch_size: int = 256,
) -> Any:
    """Score pairs of a query and a text: the column `relevance_score`, null where there is no text or no query.

    Args:
        rows: A `ray.data.Dataset` with the columns `query` and `text`; others stay as they are.
        reranker: A name as on the command line, such as `"onnx:embedded"`, or a function that makes a reranker, whose
            scores have to depend on query and text alone.
        store: An SQLite file on the machine where this runs. It is that of `Cached(reranker, SQLiteStore(store))`,
            which finds these scores there.
        workers: How many processes score, as far as the cluster has room.
        cpus: Cores for each.
        gpus: GPUs for each; 0.5 is half of one.
        batch_size: Pairs that are scored and kept together.

    Returns:
        A dataset with the same rows. It is computed when it is used.

    Raises:
        ConfigurationError: An argument is wrong, or a column is missing.
    """
    making = Making("reranker", reranker, Reranker)
    place = _Place("scores", store, None, workers=workers, cpus=cpus, gpus=gpus, batch_size=batch_size)
    return place.added(rows, _PAIRS, ("relevance_score",), Scoring, making)


@named
def warm_vectors(
    rows: Any,
    reranker: str | Callable[[], LateInteraction],
    *,
    store: str | Path,
    workers: int = 1,
    cpus: float = 1.0,
    gpus: float = 0.0,
    batch_size: int = 64,
) -> Any:
    """Keep the token vectors of texts: the column `token_vectors`, how many each has, null where there is no text.

    Args:
        rows: A `ray.data.Dataset` with the column `text`; others stay as they are. A text that comes twice is kept
            once.
        reranker: `"late:MODEL"`, as on the command line, or a function that makes a `LateInteraction`.
        store: An SQLite file on the machine where this runs. It is that of `LateInteraction(model, store=…)` with the
            same settings, which finds these vectors there.
        workers: How many processes compute, as far as the cluster has room.
        cpus: Cores for each.
        gpus: GPUs for each; 0.5 is half of one.
        batch_size: Texts whose vectors are computed and kept together.

    Returns:
        A dataset with the same rows. It is computed when it is used.

    Raises:
        ConfigurationError: An argument is wrong, or the column is missing.
    """
    making = Making("reranker", reranker, LateInteraction)
    place = _Place("vectors", store, None, workers=workers, cpus=cpus, gpus=gpus, batch_size=batch_size)
    return place.added(rows, _TEXTS, ("token_vectors",), Warming, making)


@named
def label_pairs(
    rows: Any,
    judge: str | Callable[[], Judge],
    *,
    store: str | Path,
    max_cost: float | None = None,
    workers: int = 1,
    cpus: float = 1.0,
    batch_size: int = 50,
) -> Any:
    """Have a judge label pairs of a query and a text: the columns `grade`, `why` and `problem`, why there is no grade.

    Args:
        rows: A `ray.data.Dataset` with the columns `query` and `text`; others stay as they are. Rows of one query that
            stand together are asked about together. A pair that comes twice may be paid for twice.
        judge: A function that makes an `LLMJudge` or a `DecisionReranker`, or `"package.module:function"`.
        store: An SQLite file on the machine where this runs. It is that of `label(…, store=…)`, which goes on with it,
            and waits while this runs.
        max_cost: What one run may cost, in US dollars, however many workers there are.
        workers: How many processes ask, as far as the cluster has room.
        cpus: Cores for each, which mostly wait.
        batch_size: Pairs that a worker takes at a time.

    Returns:
        A dataset with the same rows. It is computed when it is used.

    Raises:
        ConfigurationError: An argument is wrong, or a column is missing.
    """
    making = Making("judge", judge, (LLMJudge, DecisionReranker))
    place = _Place("labels", store, max_cost, workers=workers, cpus=cpus, gpus=0.0, batch_size=batch_size)
    return place.added(rows, _PAIRS, ("grade", "why", "problem"), Labelling, making)


@named
def write_contexts(
    rows: Any,
    contextualizer: str | Callable[[], Contextualizer],
    *,
    store: str | Path,
    max_cost: float | None = None,
    workers: int = 1,
    cpus: float = 1.0,
    batch_size: int = 8,
) -> Any:
    """Write contexts for the chunks of documents: the columns `contexts` and `problems`, lists as long as `chunks`.

    Args:
        rows: A `ray.data.Dataset` with the columns `text` and `chunks`, a list of strings, and if you like `id` and
            `title`; others stay as they are. A document that comes twice may be paid for twice.
        contextualizer: A function that makes a `Contextualizer` without `store`, or `"package.module:function"`.
        store: An SQLite file on the machine where this runs. It is that of `Contextualizer(store=…)`, which finds
            these contexts there.
        max_cost: What one run may cost, in US dollars, however many workers there are.
        workers: How many processes ask, as far as the cluster has room.
        cpus: Cores for each, which mostly wait.
        batch_size: Documents that a worker takes at a time.

    Returns:
        A dataset with the same rows. It is computed when it is used.

    Raises:
        ConfigurationError: An argument is wrong, or a column is missing.
    """
    making = Making("contextualizer", contextualizer, Contextualizer)
    place = _Place("contexts", store, max_cost, workers=workers, cpus=cpus, gpus=0.0, batch_size=batch_size)
    return place.added(rows, _DOCUMENTS, ("contexts", "problems"), Contextualizing, making)


class _Place:
    """Where results are kept, and how many work."""

    def __init__(
        self,
        kind: Kind,
        store: str | Path,
        max_cost: float | None,
        *,
        workers: int,
        cpus: float,
        gpus: float,
        batch_size: int,
    ) -> None:
        check_instance("store", store, (str, Path), "the path of a file")
        path = str(Path(check_text("store", str(store))).absolute())
        self._keeper: tuple[Kind, str, float | None] = kind, path, check_positive("max_cost", max_cost)
        self._resources = {"num_cpus": amount("cpus", cpus), "num_gpus": amount("gpus", gpus)}
        self._workers = check_whole("workers", workers)
        self._batch_size = check_whole("batch_size", batch_size)

    def added(self, rows: Any, read: Sequence[str], new: Sequence[str], work: type, making: Making[Any]) -> Any:
        """The rows with new columns, which workers will find out.

        Raises:
            ConfigurationError: The rows are none, or have no such columns.
        """
        ray, data = (optional(name, extra="ray", why="rerank_kit.scale") for name in ("ray", "ray.data"))
        check_instance("rows", rows, data.Dataset, "a ray.data.Dataset, such as ray.data.read_parquet(…)")
        columns: list[str] = rows.columns() or []
        missing = [each for each in read if each not in columns]
        if missing:
            msg = (
                f"rows has the columns {columns}, and {missing} are needed: rename yours by rows.rename_columns({{…}})"
            )
            raise ConfigurationError(msg)
        taken = [each for each in new if each in columns]
        if taken:
            msg = f"rows has the columns {taken} already: take them away by rows.drop_columns({taken})"
            raise ConfigurationError(msg)
        there: Mapping[str, float] = ray.cluster_resources()
        _tell_of_room(self._resources, there)
        at_once = _fitting(self._workers, self._resources, there)
        return rows.map_batches(
            _Worker,
            fn_constructor_args=(work, making.packed(ray.cloudpickle.dumps), _keeping(*self._keeper), tuple(new)),
            batch_size=self._batch_size,
            batch_format="pyarrow",
            # So many begin that reading has room, or it would wait for ever; more do where Ray finds room for them.
            compute=data.ActorPoolStrategy(min_size=1, max_size=self._workers, initial_size=at_once),
            **self._resources,
        )


class _Worker:
    """What a process of Ray's runs. Nothing is made before rows come: one that fails to begin is begun again."""

    def __init__(self, work: type, packed: bytes, keeper: Any, new: tuple[str, ...]) -> None:
        self._work, self._packed, self._keeper, self._new = work, packed, keeper, new
        self._working: Any = None

    def __call__(self, table: Any) -> Any:
        if self._working is None:
            self._working = self._work(Making.unpacked(self._packed), self._ask)
        found = self._working({name: table.column(name).to_pylist() for name in table.column_names})
        arrow = optional("pyarrow", extra="ray", why="rerank_kit.scale")
        for name in self._new:
            table = table.append_column(
                arrow.field(name, _type(arrow, name)), [arrow.array(found[name], _type(arrow, name))]
            )
        return table

    def _ask(self, method: str, *arguments: Any) -> Any:
        ray = optional("ray", extra="ray", why="rerank_kit.scale")
        return ray.get(getattr(self._keeper, method).remote(*arguments))


def _tell_of_room(wanted: Mapping[str, float], there: Mapping[str, float]) -> None:
    """Say what will wait until there are more machines, which for a cluster that does not grow is for ever."""
    cores, gpus = there.get("CPU", 0.0), there.get("GPU", 0.0)
    if wanted["num_gpus"] > gpus:
        _log.warning("gpus=%g for a worker, and the cluster has %g now: none begins before", wanted["num_gpus"], gpus)
    if wanted["num_cpus"] + _READING > cores:
        told = "cpus=%g for a worker, and the cluster has %g now, of which reading takes %g: pass less, such as 0.5"
        _log.warning(told, wanted["num_cpus"], cores, _READING)


def _fitting(workers: int, wanted: Mapping[str, float], there: Mapping[str, float]) -> int:
    """How many workers there is room for beside reading, and at least one."""
    room = {"num_cpus": there.get("CPU", 0.0) - _READING, "num_gpus": there.get("GPU", 0.0)}
    fit = (int(room[kind] / each) for kind, each in wanted.items() if each)
    return max(1, min([workers, *fit]))


def _type(arrow: Any, name: str) -> Any:
    """A column's type, so that one that is empty in some rows has the same everywhere."""
    text = arrow.string()
    whole = arrow.int64()
    kinds = {"relevance_score": arrow.float64(), "grade": whole, "token_vectors": whole, "why": text, "problem": text}
    return kinds.get(name, arrow.list_(text))


def _keeping(kind: Kind, path: str, max_cost: float | None) -> Any:
    """A keeper on this machine, which ends with this program.

    Raises:
        ConfigurationError: The file is none, or cannot be written.
    """
    ray = optional("ray", extra="ray", why="rerank_kit.scale")
    scheduling = optional("ray.util.scheduling_strategies", extra="ray", why="rerank_kit.scale")
    here = scheduling.NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    keeper = ray.remote(Keeper).options(num_cpus=0, scheduling_strategy=here).remote(kind, path, max_cost)
    try:
        ray.get(keeper.begun.remote())
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    return keeper
