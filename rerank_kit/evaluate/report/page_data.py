"""What the page's script reads: plain values, as small as they can be. Everything is named by its place in a list."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rerank_kit.evaluate.ceiling import DEPTHS
from rerank_kit.evaluate.report.characters import in_a_line, visible

LONGEST = 4_000  # characters of a document
_ALL = 16_000_000  # characters of all documents together
_SHORTEST = 10  # of a text, however many there are
_LINE = 400  # characters of a query or an id, and of a reason at most
_REASONS = 6_000_000  # characters of all reasons together
_HITS = 600_000  # results of all systems and queries together
_FEWEST = 5  # results of a ranking, whatever there is


def figures(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """What the charts show."""
    place = _places(evaluation)
    return {
        "measure": in_a_line(evaluation["measure"]),
        "systems": [
            {
                "name": in_a_line(each["name"]),
                "first": place.get(each["first_stage"]),
                "value": _number(each["values"].get(evaluation["measure"])),
                "seconds": None if each["seconds"] is None else _number(each["seconds"]["p50"]),
                "cost": _number(each["cost_per_1000"]),
            }
            for each in evaluation["systems"]
        ],
        "comparisons": [
            {
                "system": place[each["system"]],
                "against": place[each["against"]],
                "verdict": each["verdict"],
                "text": in_a_line(each["text"]),
                **{name: _number(each[name]) for name in ("difference", "low", "high", "margin")},
            }
            for each in evaluation["comparisons"]
        ],
        "ceilings": [
            {
                "first": in_a_line(each["first_stage"]),
                "depths": _curve(each["by_depth"]),
                "now": [
                    [_seen(now["recall"], each["by_depth"]), _number(now["value"]), in_a_line(now["system"])]
                    for now in each["now"]
                ],
                "enough": each["enough"],
            }
            for each in evaluation["ceilings"]
        ],
    }


def rankings(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """What the viewer shows: queries, and what each system made of them.

    Returns:
        `queries`: id, text, and the documents judged for it, each a place among the documents and a grade.
        `values`: of each system, the measure for each query.
        `results`: of each system, for each query: the documents' places, their scores, their ranks in the first stage,
            and reasons if there are any.
        `failed`: of each system, for queries by their place: why.
        `documents`: id, text or `None`, and the text's length where it is cut.
        `found`: of each finding, its kind, the places of its queries, and of what systems it tells.
        `hits`: how many results of each ranking the page has at most.
        `cut`: how many characters of each document it has at most.
    """
    queries = evaluation["queries"]
    number = {each["id"]: place for place, each in enumerate(queries)}
    place = _places(evaluation)
    hits = max(_FEWEST, _HITS // max(1, len(queries) * len(evaluation["systems"])))
    documents = _Documents(evaluation["documents"])
    shown = [[ranked[:hits] for ranked in system["results"]] for system in evaluation["systems"]]
    told = _cut((why for system in shown for ranked in system for _, _, why, _ in ranked if why), _REASONS, _LINE)
    results = [[_ranking(ranked, documents, told) for ranked in system] for system in shown]
    judged = [_judged(each["relevant"], documents) for each in queries]
    cut = _cut(documents.texts(), _ALL, LONGEST)
    return {
        "queries": [
            [in_a_line(each["id"])[:_LINE], in_a_line(each["text"][: 2 * _LINE])[:_LINE], grades]
            for each, grades in zip(queries, judged, strict=True)
        ],
        "values": [
            [_number(value, 5) for value in system["per_query"][evaluation["measure"]]]
            for system in evaluation["systems"]
        ],
        "results": results,
        "failed": [
            {str(number[query]): in_a_line(why)[:_LINE] for query, why in system["failed"].items() if query in number}
            for system in evaluation["systems"]
        ],
        "documents": documents.listed(cut),
        "found": [_finding(each, place, number) for each in evaluation["findings"]],
        "hits": hits,
        "cut": cut,
    }


class _Documents:
    """The documents of the page, numbered as they are met."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._places: dict[str, int] = {}

    def known(self, name: str) -> bool:
        """Whether it is among those that are shown."""
        return name in self._places

    def place(self, name: str) -> int:
        """Its place in the list."""
        return self._places.setdefault(name, len(self._places))

    def texts(self) -> Iterable[str]:
        """The texts, as far as they are known."""
        return (self._texts[name] for name in self._places if name in self._texts)

    def listed(self, cut: int) -> list[list[Any]]:
        """All of them, as the page has them."""
        rows: list[list[Any]] = []
        for name in self._places:
            text = self._texts.get(name)
            length = [len(text)] if text is not None and len(text) > cut else []
            rows.append([in_a_line(name)[:_LINE], None if text is None else visible(text[:cut]), *length])
        return rows


def _ranking(ranked: Sequence[Sequence[Any]], documents: _Documents, told: int) -> list[Any]:
    names, scores, whys, ranks = zip(*ranked, strict=True) if ranked else ((), (), (), ())
    shown = [[documents.place(name) for name in names], [_number(score, 5) for score in scores], list(ranks)]
    reasons = [None if why is None else _begun(in_a_line(why[: 2 * told]), told) for why in whys]
    return [*shown, reasons] if any(reasons) else shown


def _judged(relevant: Mapping[str, int], documents: _Documents) -> list[list[int]]:
    """Documents and grades: all that are relevant, and of the others those that are shown."""
    return [[documents.place(name), grade] for name, grade in relevant.items() if grade > 0 or documents.known(name)]


def _finding(finding: Mapping[str, Any], place: Mapping[str | None, int], number: Mapping[str, int]) -> dict[str, Any]:
    """A finding's queries, and the systems to look at."""
    return {
        "kind": in_a_line(finding["kind"]),
        "system": place.get(finding.get("system")),
        "against": place.get(finding.get("against")),
        "queries": [number[query] for query in finding["queries"] if query in number],
    }


def _begun(line: str, most: int) -> str:
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _cut(texts: Iterable[str], everything: int, longest: int) -> int:
    """How many characters of each text there is room for.

    Args:
        texts: All of them.
        everything: Characters that there is room for.
        longest: Of a text, whatever room there is.
    """
    lengths = sorted(min(len(text), longest) for text in texts)
    left = everything
    for place, length in enumerate(lengths):
        share = left // (len(lengths) - place)
        if length > share:  # so are all that follow
            return max(_SHORTEST, share)
        left -= length
    return longest


def _places(evaluation: Mapping[str, Any]) -> dict[str | None, int]:
    return {each["name"]: place for place, each in enumerate(evaluation["systems"])}


def _curve(values: Mapping[str, float]) -> list[list[float | None]]:
    """Depths and values, the smallest depth first."""
    return sorted([int(depth), _number(value)] for depth, value in values.items() if depth.isdigit())


def _seen(recall: int, by_depth: Mapping[str, float]) -> int:
    """How many candidates a reranker has, which are no more than there are."""
    deepest = max([int(depth) for depth in by_depth if depth.isdigit()], default=recall)
    return recall if deepest in DEPTHS else min(recall, deepest)


def _number(value: float | None, digits: int = 6) -> float | None:
    """A number of that many digits; `None` for what JSON has no number for."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{digits}g}")
