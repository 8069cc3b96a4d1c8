"""In a prompt, query and document are put where they belong, and what is too long is cut from the document alone."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.local import OnnxCrossEncoder, SentenceTransformersCrossEncoder
from rerank_kit.local.clues import FILE
from rerank_kit.local.prompt_tokenizer import PromptTokenizer, token_id
from rerank_kit.local.prompts import Prompt
from rerank_kit.local.recipe import Recipe
from rerank_kit.local.scale import Scale
from tests.conftest import Colour
from tests.local import cards, tiny_models, tiny_tokenizers
from tests.local.cards import torch, transformers
from tests.local.tiny_families import altered, as_graph, decoder, encoder, ettin, setting, zerank_2
from tests.local.tiny_torch_models import qwen_like

library: Any = pytest.importorskip("sentence_transformers", reason=cards.REASON)

QUERY = "what is an apple?"
LONG = " ".join(f"{number} apples grow on a tree." for number in range(400))
TEXTS = ["a fruit.", "The apple is red; what else?\nIt grows.", "no", "an apple <|im_end|> a day", LONG]
Engine = Callable[..., Any]


def torch_engine(folder: Path, **options: Any) -> SentenceTransformersCrossEncoder:
    return SentenceTransformersCrossEncoder(folder, device="cpu", threads=1, **options)


def onnx_engine(folder: Path, **options: Any) -> OnnxCrossEncoder:
    graph = folder.parent / "graph" / folder.name
    return OnnxCrossEncoder(graph if graph.is_dir() else as_graph(folder, graph), threads=1, **options)


ENGINES = pytest.mark.parametrize("engine", [torch_engine, onnx_engine], ids=["torch", "onnx"])


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A conversion of Qwen3-Reranker to a classifier."""
    build = decoder("Qwen3-Reranker-0.6B-seq-cls", "Qwen3", "ForSequenceClassification", num_labels=1)
    return build(tmp_path_factory.mktemp("judge"))


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier made of a language model, of no known family."""
    build = decoder("mine", "Qwen3", "ForSequenceClassification", num_labels=1)
    return build(tmp_path_factory.mktemp("classifier"))


@pytest.fixture(scope="module")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A language model of no known family."""
    return decoder("mine", "Qwen3")(tmp_path_factory.mktemp("speaker"))


def logits(engine: Any, texts: Sequence[str], query: str = QUERY) -> list[float]:
    """What the model gives, in the order of the texts."""
    hits = sorted(engine.rerank(query, texts), key=lambda hit: hit.index)
    return [hit.score if hit.logit is None else hit.logit for hit in hits]


def given(folder: Path, ids: list[int], kind: str = "AutoModelForSequenceClassification") -> Any:
    """What transformers gives for tokens."""
    model = getattr(transformers, kind).from_pretrained(folder).eval()
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).logits[0]


@ENGINES
def test_a_document_that_is_too_long_is_cut_and_the_question_behind_it_stays(
    judge: Path, engine: Engine, colour: Colour
) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(judge)
    reranker = engine(judge, max_length=300)
    ranking = colour(reranker, "rerank", QUERY, [LONG])
    ids = cards.qwen3_ids(tokenizer, QUERY, LONG, most=300)
    assert len(ids) == ranking.usage.tokens == 300
    assert ranking.hits[0].logit == pytest.approx(float(given(judge, ids)[0]), abs=1e-4)
    assert ranking.usage.truncated == 1


@ENGINES
def test_a_score_in_a_prompt_does_not_depend_on_the_others(judge: Path, engine: Engine) -> None:
    reranker = engine(judge, max_length=400, raw_scores=True)
    together = logits(reranker, TEXTS)
    assert together == pytest.approx([logits(reranker, [text])[0] for text in TEXTS], abs=1e-5)
    assert max(together) - min(together) > 0.1


def test_a_batch_of_pairs_in_prompts_is_padded_on_the_left_and_counted_from_there(speaker: Path) -> None:
    options: dict[str, Any] = {"template": "Q: {query} D: {document} A:", "answers": ["yes", "no"], "raw_scores": True}
    batched = torch_engine(speaker, batch_tokens=100_000, **options)
    alone = torch_engine(speaker, batch_tokens=1, **options)
    assert logits(batched, TEXTS) == pytest.approx(logits(alone, TEXTS), abs=1e-4)


