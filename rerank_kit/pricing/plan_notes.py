"""What has to be known to read a plan: what was assumed, what is not known, and how far its prices can be trusted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from difflib import get_close_matches

from rerank_kit.pricing.amounts import money
from rerank_kit.pricing.backends import known_backends
from rerank_kit.pricing.metering import pair_tokens
from rerank_kit.pricing.prices import Price, Prices
from rerank_kit.pricing.rows import Row, Stage
from rerank_kit.pricing.workload import Workload

_OLD = dt.timedelta(days=365)
_FAR = 2  # times the tokens of the longest pairs that were measured


def notes(rows: Sequence[Row], behind: Sequence[Stage], prices: Prices, work: Workload, today: dt.date) -> list[str]:
    """They as sentences."""
    return [
        *_about_prices([*(each.price for each in rows), *(each.price for each in behind)], today),
        *_unknown(rows, work),
        *(_unknown_stage(each, prices) for each in behind if each.dollars is None),
        *_about_machines(rows, work),
        *_about_contexts(behind, work),
        "tokens are counted alike for all, but for LLMs whose tokenizer is known to make more",
        "free tiers, volume discounts and taxes are not in it",
    ]


def _about_prices(of_all: Sequence[Price | None], today: dt.date) -> list[str]:
    found: list[str] = []
    priced = [*dict.fromkeys(each for each in of_all if each is not None)]
    if old := [f"{each.model} ({each.date})" for each in priced if each.date is not None and today - each.date > _OLD]:
        found.append(f"these prices are older than a year, look them up: {', '.join(dict.fromkeys(old))}")
    if undated := dict.fromkeys(each.model for each in priced if each.date is None):
        found.append(f"nobody says of when these prices are: {', '.join(undated)}")
    if unverified := [each for each in priced if not each.verified]:
        found.append(
            f"{len(unverified)} of {len(priced)} prices were not read on the vendor's own price list: each stands with "
            "its source and date, so check a row before you rely on it, and put your own into a file of prices"
        )
    return found


def _unknown_stage(stage: Stage, prices: Prices) -> str:
    """What is known of the model of a stage without a price, and which have one."""
    known = list(dict.fromkeys(each.model for each in prices.rows if each.unit == "chat"))
    close = get_close_matches(stage.model.rpartition(":")[2], known, n=1)
    if stage.price is None:
        why = f"the prices have no row for {stage.model!r}"
    elif stage.price.unit != "chat":
        why = f"the prices have {stage.model!r} as a rerank API, and no LLM"
    elif stage.model in {each.model for each in known_backends().backends}:
        why = f"the price of {stage.model!r} lacks a part that it takes, such as cache_read"
    else:
        why = f"from how many tokens on {stage.model!r} caches a document is not known"
    meant = f" (did you mean {close[0]!r}?)" if close and stage.model not in known else ""
    return f"what the stage {stage.name} costs is not known, and with it no sum: {why}{meant}"


def _unknown(rows: Sequence[Row], work: Workload) -> list[str]:
    missing = [each.backend for each in rows if each.kind != "local" and each.per_query is None]
    found = [f"no price is known of {', '.join(missing)}: add a row to your prices"] if missing else []
    if slow := [each.backend for each in rows if each.kind == "local" and each.machines is None]:
        found.append(
            f"how fast these are there is not known: {', '.join(slow)}. Measure them (--measure), "
            "or say it (--pairs-per-second, or pairs_per_second in Python)"
        )
    ours = known_backends().backends
    if others := [each.backend for each in rows if each.kind == "local" and each.row not in ours]:
        found.append(f"nothing is known of these but the speed that was given: {', '.join(others)}")
    if work.latency is not None and any(each.fits and each.seconds is None for each in rows):
        found.append("of back ends whose seconds are not known, none was left out for being slow")
    return found


def _about_machines(rows: Sequence[Row], work: Workload) -> list[str]:
    known, found = known_backends(), list[str]()
    timed = [each for each in rows if each.kind == "local" and each.seconds is not None]
    ours = [each.backend for each in timed if each.latency_source.startswith(known.speeds[0].source)]
    machine = known.machine if len(ours) == len(timed) else "the one whose speeds were given or measured"
    where = work.hardware or (f"{work.cores} cores" if work.cores is not None else machine)
    price = "not known" if work.machine_price is None else f"{money(work.machine_price)} a month"
    found.append(
        f"a machine of yours is {where}, whose price is {price}; there are as many as the busiest hour needs, which "
        f"has {work.peak:g} times the mean, and nobody's work is in it"
    )
    if ours and len(ours) < len(timed) and work.cores is None:
        found.append(
            f"these speeds are of another machine, {known.machine}: {', '.join(ours)}. Measure them too (--reranker), "
            "or name yours (--hardware, or hardware in Python), and they are not known"
        )
    longest = max(each.tokens or 0 for each in known.speeds)
    if any(each.machines is not None and pair_tokens(each.row, work) > _FAR * longest for each in rows):
        found.append(
            f"speeds were measured with pairs of up to {longest} tokens and are in proportion: longer ones take more"
        )
    return found


def _about_contexts(behind: Sequence[Stage], work: Workload) -> list[str]:
    if work.contextual is None:
        return []
    known = known_backends()
    (stage,) = [each for each in behind if each.name.startswith("contexts")]
    whole = f"{work.corpus_tokens:,} tokens of documents"
    return [
        f"contexts of {whole} cost {money(stage.once)} once, by the formula of {known.contextual_source}",
        *_in_batches(stage),
        f"contexts make each candidate about {known.context_tokens} tokens longer, which is in all rows",
    ]


def _in_batches(stage: Stage) -> list[str]:
    if stage.in_batches is None or stage.price is None:
        return []
    share = f"at {stage.price.batch:g} of the price and without the prompt cache"
    several = "several chunks in a call cost less: rerank-kit contextualize tells it before it asks"
    costs = f"contexts cost {money(stage.in_batches)} once, {share}"
    return [f"in Message Batches, which take up to 24 hours, {costs}; {several}"]
