"""A field that changes takes effect, by assignment and in copies, or is refused: what fields show is what ranks."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Generator
from typing import Any

import pytest
from langchain_core.documents import Document
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode
from pydantic import Field, SecretStr, ValidationError

import langchain_rerank_kit as lc
import llama_rerank_kit as li
from rerank_kit import ConfigurationError, Reranker, Rules
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.testing import RerankServer
from tests.api.leaks import leaked, seen_of
from tests.conftest import Colour
from tests.doubles import Scripted

KEY = "sk-planted-Q7w9Zx3LmN4pR8tV"
Change = Callable[[Any, dict[str, Any]], Any]
"""Changes fields of what it is given; what has them now."""


def assigned(made: Any, fields: dict[str, Any]) -> Any:
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def assigned_to_a_copy(made: Any, fields: dict[str, Any]) -> Any:
    return assigned(copy.copy(made), fields)


def copied(made: Any, fields: dict[str, Any]) -> Any:
    return made.model_copy(update=fields)


def copied_deeply(made: Any, fields: dict[str, Any]) -> Any:
    return made.model_copy(update=fields, deep=True)


CHANGES = [assigned, assigned_to_a_copy, copied, copied_deeply]
both = pytest.mark.parametrize("package", [lc, li], ids=["langchain", "llama"])
each_way = pytest.mark.parametrize("change", CHANGES)


@pytest.fixture(scope="module")
def server() -> Generator[RerankServer]:
    with RerankServer() as running:
        yield running


def voyage(package: Any, server: RerankServer, **fields: Any) -> Any:
    given = {"model": "m1", "base_url": server.base_url("voyage"), "api_key": KEY, **fields}
    return package.VoyageRerank(**given)


def work(colour: Colour, made: Any) -> list[Any]:
    """Rank something, in either framework."""
    texts = ["a 1", "b 2", "c 3"]
    if isinstance(made, lc.RerankCompressor):
        best: list[Any] = colour(
            made, "compress_documents", [Document(page_content=text) for text in texts], "question"
        )
    else:
        nodes = [NodeWithScore(node=TextNode(text=text)) for text in texts]
        best = colour(made, "postprocess_nodes", nodes, query_str="question")
    return best


def asked_for(colour: Colour, made: Any, server: RerankServer) -> str:
    """The model that a request of it names."""
    work(colour, made)
    model: str = server.received[-1].body["model"]
    return model


# ── What takes effect ──


@both
@each_way
def test_requests_go_to_the_model_that_the_field_shows(
    package: Any, change: Change, server: RerankServer, colour: Colour
) -> None:
    made = voyage(package, server)
    assert asked_for(colour, made, server) == "m1"
    changed = change(made, {"model": "m3"})
    assert changed.model == "m3"
    assert asked_for(colour, changed, server) == "m3"
    assert asked_for(colour, made, server) == made.model


@both
@each_way
def test_a_key_that_is_changed_is_sent_and_shown_nowhere(
    package: Any, change: Change, server: RerankServer, colour: Colour
) -> None:
    changed = change(voyage(package, server, api_key="another"), {"api_key": KEY})
    assert isinstance(changed.api_key, SecretStr)
    work(colour, changed)
    assert KEY in repr(server.received[-1].headers)
    shown = f"{changed!r} {changed.loaded!r} {changed.model_dump()} {pickle.dumps(changed)!r}"
    assert leaked(shown, KEY) == []


@both
@each_way
def test_fields_of_a_call_change_without_another_reranker(package: Any, change: Change, server: RerankServer) -> None:
    made = voyage(package, server)
    before = made.loaded
    changed = change(made, {"top_n": 1, "threshold": 0.5, "timeout": 9})
    assert (changed.top_n, changed.threshold, changed.timeout) == (1, 0.5, 9.0)
    assert change is copied_deeply or changed.loaded is before


@each_way
def test_what_is_read_of_a_node_changes_without_another_reranker(change: Change) -> None:
    made = li.RerankPostprocessor(reranker=Scripted())
    fields = {"metadata_mode": MetadataMode.NONE, "on_error": "keep", "recall": 40}
    changed = change(made, fields)
    assert {name: getattr(changed, name) for name in fields} == fields


@both
@each_way
def test_another_reranker_ranks_once_it_is_given(package: Any, change: Change, colour: Colour) -> None:
    made = package.FlashRankRerank(reranker=Scripted())
    other = Scripted(lambda _: 0.5)
    changed = change(made, {"reranker": other})
    work(colour, changed)
    assert changed.loaded == other


@both
def test_one_that_was_given_is_left_together_with_a_new_description(package: Any, server: RerankServer) -> None:
    made = voyage(package, server, reranker=Scripted())
    changed = made.model_copy(update={"reranker": None, "model": "m3"})
    assert (changed.loaded.model, made.loaded.model) == ("m3", "scripted")
    made.reranker = None
    assert made.loaded.model == "m1"


@both
def test_hooks_go_over_to_the_reranker_that_is_made_anew(package: Any, server: RerankServer, colour: Colour) -> None:
    made = voyage(package, server)
    spans: list[Any] = []
    made.loaded.hooks = [spans.append]
    made.model = "m3"
    work(colour, made)
    assert [span.model for span in spans] == ["m3"]


@both
def test_hooks_of_what_is_given_stay_its_own(package: Any) -> None:
    made = package.RuleRerank(rules={})
    made.loaded.hooks = [print]
    other = Rules()
    other.hooks = [repr]
    made.rules = other
    assert made.loaded is other
    assert other.hooks == [repr]


@both
def test_a_stage_of_a_cascade_can_be_changed(package: Any, server: RerankServer, colour: Colour) -> None:
    made = package.CascadeRerank(stages=[voyage(package, server)])
    before = made.loaded
    assert made.loaded is before
    made.stages[0].model = "m3"
    assert asked_for(colour, made, server) == "m3"
    made.stages[0].top_n = 1
    assert len(work(colour, made)) == 1
    made.reranker = Scripted()
    assert made.loaded is made.reranker


@both
def test_the_local_model_is_loaded_once_for_fields_that_do_not_describe_it(package: Any) -> None:
    base: Any = getattr(package, "RerankCompressor", None) or package.RerankPostprocessor

    class Mine(base):  # type: ignore[misc]
        colour: str = "red"

    made = Mine()
    before = made.loaded
    made.colour = "blue"
    assert made.colour == "blue"
    assert made.loaded is before
    assert isinstance(before, OnnxCrossEncoder)


@both
def test_fields_of_a_subclass_that_makes_its_own_take_effect(package: Any) -> None:
    base: Any = getattr(package, "RerankCompressor", None) or package.RerankPostprocessor

    class Mine(base):  # type: ignore[misc]
        height: float = Field(default=1.0, ge=0)

        def _build(self) -> Reranker:
            return Scripted(lambda _: self.height, model=str(self.height))

    made = Mine()
    made.height = 2
    assert made.loaded.model == "2.0"
    with pytest.raises(ValidationError, match="height"):
        made.height = -1
    assert made.loaded.model == "2.0"


# ── Pickles ──


@both
def test_what_a_pickle_brings_goes_by_its_fields_too(
    package: Any, server: RerankServer, monkeypatch: pytest.MonkeyPatch, colour: Colour
) -> None:
    there: Any = pickle.loads(pickle.dumps(voyage(package, server)))
    assert there.reranker is None
    monkeypatch.delenv("VOYAGE_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="api_key is missing"):
        there.model = "m3"
    assert (there.model, there.loaded.model) == ("m1", "m1")
    monkeypatch.setenv("VOYAGE_API_KEY", KEY)
    there.model = "m3"
    assert asked_for(colour, there, server) == "m3"


@both
def test_a_reranker_that_was_given_is_one_that_was_given_after_a_pickle(package: Any, server: RerankServer) -> None:
    made = voyage(package, server, reranker=package.FlashRankRerank(reranker=Rules()).loaded)
    there: Any = pickle.loads(pickle.dumps(made))
    assert isinstance(there.reranker, Rules)
    assert there.loaded is there.reranker


# ── What is refused ──


@both
@each_way
def test_what_could_have_no_effect_is_refused(package: Any, change: Change, server: RerankServer) -> None:
    mine = Scripted()
    made = voyage(package, server, reranker=mine)
    with pytest.raises(
        ConfigurationError, match=r"^model says which reranker to make.*one that was given.*reranker=None"
    ):
        change(made, {"model": "m3"})
    assert (made.model, made.loaded) == ("m1", mine)


@both
@each_way
@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"top_n": 0}, ValidationError),
        ({"model": ["m3"]}, ValidationError),
        ({"reranker": KEY}, ValidationError),
        ({"api_key": [KEY]}, ValidationError),
        ({"api_key": f"{KEY}\n{KEY}"}, ConfigurationError),
        ({"api_kye": KEY}, ConfigurationError),
        ({"voyage_api_key": KEY}, ConfigurationError),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else value.__name__,
)
def test_a_wrong_value_changes_nothing_and_is_not_shown(
    package: Any, change: Change, fields: dict[str, Any], error: type[Exception], server: RerankServer
) -> None:
    made = voyage(package, server, api_key="another-key-of-mine")
    before = made.loaded
    held: dict[str, Any] = dict(vars(made))
    (name,) = fields
    with pytest.raises(error, match=name) as caught:
        change(made, fields)
    assert made.loaded is before
    assert vars(made) == held
    assert [leak for text in without_test(caught.value) for leak in leaked(text, KEY)] == []


@both
def test_a_base_url_with_a_secret_in_it_is_refused_without_showing_it(package: Any, server: RerankServer) -> None:
    made = voyage(package, server)
    with pytest.raises(ConfigurationError, match="where they stay hidden") as caught:
        made.base_url = f"https://host/?key={KEY}"
    assert leaked(str(caught.value), KEY) == []
    assert made.base_url == server.base_url("voyage")


def without_test(error: BaseException) -> list[str]:
    """All that can be seen of an error, but for the frames of this file, which hold what they pass."""
    while error.__traceback__ is not None and error.__traceback__.tb_frame.f_code.co_filename == __file__:
        error.__traceback__ = error.__traceback__.tb_next
    return list(seen_of(error))


@both
def test_a_name_that_is_no_field_is_told_what_there_is(package: Any, server: RerankServer) -> None:
    made = voyage(package, server)
    with pytest.raises(ConfigurationError, match=r"(?m)^VoyageRerank has no field 'modle': did you mean model\?$"):
        made.modle = "m3"
    with pytest.raises(ConfigurationError, match=r"no field 'colour': it has .*reranker.*model"):
        made.model_copy(update={"model": "m3", "colour": "m3"})
