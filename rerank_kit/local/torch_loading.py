"""Loading a cross-encoder into PyTorch: where, and in which number format."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, cast

from rerank_kit.errors import ConfigurationError, InvalidResponse
from rerank_kit.local.hub_source import Source
from rerank_kit.local.reading import NO_LIMIT
from rerank_kit.local.torch_fetching import cross_encoder_of
from rerank_kit.optional import optional
from rerank_kit.quoting import quoted
from rerank_kit.user_warnings import warn_user

DType = Literal["float32", "float16", "bfloat16"]

Device: TypeAlias = Any
"""Where PyTorch runs a model: a name such as `"cuda:0"` or `"cpu"`, the number of a GPU, or a `torch.device`."""

_DTYPES = ("float32", "float16", "bfloat16")


class PrecisionWarning(UserWarning):
    """A number format was asked for, or found in a model, that is slow on a CPU."""


def needed(module: str) -> Any:
    """Import a module that these models need.

    Raises:
        MissingExtra: It is not installed.
    """
    return optional(module, extra="sentence-transformers", why="SentenceTransformersCrossEncoder")


def load(model: Any, *, device: Device | None, dtype: DType | None, source: Source, trust_remote_code: bool) -> Any:
    """Load a `sentence_transformers.CrossEncoder`, or check one that is loaded.

    Args:
        model: A folder, a hub name or a `CrossEncoder`.
        device: See `Device`; `None` is a GPU where there is one.
        dtype: `None` is what suits the device.
        source: How the hub is reached.
        trust_remote_code: Run code that comes with the model.

    Raises:
        ConfigurationError: It cannot be loaded.
        BackendError: The hub cannot be reached, or fails, and the cache is not enough.
        MissingExtra: sentence-transformers is not installed.
    """
    library, torch = needed("sentence_transformers"), needed("torch")
    if isinstance(model, library.CrossEncoder):
        loaded: Any = model
        if device is not None or dtype is not None or trust_remote_code or not source.is_default:
            msg = (
                "device, dtype, trust_remote_code, revision, token, cache_dir and local_files_only say how to load a "
                "model, and this CrossEncoder is loaded"
            )
            raise ConfigurationError(msg)
        if loaded.device.type == "cpu" and loaded.dtype != torch.float32:
            msg = f"the model is in {loaded.dtype}, which is several times slower than float32 on a CPU"
            warn_user(msg, PrecisionWarning)
    elif isinstance(model, str | os.PathLike):
        where = library.util.get_device_name() if device is None else device_name(device)
        _check_there(torch, where)
        numbers = {"dtype": getattr(torch, suitable(where, dtype))}
        options = {"device": where, "model_kwargs": numbers, "trust_remote_code": trust_remote_code}
        loaded = cross_encoder_of(library, cast("str | os.PathLike[str]", model), source, options)
    else:
        msg = f"model must be a folder, a hub name or a CrossEncoder, not {type(model).__name__}"
        raise ConfigurationError(msg)
    return loaded


def readable_length(model: Any) -> int:
    """The most tokens that a loaded model reads of a pair, special ones included."""
    limits = [model.max_seq_length, getattr(model[0], "processing_kwargs", {}).get("text", {}).get("max_length")]
    for module in model.modules():
        table: Any = getattr(module, "position_embeddings", None)
        if hasattr(table, "weight") and hasattr(table, "padding_idx"):  # I-BERT's is no nn.Embedding
            # XLM-R-like models count positions from behind that of padding. The library forgets those, so that a
            # document of full length would be looked up past the end of the table.
            limits.append(len(table.weight) - (0 if table.padding_idx is None else table.padding_idx + 1))
    return min(NO_LIMIT, *(int(min(limit, NO_LIMIT)) for limit in limits if limit is not None))


def device_name(device: Device) -> str:
    """A device by its name.

    Raises:
        ConfigurationError: PyTorch has none like it.
        MissingExtra: PyTorch is not installed.
    """
    torch = needed("torch")
    try:
        if isinstance(device, bool):
            raise TypeError  # noqa: TRY301 - PyTorch says so of some truth values only
        return str(torch.device(device))
    except (TypeError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        msg = (
            f"device={quoted(device)} is none of PyTorch's{reason and f' ({reason})'}: pass a name such as 'cpu' or "
            "'cuda:0', the number of a GPU that is there, a torch.device, or nothing for the best there is"
        )
        raise ConfigurationError(msg) from error


def _check_there(torch: Any, device: str) -> None:
    """Refuse a device that PyTorch knows and this machine, or this build of PyTorch, has not."""
    try:
        torch.empty(1, device=device)
    except Exception as error:  # an AssertionError, where PyTorch was built without it
        reason = str(error).partition("\n")[0].rstrip(".")
        msg = (
            f"device={device!r} cannot be used here ({reason}): pass device='cpu', or nothing for the best there is. A "
            "GPU needs its driver, and a build of PyTorch for it (https://pytorch.org/get-started/locally)"
        )
        raise ConfigurationError(msg) from error


def pads(model: Any) -> bool:
    """Whether pairs can be padded to one length, as a batch of several needs.

    A tokenizer without a token for it gets one that it has: the library asks for one even where nothing is padded.

    Raises:
        ConfigurationError: It has none either.
    """
    tokenizer = model.tokenizer
    if tokenizer.pad_token is not None:  # a classifier of a language model looks for the last one that is none
        return model.config.pad_token_id is not None or not hasattr(model[0].model, "score")
    tokens = tokenizer.eos_token, tokenizer.sep_token, tokenizer.cls_token, tokenizer.bos_token, tokenizer.unk_token
    instead = next((each for each in tokens if each is not None), None)
    if instead is None:
        msg = (
            f"model={model.config.name_or_path!r}: its tokenizer has no special tokens, not even one to pad with: name "
            "the pad_token in tokenizer_config.json"
        )
        raise ConfigurationError(msg)
    tokenizer.pad_token = instead
    return False


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


def check_held(answers: Sequence[float], dtype: str, name: str | None) -> None:
    """Say so where half precision was not enough; other numbers that are none are refused with all scores.

    Raises:
        InvalidResponse: There are numbers that float16 cannot hold.
    """
    if dtype == "float16" and not all(map(math.isfinite, answers)):
        msg = (
            f"model={name!r} computes numbers that float16 cannot hold: pass dtype='bfloat16', which can but "
            "rounds more, or dtype='float32'"
        )
        raise InvalidResponse(msg)


def use_one_core() -> None:
    """Keep operators in this thread to themselves: workers scale better than threads inside an operator.

    `torch.set_num_threads` would also be the setting of the threads that the application starts from then on.
    """
    needed("torch").get_num_threads()  # PyTorch sets a thread up at its first call, which would undo the next line
    needed("threadpoolctl").threadpool_limits(1, user_api="openmp")
