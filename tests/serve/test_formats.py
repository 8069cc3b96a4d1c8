"""What is asked in a format is answered in that format, by every kind of reranker, with scores between 0 and 1."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any, TypeAlias, cast

import pytest

from rerank_kit import Document, Fallback, Hit, Ranking, Reranker, Usage
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.managed import Limits
from rerank_kit.serve.wanted import PATHS
from rerank_kit.values import Dropped
from tests.doubles import Answering, Failing, Scripted
from tests.serve.conftest import Serving, counts

TEXTS = ["low 0.1", "high 0.9", "middle 0.5"]
ASKED = [
    *(("/v2/rerank", "documents"), ("/v1/rerank", "documents"), ("/rerank", "documents")),
    *(("/rerank", "texts"), ("/v1/rerank", "texts")),
]


def rows(body: Any) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", body if isinstance(body, list) else body["results"])


def scores(body: Any) -> list[tuple[int, float]]:
    return [(row["index"], row["score" if "score" in row else "relevance_score"]) for row in rows(body)]


def asked(field: str, texts: Sequence[Any] = TEXTS, **more: Any) -> dict[str, Any]:
    return {"query": "which?", field: texts, **more}


@pytest.mark.parametrize(("path", "field"), ASKED)
def test_documents_come_back_by_index_best_first_with_what_was_used(serving: Serving, path: str, field: str) -> None:
    client = serving(Scripted())
    answer = client.post(path, json=asked(field))
    assert answer.status_code == 200
    assert scores(answer.json()) == [(1, 0.9), (2, 0.5), (0, 0.1)]
    if field == "texts":
        assert rows(answer.json())[0]["text"] is None
    else:
        assert answer.json()["meta"]["billed_units"] == {"search_units": 1}
        assert answer.json()["meta"]["tokens"]["input_tokens"] > 0
        assert "document" not in rows(answer.json())[0]
    if path != "/v2/rerank" and field == "documents":
        assert answer.json()["usage"]["total_tokens"] == answer.json()["meta"]["tokens"]["input_tokens"]
        assert answer.json()["model"] == "scripted"
        assert answer.json()["id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(("path", "field"), ASKED[:4])
@pytest.mark.parametrize(("top_n", "count"), [(None, 3), (0, 3), (1, 1), (2, 2), (99, 3)])
def test_null_and_nought_are_all_results(serving: Serving, path: str, field: str, top_n: Any, count: int) -> None:
    client = serving(Scripted())
    assert len(rows(client.post(path, json=asked(field, top_n=top_n)).json())) == count


@pytest.mark.parametrize(
    ("path", "field", "echo", "first"),
    [
        ("/v2/rerank", "documents", "return_documents", {"text": "high 0.9"}),
        ("/v1/rerank", "documents", "return_documents", {"text": "high 0.9"}),
        ("/rerank", "documents", "return_documents", {"text": "high 0.9"}),
        ("/rerank", "texts", "return_text", "high 0.9"),
    ],
)
def test_documents_are_sent_back_where_they_are_asked_for(
    serving: Serving, path: str, field: str, echo: str, first: Any
) -> None:
    client = serving(Scripted())
    row = rows(client.post(path, json=asked(field) | {echo: True}).json())[0]
    assert row["text" if field == "texts" else "document"] == first


@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank"])
def test_who_asks_as_infinity_is_asked_gets_strings(serving: Serving, path: str) -> None:
    body = asked("documents", raw_scores=False, return_documents=True)
    told = serving(Scripted()).post(path, json=body).json()
    assert (rows(told)[0]["document"], told["object"]) == ("high 0.9", "rerank")


@pytest.mark.parametrize("path", PATHS)
def test_documents_may_be_objects_and_fields_that_nobody_reads_are_counted(serving: Serving, path: str) -> None:
    client = serving(Scripted())
    documents = ["low 0.1", {"text": "high 0.9", "url": "x"}]
    body = asked("documents", documents, truncate_prompt_tokens=-1, rank_fields=None, priority=3, model="any")
    assert scores(client.post(path, json=body).json()) == [(1, 0.9), (0, 0.1)]
    assert counts(client)["unknown_fields_total"] == 3


def test_documents_without_text_come_last_and_are_not_left_out(serving: Serving, embedded: OnnxCrossEncoder) -> None:
    client = serving({"parts": embedded, "whole": Scripted(lambda text: -5.0)})
    for model in ("parts", "whole"):
        answer = client.post("/v1/rerank", json=asked("documents", ["", "a cat", " \n"], model=model)).json()
        assert [index for index, _ in scores(answer)] == [1, 0, 2]
        assert all(0 <= score <= 1 for _, score in scores(answer))
    assert scores(client.post("/rerank", json=asked("documents", ["", ""])).json()) == [(0, 0.0), (1, 0.0)]


def test_what_a_reranker_leaves_out_comes_last_with_nothing(serving: Serving) -> None:
    ranking = Ranking((Hit(2, 0.5),), dropped=(Dropped(0, "it does not answer"),))
    client = serving(Answering(ranking))
    assert scores(client.post("/v1/rerank", json=asked("documents")).json()) == [(2, 0.5), (0, 0.0), (1, 0.0)]


def test_raw_scores_are_sent_as_their_sigmoid_from_the_first_one_on(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    client = serving(Scripted(), warm_up=False)
    body = asked("documents", ["x 7.5", "y -3.25"])
    with caplog.at_level(logging.WARNING, "rerank_kit.serve"):
        first, second = scores(client.post("/v1/rerank", json=body).json())
        assert (first[0], second[0]) == (0, 1)
        assert first[1] == pytest.approx(0.99944, abs=1e-5)
        assert second[1] == pytest.approx(0.03732, abs=1e-5)
        ((_, score),) = scores(client.post("/v1/rerank", json=asked("documents", ["z 0.5"])).json())
    assert score == pytest.approx(0.62246, abs=1e-5)
    assert [record.getMessage() for record in caplog.records] == [
        "scripted gives scores that are not between 0 and 1: their sigmoid is sent"
    ]


def test_the_first_texts_are_ranked_before_the_first_request(serving: Serving) -> None:
    reranker = Scripted(lambda text: -9.0 if "oven" in text else 9.0)
    client = serving(reranker, warm_up=True)
    assert len(reranker.sent) == 1
    ((_, score),) = scores(client.post("/v1/rerank", json=asked("documents", ["so so"])).json())
    assert score == pytest.approx(0.99988, abs=1e-5)


def long_document(embedded: OnnxCrossEncoder) -> tuple[OnnxCrossEncoder, str]:
    windowed = OnnxCrossEncoder(long_documents="max", max_length=64)
    return windowed, "Bread is baked in an oven. " * 20 + "Mars is the red planet. " + "Trains leave every hour. " * 20


def test_relevant_spans_are_told_by_rerankers_that_know_them(serving: Serving, embedded: OnnxCrossEncoder) -> None:
    windowed, text = long_document(embedded)
    client = serving(windowed)
    body = {"query": "Which planet is red?", "documents": [text, "Hay."], "relevant_spans": {"mode": "enabled"}}
    first, second = client.post("/v2/rerank", json=body).json()["results"]
    (span,) = first["relevant_spans"]
    assert "Mars is the red planet" in text[span["start"] : span["end"]]
    assert span["score"] == first["relevance_score"]
    assert "relevant_spans" not in second
    for more in ({"mode": "disabled"}, {"mode": "enabled", "threshold": 1.0}, None, True):
        answer = client.post("/v2/rerank", json={**body, "relevant_spans": more}).json()
        assert "relevant_spans" not in answer["results"][0]
    assert "relevant_spans" not in client.post("/v1/rerank", json=body).json()["results"][0]


def test_what_is_not_all_that_was_asked_for_says_so(serving: Serving) -> None:
    client = serving(Fallback(Failing(OSError("x")), Scripted()))
    answer = client.post("/v2/rerank", json=asked("documents"))
    assert answer.headers["x-rerank-degraded"] == "true"
    assert counts(client)["degraded_total"] == 1


def test_several_rerankers_go_by_their_names_and_a_single_one_by_every_name(serving: Serving) -> None:
    upside_down = Scripted(lambda text: 1 - float(text.split()[-1]))
    client = serving({"up": Scripted(), "down": upside_down})
    for model, best in ((None, 1), ("up", 1), ("down", 0)):
        answer = client.post("/v1/rerank", json=asked("documents", model=model)).json()
        assert rows(answer)[0]["index"] == best
        assert answer["model"] == (model or "up")
    answer = client.post("/v1/rerank", json=asked("documents", model="left"))
    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such model: up, down are served here")
    assert [each["id"] for each in client.get("/v1/models").json()["data"]] == ["up", "down"]
    alone = serving(Scripted())
    assert alone.post("/v1/rerank", json=asked("documents", model="rerank-v3.5")).status_code == 200


class Counting(Reranker):
    """Counts tokens as an API does."""

    def flow(self, query: str, documents: Sequence[Document], deadline: Any) -> Ranking:
        return Ranking.by_score([0.5] * len(documents), Usage(tokens=1234))


def test_tokens_are_those_that_the_reranker_counted(serving: Serving) -> None:
    client = serving(Counting())
    answer = client.post("/v1/rerank", json=asked("documents", ["x"] * 101)).json()
    assert answer["usage"] == {"prompt_tokens": 1234, "total_tokens": 1234}
    assert answer["meta"]["billed_units"] == {"search_units": 2}
    assert counts(client)["tokens_total"] == 1234
    assert client.get("/v1/models").json()["data"][0]["id"] == "Counting"


Mapped: TypeAlias = dict[str, Any]
NO_TEXT = 'must be a string, or an object with one under "text"'
WRONG: list[tuple[Any, str]] = [
    ([], "the body must be a JSON object with query and documents"),
    ("text", "the body must be a JSON object with query and documents"),
    ({"documents": ["x"]}, "query must be a string with something in it"),
    ({"query": " ", "documents": ["x"]}, "query must be a string with something in it"),
    ({"query": 5, "documents": ["x"]}, "query must be a string with something in it"),
    ({"query": "q"}, "documents must be a list with at least one document in it"),
    ({"query": "q", "documents": []}, "documents must be a list with at least one document in it"),
    ({"query": "q", "documents": "x"}, "documents must be a list with at least one document in it"),
    ({"query": "q", "documents": ["x", 5]}, 'documents[1] must be a string, or an object with one under "text"'),
    (
        {"query": "q", "documents": [{"title": "x"}]},
        'documents[0] must be a string, or an object with one under "text"',
    ),
    ({"query": "q", "documents": ["x"], "top_n": -1}, "top_n must be a whole number; null and 0 are all"),
    ({"query": "q", "documents": ["x"], "top_n": "3"}, "top_n must be a whole number; null and 0 are all"),
    ({"query": "q", "documents": ["x"], "top_n": 1.5}, "top_n must be a whole number; null and 0 are all"),
    ({"query": "q", "documents": ["x"], "top_n": True}, "top_n must be a whole number; null and 0 are all"),
    ({"query": "q", "documents": ["x"], "model": 5}, "model must be a string"),
]


@pytest.mark.parametrize(("body", "told"), WRONG)
def test_what_is_wrong_is_said_in_the_words_of_the_format(serving: Serving, body: Any, told: str) -> None:
    client = serving(Scripted())
    answer = client.post("/v2/rerank", json=body)
    assert (answer.status_code, answer.json()) == (400, {"message": told})
    for path in ("/v1/rerank", "/rerank"):
        answer = client.post(path, json=body)
        assert answer.status_code == 400
        assert (answer.json()["detail"], answer.json()["error"]["message"]) == (told, told)
    if isinstance(body, dict) and "documents" in body:
        given = {"texts" if name == "documents" else name: value for name, value in cast("Mapped", body).items()}
        answer = client.post("/rerank", json=given)
        assert answer.status_code == 422
        assert answer.json() == {"error": told.replace("documents", "texts"), "error_type": "Validation"}
    assert client.post("/rerank", json=asked("texts")).status_code == 200


def test_more_documents_and_tokens_than_are_allowed_are_refused(serving: Serving) -> None:
    client = serving(Scripted(), limits=Limits(documents=3, tokens=50))
    assert client.post("/rerank", json=asked("texts")).status_code == 200
    answer = client.post("/rerank", json=asked("texts", [*TEXTS, "one 0.2"]))
    told = "batch size 4 > maximum allowed batch size 3: send fewer documents"
    assert (answer.status_code, answer.json()["error"]) == (422, told)
    answer = client.post("/v2/rerank", json=asked("documents", ["word " * 99 + "0.1"]))
    assert answer.status_code == 413
    assert answer.json()["message"].endswith("and 50 are allowed")
    assert client.get("/info").json()["max_client_batch_size"] == 3


def test_the_app_describes_itself(serving: Serving) -> None:
    client = serving(Scripted(), limits=Limits(documents=7))
    assert client.get("/health").json() == {"status": "ok"}
    told = client.get("/openapi.json").json()
    assert set(told["paths"]) == {*PATHS, "/health", "/info", "/metrics", "/models", "/openapi.json", "/v1/models"}
    assert "7" in json.dumps(told["paths"]["/v1/rerank"])
    assert "security" not in told
    for path in told["paths"].keys() - set(PATHS):
        assert client.get(path).status_code == 200
    unlimited = serving(Scripted(), limits=Limits())
    assert "maxItems" not in unlimited.get("/openapi.json").text
    assert unlimited.get("/info").json()["max_client_batch_size"] > 10**9
    assert unlimited.post("/v2/rerank", json=asked("documents")).status_code == 200


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/rerank", 405), ("POST", "/v3/rerank", 404)])
def test_other_addresses_say_where_rankings_are(serving: Serving, method: str, path: str, status: int) -> None:
    answer = serving(Scripted()).request(method, path, json={})
    assert answer.status_code == status
    assert answer.json()["detail"] == "rankings are asked for by POST to /v2/rerank, /v1/rerank, /rerank"
