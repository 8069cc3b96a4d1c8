"""Turning a cross-encoder of transformers into a folder that `OnnxCrossEncoder` loads, if it equals the original."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rerank_kit.errors import BackendError, ConfigurationError
from rerank_kit.export.atomic_folder import REPORT, new_folder
from rerank_kit.export.original import Original
from rerank_kit.export.parity import Parity, Report, compare, versions
from rerank_kit.export.quantize import quantize
from rerank_kit.export.sample_texts import documentation, extreme_pairs, make_pairs
from rerank_kit.local.cross_encoder import Pair

__all__ = ["Parity", "Report", "export_model"]

FP32, INT8 = "model.onnx", "model_int8.onnx"


def export_model(
    model: str | os.PathLike[str],
    to: str | os.PathLike[str],
    *,
    revision: str | None = None,
    trust_remote_code: bool = False,
    texts: Sequence[str] | None = None,
    int8: bool = True,
    force: bool = False,
    max_difference: float = 1e-3,
    min_correlation: float = 0.95,
    template: str | None = None,
    instruction: str | None = None,
    answers: Sequence[str] | None = None,
) -> Report:
    """Write a model's graphs, tokenizer and settings into a folder, or nothing when they are not as good as torch.

    Args:
        model: A folder or a hub name of a cross-encoder that sentence-transformers loads: a sequence classifier with
            one or two labels, one made of modules, or a language model whose answer is the score.
        to: The folder to make. `model.onnx` is the model in fp32; `model_int8.onnx` takes about a quarter of the space
            and half the time, and has a scale for each token, so that a score does not depend on what shares the batch.
        revision: The hub commit, tag or branch.
        trust_remote_code: Run code that comes with the model. What is exported needs none.
        texts: Passages like those that will be ranked, at least 20; by default documentation of Python's modules.
        int8: Whether to write `model_int8.onnx`.
        force: Whether to replace a former export, of which nothing else may be in the folder.
        max_difference: The largest difference that a logit of `model.onnx` may have from torch's.
        min_correlation: The lowest rank correlation that `model_int8.onnx` may have with torch.
        template: The prompt of a model that wants one, where neither its files nor its family say it: a text with
            `{query}`, `{document}` and, optionally, `{instruction}` in it.
        instruction: What a model that takes an instruction is told to judge by; by default its own, or its family's.
        answers: The tokens of a language model whose logits are the score, such as `("yes", "no")`; by default its
            own, or those of its family.

    Returns:
        How close the files come to torch. It is stored in the folder as `parity.json`.

    Raises:
        ConfigurationError: There is no such model, it is no cross-encoder, the folder is in use, or parity is bad.
        MissingExtra: torch, transformers or onnx is not installed.
    """
    passages = documentation() if texts is None else texts
    queries = make_pairs(passages)
    files = [FP32, INT8] if int8 else [FP32]
    with new_folder(to, replace=force) as folder:
        original = Original(
            model,
            revision=revision,
            trust_remote_code=trust_remote_code,
            template=template,
            instruction=instruction,
            answers=answers,
        )
        extremes = [(original.fitted(query), text) for query, text in extreme_pairs(passages, original.max_length)]
        compared = _written(original, folder, files, queries, extremes)
        if compared[0].logit_difference > max_difference and original.has_a_faster_graph:
            compared = _written(original, folder, files, queries, extremes, fast=False)
        compared[0].refuse_difference(max_difference)
        for quantized in compared[1:]:
            quantized.refuse_correlation(min_correlation)
        report = Report(
            model=os.fspath(model),
            revision=revision,
            texts="documentation of Python's standard library" if texts is None else "the user's own",
            versions=versions(),
            files=compared,
        )
        written = {"written": sorted([REPORT, *(each.name for each in folder.iterdir())])}
        (folder / REPORT).write_text(f"{json.dumps(asdict(report) | written, indent=2)}\n", "utf-8")
    return report


def _written(
    original: Original,
    folder: Path,
    files: Sequence[str],
    queries: Sequence[Sequence[Pair]],
    extremes: Sequence[Pair],
    *,
    fast: bool = True,
) -> tuple[Parity, ...]:
    """Write the files, and compare them."""
    original.save(folder, FP32, fast=fast)
    if INT8 in files:
        quantize(folder / FP32, folder / INT8)
    try:
        return compare(folder, files, queries, original.logits, extremes)
    except (BackendError, ConfigurationError) as error:
        msg = (
            f"model={original.name!r}: its graph cannot be run as torch runs the model "
            f"({str(error).replace(str(folder), 'what was exported')}); nothing was written. Rank with "
            "SentenceTransformersCrossEncoder"
        )
        raise ConfigurationError(msg) from error
