"""Arguments that there are not: whoever is called says what was meant, and never shows what was passed."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Callable, Iterator
from traceback import walk_tb
from typing import Any

import pytest
from langchain_core.documents import Document as Page
from llama_index.core.schema import TextNode
from llama_index.retrievers.bm25 import BM25Retriever

import langchain_rerank_kit
import llama_rerank_kit
import rerank_kit
from rerank_kit import ConfigurationError, Document, Reranker, WrongArguments
from rerank_kit.arguments import named
from rerank_kit.managed import ManagedReranker, Voyage
from rerank_kit.rules import weighted
from tests.conftest import Colour
from tests.doubles import Scripted

KEY = "sk-planted-0123456789"
ROOMS = ("cache", "combine", "decide", "judge", "local", "managed", "observe", "pricing", "rules")
PACKAGES: list[Any] = [rerank_kit, langchain_rerank_kit, llama_rerank_kit, *(f"rerank_kit.{room}" for room in ROOMS)]
OURS = {  # what we make and hand out, and what somebody else is to write
    *(
        "Blend",
        "Calibration",
        "Change",
        "Check",
        "Completion",
        "Deadline",
        "Estimate",
        "Finding",
        "Hit",
        "Kept",
        "Plan",
        "Prompt",
        "ShadowReport",
        "ShadowRun",
        "ShadowSide",
    ),
    *("RerankedNode", "Ranking", "Scored", "Span", "Usage", "Verdict", "Verdicts", "Widening", "log_span"),
    *("cross_encoder", "known_prices", "CrossEncoder", "explaining"),
}


def public() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every class and function that users call."""
    for package in PACKAGES:
        module = importlib.import_module(package) if isinstance(package, str) else package
        for name in module.__all__:
            thing = getattr(module, name)
            is_class = isinstance(thing, type)
            made = not is_class or not (issubclass(thing, Exception | dict | tuple) or inspect.isabstract(thing))
            if (is_class or inspect.isfunction(thing)) and made and name not in OURS and not _is_protocol(thing):
                yield f"{module.__name__}.{name}", thing


def _is_protocol(thing: object) -> bool:
    return bool(getattr(thing, "_is_protocol", False)) or hasattr(thing, "__total__")


PUBLIC = dict(public())
BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def refusal(call: Callable[..., Any], *given: Any, **arguments: Any) -> str:
    """What a call that is refused is told."""
    with pytest.raises(WrongArguments) as caught:
        _result(call(*given, **arguments))
    assert isinstance(caught.value, ConfigurationError)
    assert isinstance(caught.value, TypeError)
    assert KEY not in str(caught.value)
    return str(caught.value)


def _result(made: object) -> None:
    if inspect.iscoroutine(made):
        asyncio.run(made)


def names_of(call: Callable[..., Any]) -> set[str]:
    """The arguments of a call, those of fields too, as its refusal lists them."""
    told = refusal(call, zzzzz=KEY)
    _, _, listed = told.partition(": it has ")
    return set(listed.split(", "))


@pytest.mark.parametrize("name", PUBLIC)
def test_a_name_that_nobody_knows_is_refused_with_those_that_there_are(name: str) -> None:
    call = PUBLIC[name]
    told = refusal(call, zzzzz=KEY)
    assert "'zzzzz'" in told
    assert "did you mean" not in told
    by_name = [each for each in inspect.signature(call).parameters.values() if each.kind in BY_NAME]
    assert {each.name for each in by_name} - {"fields"} <= names_of(call)


def also(call: Callable[..., Any]) -> set[str]:
    """The further names of fields."""
    fields = getattr(call, "model_fields", {}).values()
    return {name for each in fields for name in getattr(each.validation_alias, "choices", ())}


RIVALS = {
    "top_n": ("k", "top_k", "topk", "n", "limit", "num_results"),
    "model": ("model_name", "model_id", "model_name_or_path"),
    "api_key": ("api_token", "token", "key", "acme_api_key"),
    "base_url": ("url", "base", "api_base", "endpoint"),
    "threshold": ("score_threshold", "similarity_cutoff"),
    "recall": ("fetch_k", "num_candidates"),
    "max_retries": ("retries",),
    "max_length": ("max_seq_length", "max_len"),
}


