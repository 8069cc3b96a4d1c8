"""Loading a cross-encoder into PyTorch: where, in which number format, and whether it is a reranker at all."""

from __future__ import annotations

import os
from typing import Any, Literal, cast

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.model_files import check_no_key
from rerank_kit.optional import optional
from rerank_kit.quoting import quoted
from rerank_kit.user_warnings import warn_user

DType = Literal["float32", "float16", "bfloat16"]

_DTYPES = ("float32", "float16", "bfloat16")
_HEADLESS = ("Model", "ForMaskedLM", "ForPreTraining")
_NO_LIMIT = 1_000_000  # tokens: transformers writes about 1e30 where a tokenizer has no limit


class PrecisionWarning(UserWarning):
    """A number format was asked for, or found in a model, that is slow on a CPU."""


def needed(module: str) -> Any:
    """Import a module that these models need.

    Raises:
        MissingExtra: It is not installed.
    """
    return optional(module, extra="sentence-transformers", why="SentenceTransformersCrossEncoder")


def load(source: Any, *, device: str | None, dtype: DType | None, revision: str | None, trust_remote_code: bool) -> Any:
    """Load a `sentence_transformers.CrossEncoder`, or check one that is loaded.

    Args:
        source: A folder, a hub name or a `CrossEncoder`.
        device: As in PyTorch; `None` is a GPU where there is one.
        dtype: `None` is what suits the device.
        revision: The hub commit, tag or branch.
        trust_remote_code: Run code that comes with the model.

    Raises:
        ConfigurationError: It cannot be loaded or is no reranker.
        MissingExtra: sentence-transformers is not installed.
    """
    library, torch = needed("sentence_transformers"), needed("torch")
    if isinstance(source, library.CrossEncoder):
        model: Any = source
        if device is not None or dtype is not None or revision is not None or trust_remote_code:
            msg = (
                "device, dtype, revision and trust_remote_code say how to load a model, and this CrossEncoder is loaded"
            )
            raise ConfigurationError(msg)
        if model.device.type == "cpu" and model.dtype != torch.float32:
            msg = f"the model is in {model.dtype}, which is several times slower than float32 on a CPU"
            warn_user(msg, PrecisionWarning)
    elif isinstance(source, str | os.PathLike):
        check_no_key(source)
        name = str(cast("object", source))
        where = library.util.get_device_name() if device is None else device
        options = {"revision": revision, "trust_remote_code": trust_remote_code}
        numbers = getattr(torch, suitable(where, dtype))
        try:
            model = library.CrossEncoder(name, device=where, model_kwargs={"dtype": numbers}, **options)
        except Exception as error:  # torch, transformers and the hub raise whatever they like
            reason = str(error).strip().split("\n", 1)[0]
            msg = (
                f"model={name!r} could not be loaded on device={where!r}: {reason} Check the names, or pass the "
                "path of a folder with the model's files"
            )
            raise ConfigurationError(msg) from error
    else:
        msg = f"model must be a folder, a hub name or a CrossEncoder, not {type(source).__name__}"
        raise ConfigurationError(msg)
    _check_head(model)
    return model


def readable_length(model: Any) -> int:
    """The most tokens that a loaded model reads of a pair, special ones included."""
    limits = [model.max_seq_length, getattr(model[0], "processing_kwargs", {}).get("text", {}).get("max_length")]
    for module in model.modules():
        table: Any = getattr(module, "position_embeddings", None)
        if isinstance(table, needed("torch").nn.Embedding):
            # XLM-R-like models count positions from behind that of padding. The library forgets those, so that a
            # document of full length would be looked up past the end of the table.
            limits.append(table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1))
    return min(_NO_LIMIT, *(int(limit) for limit in limits if limit is not None))


def suitable(device: str, asked: DType | None) -> DType:
    """The number format for a device: half precision where it is fast, and what was asked for, but not on a CPU."""
    if asked is not None and (not isinstance(asked, str) or asked not in _DTYPES):
        msg = f"dtype must be one of {', '.join(map(repr, _DTYPES))}, not {quoted(asked)}"
        raise ConfigurationError(msg)
    kind = device.partition(":")[0]
    if kind == "cpu":
        if asked not in (None, "float32"):
            msg = f"dtype={asked!r} is several times slower than float32 on a CPU: float32 is used instead"
            warn_user(msg, PrecisionWarning)
        return "float32"
    if asked is not None:
        return asked
    # Of the two that are as fast, float16 tells three to four times as many scores apart (docs/local.md).
    return "float16" if kind in ("cuda", "mps") else "float32"


def _check_head(model: Any) -> None:
    """Refuse what cannot score pairs.

    To a bare encoder the library adds a last layer of random numbers, and says so in its log alone.
    """
    made_for = (model.config.architectures or ["unknown"])[0]
    if len(model) == 1 and made_for.endswith(_HEADLESS):
        msg = (
            f"model={model.config.name_or_path!r} is a {made_for}, which has no trained layer for scores: its ranking "
            "would be random. Pass a cross-encoder"
        )
        raise ConfigurationError(msg)
    if model.num_labels not in (1, 2):
        msg = (
            f"model={model.config.name_or_path!r} gives {model.num_labels} values for a pair: a reranker gives 1, or 2 "
            "(irrelevant, relevant)"
        )
        raise ConfigurationError(msg)
