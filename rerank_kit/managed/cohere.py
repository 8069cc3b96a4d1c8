"""`Cohere`, on its official SDK."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack

from rerank_kit.api.addresses import root_of
from rerank_kit.api.base_url import base_url_or
from rerank_kit.api.exchange import Request, Response, Transport
from rerank_kit.api.json_values import amount, is_list, is_mapping, is_whole
from rerank_kit.api.secret import Secret
from rerank_kit.api.user_clients import UserClients
from rerank_kit.checks import check_count, check_instance, check_text
from rerank_kit.errors import RerankError
from rerank_kit.managed.base import ManagedReranker, Options
from rerank_kit.managed.cohere_sdk import CohereSdk
from rerank_kit.managed.results import Decoded, Result, result, rows
from rerank_kit.managed.split import Limits
from rerank_kit.optional import optional
from rerank_kit.values import Usage

# "We recommend against sending more than 1,000 documents": https://docs.cohere.com/reference/rerank
_LIMITS = Limits(documents=1000)
_PATH = "/v2/rerank"  # which the SDK adds to the base URL
_VARIABLES = ("CO_API_KEY", "COHERE_API_KEY")
_CLIENT = "the cohere SDK, with a method rerank"


class Cohere(ManagedReranker):
    """Cohere's rerank models, such as `rerank-v5.0-pro`, `rerank-v4.0-fast` or `rerank-v3.5`.

    It runs on the official SDK, so that clients of your own work too: for Bedrock, SageMaker, or behind a proxy.
    Scores are between 0 and 1. `usage.units` are the search units billed.

    Attributes:
        max_tokens_per_doc: Cohere cuts longer documents to this; `None` leaves it at Cohere's 4096.
    """

    def __init__(
        self,
        model: str,
        *,
        api_key: object = None,
        base_url: str | None = None,
        client: Any = None,
        async_client: Any = None,
        max_tokens_per_doc: int | None = None,
        priority: int | None = None,
        relevant_spans: bool | Mapping[str, Any] = False,
        **options: Unpack[Options],
    ) -> None:
        """Check the settings; nothing is sent yet.

        Args:
            model: The model's name.
            api_key: The key, also as pydantic's `SecretStr`; by default from `CO_API_KEY` or `COHERE_API_KEY`.
            base_url: Where the API is, if not at Cohere; by default from `CO_API_URL`.
            client: A client of the SDK to use instead of making one, such as `cohere.BedrockClientV2()`. An async one
                goes here too. Its retries are turned off, for ours know the deadline. It belongs to you: close it.
            async_client: An async client beside a blocking one. Without, async callers use the blocking one in a
                worker thread.
            max_tokens_per_doc: Cohere cuts longer documents to this.
            priority: 0 is handled first: https://docs.cohere.com/reference/rerank
            relevant_spans: Ask which part of a document was relevant, for the hit's `passage`. Only rerank-v5.0 and
                newer can say. A mapping is for Cohere's settings `threshold` and `max_spans`.
            **options: See `Options`.

        Raises:
            ConfigurationError: An argument is wrong, or there is no key.
            MissingExtra: The SDK is not installed.
        """
        optional("cohere", extra="cohere", why="Cohere")
        url = base_url_or(base_url, "CO_API_URL", "https://api.cohere.com")
        given = client is not None or async_client is not None
        self._own = UserClients(client, async_client, method=lambda each: each.rerank, what=_CLIENT) if given else None
        key = Secret(None if given else api_key, variables=() if given else _VARIABLES, required=not given)
        options.setdefault("limits", _LIMITS)
        super().__init__(check_text("model", model), base_url=root_of(url, _PATH), api_key=key, **options)
        self.max_tokens_per_doc = check_count("max_tokens_per_doc", max_tokens_per_doc, none="for Cohere's 4096")
        self._extra = {
            "priority": check_count("priority", priority, least=0, none="for Cohere's own"),
            "relevant_spans": _spans(relevant_spans),
        }
        self._settle_but_what_is_read(Cohere, "base_url")

    def transport(self) -> Transport:
        """The SDK."""
        return CohereSdk(self.base_url, self._own)

    def prepare(self, text: str) -> tuple[str, bool]:
        """Documents are sent whole: Cohere knows its own tokens."""
        return text, False

    def encode(self, query: str, texts: Sequence[str]) -> Request:
        """The body of Cohere's v2 API. Without `top_n` all documents are scored."""
        settings = {"max_tokens_per_doc": self.max_tokens_per_doc, **self._extra}
        extra = {name: value for name, value in settings.items() if value is not None}
        return Request(_PATH, {"model": self.model, "query": query, "documents": list(texts), **extra})

    def error_of(self, response: Response) -> RerankError:
        """The error that a response stands for. A client of the user's own asks at an address of its own."""
        return super().error_of(response if self._own is None else replace(response, address=""))

    def decode(self, body: Any, texts: Sequence[str]) -> Decoded:
        """Scores, relevant spans and what is billed."""
        results: list[Result] = []
        for row in rows(body, "results"):
            plain = result(row, "relevance_score")
            inside = 0 <= plain.index < len(texts)
            passage = _passage(row.get("relevant_spans"), len(texts[plain.index])) if inside else None
            results.append(result(row, "relevance_score", passage))
        tokens = amount(body, "meta", "billed_units", "input_tokens") or amount(body, "meta", "tokens", "input_tokens")
        units = amount(body, "meta", "billed_units", "search_units")
        return Decoded(results, Usage(tokens=int(tokens), units=units))


def _spans(asked: bool | Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: FBT001 - as the user passes it
    check_instance("relevant_spans", asked, (bool, Mapping), "True, or a mapping of settings")
    if asked is False:
        return None
    return {"mode": "enabled", **(asked if is_mapping(asked) else {})}


def _passage(spans: Any, length: int) -> tuple[int, int] | None:
    """The most relevant span, which comes first; `None` where there is none inside the text."""
    if not is_list(spans) or not spans or not is_mapping(spans[0]):
        return None
    start, end = spans[0].get("start"), spans[0].get("end")
    if not is_whole(start) or not is_whole(end) or not 0 <= start < end <= length:
        return None
    return start, end