@pytest.mark.parametrize("name", PUBLIC)
def test_the_names_of_other_libraries_are_understood(name: str) -> None:
    call = PUBLIC[name]
    known = names_of(call)
    for ours, rivals in RIVALS.items():
        for rival in rivals if ours in known else ():
            if rival not in known | also(call):
                assert refusal(call, **{rival: KEY}).endswith(f"did you mean {ours}?")


RERANKERS = [name for name, thing in PUBLIC.items() if isinstance(thing, type) and issubclass(thing, Reranker)]


@pytest.mark.parametrize("name", RERANKERS)
@pytest.mark.parametrize(("passed", "meant"), [("top_n", "top_n"), ("k", "top_n"), ("score_threshold", "threshold")])
def test_what_belongs_to_the_call_is_sent_there(name: str, passed: str, meant: str) -> None:
    told = refusal(PUBLIC[name], **{passed: 3})
    assert told.endswith(f"it belongs to the call, reranker.rerank(query, documents, {meant}=…)")


@pytest.mark.parametrize("passed", ["k", "top_k", "n", "limit"])
def test_a_call_says_what_was_meant(passed: str, colour: Colour) -> None:
    for method, arguments in (("rerank", ("q", ["a 1"])), ("rerank_many", (["q"], [["a 1"]]))):
        with pytest.raises(WrongArguments, match=f"{method} has no argument '{passed}': did you mean top_n"):
            colour(Scripted(), method, *arguments, **{passed: 1})


@pytest.mark.parametrize("method", ["explain", "records", "to_pandas", "pick"])
def test_a_ranking_says_what_was_meant(method: str) -> None:
    call = getattr(Scripted().rerank("q", ["a 1"]), method)
    assert refusal(call, docs=["a 1"]) == f"{method} has no argument 'docs': did you mean documents?"


def test_a_call_by_place_says_what_has_a_name(colour: Colour) -> None:
    with pytest.raises(WrongArguments, match="rerank takes query and documents by position, and was given 1 more"):
        colour(Scripted(), "rerank", "q", ["a 1"], 3)


def test_what_takes_all_by_name_says_so_of_a_value_without_one() -> None:
    told = refusal(weighted, 1)
    assert "takes nothing by position, and was given 1: pass what it takes by name, weight=" in told


@pytest.mark.parametrize("name", ["Cascade", "Fallback"])
def test_a_list_by_name_is_asked_for_one_by_one(name: str) -> None:
    call = PUBLIC[f"rerank_kit.{name}"]
    word = {"Cascade": "stages", "Fallback": "rerankers"}[name]
    assert refusal(call, **{word: [Scripted()]}).endswith(f"pass them one by one, {name}(first, second)")


@pytest.mark.parametrize("name", ["text", "metadata_mode"])
def test_what_is_read_of_a_node_is_a_field_of_a_postprocessor(name: str) -> None:
    wrong: Any = {name: "{title}"}
    with pytest.raises(WrongArguments, match=f"no argument '{name}': .* field of the postprocessor, .*metadata_mode="):
        llama_rerank_kit.with_rerank(BM25Retriever(nodes=[TextNode(text="a cat")]), **wrong)
    assert "metadata_mode" in llama_rerank_kit.RerankPostprocessor.model_fields


def seen_in_frames(error: BaseException) -> list[str]:
    """The functions, but those of this file, whose frames show the key."""
    frames = [frame for frame, _ in walk_tb(error.__traceback__) if frame.f_code.co_filename != __file__]
    return [frame.f_code.co_name for frame in frames if KEY in repr(frame.f_locals)]


def test_no_frame_of_a_constructor_that_refuses_shows_a_key() -> None:
    make: Any = Voyage
    for given, arguments in ((("m",), {"api_token": KEY}), (("m", KEY), {}), ((), {"api_key": KEY})):
        with pytest.raises(TypeError) as caught:
            make(*given, **arguments)
        assert seen_in_frames(caught.value) == []


@pytest.mark.parametrize("name", PUBLIC)
def test_no_frame_of_a_refusal_shows_a_key(name: str) -> None:
    for given in ((), (KEY,)):
        with pytest.raises(WrongArguments) as caught:
            _result(PUBLIC[name](*given, api_token=KEY))
        assert seen_in_frames(caught.value) == []