@ENGINES
def test_control_tokens_of_a_document_do_not_close_its_prompt(judge: Path, engine: Engine) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(judge)
    text = "an apple <|im_end|> a day"
    ids = cards.qwen3_ids(tokenizer, QUERY, text.replace("<|im", " |im"))
    assert logits(engine(judge), [text]) == pytest.approx([float(given(judge, ids)[0])], abs=1e-4)


@ENGINES
def test_a_template_of_ones_own_is_filled_as_it_stands(classifier: Path, engine: Engine) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(classifier)
    template = "Told: {instruction}\n<Q> {query} </Q>\n<D> {document} </D>\nAnswer:"
    reranker = engine(classifier, template=template, instruction="be just")
    text = template.replace("{instruction}", "be just").replace("{query}", QUERY).replace("{document}", TEXTS[1])
    expected = float(given(classifier, tokenizer(text)["input_ids"])[0])
    assert logits(reranker, [TEXTS[1]]) == pytest.approx([expected], abs=1e-4)
    assert reranker.recipe.prompt == Prompt((template,), instruction="be just", special=True)


@ENGINES
def test_a_template_goes_before_what_the_family_says(judge: Path, engine: Engine) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(judge)
    expected = float(given(judge, tokenizer(f"{QUERY} / no")["input_ids"])[0])
    assert logits(engine(judge, template="{query} / {document}"), ["no"]) == pytest.approx([expected], abs=1e-4)


@ENGINES
def test_an_instruction_stands_where_the_family_puts_it(judge: Path, engine: Engine) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(judge)
    ids = cards.qwen3_ids(tokenizer, QUERY, "no", instruction="Find code")
    assert logits(engine(judge, instruction="Find code"), ["no"]) == pytest.approx(
        [float(given(judge, ids)[0])], abs=1e-4
    )


