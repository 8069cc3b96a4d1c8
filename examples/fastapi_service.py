"""A search service for RAG, all of it async: candidates of BM25, reranked by the embedded model, behind FastAPI.

python examples/fastapi_service.py                        # asks itself, and prints what it answers
uvicorn --app-dir examples fastapi_service:app            # serves; needs fastapi and uvicorn
curl "http://127.0.0.1:8000/search?q=How+are+two+files+compared?"

pip install "rerank-kit[langchain,embedded,serve]" fastapi httpx
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query
from fastapi.testclient import TestClient
from langchain_core.documents import Document
from passages import standard_library
from pydantic import BaseModel

from langchain_rerank_kit import BM25Retriever, RerankRetriever, with_rerank
from rerank_kit import Reranker
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.serve import rerank_app

QUESTION = "How can I tell whether two files have the same contents?"


class Hit(BaseModel):
    """What answers."""

    title: str
    text: str
    score: float | None
    first_stage_rank: int | None


class Answer(BaseModel):
    """The best of the candidates. Where `degraded` says why, they are in the order of the first stage, or nearly so."""

    results: list[Hit]
    degraded: str | None


def service(reranker: Reranker | None = None, rerank_seconds: float = 5.0, seconds: float = 10.0) -> FastAPI:
    """Make the app.

    Args:
        reranker: What ranks; by default the embedded model, loaded when the app starts.
        rerank_seconds: What reranking may take, before the first stage's order is given instead.
        seconds: What a request may take, before it is given up with 504.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        """Load all there is once, and have it warm before the first request is taken."""
        ranks = await asyncio.to_thread(OnnxCrossEncoder) if reranker is None else reranker
        documents = [Document(each.text, id=each.id, metadata={"title": each.title}) for each in standard_library()]
        first_stage = await asyncio.to_thread(BM25Retriever.from_documents, documents)  # or your vector store's
        app.state.retriever = with_rerank(first_stage, ranks, timeout=rerank_seconds, on_error="keep")
        app.mount("/rank", rerank_app(ranks))  # the same model, for rerank clients: POST /rank/v2/rerank
        await with_rerank(first_stage, ranks, on_error="keep").ainvoke(QUESTION)  # warm, however long that takes
        yield

    app = FastAPI(title="search", lifespan=lifespan)

    @app.get("/search")
    async def search(  # pyright: ignore[reportUnusedFunction] - FastAPI uses it
        q: Annotated[str, Query(max_length=1000, pattern=r"\S", description="The question.")],
        top_n: Annotated[int, Query(ge=1, le=50)] = 5,
    ) -> Answer:
        retriever: RerankRetriever = app.state.retriever
        try:
            async with asyncio.timeout(seconds):
                documents = await retriever.ainvoke(q, top_n=top_n)
        except TimeoutError:
            raise HTTPException(504, f"not found within {seconds:g} seconds") from None
        return Answer(results=[hit(each.page_content, each.metadata) for each in documents], degraded=why(documents))

    @app.get("/health")
    async def health() -> dict[str, str]:  # pyright: ignore[reportUnusedFunction]
        return {"status": "ok"}  # nobody is answered before all is loaded

    return app


def hit(text: str, metadata: dict[str, Any]) -> Hit:
    """A document as it is answered."""
    score, rank = metadata.get("relevance_score"), metadata.get("first_stage_rank")
    return Hit(title=metadata["title"], text=text, score=score, first_stage_rank=rank)


def why(documents: list[Document]) -> str | None:
    """What of the order is not as it was asked for."""
    told = (each.metadata.get("rerank_failed") or each.metadata.get("rerank_degraded") for each in documents)
    return next((str(each) for each in told if each), None)


app = service()


def main() -> None:
    """Ask the service as its clients do."""
    with TestClient(app) as client:
        print(QUESTION)
        answer = client.get("/search", params={"q": QUESTION, "top_n": 3}).json()
        for each in answer["results"]:
            print(f"  {each['score']:.2f} (BM25: place {each['first_stage_rank']})  {each['title']}")
        print(f"degraded: {answer['degraded']}")
        wanted = {"query": "Which planet is red?", "documents": ["Bread is baked in an oven.", "Mars is red."]}
        best = client.post("/rank/v2/rerank", json=wanted).json()["results"][0]
        print(f"/rank/v2/rerank: document {best['index']} is first")
        print(f"/health: {client.get('/health').json()['status']}")


if __name__ == "__main__":
    main()
