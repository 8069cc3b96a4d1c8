"""The report of serve.py, in Markdown: figures, and whether they reach the goals."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

OURS, ONE_CORE, INT8, TORCH = "rerank-kit", "rerank-kit on one core", "infinity, int8 ONNX", "infinity, fp32 torch"
BEGIN, END = "<!-- load -->", "<!-- end of load -->"
WITHIN, TWICE = 1.10, 2.0  # the goals


@dataclass
class Load:
    """What some clients saw of a server in one round.

    Attributes:
        seconds: From the first request to the last answer.
        times: Seconds of each answer of the clients, without the first ones of many, which found nobody before them.
        requests: How many were answered or not.
        errors: How many were not answered with 200.
    """

    seconds: float
    times: list[float]
    requests: int
    errors: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


@dataclass
class Beside:
    """Small requests in one round, in seconds: alone, and beside a large one."""

    alone: list[float]
    beside: list[float]
    large: list[float]
    errors: int

    @property
    def times(self) -> float:
        """How many times as long the median small request took beside the large one."""
        return percentile(self.beside, 50) / percentile(self.alone, 50)


@dataclass
class Server:
    """What was seen of one server.

    Attributes:
        loads: Each round, by the number of clients.
        small: Each round of small requests beside a large one.
        memory: Megabytes after the load, and the most that there were.
        shared: Of the ten best of a request, how many are the ten best of ours, for some requests.
    """

    loads: dict[int, list[Load]] = field(default_factory=dict[int, list[Load]])
    small: list[Beside] = field(default_factory=list[Beside])
    memory: tuple[float, float] = (0.0, 0.0)
    shared: list[int] = field(default_factory=list[int])

    @property
    def errors(self) -> int:
        """Requests that were not answered with 200."""
        return sum(each.errors for loads in self.loads.values() for each in loads) + sum(e.errors for e in self.small)

    @property
    def requests(self) -> int:
        """All of them."""
        small = sum(len([*each.alone, *each.beside, *each.large]) for each in self.small)
        return sum(each.requests for loads in self.loads.values() for each in loads) + small


Servers = Mapping[str, Server]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not below so many hundredths of all."""
    return sorted(values)[max(0, math.ceil(share * len(values) / 100) - 1)]


def spread(values: Sequence[float], digits: int = 2) -> str:
    """The median, and the range where there are several."""
    middle = f"{statistics.median(values):.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def report(servers: Servers, cores: int) -> str:
    """The tables and the goals."""
    parts = [_loads(servers), _small(servers), verdicts(servers, cores), _rest(servers)]
    return "\n\n".join("\n".join(each) for each in parts)


def _loads(servers: Servers) -> list[str]:
    lines = ["| server | clients | p50, s | p99, s | requests a second | errors |", "|---|---|---|---|---|---|"]
    for name, server in servers.items():
        for clients, rounds in server.loads.items():
            p50, p99 = (spread([percentile(each.times, share) for each in rounds]) for share in (50, 99))
            rate = spread([each.rate for each in rounds])
            lines.append(f"| {name} | {clients} | {p50} | {p99} | {rate} | {sum(each.errors for each in rounds)} |")
    return lines


def _small(servers: Servers) -> list[str]:
    lines = [
        "| server | small, alone: p50, s | beside a large one: p50, s | p99, s | times as long | the large one, s |",
        "|---|---|---|---|---|---|",
    ]
    for name, server in servers.items():
        if rounds := server.small:
            cells = [
                spread([percentile(each.alone, 50) for each in rounds]),
                *(spread([percentile(each.beside, share) for each in rounds]) for share in (50, 99)),
                spread([each.times for each in rounds]),
                spread([statistics.median(each.large) for each in rounds], 1),
            ]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def verdicts(servers: Servers, cores: int) -> list[str]:
    """The goals, and what came out."""
    ours = servers[OURS]
    most = max(ours.loads)
    loaded, alone = ([percentile(each.times, 50) for each in ours.loads[clients]] for clients in (most, 1))
    one_core = [percentile(each.times, 50) for each in servers[ONE_CORE].loads[1]]
    lines = [
        _line(
            f"p50 at {most} clients, over {most} × the time of a single request, which has all cores",
            [high / (most * low) for high, low in zip(loaded, alone, strict=True)],
            f"at most {WITHIN:.2f}",
            lambda ratio: ratio <= WITHIN,
        ),
        _line(
            f"the same over {most} × the time of a single request on one core / {cores} cores",
            [high * cores / (most * low) for high, low in zip(loaded, one_core, strict=True)],
            f"at most {WITHIN:.2f}",
            lambda ratio: ratio <= WITHIN,
        ),
        f"- errors: {ours.errors} of {ours.requests}; goal: none, {_met(ours.errors == 0)}",
        _line(
            "a small request beside a large one, over the time of one alone",
            [each.times for each in ours.small],
            f"at most {TWICE:.2f}",
            lambda ratio: ratio <= TWICE,
        ),
    ]
    for clients in ours.loads if INT8 in servers else ():
        rates = zip(ours.loads[clients], servers[INT8].loads[clients], strict=True)
        lines.append(
            _line(
                f"requests a second with {clients} client{'s'[: clients > 1]}, over those of {INT8}",
                [mine.rate / theirs.rate for mine, theirs in rates],
                "at least 1.00",
                lambda ratio: ratio >= 1,
            )
        )
    return lines


def _line(what: str, ratios: Sequence[float], goal: str, good: Callable[[float], bool]) -> str:
    return f"- {what}: {spread(ratios)}; goal: {goal}, {_met(good(statistics.median(ratios)))}"


def _met(met: bool) -> str:  # noqa: FBT001 - it is all there is
    return "**met**" if met else "**missed**"


def _rest(servers: Servers) -> list[str]:
    lines = ["| server | MB after the load | at most | of its ten best, those of rerank-kit |", "|---|---|---|---|"]
    for name, server in servers.items():
        after, most = server.memory
        shared = f"{statistics.mean(server.shared):.1f}" if server.shared else ""
        lines.append(f"| {name} | {after:.0f} | {most:.0f} | {shared} |")
    return lines


def between(page: str, text: str) -> str:
    """The page with this text between its marks; they are added at the end where it has none."""
    before, begun, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    before = before if begun else page.rstrip() + "\n\n"
    return f"{before}{BEGIN}\n{text.strip()}\n{END}{after if ended else chr(10)}"