def test_an_instruction_of_a_family_that_has_none_unasked(tmp_path: Path) -> None:
    folder = decoder("mxbai-rerank-base-v2", "Qwen2")(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    found = given(folder, cards.mxbai_ids(tokenizer, QUERY, "no", instruction="Find code"), "AutoModelForCausalLM")[-1]
    yes, no = tokenizer.convert_tokens_to_ids(["1", "0"])
    engine = torch_engine(folder, instruction="Find code")
    assert logits(engine, ["no"]) == pytest.approx([float(found[yes] - found[no])], abs=1e-4)


def test_the_special_tokens_of_a_tokenizer_go_around_a_template(tmp_path: Path) -> None:
    folder = encoder("bert")(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer("apple or banana", return_tensors="pt")
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        expected = float(model(**inputs).logits[0, 0])
    for engine in (torch_engine, onnx_engine):
        reranker = engine(folder, template="{query} or {document}")
        assert logits(reranker, ["banana"], "apple") == pytest.approx([expected], abs=1e-4)
        together = logits(reranker, ["banana", "a longer text of words"], "apple")
        assert together[0] == pytest.approx(expected, abs=1e-4)


def test_a_special_token_that_a_template_spells_is_not_put_there_twice() -> None:
    backend = tiny_tokenizers.llama().backend_tokenizer
    begin = backend.token_to_id("<|begin_of_text|>")
    for template in ("{query} {document}", "<|begin_of_text|>{query} {document}"):
        ids = PromptTokenizer(backend, Prompt.of_template(template))("a", "b").ids
        assert ids.count(begin) == 1
        assert ids[0] == begin


def test_without_room_for_query_and_document_a_prompt_is_an_error(judge: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"max_length=60 leaves no room beside the prompt.*pass at least \d+"):
        torch_engine(judge, max_length=60)


def test_a_prompt_that_is_longer_than_all_that_is_read_is_cut_no_further_than_its_document() -> None:
    backend = tiny_tokenizers.qwen().backend_tokenizer
    read = PromptTokenizer(backend, Prompt(("{query}", "{document}", " yes no yes no")))
    found = read("a", "b c d", 2)
    assert (found.cut, found.end) == (True, 0)
    assert found.ids == read("a", "").ids
    assert read("a", "", 2).cut


@pytest.mark.parametrize("engine", [torch_engine, onnx_engine])
def test_the_part_of_a_long_document_that_counts_is_found_in_its_windows(judge: Path, engine: Engine) -> None:
    (hit,) = engine(judge, max_length=300, long_documents="max").rerank(QUERY, [LONG]).hits
    assert hit.passage is not None
    assert 0 <= hit.passage[0] < hit.passage[1] <= len(LONG)


def test_a_language_model_needs_to_be_told_which_tokens_count(speaker: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"language model: pass the tokens .* as answers="):
        torch_engine(speaker, template="{query} {document}")
    tokenizer = transformers.AutoTokenizer.from_pretrained(speaker)
    found = given(speaker, tokenizer(f"{QUERY} no")["input_ids"], "AutoModelForCausalLM")[-1]
    one = torch_engine(speaker, template="{query} {document}", answers=["Yes"])
    assert logits(one, ["no"]) == pytest.approx([float(found[tokenizer.convert_tokens_to_ids("Yes")])], abs=1e-4)
    with pytest.raises(ConfigurationError, match="has no token 'perhaps'"):
        torch_engine(speaker, template="{query} {document}", answers=["perhaps"])


def test_a_token_is_found_by_its_text_or_by_what_a_text_becomes() -> None:
    backend = tiny_tokenizers.qwen().backend_tokenizer
    assert token_id(backend, "yes", "m") == backend.token_to_id("yes")
    assert token_id(backend, 5, "m") == 5
    assert token_id(backend, " ", "m") == backend.token_to_id("Ġ")


def test_answers_replace_those_that_come_with_a_model(tmp_path: Path) -> None:
    folder = zerank_2(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    found = given(folder, cards.zerank_ids(tokenizer, QUERY, "no"), "AutoModelForCausalLM")[-1]
    engine = torch_engine(folder, answers=["no"])
    assert logits(engine, ["no"]) == pytest.approx([float(found[tokenizer.convert_tokens_to_ids("no")])], abs=1e-4)


def test_prompt_is_another_name_of_the_instruction(judge: Path) -> None:
    named, told = (logits(torch_engine(judge, **{name: "Find code"}), ["no"]) for name in ("prompt", "instruction"))
    assert named == told
    with pytest.raises(ConfigurationError, match="two names of one thing"):
        torch_engine(judge, prompt="Find code", instruction="Find code")


def test_a_model_that_takes_no_instruction_refuses_one(tmp_path: Path) -> None:
    for engine in (torch_engine, onnx_engine):
        with pytest.raises(ConfigurationError, match="takes none"):
            engine(encoder("bert")(tmp_path), instruction="Find code")


def test_prompts_that_come_with_an_encoder_are_the_librarys_business(tmp_path: Path) -> None:
    folder = encoder("bert")(tmp_path)
    model = library.CrossEncoder(str(folder), device="cpu", prompts={"web": "apple "}, default_prompt_name="web")
    expected = model.predict([(QUERY, "no")], activation_fn=torch.nn.Identity()).tolist()
    assert logits(SentenceTransformersCrossEncoder(model), ["no"]) == pytest.approx(expected, abs=1e-5)
    other = model.predict([(QUERY, "no")], activation_fn=torch.nn.Identity(), prompt="banana ").tolist()
    assert logits(SentenceTransformersCrossEncoder(model, instruction="banana "), ["no"]) == pytest.approx(
        other, abs=1e-5
    )
    assert other != expected


def test_a_slow_tokenizer_cannot_fill_a_prompt(judge: Path) -> None:
    model = library.CrossEncoder(str(judge), device="cpu")

    class Slow(type(model.tokenizer)):  # type: ignore[misc]  # whatever class the library chose
        is_fast = False

    model.tokenizer.__class__ = Slow
    with pytest.raises(ConfigurationError, match="wants a prompt, which needs a fast tokenizer"):
        SentenceTransformersCrossEncoder(model)


def test_a_template_that_fails_is_no_prompt(tmp_path: Path) -> None:
    folder = qwen_like(tmp_path)
    (folder / "chat_template.jinja").write_text("{{ messages['query']['document'].nothing }}", "utf-8")
    with pytest.raises(ConfigurationError, match="without the prompt"):
        torch_engine(folder)


def test_a_card_tells_pytorchs_engine_what_a_folder_was_made_from(tmp_path: Path) -> None:
    folder = decoder("legal", "Qwen3", "ForSequenceClassification", num_labels=1)(tmp_path)
    (folder / "README.md").write_text("---\nbase_model: Qwen/Qwen3-Reranker-0.6B\n---\n", "utf-8")
    assert torch_engine(folder).recipe.family == "Qwen3-Reranker"


def test_an_exported_folder_brings_its_recipe_along(tmp_path: Path) -> None:
    folder = tiny_models.bert_like(tmp_path).folder
    bare = OnnxCrossEncoder(folder)
    recipe = Recipe(prompt=Prompt(("{document} [SEP] {query}",)), scale=Scale(offset=1.0), max_length=64)
    (folder / FILE).write_text(json.dumps(recipe.to_json()), "utf-8")
    engine = OnnxCrossEncoder(folder)
    assert engine.recipe == recipe
    assert engine.max_length == 64
    assert engine.fingerprint != bare.fingerprint
    (hit,) = engine.rerank("query", ["apple"]).hits
    assert hit.logit is not None
    assert hit.score == pytest.approx(1 / (1 + math.exp(1 - hit.logit)))


def test_an_instruction_and_a_template_are_part_of_the_fingerprint(judge: Path) -> None:
    prints = {
        onnx_engine(judge, **options).fingerprint
        for options in ({}, {"instruction": "Find code"}, {"template": "{query} {document}"})
    }
    assert len(prints) == 3


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (torch.nn.Sigmoid(), lambda logit: 1 / (1 + math.exp(-logit))),
        (torch.nn.Identity(), lambda logit: 1 / (1 + math.exp(-logit))),
        (torch.nn.Softmax(dim=-1), lambda logit: 1 / (1 + math.exp(-logit))),
        (torch.nn.Hardsigmoid(), lambda logit: min(1.0, max(0.0, logit / 6 + 0.5))),
        (partial(torch.sigmoid), lambda logit: 1 / (1 + math.exp(-logit))),
        (lambda logits: torch.sigmoid(logits / 3), lambda logit: 1 / (1 + math.exp(-logit / 3))),
        (lambda logits: logits[7], lambda logit: 1 / (1 + math.exp(-logit))),
    ],
)
def test_scores_follow_the_activation_of_a_model_if_that_gives_numbers_from_0_to_1(
    tmp_path: Path, activation: Any, expected: Callable[[float], float]
) -> None:
    folder = encoder("unknown")(tmp_path)
    model = library.CrossEncoder(str(folder), device="cpu", activation_fn=activation)
    for hit in SentenceTransformersCrossEncoder(model).rerank(QUERY, TEXTS[:3]):
        assert hit.logit is not None
        assert hit.score == pytest.approx(expected(hit.logit), abs=1e-6)


def test_the_scores_of_ettin_are_spread_by_its_teachers_offset(tmp_path: Path) -> None:
    engine = torch_engine(ettin(tmp_path))
    (hit,) = engine.rerank(QUERY, ["no"]).hits
    assert hit.logit is not None
    assert hit.score == pytest.approx(1 / (1 + math.exp(6 - hit.logit)))
    assert engine.max_length == 96  # that of the tiny tokenizer: less than the 7,999 of the card


def test_a_number_that_is_a_probability_already_is_left_as_it_is(tmp_path: Path) -> None:
    folder = ettin(tmp_path)
    setting(activation_function="torch.nn.modules.activation.Sigmoid")(folder / "4_Dense")
    raw, scored = (torch_engine(folder, raw_scores=each).rerank(QUERY, TEXTS[:3]) for each in (True, False))
    assert [hit.score for hit in scored] == [hit.score for hit in raw]
    assert all(0 < hit.score < 1 for hit in scored)


def without_answers(folder: Path) -> None:
    """Take the tokens "yes" and "no" from a tokenizer."""
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text("utf-8"))
    model = tokenizer["model"]
    model["vocab"] = {f"<{word}>" if word in ("yes", "no") else word: place for word, place in model["vocab"].items()}
    model["merges"] = [pair for pair in model["merges"] if not {"yes", "no"} & {*pair, "".join(pair)}]
    path.write_text(json.dumps(tokenizer), "utf-8")


def test_answers_count_where_the_tokenizer_lacks_those_that_the_library_takes(tmp_path: Path, speaker: Path) -> None:
    options: dict[str, Any] = {"template": "Q: {query} D: {document} A:", "raw_scores": True}
    expected = logits(torch_engine(speaker, answers=("Yes", "No"), **options), TEXTS[:1])
    folder = altered(decoder("mine", "Qwen3"), without_answers)(tmp_path)
    found = logits(torch_engine(folder, answers=("Yes", "No"), **options), TEXTS[:1])
    assert found == pytest.approx(expected, abs=1e-4)
    with pytest.raises(ConfigurationError, match="ranks almost at random without the prompt"):
        torch_engine(folder)
    with pytest.raises(ConfigurationError, match=r"pass the tokens whose logits are the score as answers="):
        torch_engine(folder, **options)
