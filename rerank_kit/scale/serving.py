"""The rerank endpoint as a deployment of Ray Serve: replicas on one machine or many."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, Unpack, cast

from rerank_kit.arguments import named
from rerank_kit.checks import check_count, check_whole
from rerank_kit.errors import ConfigurationError
from rerank_kit.managed.split import Limits
from rerank_kit.optional import optional
from rerank_kit.quoting import quoted
from rerank_kit.reranker import Reranker
from rerank_kit.scale.making import Making, amount
from rerank_kit.serve import rerank_app

References = str | Callable[[], Reranker]
_IN_FLIGHT = 4  # as in rerank_app
_RETRY_AFTER = 1  # seconds


class AppOptions(TypedDict, total=False):
    """What `rerank_app` takes besides rerankers and `queue`, see there; each replica has its own."""

    keys: Sequence[str]
    limits: Limits
    in_flight: int
    part: int
    timeout: float | None
    body_timeout: float
    warm_up: bool


@named
def deployment(
    reranker: References | Mapping[str, References],
    *,
    replicas: int | Sequence[int] = 1,
    cpus: float = 1.0,
    gpus: float = 0.0,
    max_ongoing_requests: int | None = None,
    max_queued_requests: int = 100,
    **options: Unpack[AppOptions],
) -> Any:
    """Make an application of Ray Serve that answers as `rerank_app` does, for `serve.run`.

    Each replica makes the reranker and ranks something before it is asked anything. Requests wait in Ray's proxies, and
    each of these refuses what is too much with 429.

    Args:
        reranker: A name as on the command line, such as `"onnx:embedded"`, or a function that makes a reranker; or
            several by the names that clients send.
        replicas: How many; or the least and the most, between which Ray chooses so that a replica has `in_flight`
            requests.
        cpus: Cores for a replica.
        gpus: GPUs for a replica; 0.5 is half of one.
        max_ongoing_requests: How many requests a replica has at a time, at work or waiting for their turn; by default
            twice `in_flight`. More let small requests pass more of the large ones; but a proxy fills the replica on its
            own machine first.
        max_queued_requests: How many more requests wait in each proxy; -1 is any number.
        **options: See `AppOptions`.

    Returns:
        A `ray.serve.Application`.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    makings = _makings(reranker)
    in_flight = check_whole("in_flight", options.get("in_flight", _IN_FLIGHT))
    at_once = check_count("max_ongoing_requests", max_ongoing_requests, none="for twice in_flight") or 2 * in_flight
    queue = max(0, at_once - in_flight)
    rerank_app(Reranker.of(_nothing), **options)  # which refuses here what the replicas would refuse

    serve, pickle = (optional(name, extra="ray", why="rerank_kit.scale") for name in ("ray.serve", "ray.cloudpickle"))
    packed = {name: making.packed(pickle.dumps) for name, making in makings.items()}

    def made() -> Any:
        rerankers: dict[str, Reranker] = {name: Making.unpacked(each)() for name, each in packed.items()}
        return rerank_app(rerankers.get("", rerankers), queue=queue, **options)

    wanted = {
        "name": "Reranker",
        "ray_actor_options": {"num_cpus": amount("cpus", cpus), "num_gpus": amount("gpus", gpus)},
        "max_ongoing_requests": at_once,
        "max_queued_requests": check_whole("max_queued_requests", max_queued_requests, least=-1),
        "backpressure_config": {"status_code": 429, "retry_after_s": _RETRY_AFTER},
        **_replicas(replicas, in_flight),
    }
    return serve.deployment(serve.ingress(made)(), **wanted).bind()


def app(args: Mapping[str, Any]) -> Any:
    """The same for Ray's files of settings: `import_path: rerank_kit.scale:app`, and the arguments below `args:`.

    Args:
        args: The arguments of `deployment`, of plain values: `limits` is a mapping too.

    Raises:
        ConfigurationError: An argument is wrong or missing.
    """
    given = dict(args)
    if "reranker" not in given:
        msg = f"args={quoted(given)} names no reranker: write reranker: onnx:embedded below args"
        raise ConfigurationError(msg)
    if isinstance(given.get("limits"), dict):
        given["limits"] = Limits(**cast("dict[str, Any]", given["limits"]))
    return deployment(**given)


def _makings(reranker: References | Mapping[str, References]) -> dict[str, Making[Reranker]]:
    """How each is made, by its name; one alone has none."""
    if not isinstance(reranker, Mapping):
        return {"": Making("reranker", reranker, Reranker)}
    several: Mapping[str, References] = {**reranker}
    if not several or "" in several:
        msg = f"reranker={quoted(several)}: pass at least one, each by a name"
        raise ConfigurationError(msg)
    return {name: Making(f"reranker[{name!r}]", each, Reranker) for name, each in several.items()}


def _replicas(wanted: object, in_flight: int) -> dict[str, Any]:
    """What Ray is told about how many there are to be."""
    if isinstance(wanted, int):
        return {"num_replicas": check_whole("replicas", wanted)}
    given = wanted
    between = list(cast("Sequence[object]", wanted)) if isinstance(wanted, tuple | list) else []
    if len(between) != 2:  # noqa: PLR2004 - from and to
        msg = f"replicas must be a number, or the least and the most, as in (1, 4), not {quoted(given)}"
        raise ConfigurationError(msg)
    least, most = (check_whole("replicas", each, least=0) for each in between)
    if most < max(1, least):
        msg = f"replicas={between}: the most is less than the least, or none: write it as (1, 4)"
        raise ConfigurationError(msg)
    told = {"min_replicas": least, "max_replicas": most, "target_ongoing_requests": in_flight}
    return {"autoscaling_config": told}


def _nothing(query: str, texts: Sequence[str]) -> list[float]:
    """Scores, for an app that is never asked."""
    raise NotImplementedError
