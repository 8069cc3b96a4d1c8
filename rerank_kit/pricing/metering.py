"""Each vendor's own units and rules, applied to a workload; what a local model takes of machines and time."""

from __future__ import annotations

import math

from rerank_kit.pricing.backends import Backend, Speed, known_backends
from rerank_kit.pricing.bills import Bill, Machines, Metered
from rerank_kit.pricing.prices import Price, Prices
from rerank_kit.pricing.workload import Workload
from rerank_kit.values import Usage

SECONDS = 730 * 3600
"""In a month."""
_SPECIAL_TOKENS = 3  # that a tokenizer puts around a pair


def more_tokens(work: Workload) -> int:
    """What contexts add to each document."""
    return 0 if work.contextual is None else known_backends().context_tokens


def price_of(backend: Backend, prices: Prices, work: Workload, count: int) -> Price | None:
    """The row that a back end is paid by; of an LLM that is asked about so many documents the one for such prompts."""
    if backend.kind == "local":
        return None
    if backend.kind == "api":
        return prices.price(backend.model)
    calls, tokens = _read(backend, work, count)
    return prices.price(backend.model, tokens / calls)


def api_dollars(price: Price, work: Workload) -> float | None:
    """What a query costs with a rerank API; `None` where the price is an LLM's."""
    if price.unit == "chat":
        return None
    return price.estimate(work.query_tokens, work.documents(work.candidates, more_tokens(work)))


def chat_dollars(backend: Backend, prices: Prices, work: Workload, count: int) -> float | None:
    """What an LLM or a decision model costs that is asked about so many documents of a query; `None` if unknown."""
    calls, tokens = _read(backend, work, count)
    price = prices.price(backend.model, tokens / calls)
    if price is None or price.unit != "chat":
        return None
    asking = known_backends().asking[backend.kind]
    written = (calls * asking.answer_tokens + count * asking.answer_document_tokens) * backend.tokens_factor
    usage = Usage(calls=calls, input_tokens=round(tokens), output_tokens=round(written))
    return prices.cost(backend.model, usage)


def _read(backend: Backend, work: Workload, count: int) -> tuple[int, float]:
    """The calls for a query, and the tokens that are read in them."""
    asking = known_backends().asking[backend.kind]
    longest = asking.longest_document or math.inf
    documents = [min(each, longest) for each in work.documents(count, more_tokens(work))]
    if asking.documents_per_call is not None:
        calls = math.ceil(count / asking.documents_per_call)
    else:
        state = sum(documents) + count * asking.state_document_tokens
        calls = math.ceil(state / (backend.tokens_per_call or math.inf)) or 1
    tokens = calls * (asking.call_tokens + work.query_tokens) + count * asking.document_tokens + sum(documents)
    return calls, tokens * backend.tokens_factor


def contextual_price(backend: Backend, prices: Prices, work: Workload) -> Price | None:
    """The row by which contexts are paid: that for prompts as long as a document."""
    document, asked, _ = _context_tokens(backend, work)
    return prices.price(backend.model, document + asked)


def _context_tokens(backend: Backend, work: Workload) -> tuple[float, float, float]:
    """Tokens of a document, and what is read besides and written for the context of one of its chunks."""
    known, factor = known_backends(), backend.tokens_factor
    asked = known.instruction_tokens + _chunk(work)
    return work.document_tokens * factor, asked * factor, known.context_tokens * factor


def _chunk(work: Workload) -> float:
    return sum(work.lengths) / len(work.lengths)


def contextual_dollars(backend: Backend, prices: Prices, work: Workload, *, batch: bool = False) -> float | None:
    """What the contexts of all documents cost once, by the formula that Anthropic published; `None` if unknown.

    For each document: it is put into the cache once, and for each of its chunks it is read from there, the instruction
    and the chunk are read, and the context is written. A document that is too short for the cache is read as a whole
    each time. In a batch all are, for there the cache is never sure to be there.
    """
    document, asked, written = _context_tokens(backend, work)
    chunks, price = work.document_tokens / _chunk(work), contextual_price(backend, prices, work)
    if price is None or price.unit != "chat" or price.output is None or backend.cache_least is None:
        return None
    share = price.batch if batch else 1.0
    if share is None:
        return None
    if batch or document < backend.cache_least:
        of_document = price.price * document * chunks
    elif price.cache_read is None or price.cache_write is None:
        return None
    else:
        of_document = (price.cache_write + price.cache_read * chunks) * document
    one = of_document + chunks * (price.price * asked + price.output * written)
    return share * one / price.per * (work.corpus_tokens or 0) / work.document_tokens


def pair_tokens(backend: Backend, work: Workload) -> float:
    """Tokens of a pair, as far as a local model reads them."""
    most = backend.max_length or math.inf
    around, more = work.query_tokens + _SPECIAL_TOKENS, more_tokens(work)
    return sum(min(most, around + more + each) for each in work.lengths) / len(work.lengths)


def pairs_per_second(backend: Backend, speed: Speed, work: Workload) -> float:
    """Pairs of this workload a second, on one machine."""
    return speed.at(pair_tokens(backend, work), work.cores)


def capacity(pairs: float, work: Workload) -> float:
    """Queries a month that one machine serves, which scores so many pairs a second and is full in the busiest hour."""
    return pairs / work.candidates / work.peak * SECONDS


def bill_of(per_query: float | None, price: Price | None, fixed: float = 0.0) -> Bill | None:
    """The bill of what is paid for each query and in a month by a price; `None` where that is not known."""
    if per_query is None or price is None:
        return None
    return (Metered(per_query, float(price.monthly_minimum), fixed, price.model),)


def machines(pairs: float, work: Workload) -> Bill | None:
    """The bill of machines; `None` where their price is not known."""
    return None if work.machine_price is None else (Machines(float(work.machine_price), capacity(pairs, work)),)
