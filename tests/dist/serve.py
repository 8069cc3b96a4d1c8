"""The extra `serve`: a reranker behind HTTP, asked with the standard library alone."""

from __future__ import annotations

import json
from urllib.request import Request, urlopen

from rerank_kit import Reranker
from rerank_kit.serve import rerank_app, running

longest = Reranker.of(lambda query, texts: [1 - 1 / len(text) for text in texts])
body = json.dumps({"query": "red planet", "documents": ["bread", "a red planet"]}).encode()
with running(rerank_app(longest)) as url:
    request = Request(f"{url}/v2/rerank", body, {"content-type": "application/json"})
    with urlopen(request, timeout=60) as answer:
        assert [each["index"] for each in json.load(answer)["results"]] == [1, 0]
    with urlopen(f"{url}/health", timeout=60) as answer:
        assert answer.status == 200
