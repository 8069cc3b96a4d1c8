"""What to take, and why; what fewer candidates or a fine-tune would change. It says nothing of relevance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

from rerank_kit.pricing.amounts import money, seconds
from rerank_kit.pricing.backends import known_backends
from rerank_kit.pricing.rows import Row, Stage
from rerank_kit.pricing.workload import SEVERAL, Workload
from rerank_kit.texts import counted

_SAY_SPEED = "(--pairs-per-second, or pairs_per_second in Python)"
ANTHROPIC = "anthropic"
_EMBEDDED = "onnx:embedded"
_EXTRAS: Mapping[str, str] = MappingProxyType({"onnx": "export", "sentence-transformers": "sentence-transformers"})
_FEW = 20  # candidates, which are usually enough


@dataclass(frozen=True, slots=True)
class Change:
    """What something else would cost.

    Attributes:
        what: What is done otherwise.
        backend: With which back end.
        dollars: What a month costs then; `None` if unknown.
        dollars_now: What it costs as planned.
        seconds: Of a query then.
        seconds_now: As planned.
    """

    what: str
    backend: str
    dollars: float | None
    dollars_now: float | None
    seconds: float | None
    seconds_now: float | None

    def to_dict(self) -> dict[str, Any]:
        """It as plain values."""
        return asdict(self)

    def __str__(self) -> str:
        """It as a sentence."""
        took = ""
        if self.seconds is not None and self.seconds_now is not None and self.seconds != self.seconds_now:
            took = f", {seconds(self.seconds)} s instead of {seconds(self.seconds_now)} s"
        known = self.dollars is not None and self.dollars_now is not None
        cost = f"{money(self.dollars)} a month instead of {money(self.dollars_now)}" if known else "cost not known"
        return f"{self.what}, {self.backend}: {cost}{took}"


@dataclass(frozen=True, slots=True)
class Advice:
    """What to take.

    Attributes:
        backend: Its name; `None` where nothing will do.
        reasons: Why, as sentences.
        other: The best of the other kind, to compare with; `None` where there is none.
    """

    backend: str | None
    reasons: tuple[str, ...]
    other: str | None = None


def advised(rows: Sequence[Row], behind: Sequence[Stage], work: Workload) -> Advice:
    """The back end to begin with. Prices decide where they are known, and rules of thumb where they are not."""
    found = _advised(rows, work)
    missing = tuple(
        f"what the stage {each.name} costs is not known: it is left out here, for every back end would have it"
        for each in behind
        if each.dollars is None and found.other is not None
    )
    taken = next((each for each in rows if each.backend == found.backend), None)
    return replace(found, reasons=(*missing, *found.reasons, *_to_have_it(taken)))


def _advised(rows: Sequence[Row], work: Workload) -> Advice:
    local, api = best_local(rows, work), best_api(rows, work)
    if work.vendors == (ANTHROPIC,) and not work.data_must_stay:
        return _all_in_anthropic(rows, local)
    if local is None and api is None:
        return Advice(None, (_nothing(rows, work),))
    if work.data_must_stay or local is None or api is None:
        (only,) = [each for each in (local, api) if each is not None]
        return Advice(only.backend, (_only(only, work), *_by_language(only, work)))
    return _of_two(api, local, work)


def _to_have_it(row: Row | None) -> list[str]:
    """What brings a model to one's own machine."""
    engine, _, model = ("", "", "") if row is None or row.kind != "local" else row.backend.partition(":")
    if row is None or engine not in _EXTRAS or row.row not in known_backends().backends:
        return []
    if row.backend == _EMBEDDED:
        return [f'next: pip install "rerank-kit[{model}]"']
    export = f" and rerank-kit export {model} --to models/{model.rpartition('/')[2]}" if engine == "onnx" else ""
    return [f'next: pip install "rerank-kit[{_EXTRAS[engine]}]"{export}']


def _all_in_anthropic(rows: Sequence[Row], local: Row | None) -> Advice:
    reasons = (
        "all with Anthropic, which has no reranker: three parts",
        "Contextual Retrieval when documents are indexed (--contextual claude-haiku-5-5), paid once for each document",
        "a cross-encoder on a machine of yours",
        "Claude as the judge of the last few (--judge claude-haiku-5-5)",
    )
    judges = [each for each in rows if each.fits and each.kind == "judge"]
    taken = local or next(iter(judges), None)
    return Advice(None if taken is None else taken.backend, reasons, judges[0].backend if local and judges else None)


def best_local(rows: Sequence[Row], work: Workload) -> Row | None:
    """The local model to begin with.

    Where reranking may not take long, one whose speed is not known is none to begin with, unless data must stay.
    """
    fitting = [each for each in rows if each.fits and each.kind == "local"]
    known = [each for each in fitting if work.latency is None or each.seconds is not None]
    return _best(known or (fitting if work.data_must_stay else []), work)


def best_api(rows: Sequence[Row], work: Workload) -> Row | None:
    """The rerank API to begin with."""
    return _best([each for each in rows if each.fits and each.kind == "api"], work)


