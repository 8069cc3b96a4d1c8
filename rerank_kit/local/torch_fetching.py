"""A model for sentence-transformers, from a folder or from the hub.

What the library reads is fetched before it is asked to load it, and then it may look into the cache alone. By itself it
would ask the hub about dozens of files at every load, try again for minutes where there is no network, and take a file
that may not be read for one that is not there.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path, PurePosixPath
from textwrap import shorten
from typing import Any

from rerank_kit.api.secret import Secret
from rerank_kit.errors import ConfigurationError
from rerank_kit.local.clues import CARD, FOLDER, MODULES
from rerank_kit.local.file_choice import check_no_adapter, torch_weights, without_weights
from rerank_kit.local.hub import Repository, repository
from rerank_kit.local.hub_source import Source
from rerank_kit.local.model_files import check_named, files_in, hub_name
from rerank_kit.local.settings import settings_in
from rerank_kit.local.unplaced import check_placed

_SETTINGS = (".json", ".txt", ".model", ".tiktoken", ".md")  # beside the weights: settings, vocabularies, the card
_ANYWHERE = (".py", ".jinja")
_NO_ANSWERS = "does not have 'yes' and/or 'no' tokens"  # what the library says of such a tokenizer
_SAID = 500  # characters: some of its messages list all the models that there are


def cross_encoder_of(library: Any, name: str | os.PathLike[str], source: Source, options: dict[str, Any]) -> Any:
    """Load a `sentence_transformers.CrossEncoder`.

    Args:
        library: The module sentence_transformers.
        name: A folder or a hub name.
        source: How the hub is reached.
        options: Further arguments of the class, `device` and `trust_remote_code` among them.

    Raises:
        ConfigurationError: There is no such model, or it cannot be loaded.
        BackendError: The hub cannot be reached, or fails, and the cache is not enough.
    """
    check_named(name)
    if Path(name).is_dir():
        files = files_in(Path(name))
        check_no_adapter(os.fspath(name), files)
        if not any(torch_weights(files, module) for module in _modules(Path(name, MODULES))):
            raise without_weights(os.fspath(name), os.fspath(name), files)
        settings_in(Path(name))
        return _whole(_made(library, os.fspath(name), options), Path(name), os.fspath(name))
    cache = source.cache_dir or os.environ.get("SENTENCE_TRANSFORMERS_HOME")
    there = repository(hub_name(name), Source(source.revision, source.token, cache, source.local_files_only))
    folder = _fetched(there)
    settings_in(folder)
    options = {**options, "revision": folder.name, "cache_folder": cache}
    try:
        made = _made(library, there.name, {**options, "local_files_only": True})
    except ConfigurationError:
        if not options["trust_remote_code"] or there.unreachable is not None:
            raise
        made = _made(library, there.name, options, source.token)  # code of other repositories, it fetches itself
    return _with_card(_whole(made, folder, there.name), folder)


def _fetched(there: Repository) -> Path:
    """The folder in the cache with all that the library reads."""
    check_no_adapter(there.name, there.files)
    small = [each for each in there.files if _is_small(each)]
    modules = _modules(there.fetched(small) / MODULES)
    weights = [each for module in modules for each in torch_weights(there.files, module)]
    if not weights and there.unreachable is None:
        raise without_weights(there.name, there.place, there.files)
    if not weights:
        lacks = "it lacks the weights for PyTorch"
        raise there.not_enough(lacks)
    return there.fetched([*small, *weights])


def _whole(model: Any, folder: Path, name: str) -> Any:
    """The model, if all that was trained of it is in it."""
    check_placed(model, folder / _modules(folder / MODULES)[:2][-1], name)
    return model


def _with_card(model: Any, folder: Path) -> Any:
    """The model with its folder, and with its card, which the library reads only of those that it has saved itself."""
    setattr(model, FOLDER, folder)
    card = folder / CARD
    if model._model_card_text is None and card.is_file():  # noqa: SLF001 - the library has no other place for it
        model._model_card_text = card.read_text("utf-8", errors="replace")  # noqa: SLF001
    return model


def _is_small(file: str) -> bool:
    """Whether it is one of the files beside the weights.

    The library takes many of them for optional: without modules.json, it would make another model of the same weights.
    """
    path = PurePosixPath(file)
    of_a_module = path.name == "config.json" or path.suffix in _ANYWHERE
    return of_a_module or (len(path.parts) == 1 and path.suffix in _SETTINGS)


def _modules(path: Path) -> list[str]:
    """The folders of a model's modules, the model's own among them."""
    try:
        return ["", *(str(each["path"]) for each in json.loads(path.read_text("utf-8")))]
    except (OSError, ValueError, TypeError, KeyError):
        return [""]  # of what is wrong with it the library tells


def _made(library: Any, name: str, options: dict[str, Any], token: Secret | None = None) -> Any:
    """Have the library load it, from what is here unless there is a token to fetch it with.

    An error of the hub's client holds the request, and with it the token: where there may be one, it is not chained.
    """

    def load() -> Any:
        given = {**options, "token": None if token is None else token.reveal()}
        try:
            return library.CrossEncoder(name, **given)
        except ValueError as error:
            if _NO_ANSWERS not in str(error):
                raise
        return _without_answers(library, name, given)

    try:
        made, untrusted = _heard(load)
    except Exception as error:  # torch, transformers and the hub raise whatever they like
        problem = _unloadable(name, options["device"], str(error) if token is None else token.hide(str(error)))
        if token is None:
            raise problem from error
    else:
        if not untrusted:
            return made
        problem = _unloadable(name, options["device"], untrusted[0])
    raise problem


def _without_answers(library: Any, name: str, options: dict[str, Any]) -> Any:
    """A language model whose tokenizer lacks the answers that the library takes by itself: others are chosen later."""
    given = dict(options)
    device, numbers, cache = given.pop("device"), given.pop("model_kwargs"), given.pop("cache_folder", None)
    whole = import_module("sentence_transformers.base.modules").Transformer(
        name,
        transformer_task="text-generation",
        cache_dir=cache,
        model_kwargs={**given, **numbers},
        processor_kwargs=given,
        config_kwargs=given,
    )
    answers = import_module("sentence_transformers.cross_encoder.modules").LogitScore(true_token_id=None)
    return library.CrossEncoder(modules=[whole, answers], device=device)


def _heard(load: Callable[[], Any]) -> tuple[Any, list[str]]:
    """What is loaded, and what the library says meanwhile, in this thread, of parts that it put others in place of."""
    logger, listener = logging.getLogger("sentence_transformers"), _Listener(threading.get_ident())
    logger.addHandler(listener)
    try:
        return load(), listener.said
    finally:
        logger.removeHandler(listener)


class _Listener(logging.Handler):
    """Keeps what is said in a thread of what is not trusted."""

    def __init__(self, thread: int) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []
        self._thread = thread

    def emit(self, record: logging.LogRecord) -> None:
        told = record.getMessage()
        if record.thread == self._thread and "is not trusted" in told:
            self.said.append(told)


def _unloadable(name: str, device: object, said: str) -> ConfigurationError:
    """The error for what the library could not load."""
    remedy = "Check the names, or pass the path of a folder with the model's files"
    if "trust_remote_code" in said:
        remedy = "The model comes with code of its own. Read it, and pass trust_remote_code=True to have it run here"
    reason = shorten(said, _SAID, placeholder=" …").rstrip(".")
    return ConfigurationError(f"model={name!r} could not be loaded on device={device!r}: {reason}. {remedy}")
