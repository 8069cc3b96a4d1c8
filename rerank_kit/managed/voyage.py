"""`Voyage`, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from rerank_kit.api.exchange import Request
from rerank_kit.api.json_values import amount
from rerank_kit.api.secret import Secret
from rerank_kit.checks import check_flag, check_text
from rerank_kit.managed.base import ManagedReranker, Options
from rerank_kit.managed.results import Decoded, result, rows
from rerank_kit.managed.split import Limits
from rerank_kit.values import Usage

# 1,000 documents; query tokens times documents, plus the documents' tokens, up to 600,000:
# https://docs.voyageai.com/docs/reranker
_LIMITS = Limits(documents=1000, tokens=600_000)


class Voyage(ManagedReranker):
    """Voyage's rerank models, such as `rerank-3`, `rerank-2.5` and their `-lite` variants.

    Scores are between 0 and 1. `usage.tokens` are the tokens billed: the query's count once for each document.
    """

    bare = True

    def __init__(
        self,
        model: str,
        *,
        api_key: object = None,
        base_url: str | None = None,
        instruction: str | None = None,
        truncation: bool = True,
        max_tokens_per_doc: int | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Check the settings; nothing is sent yet.

        Args:
            model: The model's name.
            api_key: The key, also as pydantic's `SecretStr`; by default from `VOYAGE_API_KEY`.
            base_url: Where the API is; by default at MongoDB for its keys, which begin with `al-`, else at Voyage.
            instruction: What makes a document relevant, in your own words; it is put before the query, which is how
                these models take instructions. Its tokens are billed for every document.
            truncation: Let Voyage cut what is longer than the model reads; else that is an error.
            max_tokens_per_doc: Longer documents are cut before they are sent.
            **options: See `Options`.

        Raises:
            ConfigurationError: An argument is wrong, or there is no key.
        """
        key = Secret(api_key, variables=("VOYAGE_API_KEY",))
        options.setdefault("limits", _LIMITS)
        url = _home(key) if base_url is None else base_url
        name = check_text("model", model)
        super().__init__(name, base_url=url, api_key=key, max_tokens_per_doc=max_tokens_per_doc, **options)
        self.instruction = None if instruction is None else check_text("instruction", instruction)
        self.truncation = check_flag("truncation", truncation)
        self._settle_but_what_is_read(Voyage)

    def encode(self, query: str, texts: Sequence[str]) -> Request:
        """The body of Voyage's API, which says `top_k`."""
        asked = query if self.instruction is None else f"{self.instruction}\nQuery: {query}"
        body = {"model": self.model, "query": asked, "documents": list(texts), "top_k": len(texts)}
        return Request("/v1/rerank", {**body, "truncation": self.truncation})

    def decode(self, body: Any, texts: Sequence[str]) -> Decoded:
        """Scores, and the tokens that are billed."""
        results = [result(row, "relevance_score") for row in rows(body, "data")]
        return Decoded(results, Usage(tokens=int(amount(body, "usage", "total_tokens"))))


def _home(key: Secret) -> str:
    """Keys from MongoDB Atlas work there only: https://www.mongodb.com/docs/voyageai/management/api-keys/."""
    return "https://ai.mongodb.com/v1" if "".join(key.known()).startswith("al-") else "https://api.voyageai.com/v1"
