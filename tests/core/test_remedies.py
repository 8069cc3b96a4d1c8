"""A wrong value is told with what it could be: the nearest word, the other way round, a line to write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rerank_kit import Budget, Cached, Cascade, ConfigurationError, Fallback, Reranker, Stage
from rerank_kit.checks import can_take, check_choice, check_count, check_flag, check_function
from rerank_kit.combine import Hedged, reciprocal_rank_fusion
from rerank_kit.judge import Anthropic, LLMJudge, OpenAICompatible, calibrate
from rerank_kit.managed import Cohere, Endpoint, Jina, Voyage
from rerank_kit.pricing import Prices
from rerank_kit.rules import Rules, at_most, boost, equals, near, newer, rule, tier
from rerank_kit.wrong_kind import framework_of
from tests.doubles import Scripted, last_numbers
from tests.judge.doubles import Scripted as Chat


def told(call: Callable[..., Any], *given: Any, **named: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        call(*given, **named)
    return str(caught.value)


@pytest.mark.parametrize(
    ("given", "meant"),
    [("Truncate", "truncate"), ("best_window", "best-window"), ("TRUNC", "truncate"), ("nothing like it", None)],
)
def test_a_choice_is_told_the_nearest(given: str, meant: str | None) -> None:
    line = told(check_choice, "long_documents", given, ("truncate", "max", "best-window", None))
    assert line.startswith("long_documents must be 'truncate', 'max', 'best-window' or None, not ")
    assert line.endswith(f": did you mean {meant!r}?" if meant else f"not {given!r}")


FLAGS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "truncation": (Voyage, {"model": "m", "api_key": "k"}),
    "pointwise": (Endpoint, {"base_url": "http://h"}),
    "keep_rest": (lambda **more: Cascade(Scripted(), **more), {}),
    "keep_order": (LLMJudge, {"model": Chat()}),
    "thinking": (Anthropic, {"api_key": "k"}),
}


@pytest.mark.parametrize("name", FLAGS)
def test_a_truth_value_is_none_but_true_and_false(name: str) -> None:
    make, usual = FLAGS[name]
    for wrong in ("no", "False", 0, None):
        assert told(make, **{**usual, name: wrong}) == f"{name} must be True or False, not {wrong!r}"
    for right in (True, False):
        make(**{**usual, name: right})
        assert check_flag(name, right) is right


@pytest.mark.parametrize("kind", [Voyage, Jina, Cohere])
def test_a_vendor_needs_the_name_of_a_model(kind: Any) -> None:
    for wrong in (None, "", 5):
        assert told(kind, wrong, api_key="k") == f"model must be a str with something in it, not {wrong!r}"


@pytest.mark.parametrize(
    ("make", "usual"),
    [(Endpoint, {}), (Voyage, {"model": "m", "api_key": "k"}), (OpenAICompatible, {"model": "m"})],
)
@pytest.mark.parametrize("url", ["localhost:8080", "127.0.0.1", "api.example/v1"])
def test_an_address_without_a_scheme_is_told_with_one(make: Any, usual: dict[str, Any], url: str) -> None:
    line = told(make, base_url=url, **usual)
    assert line.endswith(f"http:// or https://, not {url!r}: write 'http://{url}' or 'https://{url}'")
    assert told(make, base_url="gpt", **usual).endswith("not 'gpt', which starts with none of http://, https://")


@pytest.mark.parametrize("name", ["rate_limit", "backoff", "limits"])
def test_a_number_where_a_value_of_ours_belongs_is_told_its_form(name: str) -> None:
    form = {"rate_limit": "RateLimit(requests_per_minute=60)", "backoff": "Backoff(", "limits": "Limits(documents=100)"}
    assert form[name] in told(Voyage, "m", api_key="k", **{name: 100})


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        (Scripted(), "that is a reranker already, use it as it is"),
        (Scripted, "that is a class, make an object of it"),
        ("a/model", "for a model of that name use rerank_kit.local.cross_encoder(name)"),
        (len, "not be <built-in function len>"),
        (
            type("CrossEncoder", (), {"__module__": "sentence_transformers", "__call__": last_numbers})(),
            "not be CrossEncoder: pass SentenceTransformersCrossEncoder(model), which takes it as it is",
        ),
    ],
)
def test_what_is_no_function_is_told_what_it_is(given: Any, remedy: str) -> None:
    assert told(Reranker.of, given).endswith(remedy)


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        (lambda: Stage(last_numbers), "pass Reranker.of(function)"),  # type: ignore[arg-type]
        (lambda: Hedged(last_numbers, after=1), "pass Reranker.of(function)"),  # type: ignore[arg-type]
        (lambda: Hedged(Scripted(), other=Scripted, after=1), "other is the class Scripted: pass an object of it"),  # type: ignore[arg-type]
        (lambda: Cached("a/model"), "for a model of some name pass rerank_kit.local.cross_encoder(name)"),  # type: ignore[arg-type]
        (lambda: Cascade(Scripted(), budget="3s"), "budget must be a number of seconds above 0, a rerank_kit.Budget"),  # type: ignore[arg-type]
        (lambda: reciprocal_rank_fusion(["a", "b"]), "rankings[0] must be a series of ids, best first, not 'a'"),
        (lambda: reciprocal_rank_fusion([["a"], 3]), "rankings[1] must be a series of ids, best first, not 3"),  # type: ignore[arg-type]
        (lambda: Prices("rows"), "a row of prices must be a rerank_kit.pricing.Price, not 'r'"),  # type: ignore[arg-type]
        (lambda: calibrate(Scripted(), []), "judge must be a rerank_kit.judge.LLMJudge, not Scripted("),  # type: ignore[arg-type]
        (lambda: at_most("source", 3), "number and by are swapped: write at_most(3, by='source')"),  # type: ignore[arg-type]
        (lambda: tier(equals("a", 1), "name"), ": write tier(name, when)"),  # type: ignore[arg-type]
        (lambda: tier("", equals("a", 1)), "a tier needs a name, not ''"),
        (lambda: rule(newer), "which is a class: make an object of it"),  # type: ignore[arg-type]
        (lambda: Rules(prefer=[lambda document: 1]), "a function of query and document"),  # type: ignore[list-item, misc]
    ],
)
def test_a_wrong_kind_is_told_what_to_write(call: Any, remedy: str) -> None:
    assert remedy in told(call)


def test_one_tier_needs_no_list() -> None:
    one = tier("open", equals("open", True))
    assert Rules(tiers=one).tiers == (one,)


def test_a_budget_of_seconds_is_one() -> None:
    assert Cascade(Scripted(), budget=2).budget == Budget(2)
    assert Cascade(Scripted()).budget == Budget()


def test_a_function_is_asked_for_what_it_would_be_called_with() -> None:
    check_function("widen", lambda retriever, recall: retriever, "a retriever", "a recall")
    check_function("count", max, "a text")  # which does not say what it takes
    several: list[Any] = [5, dict, lambda retriever: retriever]
    for wrong in several:
        line = told(check_function, "widen", wrong, "a retriever", "a recall")
        assert line.startswith("widen must be a function of a retriever and a recall, not ")
    assert told(check_function, "call", 5) == "call must be a function, not 5"
    odd: Any = type("Odd", (), {"__call__": lambda self, one: one, "__signature__": 3})()
    assert can_take(odd, 2)


NEEDED: dict[str, tuple[Callable[..., Any], dict[str, Any], str]] = {
    "concurrency of an API": (Voyage, {"model": "m", "api_key": "k"}, "concurrency"),
    "max_retries": (Voyage, {"model": "m", "api_key": "k"}, "max_retries"),
    "timeout": (Voyage, {"model": "m", "api_key": "k"}, "timeout"),
    **{
        name: (LLMJudge, {"model": Chat()}, name)
        for name in ("concurrency", "documents_per_call", "window", "min_keep", "samples")
    },
    "failures": (lambda **more: Fallback(Scripted(), Scripted(), **more), {}, "failures"),
    "number": (at_most, {"by": "source"}, "number"),
    "half": (near, {"field": "a", "number": 1}, "half"),
}


@pytest.mark.parametrize("case", NEEDED)
def test_none_is_neither_offered_nor_taken_where_there_is_no_such_thing(case: str) -> None:
    make, usual, name = NEEDED[case]
    line = told(make, **{**usual, name: "many"})
    assert line.startswith(f"{name} must be ")
    assert "None" not in line
    told(make, **{**usual, name: None})


@pytest.mark.parametrize(
    ("make", "usual", "name", "none"),
    [
        (LLMJudge, {"model": Chat()}, "step", "or None for half the window"),
        (LLMJudge, {"model": Chat()}, "max_tokens_per_doc", "or None to send documents whole"),
        (Voyage, {"model": "m", "api_key": "k"}, "max_tokens_per_doc", "or None to send documents whole"),
        (Cohere, {"model": "m", "api_key": "k"}, "max_tokens_per_doc", "or None for Cohere's 4096"),
        (boost, {"field": "a"}, "full", "or None for the highest of the candidates"),
    ],
)
def test_none_is_offered_for_what_it_is(make: Any, usual: dict[str, Any], name: str, none: str) -> None:
    assert none in told(make, **{**usual, name: 0})


@pytest.mark.parametrize("pair", ["abc", ("query", "document"), 5, None, {"query": "q"}])
def test_a_labelled_pair_is_told_its_form(pair: Any) -> None:
    judge = LLMJudge(Chat())
    for pairs in ([pair], [("query", "a text", True), pair]):
        line = told(calibrate, judge, pairs)
        assert line.startswith(f"labelled_pairs[{len(pairs) - 1}] must be (query, document, True or False), not ")


def test_none_is_offered_only_where_it_is_taken() -> None:
    assert told(check_count, "recall", 0, none="") == "recall must be a whole number of at least 1, not 0"
    assert "or None for no limit" in told(check_count, "top_n", 0)


def test_what_no_framework_made_is_of_none() -> None:
    assert framework_of(Scripted()) is None
