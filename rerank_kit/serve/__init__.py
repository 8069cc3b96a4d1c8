"""Any reranker behind the HTTP endpoints that rerank clients speak already."""

from rerank_kit.optional import needed

needed("starlette", "uvicorn", extra="serve", why="rerank_kit.serve")

from rerank_kit.serve.app import rerank_app  # noqa: E402 - what is missing is said before
from rerank_kit.serve.keys import hashed  # noqa: E402
from rerank_kit.serve.listening import run, running  # noqa: E402

__all__ = ["hashed", "rerank_app", "run", "running"]
