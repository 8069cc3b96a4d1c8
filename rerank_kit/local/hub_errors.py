"""What goes wrong at the Hugging Face hub, as our errors: which one, the remedy, and all that the hub says."""

from __future__ import annotations

from typing import Any

from rerank_kit.api.hiding import hide
from rerank_kit.api.secret import Secret
from rerank_kit.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailed,
    RateLimited,
    RerankError,
    StatusError,
)
from rerank_kit.local.families import said_of_name
from rerank_kit.optional import optional

_NO_TOKEN, _REFUSED, _TOO_MANY, _SERVER = 401, (401, 403), 429, 500


def endpoint() -> str:
    """Where the hub is, by the settings of its client."""
    hub: Any = optional("huggingface_hub", extra="onnx", why="fetching a model")
    address: str = hub.constants.ENDPOINT
    return address


def hub_error(error: Exception, name: str, revision: str | None, token: Secret) -> RerankError:
    """The error to raise for what the hub's client raised.

    Args:
        error: What it raised.
        name: The repository.
        revision: The revision that was asked for.
        token: The token that was passed.
    """
    hub: Any = optional("huggingface_hub", extra="onnx", why="fetching a model")
    kinds: Any = optional("huggingface_hub.errors", extra="onnx", why="fetching a model")
    cause = error.__cause__ or error if isinstance(error, kinds.LocalEntryNotFoundError) else error
    status = getattr(getattr(cause, "response", None), "status_code", None)
    secrets = [*token.known(), *filter(None, [hub.get_token()])]
    kind, remedy = _cause(cause, kinds, status, sent=bool(secrets), page=f"{endpoint()}/{name}")
    said = " ".join(str(cause).split()) or type(cause).__name__
    at = "" if revision is None else f" at revision {revision!r}"
    msg = (
        f"model={name!r} is not a folder here and could not be fetched from {endpoint()}{at}: {remedy}, or pass "
        f"the path of a folder with the model's files. {said_of_name(name)}What was said: {hide(said, secrets)}"
    )
    return kind(msg, backend="huggingface_hub", status=int(status or 0)) if issubclass(kind, StatusError) else kind(msg)


def _cause(
    error: BaseException, kinds: Any, status: int | None, *, sent: bool, page: str
) -> tuple[type[RerankError], str]:
    """Which of our errors it is, and what to do."""
    unknown = (
        "or the token may not read it. Check both"
        if sent
        else ("or it is private. Check the name; for a private one pass token= or set HF_TOKEN")
    )
    code = 0 if status is None else status
    of_a_file = isinstance(error, OSError) and error.errno is not None
    causes: list[tuple[bool, type[RerankError], str]] = [
        (
            isinstance(error, kinds.RevisionNotFoundError),
            ConfigurationError,
            "it has no such revision. Pass a branch, a tag or a commit of it as revision=",
        ),
        (
            isinstance(error, kinds.GatedRepoError),
            AuthenticationError,
            f"it is gated. Ask for access on {page}, then pass token= or set HF_TOKEN",
        ),
        (
            isinstance(error, kinds.RepositoryNotFoundError) or (code == _NO_TOKEN and not sent),
            ConfigurationError,
            f"there is no such repository, {unknown}",
        ),
        (
            code in _REFUSED,
            AuthenticationError,
            "the token was refused. Pass another as token=, or mend HF_TOKEN or `hf auth login`",
        ),
        (code == _TOO_MANY, RateLimited, "too many requests. Wait, or pass a token=, with which more are allowed"),
        (code >= _SERVER, StatusError, "the hub fails. Try again later"),
        (
            code > 0 or isinstance(error, ValueError),
            ConfigurationError,
            "the hub does not take the request. Check the name and the revision",
        ),
        (
            of_a_file and not isinstance(error, ConnectionError | TimeoutError),
            ConfigurationError,
            "a file cannot be written. Check the disk, or pass another folder as cache_dir=",
        ),
    ]
    network = (
        "the hub cannot be reached, and what is in the cache is not enough. Check the network, the proxy (HTTPS_PROXY) "
        "and HF_ENDPOINT"
    )
    return next(((kind, remedy) for applies, kind, remedy in causes if applies), (ConnectionFailed, network))