def _best(rows: Sequence[Row], work: Workload) -> Row | None:
    """Of local models those whose speed is known; of these the first choice for the language, or else the cheapest."""
    first = {name: place for place, name in reversed([*enumerate(each.backend for each in rows)])}

    def order(row: Row) -> tuple[bool, int, float, int]:
        wanted = (work.language, "*")
        place = next((place for place, code in enumerate(wanted) if code in row.row.first_for), len(wanted))
        dollars = row.known_dollars(work.queries)
        known = float("inf") if dollars is None else dollars
        return row.kind == "local" and row.seconds is None, place, known, first[row.backend]

    return min(rows, key=order, default=None)


def _nothing(rows: Sequence[Row], work: Workload) -> str:
    why = dict.fromkeys(reason for each in rows for reason in each.against)
    raised = "" if work.latency is None else ", more seconds, fewer candidates or a faster machine"
    return f"nothing that is known will do ({', '.join([*why][:5])}): allow another language or vendor{raised}"


def _only(row: Row, work: Workload) -> str:
    if work.data_must_stay:
        return (
            "data must stay, so only models on your own machines are left: in the process, or behind a server of yours "
            "(Endpoint)"
        )
    others = "managed reranker" if row.kind == "local" else "model on a machine of yours"
    return f"no {others} will do, by what is known"


def _of_two(api: Row, local: Row, work: Workload) -> Advice:
    rules = known_backends()
    below, above = rules.managed_below, rules.self_hosted_above
    rule = f"managed below about {below:,} queries a month, self-hosted above about {above:,}"
    by_rule = local if work.queries > above else api
    api_dollars, local_dollars = api.known_dollars(work.queries), local.known_dollars(work.queries)
    if api_dollars is not None and local_dollars is not None:
        cheaper, dearer = (local, api) if local_dollars < api_dollars else (api, local)
        less, more = sorted((local_dollars, api_dollars))
        costs = f"{cheaper.backend} costs {money(less)} a month, {dearer.backend} {money(more)}"
        if below <= work.queries <= above:
            thumb = f"the rule of thumb leaves it open: {rule}"
        elif cheaper is by_rule:
            thumb = f"the rule of thumb agrees: {rule}"
        else:
            thumb = f"the rule of thumb says otherwise ({rule}); these prices and this machine count more"
        own = "running machines takes people's time as well, which is not in it"
        return Advice(cheaper.backend, (costs, thumb, own, *_by_language(cheaper, work)), dearer.backend)
    if work.queries < below or work.queries > above:
        why = rule
    else:
        why = f"between {below:,} and {above:,} queries a month the machine's price decides; a managed one is less work"
    other = api if by_rule is local else local
    reasons = (why, *_unpriced(api, local, api_dollars), *_by_language(by_rule, work))
    return Advice(by_rule.backend, reasons, other.backend)


def unknown_cost(row: Row) -> str | None:
    """Why it is not known what a back end costs, and what to do; `None` where it is."""
    if row.bill is not None:
        return None
    if row.kind != "local":
        return f"what {row.backend} costs is not known: add a row for {row.row.model!r} to the prices"
    if row.machines is None:
        return f"how fast {row.backend} is there is not known: measure it (--measure), or say it {_SAY_SPEED}"
    return "a machine's price is not known: say it (--machine-price, or machine_price in Python)"


def _unpriced(api: Row, local: Row, api_dollars: float | None) -> list[str]:
    """What is missing to decide by prices."""
    missing = [told for told in map(unknown_cost, (local, api)) if told is not None]
    if api_dollars is None or local.machines is None:
        return missing
    most, need = money(api_dollars / local.machines), counted(local.machines, "machine")
    return [
        *missing,
        f"{local.backend} needs {need} and pays where one costs less than {most} a month",
        f"{api.backend} costs {money(api_dollars)} a month",
    ]


def _by_language(row: Row, work: Workload) -> list[str]:
    if work.language == "zh":
        return ["Chinese: BGE or Cohere, which are made for it as well"] if "zh" in row.row.first_for else []
    if work.language in {"en", SEVERAL} or not row.languages:
        return []
    return [f"languages of {row.backend}: {row.languages}. Whether {work.language!r} is among them, its card says"]


def changes(
    rows: Mapping[str, Row], names: Sequence[str], work: Workload, replanned: Callable[[str, int], Row]
) -> list[Change]:
    """What fewer candidates would change."""
    found: list[Change] = []
    for fewer in dict.fromkeys((work.candidates // 2, _FEW)):
        if 0 < fewer < work.candidates:
            for name in names:
                now, then = rows[name], replanned(name, fewer)
                what = f"{counted(fewer, 'candidate')} instead of {work.candidates:,}"
                found.append(Change(what, name, then.dollars, now.dollars, then.seconds, now.seconds))
    return found


def fine_tuned(rows: Sequence[Row]) -> str | None:
    """What a fine-tune of the fastest model would change, in place of the slowest one; `None` where it is not known."""
    known = [each for each in rows if each.kind == "local" and each.machines is not None and each.capacity is not None]
    if len(known) < 2:  # noqa: PLR2004 - to compare
        return None
    by_capacity = sorted(known, key=lambda each: each.capacity or 0.0)
    fast, slow = by_capacity[-1], by_capacity[0]
    told = (
        f"{each.backend} {counted(each.machines or 0, 'machine')} and {seconds(each.seconds)} s"
        for each in (fast, slow)
    )
    return (
        f"a fine-tune costs and takes what its base does: {', '.join(told)}. It pays where the small model, tuned to "
        "your data, ranks them as well: measure that (rerank-kit eval)"
    )
