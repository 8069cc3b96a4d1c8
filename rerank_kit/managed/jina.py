"""`Jina`, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Unpack

from rerank_kit.api.exchange import Request, Response
from rerank_kit.api.json_values import amount, shown
from rerank_kit.api.secret import Secret
from rerank_kit.checks import check_text
from rerank_kit.errors import RerankError
from rerank_kit.managed.base import ManagedReranker, Options
from rerank_kit.managed.results import Decoded, result, rows
from rerank_kit.managed.split import Limits
from rerank_kit.values import Usage

# v3 reads up to 64 documents together, v2 each on its own: https://huggingface.co/jinaai/jina-reranker-v3
_TOGETHER = Limits(documents=64)
_APART = Limits(documents=1000)
_NO_MONEY = 402


class Jina(ManagedReranker):
    """Jina's rerank models, such as `jina-reranker-v3.5`, `jina-reranker-m0` or `jina-reranker-v2-base-multilingual`.

    From v3 on they read all documents together, so that a score depends on the others: lists are not split, and
    scores cannot be kept for one document.
    """

    bare = True

    def __init__(
        self,
        model: str,
        *,
        api_key: object = None,
        base_url: str | None = None,
        max_tokens_per_doc: int | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Check the settings; nothing is sent yet.

        Args:
            model: The model's name.
            api_key: The key, also as pydantic's `SecretStr`; by default from `JINA_API_KEY` or, as LlamaIndex calls
                it, `JINAAI_API_KEY`.
            base_url: Where the API is, if not at Jina.
            max_tokens_per_doc: Longer documents are cut before they are sent.
            **options: See `Options`.

        Raises:
            ConfigurationError: An argument is wrong, or there is no key.
        """
        key = Secret(api_key, variables=("JINA_API_KEY", "JINAAI_API_KEY"))
        self.pointwise = not check_text("model", model).startswith("jina-reranker-v3")
        options.setdefault("limits", _APART if self.pointwise else _TOGETHER)
        url = "https://api.jina.ai/v1" if base_url is None else base_url
        super().__init__(model, base_url=url, api_key=key, max_tokens_per_doc=max_tokens_per_doc, **options)
        self._settle_but_what_is_read(Jina)

    def encode(self, query: str, texts: Sequence[str]) -> Request:
        """The body of Jina's API. The texts need not come back."""
        body = {"model": self.model, "query": query, "documents": list(texts), "top_n": len(texts)}
        return Request("/v1/rerank", {**body, "return_documents": False})

    def decode(self, body: Any, texts: Sequence[str]) -> Decoded:
        """Scores, and the tokens that are billed."""
        results = [result(row, "relevance_score") for row in rows(body, "results")]
        return Decoded(results, Usage(tokens=int(amount(body, "usage", "total_tokens"))))

    def error_of(self, response: Response) -> RerankError:
        """The error that a response stands for. An account without money answers 403, though the key is right."""
        broke = response.status == 403 and "BALANCE" in shown(response.body).upper()  # noqa: PLR2004 - HTTP's "forbidden"
        return super().error_of(replace(response, status=_NO_MONEY) if broke else response)
