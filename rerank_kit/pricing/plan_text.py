"""A plan as text for terminals and as Markdown, made from its plain values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rerank_kit.pricing.amounts import UNKNOWN, money, seconds
from rerank_kit.texts import in_a_line, in_markdown

_RIGHT = 4  # columns of numbers, behind the first one
HEADER = ("back end", "$ a month", "$ a query", "machines", "seconds", "data", "languages", "licence", "remarks")
_SHORT = (0, 1, 3, 4, 5, 7, 8)  # of these, what fits into the lines of a terminal


def as_text(plan: Mapping[str, Any]) -> str:
    """The table, what is advised and why, and what has to be known to read it."""
    rows = [_only(HEADER), *(_only(cells(each)) for each in plan["rows"])]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = [headline(plan), "", f"Recommended: {recommended(plan)}", *(f"- {each}" for each in _reasons(plan)), ""]
    for row in rows:
        lined = (
            cell.rjust(width) if 0 < place < _RIGHT else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(lined).rstrip())
    for title, texts in sections(plan):
        lines += ["", f"{title}:", *(f"- {each}" for each in texts)]
    return "\n".join(lines)


def as_markdown(plan: Mapping[str, Any]) -> str:
    """The same in Markdown. Nothing in names is taken for markup."""
    lines = [in_markdown(headline(plan)), "", f"**Recommended: {in_markdown(recommended(plan))}**", ""]
    lines += [*(f"- {in_markdown(each)}" for each in _reasons(plan)), ""]
    lines += [_row(HEADER), f"|:--{'|--:' * _RIGHT}{'|:--' * (len(HEADER) - 1 - _RIGHT)}|"]
    lines += [_row(cells(each)) for each in plan["rows"]]
    for title, texts in sections(plan):
        lines += ["", f"**{title}**", "", *(f"- {in_markdown(each)}" for each in texts)]
    return "\n".join([*lines, ""])


def headline(plan: Mapping[str, Any]) -> str:
    """What was planned for."""
    work = plan["workload"]
    asked = f"{work['queries']:,} queries a month, {work['candidates']:,} candidates of {work['tokens_per_document']:,}"
    stays = ", data must stay" if work["data_must_stay"] else ""
    wish = "" if work["latency"] is None else f", at most {seconds(work['latency'])} s"
    return in_a_line(f"{asked} tokens, in {work['language']}{stays}{wish}; planned on {plan['date']}")


def recommended(plan: Mapping[str, Any]) -> str:
    """The back end to begin with."""
    return in_a_line(plan["recommended"] or "nothing that is known will do")


def _reasons(plan: Mapping[str, Any]) -> list[str]:
    return [in_a_line(each) for each in plan["reasons"]]


def cells(row: Mapping[str, Any]) -> list[str]:
    """A row of the table, as `HEADER` has it."""
    return [
        in_a_line(each)
        for each in (
            row["backend"],
            money(row["dollars"]),
            money(row["per_query"]) if row["kind"] != "local" else "",
            ("" if row["kind"] != "local" else UNKNOWN) if row["machines"] is None else f"{row['machines']:,}",
            seconds(row["seconds"]),
            f"go to {row['vendor']}" if row["vendor"] else "stay",
            row["languages"] or UNKNOWN,
            row["licence"] or UNKNOWN,
            "; ".join(row["against"]),
        )
    ]


def sections(plan: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """What stands below the table, by its title."""
    told: list[tuple[str, Iterable[str]]] = [
        ("Stages, which are in every row", map(_stage, plan["stages"])),
        ("Break-even", plan["break_evens"]),
        ("What would change", [*(each["text"] for each in plan["changes"]), *filter(None, [plan["fine_tune"]])]),
        ("Where seconds are from", _sources(plan["rows"], "latency_source")),
        ("Where prices are from", _sources([*plan["rows"], *plan["stages"]], "price_source")),
        ("Notes", plan["notes"]),
    ]
    for title, texts in told:
        if listed := [in_a_line(each) for each in texts]:
            yield title, listed


def _stage(stage: Mapping[str, Any]) -> str:
    once = f", and {money(stage['once'])} once" if stage["once"] != 0 else ""
    return f"{stage['name']}: {money(stage['dollars'])} a month{once}"


def _sources(rows: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    """The back ends of each source, and whether it was the vendor's own price list."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row[name]:
            unsure = " (not the vendor's own list)" if name == "price_source" and not row["verified"] else ""
            found.setdefault(f"{row[name]}{unsure}", []).append(row.get("backend") or row["name"])
    return [f"{source}: {', '.join(names)}" for source, names in found.items()]


def _only(row: Sequence[str]) -> list[str]:
    return [row[place] for place in _SHORT]


def _row(row: Sequence[str]) -> str:
    return f"| {' | '.join(map(in_markdown, row))} |"
