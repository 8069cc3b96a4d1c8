"""Whatever a server sends comes out as an error of ours, or is ignored where it is not needed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, get_args

import cohere
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rerank_kit import InvalidResponse, Ranking, Reranker, RerankError
from rerank_kit.api.exchange import Response
from rerank_kit.api.json_values import is_mapping, read_json
from rerank_kit.managed import Backoff, Cohere, Endpoint, FormatName, Jina, Limits, ManagedReranker, Voyage
from rerank_kit.managed.served_formats import SERVED_FORMATS
from rerank_kit.observe.trace_report import report
from rerank_kit.testing.served_formats import PAGES, read
from tests.apis import DOCUMENTS, KEY, ORDER, QUERY, answered
from tests.odd import VALUES, changed, replaced

FORMATS = get_args(FormatName)
SCORES = [(place, 1.0 - rank / 10) for rank, place in enumerate(ORDER)]
QUICK = Backoff(first=0.0, longest=0.0)


def right_answer(name: str) -> Any:
    """What a server answers in that format."""
    wire = SERVED_FORMATS[name]
    body = {wire.query: QUERY, wire.documents: DOCUMENTS, "model": "m", "relevant_spans": True}
    return wire.answer(read(wire, body).answered(SCORES))


def with_sdk(content: bytes) -> Cohere:
    """A real SDK, answered with these bytes."""
    respond = httpx.MockTransport(lambda request: httpx.Response(200, content=content, headers=JSON))
    return Cohere("rerank-v5.0-pro", client=cohere.ClientV2(api_key=KEY, httpx_client=httpx.Client(transport=respond)))


JSON = {"content-type": "application/json"}
HOSTED: dict[str, tuple[type[ManagedReranker], str]] = {
    "Voyage": (Voyage, "rerank-2.5"),
    "Jina": (Jina, "jina-reranker-v2-base-multilingual"),
    "Cohere": (Cohere, "rerank-v5.0-pro"),
}


def reranker(kind: str, content: bytes) -> Reranker:
    """A reranker of each class and format, answered with these bytes."""
    if kind == "the cohere SDK":
        return with_sdk(content)
    response = Response(200, read_json(content))
    if kind in HOSTED:
        make, model = HOSTED[kind]
        return answered(make, lambda _: response, model=model, api_key=KEY)
    return answered(Endpoint, lambda _: response, base_url="http://h", format=kind, api_key=KEY, model="m")


KINDS = {"Voyage": "voyage", "Jina": "jina", "Cohere": "cohere", "the cohere SDK": "cohere"} | {
    name: name for name in FORMATS
}


def perfect(ranking: Ranking) -> bool:
    """Whether every document is there once, with a score, and what it took can be counted, priced and reported."""
    json.dumps(report(ranking), allow_nan=False)
    counts = asdict(ranking.usage).values()
    return (
        sorted(hit.index for hit in ranking) == list(range(len(DOCUMENTS)))
        and all(type(hit.score) is float and math.isfinite(hit.score) for hit in ranking)
        and all(math.isfinite(each) and 0 <= each <= 2**53 for each in counts)
        and (ranking.cost is None or 0 <= ranking.cost < math.inf)
    )


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_an_odd_answer_is_a_perfect_ranking_or_no_valid_one(kind: str, data: st.DataObject) -> None:
    content = data.draw(changed(right_answer(KINDS[kind]))).encode()
    try:
        ranking = reranker(kind, content).rerank(QUERY, DOCUMENTS)
    except RerankError as error:
        assert isinstance(error, InvalidResponse) or kind == "the cohere SDK"  # noqa: PT017 - or there is no error
        assert len(str(error)) < 1000  # noqa: PT017
    else:
        assert perfect(ranking)


@pytest.mark.parametrize("kind", [kind for kind, name in KINDS.items() if isinstance(right_answer(name), dict)])
def test_what_is_counted_in_no_known_way_costs_no_ranking(kind: str) -> None:
    right = right_answer(KINDS[kind])
    ways = [("usage",), ("usage", "total_tokens")] if "usage" in right else [("meta",), ("meta", "billed_units")]
    sdk = kind == "the cohere SDK"  # it reads no number of 5,000 digits, and nothing 200,000 deep
    for path in [*ways, *([("meta", "billed_units", "search_units")] if "meta" in right else [])]:
        for odd in VALUES:
            if len(odd) > 300_000 or (sdk and len(odd) == 5000):
                continue
            ranking = reranker(kind, replaced(right, path, odd).encode()).rerank(QUERY, DOCUMENTS)
            assert [hit.index for hit in ranking] == ORDER
            assert perfect(ranking)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("field", ["index", "score"])
@pytest.mark.parametrize("value", ['"1"', '"0.5"', "true", "null", "[]", "{}", "NaN", "1e999", "9" * 400, "9" * 5000])
def test_what_is_no_number_is_neither_an_index_nor_a_score(kind: str, field: str, value: str) -> None:
    right = right_answer(KINDS[kind])
    where: Any = next(((key,) for key in ("results", "data") if key in right), ())
    rows = right[where[0]] if where else right
    if kind == "the cohere SDK" and field == "index" and value in {'"1"', "true"}:
        return  # it hands them on as numbers
    name = field if field in rows[0] else "relevance_score"
    with pytest.raises(RerankError):
        reranker(kind, replaced(right, (*where, 0, name), value).encode()).rerank(QUERY, DOCUMENTS)


@pytest.mark.parametrize("value", ["1.0", "0.5", "-1", "99", "9007199254740993"])
def test_an_index_is_a_whole_number_of_a_document(value: str) -> None:
    content = replaced(right_answer("voyage"), ("data", 0, "index"), value).encode()
    with pytest.raises(InvalidResponse):
        reranker("Voyage", content).rerank(QUERY, DOCUMENTS)


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "UTF-8 with a mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16, the other way round": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32"),
    "Latin-1": lambda text: text.encode("latin-1"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", FORMATS)
def test_an_answer_is_read_in_whatever_encoding_it_is(encoding: str, name: str) -> None:
    right = right_answer(name)
    text = json.dumps(
        {**right, "said": "dé"} if is_mapping(right) else [{**right[0], "text": "dé"}, *right[1:]], ensure_ascii=False
    )
    ranking = reranker(name, ENCODINGS[encoding](text)).rerank(QUERY, DOCUMENTS)
    assert [hit.index for hit in ranking] == ORDER


@settings(max_examples=100, deadline=None)
@given(
    status=st.sampled_from([400, 402, 403, 404, 408, 422, 429, 500, 503, 529, 999]),
    body=changed({"message": "m", "detail": [{"msg": "m"}], "error": {"message": "m", "code": 7}, "errors": ["m"]}),
    header=st.sampled_from(["retry-after", "retry-after-ms", "x-ratelimit-reset", "x-request-id"]),
    value=st.sampled_from(["1.2.3s", "nan", "1e400", "9" * 400, "-1", "", "Fri, 99", "\x00", "é"]),
)
def test_an_error_of_any_shape_is_an_error_of_ours(status: int, body: str, header: str, value: str) -> None:
    response = Response(status, read_json(body.encode()), {header: value})
    for make, model in HOSTED.values():
        made = answered(make, lambda _: response, model=model, api_key=KEY, backoff=QUICK)
        with pytest.raises(RerankError) as caught:
            made.rerank(QUERY, DOCUMENTS)
        assert str(status) in str(caught.value) or status == 403
        assert len(str(caught.value)) < 1000
        str(caught.value).encode()


@settings(max_examples=100, deadline=None)
@given(data=st.data(), name=st.sampled_from(["tei", "infinity", "vllm", "llama.cpp", "sglang"]))
def test_an_odd_introduction_is_understood_or_none(data: st.DataObject, name: FormatName) -> None:
    pages = {path: page for (of, path), page in PAGES.items() if of == name}
    said = {path: data.draw(changed(page)) for path, page in pages.items()}

    def answer(address: str) -> Response:
        path = address.removeprefix("http://h")
        if path in said:
            return Response(200, read_json(said[path].encode()))
        right = path == SERVED_FORMATS[name].path
        return Response(200, right_answer(name)) if right else Response(404, {"detail": "Not Found"})

    made = answered(Endpoint, answer, base_url="http://h")
    try:
        ranking = made.rerank(QUERY, DOCUMENTS)
    except RerankError as error:
        split = "must be in range" in str(error)  # as the server wants them, which here answers for all the same
        assert split or "does not say what it is" in str(error)  # noqa: PT017 - or there is no error
    else:
        assert perfect(ranking)
        assert made.model is None or made.model.strip()
        assert made.limits.documents is None or made.limits.documents > 0


@settings(max_examples=100, deadline=None)
@given(data=st.data(), name=st.sampled_from(FORMATS))
def test_the_self_test_reports_an_odd_answer(data: st.DataObject, name: FormatName) -> None:
    response = Response(200, read_json(data.draw(changed(right_answer(name))).encode()))
    made = answered(Endpoint, lambda _: response, base_url="http://h", format=name, api_key=KEY, limits=Limits())
    assert str(made.check()).startswith(f"format {name}, answered in ")


@pytest.mark.parametrize("size", ["0", "9" * 5000, "99999999999"])
def test_a_refusal_that_names_no_number_of_documents_is_passed_on(size: str) -> None:
    told = Response(422, {"error": f"batch size 4 > maximum allowed batch size {size}"})
    made = answered(Endpoint, lambda _: told, base_url="http://h", format="tei")
    with pytest.raises(RerankError, match="maximum allowed batch size"):
        made.rerank(QUERY, DOCUMENTS)


def test_a_part_of_what_was_counted_makes_no_price() -> None:
    right = right_answer("voyage")
    answers = iter([json.dumps(right), replaced(right, ("usage", "total_tokens"), "1e999")])
    made = answered(
        Voyage,
        lambda _: Response(200, read_json(next(answers).encode())),
        model="rerank-2.5",
        api_key=KEY,
        concurrency=1,
        limits=Limits(documents=len(DOCUMENTS)),
    )
    ranking = made.rerank(QUERY, DOCUMENTS * 2)
    assert (ranking.usage.tokens, ranking.cost) == (0, None)
