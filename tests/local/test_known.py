"""What a model is taken for follows from its files, on both engines and in exports, whatever its folder is called."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.export import export_model
from rerank_kit.local import OnnxCrossEncoder, SentenceTransformersCrossEncoder
from rerank_kit.local.clues import Clues, activation_named, default_template
from rerank_kit.local.decoders import speaks
from rerank_kit.local.recipe import recipe_of
from rerank_kit.local.scale import Scale
from tests.local import cards, tiny_tokenizers
from tests.local.matrix import BOTH_WAYS, DOCUMENTS, QUERY
from tests.local.tiny_families import (
    altered,
    as_graph,
    carded,
    decoder,
    encoder,
    ettin,
    labelled,
    own_code,
    setting,
    zerank_2,
)

PASSAGES = [f"{number} apples, and {'other ' * (number % 7)}things" for number in range(20)]
TAX = "Judge by tax law only"
FOR_CODE = (
    "Find code for: {% for m in messages if m.role == 'query' %}{{ m.content }}{% endfor %}\n"
    "{% for m in messages if m.role == 'document' %}{{ m.content }}{% endfor %}\nGood?"
)
_causal = partial(as_graph, loader="AutoModelForCausalLM")
_classifier = partial(decoder, kind="ForSequenceClassification", num_labels=1)
_HARD = {"activation_fn": "torch.nn.modules.activation.Hardsigmoid"}


def on_torch(folder: Path, **options: Any) -> SentenceTransformersCrossEncoder:
    return SentenceTransformersCrossEncoder(folder, device="cpu", threads=1, **options)


def on_onnx(folder: Path, make: Callable[[Path, Path], Path] = as_graph, **options: Any) -> OnnxCrossEncoder:
    graph = folder.parent / "graph" / folder.name
    return OnnxCrossEncoder(graph if graph.is_dir() else make(folder, graph), threads=1, **options)


def exported(folder: Path, told: dict[str, Any], **options: Any) -> OnnxCrossEncoder:
    """An export that was told this, loaded with these options."""
    to = folder.parent / f"exported{len(told)}"
    if not to.is_dir():
        export_model(folder, to, texts=PASSAGES, int8=False, **told)
    return OnnxCrossEncoder(to, threads=1, **options)


def scores(engine: Any) -> list[float]:
    return [engine.rerank(QUERY, [each]).hits[0].score for each in DOCUMENTS]


def close(expected: list[float]) -> Any:
    return pytest.approx(expected, abs=1e-4)


def renamed(folder: Path, name: str) -> Path:
    to = folder.parent / name
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder, to)
    return to


def test_the_folders_around_a_model_say_nothing_of_it(tmp_path: Path) -> None:
    zerank = decoder("zerank-1", "Qwen3")(tmp_path / "qwen3-reranker-experiments")
    expected = [cards.zerank(zerank, QUERY, each) for each in DOCUMENTS]
    for engine in (on_torch(zerank, raw_scores=True), on_onnx(zerank, _causal, raw_scores=True)):
        assert engine.recipe.family == "zerank"
        assert scores(engine) == close(expected)
    gte = encoder("gte-reranker-modernbert-base", "ModernBert")(tmp_path / "ettin-reranker-compare")
    assert on_torch(gte).recipe.family == on_onnx(gte).recipe.family == "gte-reranker-modernbert"
    assert on_torch(gte).recipe.scale == Scale()


def test_a_models_own_name_counts_more_than_what_it_was_made_from_and_its_card_more_than_that() -> None:
    config = {"model_type": "qwen3"}
    base = ("Qwen/Qwen3-Reranker-4B",)
    assert recipe_of(Clues("models/zerank-3", config=config, bases=base)).family == "zerank"
    assert recipe_of(Clues("models/zerank-3", config=config, loaded=base)).family == "Qwen3-Reranker"
    assert recipe_of(Clues("a\\qwen3-reranker\\zerank-1", config=config)).family == "zerank"
    shared = ("BAAI/bge-reranker-v2-m3", "BAAI/bge-reranker-v2-gemma")
    assert recipe_of(Clues("models/x", config={"model_type": "gemma"}, loaded=shared)).family == shared[1][5:]
    with pytest.raises(ConfigurationError, match=r"README\.md, config\.json"):
        recipe_of(Clues("models/x", config=config, loaded=("me/mine", *base)))


@pytest.mark.parametrize("name", ["anything", "mxbai/mxbai-rerank-large-v2"])
def test_a_copy_of_any_name_has_the_scores_of_the_original(tmp_path: Path, name: str) -> None:
    card = carded("mixedbread-ai/mxbai-rerank-base-v2", base="Qwen/Qwen2.5-0.5B")
    mxbai = altered(decoder("mxbai-rerank-base-v2", "Qwen2"), card)(tmp_path)
    copy = renamed(mxbai, name)
    for engine in (on_torch(copy), on_onnx(copy, _causal)):
        assert engine.recipe.scale == Scale(offset=4.5)
    small = ettin(tmp_path)
    again = renamed(small, f"of/{name}")
    expected = scores(on_torch(small))
    assert on_torch(small).recipe.scale == Scale(offset=6.0)
    assert scores(on_torch(again)) == expected
    assert scores(exported(again, {})) == close(expected)


def test_where_no_file_tells_a_name_gives_no_scale_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    named = ettin(tmp_path)
    carded("cross_encoder_model_id")(named)
    plain = renamed(named, "plain")
    with caplog.at_level(logging.WARNING, "rerank_kit"):
        assert scores(on_torch(named)) == scores(on_torch(plain))
    assert "is called as a Ettin reranker" in caplog.text
    assert "README.md" in caplog.text
    listed = Clues("cross-encoder/ettin-reranker-17m-v1", config={"model_type": "modernbert"})
    assert recipe_of(listed).scale == Scale(offset=6.0)


@pytest.mark.parametrize("own", ["Sigmoid", "Hardsigmoid"])
def test_a_fine_tune_keeps_the_activation_that_it_names(tmp_path: Path, own: str) -> None:
    folder = renamed(ettin(tmp_path), "my-finetune")
    carded("me/my-finetune", base="cross-encoder/ettin-reranker-17m-v1")(folder)
    settings = folder / "config_sentence_transformers.json"
    named = {"activation_fn": f"torch.nn.modules.activation.{own}"}
    settings.write_text(json.dumps(json.loads(settings.read_text("utf-8")) | named), "utf-8")
    library: Any = pytest.importorskip("sentence_transformers").CrossEncoder(str(folder), device="cpu")
    expected = library.predict([(QUERY, each) for each in DOCUMENTS]).tolist()
    assert scores(on_torch(folder)) == close(expected)
    assert scores(exported(folder, {})) == close(expected)


def test_a_base_gives_its_scale_only_where_no_activation_is_named() -> None:
    config = {"model_type": "qwen3"}
    base = ("zeroentropy/zerank-2",)
    assert recipe_of(Clues("me/mine", config=config, bases=base)).scale == Scale(temperature=5.0)
    named = Clues("me/mine", config=config, bases=base, activation="torch.nn.modules.linear.Identity")
    found = recipe_of(named)
    assert (found.family, found.scale, found.calibrated) == ("zerank", Scale(), "")


def test_the_activation_that_a_model_names_is_read_by_both_engines(tmp_path: Path) -> None:
    folder = altered(encoder("mine"), setting(sentence_transformers=_HARD))(tmp_path)
    expected = scores(on_torch(folder))
    assert scores(on_onnx(folder)) == close(expected)
    assert scores(exported(folder, {})) == close(expected)
    assert str(on_onnx(folder).recipe.scale) == "hardsigmoid(logit)"
    logits = scores(on_torch(folder, raw_scores=True))
    assert expected == close([min(1.0, max(0.0, each / 6 + 0.5)) for each in logits])


@pytest.mark.parametrize(
    ("config", "library", "expected"),
    [
        ({}, {}, ""),
        ({"sbert_ce_default_activation_function": "a"}, {}, "a"),
        ({"sbert_ce_default_activation_function": "a", "sentence_transformers": {"activation_fn": "b"}}, {}, "b"),
        ({"sentence_transformers": {"activation_fn": "b"}}, {"activation_fn": "c"}, "c"),
        ({"sentence_transformers": 7}, {"activation_fn": 7}, ""),
    ],
)
def test_an_activation_is_named_in_one_of_three_places(
    config: dict[str, Any], library: dict[str, Any], expected: str
) -> None:
    assert activation_named(config, library) == expected


def test_a_hard_sigmoid_is_flat_at_both_ends() -> None:
    scale = Scale.of_activation("torch.nn.Hardsigmoid")
    assert scale is not None
    assert [scale(each) for each in (-4, -3, 0, 3, 4)] == [0, 0, 0.5, 1, 1]
    assert scale(float("nan")) != scale(float("nan"))
    assert Scale.of_activation("mine.Sigmoid") is None


def test_a_language_model_that_looks_both_ways_is_refused_under_another_name(tmp_path: Path) -> None:
    build = own_code("reranker", "llama_bidirectional_model", BOTH_WAYS, model_type="llama_bidirec")
    folder = build(tmp_path)
    for load in (partial(on_torch, trust_remote_code=True), on_onnx):
        with pytest.raises(ConfigurationError, match="ranks almost at random without the prompt"):
            load(folder)


def test_a_conversion_without_a_config_is_known_by_its_tokenizer(tmp_path: Path) -> None:
    for number, template in enumerate((None, tiny_tokenizers.ANY_ROLE)):
        folder = _classifier(f"model{number}", "Qwen3", tokenizer=partial(tiny_tokenizers.qwen, template))(tmp_path)
        graph = as_graph(folder, tmp_path / f"graph{number}")
        (graph / "config.json").unlink()
        with pytest.raises(ConfigurationError, match="is a language model"):
            OnnxCrossEncoder(graph)
        assert OnnxCrossEncoder(graph, template="{query} {document}").recipe.prompt is not None


@pytest.mark.parametrize(
    ("tokenizer", "expected"),
    [
        ({}, True),
        ({"post_processor": {"type": "ByteLevel"}}, True),
        ({"post_processor": {"type": "TemplateProcessing", "pair": [{"SpecialToken": {}}, {"Sequence": {}}]}}, True),
        ({"post_processor": {"type": "TemplateProcessing", "pair": [{"Sequence": {}}, {"SpecialToken": {}}]}}, False),
        ({"post_processor": {"type": "BertProcessing"}}, False),
        ({"post_processor": {"type": "Sequence", "processors": [{"type": "RobertaProcessing"}]}}, False),
        ({"post_processor": {"type": "BertProcessing"}, "added_tokens": [{"content": "<|im_start|>"}]}, True),
    ],
)
def test_a_tokenizer_closes_a_pair_unless_it_is_that_of_a_language_model(
    tokenizer: dict[str, Any], expected: bool
) -> None:
    assert speaks(tokenizer) is expected


@pytest.mark.parametrize("family", ["Helium", "Persimmon"])
@pytest.mark.parametrize("template", [None, tiny_tokenizers.ANY_ROLE])
def test_classifiers_made_of_any_language_model_are_refused(tmp_path: Path, family: str, template: str | None) -> None:
    folder = _classifier("x", family, tokenizer=partial(tiny_tokenizers.qwen, template))(tmp_path)
    for load in (on_torch, on_onnx):
        with pytest.raises(ConfigurationError, match="ranks almost at random without the prompt"):
            load(folder)


def own_template(folder: Path, template: str, *, base: str = "") -> Path:
    """A language model with LogitScore and a chat template of its own for pairs."""
    made = zerank_2(folder)
    (made / "chat_template.jinja").write_text(template, "utf-8")
    return altered(lambda _: made, carded("me/mine", base=base))(folder)


def test_both_engines_ask_by_a_models_own_template(tmp_path: Path) -> None:
    folder = own_template(tmp_path, FOR_CODE, base="Qwen/Qwen3-Reranker-0.6B")
    expected = scores(on_torch(folder, raw_scores=True))
    with pytest.raises(ConfigurationError, match=r"as a language model does.*answers="):
        on_onnx(folder, _causal)
    graph = on_onnx(folder, _causal, answers=("Yes",), raw_scores=True)
    assert scores(graph) == close(expected)
    assert graph.recipe.prompt is not None
    assert graph.recipe.prompt.parts == ("Find code for: {query}{document}Good?",)
    assert scores(exported(folder, {}, raw_scores=True)) == close(expected)


def test_an_instruction_makes_the_same_prompt_everywhere(tmp_path: Path) -> None:
    folder = zerank_2(tmp_path)
    expected = scores(on_torch(folder, raw_scores=True, instruction=TAX))
    assert expected != close(scores(on_torch(folder, raw_scores=True)))
    told = {"instruction": TAX}
    assert scores(on_onnx(folder, _causal, raw_scores=True, **told)) == close(expected)
    assert scores(exported(folder, told, raw_scores=True)) == close(expected)
    assert scores(exported(folder, {}, raw_scores=True, **told)) == close(expected)


def test_an_instruction_without_a_place_is_refused_by_both_engines(tmp_path: Path) -> None:
    folder = own_template(tmp_path, FOR_CODE)
    for load in (on_torch, partial(on_onnx, make=_causal, answers=("Yes",))):
        with pytest.raises(ConfigurationError, match=r"instruction=.* takes none"):
            load(folder, instruction=TAX)


def test_an_instruction_goes_into_a_system_message_of_a_template_that_shows_one(tmp_path: Path) -> None:
    template = "{% for m in messages %}[{{ m.role }}] {{ m.content | trim }}\n{% endfor %}{# 'query' 'document' #}Good?"
    folder = own_template(tmp_path, template)
    expected = scores(on_torch(folder, raw_scores=True, instruction=TAX))
    onnx = on_onnx(folder, _causal, raw_scores=True, instruction=TAX, answers=("Yes",))
    assert scores(onnx) == close(expected)
    assert scores(exported(folder, {}, raw_scores=True, instruction=TAX)) == close(expected)


def test_a_turn_behind_a_pair_that_no_file_tells_of_is_not_guessed(tmp_path: Path) -> None:
    folder = own_template(tmp_path, FOR_CODE + "{% if add_generation_prompt %} Answer:{% endif %}")
    graph = _causal(folder, tmp_path / "graph")
    with pytest.raises(ConfigurationError, match=r"whether the assistant's turn.*sentence_bert_config\.json"):
        OnnxCrossEncoder(graph, answers=("Yes",))
    shutil.copy(folder / "sentence_bert_config.json", graph)
    prompt = OnnxCrossEncoder(graph, answers=("Yes",)).recipe.prompt
    assert prompt is not None
    assert prompt.parts[0].endswith("Good? Answer:")


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{% if 'query' 'document' %}", "chat template cannot be read"),
        ("{{ raise_exception('query' and 'document') }}", "ranks almost at random without the prompt"),
        ("{{ 'query' and 'document' }}", "ranks almost at random without the prompt"),
    ],
)
def test_a_template_that_makes_no_prompt_is_named(tmp_path: Path, template: str, complaint: str) -> None:
    folder = own_template(tmp_path, template)
    with pytest.raises(ConfigurationError, match=complaint):
        on_onnx(renamed(folder, "mine"), _causal, answers=("Yes",))


def test_a_prompt_that_the_library_puts_before_queries_is_not_left_out(tmp_path: Path) -> None:
    folder = encoder("mine")(tmp_path)
    library: Any = pytest.importorskip("sentence_transformers")
    prompts = {"web": "apple "}
    library.CrossEncoder(str(folder), device="cpu", prompts=prompts, default_prompt_name="web").save_pretrained(
        str(tmp_path / "saved")
    )
    graph = as_graph(tmp_path / "saved", tmp_path / "graph")
    shutil.copy(tmp_path / "saved" / "config_sentence_transformers.json", graph)
    with pytest.raises(ConfigurationError, match="puts 'apple ' before each query"):
        OnnxCrossEncoder(graph)
    assert OnnxCrossEncoder(graph, template="apple {query} {document}").recipe.prompt is not None


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ({"default": "one", "tool": "two"}, "one"),
        ([{"name": "tool", "template": "two"}, {"name": "default", "template": "one"}, 7], "one"),
        ([], ""),
        ("one", "one"),
        (None, ""),
    ],
)
def test_of_several_chat_templates_the_default_one_is_filled(template: object, expected: str) -> None:
    assert default_template(template) == expected


def test_answers_are_refused_where_they_have_no_effect(tmp_path: Path) -> None:
    folder = encoder("mine")(tmp_path)
    for load in (on_torch, on_onnx):
        with pytest.raises(ConfigurationError, match=r"answers=.* gives a score for a pair: leave it out"):
            load(folder, answers=("yes", "no"))
    judge = zerank_2(tmp_path)
    with pytest.raises(ConfigurationError, match=r"gives a score for a pair"):
        exported(judge, {}, answers=("thereisnosuchtoken",))
    with pytest.raises(ConfigurationError, match="another for irrelevant"):
        on_torch(judge, answers=("yes", "yes"))


def test_a_recipe_states_no_tokens_that_do_not_count(tmp_path: Path) -> None:
    converted = _classifier("Qwen3-Reranker-0.6B-seq-cls", "Qwen3")(tmp_path)
    for engine in (on_torch(converted), on_onnx(converted)):
        assert engine.recipe.answers == ()
        assert "logit:" not in str(engine.recipe)
    assert on_torch(zerank_2(tmp_path)).recipe.answers == ("Yes",)


def test_a_model_without_a_folder_is_known_by_its_card(tmp_path: Path) -> None:
    library: Any = pytest.importorskip("sentence_transformers")
    folder = _classifier("legal", "Qwen3")(tmp_path)
    model = library.CrossEncoder(str(folder), device="cpu")
    model._model_card_text = "---\nbase_model: Qwen/Qwen3-Reranker-0.6B\n---\n"
    shutil.rmtree(folder)
    assert SentenceTransformersCrossEncoder(model).recipe.family == "Qwen3-Reranker"


def test_the_recipe_says_which_label_counts_and_whether_scores_are_raw(tmp_path: Path) -> None:
    folder = labelled("relevant", "not_relevant")(tmp_path)
    for engine in (on_torch(folder), on_onnx(folder), exported(folder, {})):
        assert "logit: that of the label 'relevant' less that of 'not_relevant'" in str(engine.recipe)
        assert "score: sigmoid(logit)" in str(engine.recipe)
    for engine in (on_torch(folder, raw_scores=True), on_onnx(folder, raw_scores=True)):
        assert "score: the model's own number" in str(engine.recipe)


def test_the_recipe_of_an_export_says_which_answers_are_in_the_graph(tmp_path: Path) -> None:
    engine = exported(zerank_2(tmp_path), {})
    assert "logit: the logit of 'Yes', in the graph\n" in str(engine.recipe)