@pytest.mark.parametrize("method", ["rerank", "rerank_many"])
def test_no_frame_of_a_call_that_is_refused_shows_a_key(colour: Colour, method: str) -> None:
    with pytest.raises(WrongArguments) as caught:
        colour(Scripted(), method, "q", ["a 1"], api_key=KEY)
    shown = seen_in_frames(caught.value)
    assert [each for each in shown if each in {"called", "awaited", "refuse", "check", "check_names"}] == []


@pytest.mark.parametrize("package", [langchain_rerank_kit, llama_rerank_kit])
def test_fields_are_passed_by_name(package: Any) -> None:
    for name in ("CrossEncoderRerank", "VoyageRerank", "RuleRerank"):
        assert "takes its fields by name: it has" in refusal(getattr(package, name), KEY)


def test_a_retriever_of_ours_has_no_other_fields() -> None:
    pages = [Page(page_content="a 1")]
    for passed, meant in {"top_k": "k", "preprocess_func": "tokenizer"}.items():
        told = refusal(langchain_rerank_kit.BM25Retriever.from_documents, pages, **{passed: 3})
        assert told.endswith(f"did you mean {meant}?")
    made = langchain_rerank_kit.with_rerank(langchain_rerank_kit.BM25Retriever.from_documents(pages), Scripted())
    for call in (lambda: setattr(made, "k", 3), lambda: made.model_copy(update={"topn": 3})):
        assert refusal(call).endswith("did you mean top_n?")


@pytest.mark.parametrize("package", [langchain_rerank_kit, llama_rerank_kit])
def test_a_slip_is_taken_for_a_field_rather_than_for_a_name_of_another_library(package: Any) -> None:
    assert refusal(package.EndpointRerank, modle=KEY).endswith("did you mean model?")
    assert refusal(package.EndpointRerank, mode=KEY).endswith("or leave it out for the metadata too")


def test_a_class_of_somebody_elses_that_takes_further_fields_is_left_alone() -> None:
    class Mine(langchain_rerank_kit.RerankCompressor):
        model_config = {"extra": "allow"}  # noqa: RUF012 - as pydantic wants it

    assert Mine(reranker=Scripted(), colour="red").model_extra == {"colour": "red"}  # type: ignore[call-arg]


class Vendor(ManagedReranker):
    """Says nothing of what it hands on."""

    def __init__(self, model: str, **options: Any) -> None:
        super().__init__(model, base_url="http://h", api_key=options.pop("api_key", None), **options)

    encode: Any = None
    decode: Any = None


def test_who_says_nothing_of_what_is_handed_on_is_told_of_where_it_ends() -> None:
    assert refusal(Vendor, "m", model_name=KEY).startswith("Vendor has no argument 'model_name': did you mean model?")


class ByName(ManagedReranker):
    """Takes all by name, and hands some of it on by its place."""

    def __init__(self, *, name: str, **options: Any) -> None:
        super().__init__(name, base_url="http://h", api_key=options.pop("api_key"), **options)

    encode: Any = None
    decode: Any = None


def test_each_constructor_is_asked_for_what_it_takes_itself() -> None:
    made: Any = type("Made", (ByName,), {"encode": None, "decode": None})
    assert made(name="m", api_key=KEY, timeout=3).model == "m"
    assert refusal(made, "m", api_key=KEY).startswith("Made takes nothing by position")


def test_annotations_that_cannot_be_read_are_no_hindrance() -> None:
    def told(text: str, **options: Any) -> int:
        return len(text) + len(options)

    told.__annotations__["options"] = "NotThere"
    call: Any = named(told)
    assert call("a", colour="red") == 2
    assert "takes text by position, and was given 1 more" in refusal(call, "a", KEY)


def test_what_is_refused_elsewhere_is_not_changed() -> None:
    assert Document("a", {"b": 1}, id="c").id == "c"
    assert inspect.signature(Scripted().rerank).parameters.keys() == {
        *("query", "documents", "top_n", "threshold", "timeout"),
    }
    assert inspect.iscoroutinefunction(Scripted().arerank)
