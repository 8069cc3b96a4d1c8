"""`ManagedReranker`: a rerank API, of which a vendor writes only the wire format."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack, cast

from rerank_kit.api.answer_size import longest_answer
from rerank_kit.api.client import ApiClient, ClientOptions
from rerank_kit.api.exchange import Request
from rerank_kit.api.secret import Secret
from rerank_kit.checks import check_count, check_function, check_instance, check_text
from rerank_kit.errors import ConfigurationError
from rerank_kit.flow import Flow, gather
from rerank_kit.managed.results import Decoded, Result, complete
from rerank_kit.managed.split import Limits, parts
from rerank_kit.pricing import Prices, known_prices
from rerank_kit.ranking import Ranking, best_first
from rerank_kit.reranker import Reranker
from rerank_kit.texts import CountTokens, cut, estimated_tokens
from rerank_kit.values import Deadline, Document, Hit, Usage


class Options(ClientOptions, total=False):
    """What every rerank API takes besides its own arguments: these, and those of `ClientOptions`.

    Attributes:
        limits: The most that goes into one request, if it is not what the vendor documents.
        concurrency: How many parts of a list that had to be split are sent side by side; 8 by default.
        count_tokens: Counts the tokens of a text, for limits and cuts; by default a careful guess from its length.
        prices: What `cost` is computed by; by default the rows that come with the package.
    """

    limits: Limits
    concurrency: int
    count_tokens: CountTokens
    prices: Prices


class ManagedReranker(ApiClient, Reranker):
    """A reranker behind an API. To add a vendor, write `encode` and `decode`: what is sent, and what an answer says.

    Lists that are too long for one request are split, if the model scores each document on its own, and the parts
    are sent side by side.

    Attributes:
        limits: The most that goes into one request.
        max_tokens_per_doc: Longer documents are cut before they are sent; `None` sends them whole.
    """

    def __init__(
        self,
        model: str | None,
        *,
        base_url: str,
        api_key: Secret,
        max_tokens_per_doc: int | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Check the settings; nothing is sent yet.

        Args:
            model: The model's name, if the API needs one.
            base_url: Where the API is.
            api_key: The key.
            max_tokens_per_doc: Longer documents are cut before they are sent.
            **options: See `Options`.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        self.model = None if model is None else check_text("model", model)
        self.max_tokens_per_doc = check_count("max_tokens_per_doc", max_tokens_per_doc)
        self.limits = options.pop("limits", Limits())
        self._concurrency = check_count("concurrency", options.pop("concurrency", 8)) or 1
        self._count_tokens = options.pop("count_tokens", estimated_tokens)
        self._prices = options.pop("prices", None)
        check_instance("limits", self.limits, Limits, "a rerank_kit.managed.Limits, such as Limits(documents=100)")
        check_function("count_tokens", self._count_tokens, "a text")
        check_instance("prices", self._prices, (Prices, type(None)), "a rerank_kit.pricing.Prices, or None for ours")
        super().__init__(base_url=base_url, api_key=api_key, **cast("ClientOptions", options))

    @abstractmethod
    def encode(self, query: str, texts: Sequence[str]) -> Request:
        """What to send for these documents. It asks for all of them to be scored."""

    @abstractmethod
    def decode(self, body: Any, texts: Sequence[str]) -> Decoded:
        """What the answer says of these documents.

        Raises:
            InvalidResponse: It does not say it.
        """

    @property
    def fingerprint(self) -> str | None:
        """The request without query and documents: vendor, model and every setting. `None` for list-wise models.

        A vendor may change what is behind a model's name without a word.
        """
        if not self.pointwise or self.model is None:
            return None
        body = self.encode("", [""]).body
        return f"{type(self).__name__}:{self.base_url}:{self.max_tokens_per_doc}:{json.dumps(body, sort_keys=True)}"

    def cost(self, usage: Usage) -> float | None:
        """What that usage costs, in US dollars; `None` when the price or what the vendor counted is not known."""
        prices = known_prices() if self._prices is None else self._prices
        return prices.cost(self.model, usage)

    def prepare(self, text: str) -> tuple[str, bool]:
        """A document as it is sent, and whether something was cut off."""
        if self.max_tokens_per_doc is None:
            return text, False
        kept = cut(text, self.max_tokens_per_doc, self._count_tokens)
        return kept, len(kept) < len(text)

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Rank the documents: in one request, or in several if they do not fit into one."""
        prepared = [self.prepare(document.text) for document in documents]
        texts = [text for text, _ in prepared]
        shares = parts(query, texts, self.limits, self._count_tokens)
        if len(shares) > 1 and not self.pointwise:
            msg = (
                f"{type(self).__name__}({self.model!r}) scores documents relative to each other, so {len(documents)} "
                f"cannot be split to fit {self.limits}: rerank fewer, or pass limits= if the API takes more at a time"
            )
            raise ConfigurationError(msg)
        asking = (self._part(query, [texts[place] for place in share], deadline) for share in shares)
        scored = yield from gather(*asking, limit=self._concurrency)
        results: dict[int, Result] = {}
        for share, part in zip(shares, scored, strict=True):
            results |= {share[index]: each for index, each in part.results.items()}
        hits = [Hit(place, each.score, passage=each.passage) for place, each in sorted(results.items())]
        truncated = sum(shorter for _, shorter in prepared)
        usage = sum((each.usage for each in scored), Usage(truncated=truncated, splits=len(shares) - 1))
        if not all(each.usage.tokens or each.usage.units for each in scored):
            usage = replace(usage, tokens=0, units=0)  # the part that was counted would make a wrong price
        return Ranking(best_first(hits), usage)

    def _part(self, query: str, texts: Sequence[str], deadline: Deadline) -> Flow[_Part]:
        """One request, repeated until it is answered or not worth it."""
        tokens = 0
        if self._rate_limit is not None:
            tokens = sum(map(self._count_tokens, texts)) + len(texts) * self._count_tokens(query)
        longest = longest_answer(results=len(texts), characters=len(query) + sum(map(len, texts)))
        request = replace(self.encode(query, texts), longest=longest)
        response, requests = yield from self.exchange(request, deadline, tokens=tokens)
        results, taken = self.understood(response, lambda body: self._decoded(body, texts))
        return _Part(results, taken + Usage(pairs=len(texts), requests=requests, retries=requests - 1))

    def _decoded(self, body: Any, texts: Sequence[str]) -> tuple[Mapping[int, Result], Usage]:
        """One result for each document, and what the vendor counted."""
        decoded = self.decode(body, texts)
        return complete(decoded.results, len(texts)), decoded.usage

    def __repr__(self) -> str:
        """Say which model this is, and where."""
        return f"{type(self).__name__}({self.model!r}, base_url={self.base_url!r})"


@dataclass(frozen=True, slots=True)
class _Part:
    """The results of one request by index, and what it took."""

    results: Mapping[int, Result]
    usage: Usage
