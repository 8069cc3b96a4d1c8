"""Late interaction gives the scores that a model's own library gives, whatever else is asked, and whoever asks."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rerank_kit import BackendError, ConfigurationError, Deadline, Document, Ranking
from rerank_kit.errors import DeadlineExceeded, InvalidResponse
from rerank_kit.flow import run
from rerank_kit.late import LateInteraction, MemoryVectors
from rerank_kit.local.windows import LongDocumentsWarning
from tests.conftest import Colour
from tests.late.tiny_late import DIMENSION, TinyLate, pylate_like, stanford_like, write_graph

QUERY = "apple banana"
TEXTS = ["banana cherry , apple", "grape . fig", "word text ! date elder fig"]


def expected(tiny: TinyLate, query: Any, texts: list[str] = TEXTS) -> list[float]:
    """The scores of texts, by numpy."""
    return [(1 + tiny.score(query, tiny.document(each)) / len(query)) / 2 for each in texts]


def scores(ranking: Ranking) -> list[float]:
    """In the order of the documents."""
    return [hit.score for hit in sorted(ranking, key=lambda hit: hit.index)]


def loaded(folder: Path, **options: Any) -> LateInteraction:
    given: dict[str, Any] = {"threads": 2, **options}
    return LateInteraction(folder, **given)


@pytest.mark.parametrize("projected", [True, False], ids=["projection in the graph", "projection beside it"])
@pytest.mark.parametrize("make", [stanford_like, pylate_like], ids=["ColBERT", "PyLate"])
def test_scores_are_the_mean_of_the_largest_cosines(make: Any, projected: bool, tmp_path: Path, colour: Colour) -> None:
    tiny = make(tmp_path / "model", projected=projected)
    ranking = colour(loaded(tiny.folder), "rerank", QUERY, TEXTS)
    assert scores(ranking) == pytest.approx(expected(tiny, tiny.query(QUERY)), abs=1e-5)
    assert [hit.score for hit in ranking] == sorted(scores(ranking), reverse=True)


def test_raw_scores_are_sums(tmp_path: Path) -> None:
    tiny = stanford_like(tmp_path)
    query = tiny.query(QUERY)
    found = scores(loaded(tmp_path, raw_scores=True).rerank(QUERY, TEXTS))
    assert found == pytest.approx([tiny.score(query, tiny.document(each)) for each in TEXTS], abs=1e-4)


@pytest.mark.parametrize(
    ("make", "settings", "how"),
    [
        (stanford_like, {"attend_to_mask_tokens": True}, {"attends": True}),
        (pylate_like, {"attend_to_expansion_tokens": True}, {"attends": True}),
        (pylate_like, {"do_query_expansion": False, "attend_to_expansion_tokens": True}, {"expands": False}),
    ],
)
def test_mask_tokens_fill_a_query_as_the_settings_say(
    make: Any, settings: dict[str, Any], how: dict[str, Any], tmp_path: Path
) -> None:
    tiny = make(tmp_path, **settings)
    found = scores(loaded(tmp_path).rerank(QUERY, TEXTS))
    assert found == pytest.approx(expected(tiny, tiny.query(QUERY, **how)), abs=1e-5)
    assert found != pytest.approx(expected(tiny, tiny.query(QUERY)), abs=1e-5)


def test_what_is_read_of_query_and_document_can_be_made_longer_or_shorter(tmp_path: Path) -> None:
    tiny = stanford_like(tmp_path)
    long = "apple banana cherry date elder fig grape query text word apple"
    made = loaded(tmp_path, max_length=10, max_query_length=9)
    ranking = made.rerank(long, [long, "fig"])
    query = tiny.query(long, 9)
    wanted = [(1 + tiny.score(query, tiny.document(each, 10)) / 9) / 2 for each in (long, "fig")]
    assert scores(ranking) == pytest.approx(wanted, abs=1e-5)
    assert (made.max_length, made.max_query_length) == (10, 9)
    assert (ranking.usage.truncated, ranking.usage.query_truncated) == (1, 1)
    for name in ("max_length", "max_query_length"):
        for value in (7, 65):
            with pytest.raises(ConfigurationError, match=rf"{name} must be from 8 to 64 tokens, not {value}"):
                loaded(tmp_path, **{name: value})


def test_a_query_that_is_cut_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stanford_like(tmp_path)
    made = loaded(tmp_path)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            made.rerank("apple " * 40, TEXTS)
    assert caplog.text.count("was asked a query of more than 12 tokens") == 1


def test_documents_that_are_mostly_cut_are_warned_of(tmp_path: Path) -> None:
    stanford_like(tmp_path)
    texts = [f"apple {word} " * 20 for word in ("fig", "date")] * 5 + [f"fig {each}" for each in range(2)]
    made = loaded(tmp_path)
    made.rerank(QUERY, texts)  # of so few distinct ones it says nothing
    many = [" ".join(["apple"] * 20 + ["fig"] * place) for place in range(10)]
    with pytest.warns(LongDocumentsWarning, match="10 of 10 documents are longer than the 16 tokens"):
        made.rerank(QUERY, many)
    made.rerank(QUERY, many)


def test_each_text_is_read_once_and_counted(tmp_path: Path) -> None:
    stanford_like(tmp_path)
    made = loaded(tmp_path)
    first = made.rerank(QUERY, [*TEXTS, TEXTS[0], "  "])
    assert (first.usage.pairs, first.usage.duplicates, first.usage.cached, first.usage.empty) == (3, 1, 0, 1)
    assert first.usage.tokens == 5 + sum(len(each.split()) + 3 for each in TEXTS)
    again = made.rerank(QUERY, TEXTS)
    assert (again.usage.pairs, again.usage.cached, again.usage.tokens) == (3, 3, 5)
    assert scores(again) == scores(first)[:3]
    assert made.cost(again.usage) == 0.0


def test_several_queries_share_what_is_read(tmp_path: Path, colour: Colour) -> None:
    tiny = stanford_like(tmp_path)
    first, second = colour(loaded(tmp_path), "rerank_many", [QUERY, "fig"], [TEXTS, TEXTS[1:]])
    assert scores(first) == pytest.approx(expected(tiny, tiny.query(QUERY)), abs=1e-5)
    assert scores(second) == pytest.approx(expected(tiny, tiny.query("fig"), TEXTS[1:]), abs=1e-5)
    assert second.usage.tokens == 4
    assert (first.usage.pairs, second.usage.pairs) == (3, 2)


def test_scores_do_not_depend_on_neighbours_or_threads(tmp_path: Path) -> None:
    stanford_like(tmp_path)
    texts = [f"{each} {number}" for number in range(50) for each in TEXTS]
    together = scores(LateInteraction(tmp_path, threads=4).rerank(QUERY, texts))
    alone = LateInteraction(tmp_path, threads=1)
    assert [scores(alone.rerank(QUERY, [each]))[0] for each in texts] == together


def test_threads_may_share_one(tmp_path: Path) -> None:
    stanford_like(tmp_path)
    made, found = loaded(tmp_path), list[list[float]]()
    callers = [threading.Thread(target=lambda: found.append(scores(made.rerank(QUERY, TEXTS)))) for _ in range(8)]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    assert found == [found[0]] * 8


def test_a_document_all_of_whose_tokens_are_skipped_matches_nothing(tmp_path: Path) -> None:
    pylate_like(tmp_path, skiplist_words=[".", "[CLS]", "[SEP]", "[D] "])
    ranking = loaded(tmp_path).rerank(QUERY, ["apple", ". ."])
    assert ranking[1].score == 0.0
    assert loaded(tmp_path, raw_scores=True).rerank(QUERY, ["apple", ". ."])[1].score == -12.0


def test_a_deadline_ends_it_and_what_was_computed_stays(tmp_path: Path) -> None:
    stanford_like(tmp_path)
    made = loaded(tmp_path)
    with pytest.raises(DeadlineExceeded):
        made.rerank(QUERY, TEXTS, timeout=1e-9)
    made.rerank(QUERY, TEXTS, timeout=60)


def test_copies_and_pickles_load_it_anew(tmp_path: Path) -> None:
    stanford_like(tmp_path)
    made = loaded(tmp_path, max_length=10, store=MemoryVectors(max_bytes=10_000))
    for other in (copy.copy(made), pickle.loads(pickle.dumps(made))):
        assert other.fingerprint == made.fingerprint
        assert getattr(other.store, "max_bytes", None) == 10_000
        assert scores(other.rerank(QUERY, TEXTS)) == scores(made.rerank(QUERY, TEXTS))


def test_what_it_is_made_with_is_fixed_and_shown(tmp_path: Path) -> None:
    stanford_like(tmp_path)
    made = loaded(tmp_path)
    assert repr(made) == f"LateInteraction({str(tmp_path)!r}, max_length=16, threads=2)"
    assert (made.model, made.dimension, made.provider) == (str(tmp_path), DIMENSION, "CPUExecutionProvider")
    with pytest.raises(ConfigurationError, match="max_length is fixed when the model is loaded"):
        made.max_length = 5


def test_the_fingerprint_says_on_what_scores_depend(tmp_path: Path) -> None:
    stanford_like(tmp_path / "one")
    pylate_like(tmp_path / "two")
    made = loaded(tmp_path / "one")
    assert made.fingerprint == loaded(tmp_path / "one", threads=1).fingerprint
    others = [
        loaded(tmp_path / "two"),
        loaded(tmp_path / "one", max_length=10),
        loaded(tmp_path / "one", max_query_length=10),
        loaded(tmp_path / "one", query_prompt="text "),
        loaded(tmp_path / "one", document_prompt="text "),
        loaded(tmp_path / "one", raw_scores=True),
    ]
    assert len({each.fingerprint for each in (made, *others)}) == 7
    alike = [each.vectors_fingerprint == made.vectors_fingerprint for each in others]
    assert alike == [False, False, True, True, False, True]


def test_prompts_stand_before_texts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    prompts = {"query": "word ", "document": "text ", "none": ""}
    tiny = pylate_like(tmp_path / "named", prompts=prompts)
    with caplog.at_level(logging.WARNING):
        made = loaded(tmp_path / "named")
    assert "prompts that PyLate puts before a text where somebody asks for it: {'query': 'word '" in caplog.text
    assert scores(made.rerank(QUERY, ["fig"])) == pytest.approx(expected(tiny, tiny.query(QUERY), ["fig"]), abs=1e-5)
    caplog.clear()
    asked = loaded(tmp_path / "named", query_prompt="word ", document_prompt="text ")
    wanted = expected(tiny, tiny.query(f"word {QUERY}"), ["text fig"])
    assert scores(asked.rerank(QUERY, ["fig"])) == pytest.approx(wanted, abs=1e-5)
    pylate_like(tmp_path / "always", prompts=prompts, default_prompt_name="query")
    always = expected(tiny, tiny.query(f"word {QUERY}"), ["word fig"])
    made = loaded(tmp_path / "always", document_prompt="word ")
    assert scores(made.rerank(QUERY, ["fig"])) == pytest.approx(always, abs=1e-5)
    assert caplog.text == ""
    with pytest.raises(ConfigurationError, match="query_prompt must be a text, not 5"):
        loaded(tmp_path / "named", query_prompt=5)


def test_vectors_can_be_had(tmp_path: Path) -> None:
    tiny = stanford_like(tmp_path)
    made = loaded(tmp_path)
    (found,) = made.vectors([TEXTS[0]])
    array = np.frombuffer(found.numbers, "<f2").reshape(-1, found.dimension)
    assert array.astype(np.float32) == pytest.approx(tiny.document(TEXTS[0]), abs=1e-3)
    assert (found.rows, found.tokens, found.cut) == (len(array), 7, False)
    with pytest.raises(DeadlineExceeded):
        made.vectors(TEXTS, timeout=1e-9)


def test_other_layers_are_computed_as_pylate_does(tmp_path: Path) -> None:
    linear, tanh, relu = (
        f"torch.nn.modules.{each}" for each in ("linear.Identity", "activation.Tanh", "activation.ReLU")
    )
    layers = [
        {"bias": True, "activation_function": tanh, "use_residual": True},
        {"activation_function": relu, "use_residual": True},
        {"bias": False, "activation_function": linear},
    ]
    tiny = pylate_like(tmp_path, layers=layers)
    found = scores(loaded(tmp_path).rerank(QUERY, TEXTS))
    assert found == pytest.approx(expected(tiny, tiny.query(QUERY)), abs=1e-4)


def test_an_exported_folder_has_all_in_its_graph(tmp_path: Path) -> None:
    tiny = pylate_like(tmp_path, projected=True, modules=False, embedding_dim=DIMENSION)
    found = scores(loaded(tmp_path).rerank(QUERY, TEXTS))
    assert found == pytest.approx(expected(tiny, tiny.query(QUERY)), abs=1e-5)


def test_the_output_with_a_vector_for_each_token_is_taken(tmp_path: Path) -> None:
    tiny = stanford_like(tmp_path)
    write_graph(tmp_path / "model.onnx", tiny.embeddings, None, pooled=True)
    found = scores(loaded(tmp_path).rerank(QUERY, TEXTS))
    assert found == pytest.approx(expected(tiny, tiny.query(QUERY)), abs=1e-5)


def test_a_backbone_as_wide_as_the_vectors_is_known_by_its_output(tmp_path: Path) -> None:
    tiny = pylate_like(tmp_path, layers=[{"bias": False}])
    (tmp_path / "config.json").write_text(json.dumps({"hidden_size": DIMENSION, "max_position_embeddings": 64}))
    narrow = tiny.embeddings[:, :DIMENSION].copy()
    write_graph(tmp_path / "model.onnx", narrow, None)
    with pytest.raises(ConfigurationError, match="gives vectors of 4 numbers, the projection makes 4 of 8"):
        loaded(tmp_path)
    write_graph(tmp_path / "model.onnx", narrow, None, output="contextual")
    assert loaded(tmp_path).dimension == DIMENSION


def test_a_model_that_gives_no_number_is_an_error(tmp_path: Path) -> None:
    tiny = stanford_like(tmp_path, projected=True)
    broken = tiny.embeddings.copy()
    broken[tiny.vocabulary["grape"]] = np.nan
    write_graph(tmp_path / "model.onnx", broken, np.ones((DIMENSION, broken.shape[1]), np.float32))
    with pytest.raises(InvalidResponse, match="NaN or infinity"):
        loaded(tmp_path).rerank(QUERY, ["grape"])


def test_a_graph_that_fails_is_told_of(tmp_path: Path) -> None:
    tiny = stanford_like(tmp_path, projected=True)
    head = np.ones((DIMENSION, tiny.embeddings.shape[1]), np.float32)
    write_graph(tmp_path / "model.onnx", tiny.embeddings[: tiny.vocabulary["zebra"]], head)
    with pytest.raises(BackendError, match=r"ONNX Runtime failed on a text of 4 tokens") as raised:
        loaded(tmp_path).rerank(QUERY, ["zebra"])
    assert raised.value.backend == "LateInteraction"


def test_its_flow_ranks_too(tmp_path: Path) -> None:
    stanford_like(tmp_path)
    made = loaded(tmp_path)
    assert run(made.flow(QUERY, [Document(each) for each in TEXTS], Deadline())).hits == made.rerank(QUERY, TEXTS).hits


def test_documents_stay_as_they_are_and_keep_their_places(tmp_path: Path) -> None:
    stanford_like(tmp_path)
    given = [Document(each, {"place": place}) for place, each in enumerate(TEXTS)]
    ranking = loaded(tmp_path).rerank(QUERY, given, top_n=2)
    assert len(ranking) == 2
    assert [each.metadata["place"] for each in given] == [0, 1, 2]


def test_an_event_loop_goes_on_meanwhile(tmp_path: Path) -> None:
    stanford_like(tmp_path)
    made, ticks = loaded(tmp_path), list[int]()

    async def both() -> Ranking:
        ranking = asyncio.create_task(made.arerank(QUERY, [f"apple {each}" for each in range(500)]))
        while not ranking.done():
            ticks.append(1)
            await asyncio.sleep(0)
        return await ranking

    assert len(asyncio.run(both())) == 500
    assert len(ticks) > 1
