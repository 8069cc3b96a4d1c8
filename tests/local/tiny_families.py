"""Tiny copies of rerankers, each in the layout of its repository: names, configs, tokenizers, templates, heads."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.export import originals
from tests.local import tiny_tokenizers
from tests.local.cards import torch, transformers
from tests.local.tiny_tokenizers import LENGTH

Build = Callable[[Path], Path]
"""Makes a model's folder inside another, by the name that it has on the hub."""

_WIDTH = 32
_ENCODER = {
    "hidden_size": _WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": originals.MAX_LENGTH,
}
_DECODER = {
    "hidden_size": _WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "intermediate_size": 64,
    "max_position_embeddings": LENGTH,
}


def encoder(name: str, family: str = "Bert", kind: str = "ForSequenceClassification", **config: Any) -> Build:
    """An encoder with a tokenizer of its kind."""

    def build(folder: Path) -> Path:
        makers: dict[str, Callable[..., Path]] = {
            "Bert": originals.bert,
            "DebertaV2": _deberta,
            "ModernBert": originals.modernbert,
            "XLMRoberta": originals.xlm_roberta,
        }
        return makers[family](folder / name, kind=kind, **config)

    return build


def _deberta(folder: Path, *, kind: str) -> Path:
    """Two kinds of positions, both relative; the tokenizer is that of BERT."""
    made = originals.bert(folder / "bert", kind=kind)
    tokenizer = transformers.AutoTokenizer.from_pretrained(made)
    shape = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False}
    options = {**_ENCODER, "vocab_size": len(tokenizer), "num_labels": 1, "pooler_hidden_size": _WIDTH, **shape}
    torch.manual_seed(7)
    model = getattr(transformers, f"DebertaV2{kind}")(transformers.DebertaV2Config(**options))
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(torch.randn(weights.shape), alpha=0.3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def bert_tokenised(folder: Path, family: str, **config: Any) -> Path:
    """A model of another family, with BERT's tokenizer."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(originals.bert(folder))
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    options = {"vocab_size": len(tokenizer), "num_labels": 1, "max_position_embeddings": 96, **sizes, **config}
    torch.manual_seed(11)
    model = getattr(transformers, f"{family}ForSequenceClassification")(
        getattr(transformers, f"{family}Config")(**options)
    )
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(torch.randn(weights.shape), alpha=0.3)
    model.save_pretrained(folder)
    return folder


def decoder(
    name: str,
    family: str,
    kind: str = "ForCausalLM",
    *,
    tokenizer: Callable[[], Any] = tiny_tokenizers.qwen,
    **config: Any,
) -> Build:
    """A language model, or a sequence classifier made of one, whose config says no more than those do."""

    def build(folder: Path) -> Path:
        made = tokenizer()
        torch.manual_seed(5)
        options = {**_DECODER, "vocab_size": len(made), "pad_token_id": made.pad_token_id, **config}
        model = getattr(transformers, f"{family}{kind}")(getattr(transformers, f"{family}Config")(**options)).eval()
        with torch.no_grad():
            for weights in model.parameters():
                weights.add_(torch.randn(weights.shape), alpha=0.25)
        model.save_pretrained(folder / name)
        made.save_pretrained(folder / name)
        return folder / name

    return build


def altered(build: Build, change: Callable[[Path], object]) -> Build:
    """The same, with something done to its folder."""

    def again(folder: Path) -> Path:
        made = build(folder)
        change(made)
        return made

    return again


def setting(**values: Any) -> Callable[[Path], object]:
    """Writes into `config.json`."""

    def write(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | values), "utf-8")

    return write


def carded(*loaded: str, base: str = "") -> Callable[[Path], object]:
    """Writes a card whose code loads these models, and whose head says what the model was made from."""

    def write(folder: Path) -> None:
        head = f"---\nbase_model: {base}\n---\n" if base else ""
        code = "".join(f'model = CrossEncoder("{each}")\n' for each in loaded)
        (folder / "README.md").write_text(f"{head}# A model\n```python\n{code}```\n", "utf-8")

    return write


def labelled(*names: str) -> Build:
    """A classifier whose values have these names."""
    labels = {str(place): name for place, name in enumerate(names)}
    return altered(encoder("classifier", num_labels=len(names)), setting(id2label=labels))


def without_weights(begin: str) -> Callable[[Path], object]:
    """Loses the weights whose names begin so, as a bad save does."""

    def lose(folder: Path) -> None:
        files: Any = import_module("safetensors.torch")
        weights: dict[str, Any] = files.load_file(folder / "model.safetensors")
        kept = {name: weight for name, weight in weights.items() if not name.startswith(begin)}
        assert len(kept) < len(weights)
        files.save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})

    return lose


def ettin(folder: Path) -> Path:
    """cross-encoder/ettin-reranker-17m-v1: five modules in folders of their own, as modules.json lists them."""
    from sentence_transformers import CrossEncoder
    from sentence_transformers.sentence_transformer import modules

    name = folder / "ettin-reranker-17m-v1"
    backbone = originals.modernbert(folder / "backbone", kind="Model")
    torch.manual_seed(6)
    dense: Any = modules.Dense
    own = {"module_input_name": "sentence_embedding"}
    parts: list[Any] = [
        modules.Transformer(str(backbone), transformer_task="feature-extraction"),
        modules.Pooling(64, "cls"),
        dense(64, 64, bias=False, activation_function=torch.nn.GELU(), module_output_name="sentence_embedding", **own),
        modules.LayerNorm(64),
        dense(64, 1, activation_function=torch.nn.Identity(), module_output_name="scores", **own),
    ]
    CrossEncoder(modules=parts, device="cpu", activation_fn=torch.nn.Identity()).save_pretrained(str(name))
    carded("cross-encoder/ettin-reranker-17m-v1", base="jhu-clsp/ettin-encoder-17m")(name)
    return name


def zerank_2(folder: Path) -> Path:
    """zeroentropy/zerank-2: modules.json with a LogitScore, and a chat template that takes the roles of a pair."""
    made = decoder("zerank-2", "Qwen3")(folder)
    yes = tiny_tokenizers.qwen().convert_tokens_to_ids("Yes")
    kind = "sentence_transformers"
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": f"{kind}.base.modules.transformer.Transformer"},
        {"idx": 1, "name": "1", "path": "1_LogitScore", "type": f"{kind}.cross_encoder.modules.logit_score.LogitScore"},
    ]
    method = {"method": "forward", "method_output_name": "logits"}
    files: dict[str, Any] = {
        "modules.json": modules,
        "1_LogitScore/config.json": {"true_token_id": yes, "false_token_id": None},
        "sentence_bert_config.json": {
            "transformer_task": "text-generation",
            "modality_config": {"text": method, "message": {**method, "format": "flat"}},
            "module_output_name": "causal_logits",
            "processing_kwargs": {"chat_template": {"add_generation_prompt": True}},
        },
        "config_sentence_transformers.json": {
            "model_type": "CrossEncoder",
            "activation_fn": "torch.nn.modules.linear.Identity",
            "prompts": {},
            "default_prompt_name": None,
        },
    }
    (made / "1_LogitScore").mkdir()
    for name, content in files.items():
        (made / name).write_text(json.dumps(content), "utf-8")
    template = (
        "{%- set roles = {'query': 'system', 'document': 'user'} %}{%- for message in messages %}"
        "{{- '<|im_start|>' + roles.get(message.role, message.role) + '\\n' }}"
        "{{- message.content.strip() + '<|im_end|>\\n' }}"
        "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
    )
    (made / "chat_template.jinja").write_text(template, "utf-8")
    return made


def embedding_model(folder: Path) -> Path:
    """A sentence-transformers model for embeddings: a transformer and a pooling."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    backbone = originals.bert(folder / "backbone", kind="Model")
    model = SentenceTransformer(modules=[modules.Transformer(str(backbone)), modules.Pooling(64)], device="cpu")
    model.save_pretrained(str(folder / "embedder"))
    return folder / "embedder"


def t5(folder: Path) -> Path:
    """castorini/monot5-base-msmarco: an encoder and a decoder."""
    folder = originals.bert(folder / "monot5-base-msmarco")
    size = json.loads((folder / "config.json").read_text("utf-8"))["vocab_size"]
    config = transformers.T5Config(
        vocab_size=size, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2, decoder_start_token_id=0
    )
    (folder / "model.safetensors").unlink()
    transformers.T5ForConditionalGeneration(config).save_pretrained(folder)
    return folder


def own_code(name: str, module: str, code: str, **config: Any) -> Build:
    """A model whose architecture comes in a Python file beside it, as that of Jina's, Alibaba's and NVIDIA's does."""

    def build(folder: Path) -> Path:
        llama = "Llama" in code
        made = (
            decoder(name, "Llama", "ForSequenceClassification", tokenizer=tiny_tokenizers.llama, num_labels=1)
            if llama
            else encoder(name)
        )(folder)
        (made / f"{module}.py").write_text(code, "utf-8")
        classes = {"AutoConfig": "OwnConfig", "AutoModel": "OwnBase", "AutoModelForSequenceClassification": "OwnModel"}
        setting(auto_map={auto: f"{module}.{own}" for auto, own in classes.items()}, **config)(made)
        return made

    return build


class _Graph(torch.nn.Module):  # type: ignore[misc]  # torch is Any where it may be missing
    """A model, with its inputs and the one output that conversions have."""

    def __init__(self, model: Any, output: str) -> None:
        super().__init__()
        self.model, self.output = model, output

    def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any = None) -> Any:
        more = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        return self.model(input_ids=input_ids, attention_mask=attention_mask, **more)[self.output]


def as_graph(
    folder: Path, to: Path, *, loader: str = "AutoModelForSequenceClassification", output: str = "logits"
) -> Path:
    """The folder of an ONNX conversion: the graph, the tokenizer and the settings, without modules of PyTorch."""
    options = {"attn_implementation": "eager", "trust_remote_code": True}
    model = getattr(transformers, loader).from_pretrained(folder, **options).eval()
    model.config.use_cache = False
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
    found = tokenizer("a query", "a longer text of some words", return_tensors="pt")
    inputs = {name: found[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in found}
    to.mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what tracing may get wrong, which the comparison would find
        torch.onnx.export(
            _Graph(model, output),
            (),
            str(to / "model.onnx"),
            kwargs=inputs,
            input_names=list(inputs),
            output_names=[output],
            dynamic_axes={**{each: {0: "batch", 1: "length"} for each in inputs}, output: {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )
    for file in folder.iterdir():
        if file.name in {"config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "README.md"}:
            shutil.copy(file, to)
    return to
