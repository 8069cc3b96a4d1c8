"""What can go wrong, as one tree.

::

    RerankError
    ├── ConfigurationError(ValueError)    a wrong argument, a missing key, a broken model folder
    │   ├── AuthenticationError           the key was refused (401, 403)
    │   ├── BlankQuery                    the question has nothing in it
    │   └── WrongArguments(TypeError)     an argument that there is not
    ├── MissingExtra(ImportError)         an optional dependency is not installed
    ├── DeadlineExceeded(TimeoutError)    the time allowed ran out
    ├── BudgetExceeded                    the money allowed ran out
    ├── BackendError                      the model or the vendor failed
    │   ├── ConnectionFailed              no answer
    │   ├── StatusError                   an answer that is an error
    │   │   └── RateLimited               429
    │   ├── InvalidResponse               an answer that cannot be a ranking
    │   └── ShuttingDown                  Python ends, and with it the thread that asks
    └── AllFailed                         every fallback failed

Catch `ConfigurationError` for what a programmer must mend and `BackendError` for what may pass by itself. `Abandoned`
stands beside the tree: let it pass. Each has an entry in docs/troubleshooting.md, to which tracebacks lead.
"""

from __future__ import annotations

from collections.abc import Sequence

DOCUMENTATION = "https://github.com/rerank-kit/rerank-kit/tree/main/docs"
"""Where the documentation is."""


def more_about(kind: type[BaseException]) -> str:
    """A line that leads to what the documentation says of an error or a warning.

    Args:
        kind: Its class. Of one of a user's own, the nearest of ours that it inherits from is told.
    """
    ours = next((each for each in kind.__mro__ if each.__module__.partition(".")[0] == "rerank_kit"), kind)
    return f"More about {ours.__name__}: {DOCUMENTATION}/troubleshooting.md#{ours.__name__.lower()}"


class RerankError(Exception):
    """Any error that rerank-kit raises on purpose. Its last line in a traceback says where more about it stands.

    Attributes:
        requests: How many requests were sent in vain; `None` where that is not known.
    """

    requests: int | None = None

    def __init__(self, *args: object) -> None:
        """Add the note: once, for an error that is raised again, copied or unpickled brings its notes along."""
        super().__init__(*args)
        self.add_note(more_about(type(self)))


class ConfigurationError(RerankError, ValueError):
    """A wrong argument or setting. The message names the parameter and the remedy; trying again cannot help.

    Attributes:
        status: The status of the answer that says so; `None` where nobody was asked.
    """

    status: int | None = None


class AuthenticationError(ConfigurationError):
    """The vendor refused the key. A configuration error, so that no fallback hides it."""


class BlankQuery(ConfigurationError):
    """The query is empty, white space, or nothing that shows: there is nothing to compare documents with."""


class WrongArguments(ConfigurationError, TypeError):
    """An argument under a name that there is not, or more of them than there are. The message says what was meant."""


class MissingExtra(RerankError, ImportError):
    """A package that only one back end needs is not installed.

    Attributes:
        extra: The extra of `rerank-kit` that brings it.
    """

    def __init__(self, what: str, extra: str = "") -> None:
        """Say that `what` needs the extra named `extra`."""
        super().__init__(f'{what}: pip install "rerank-kit[{extra}]"' if extra else what)
        self.extra = extra


class DeadlineExceeded(RerankError, TimeoutError):
    """The time allowed by `timeout` (seconds) ran out before the ranking was complete."""


class BudgetExceeded(RerankError):
    """The money that a cascade or one of its stages was allowed ran out, and `on_budget="raise"` was asked for."""


class BackendError(RerankError):
    """A model, a server or a vendor failed. The cause, where there is one, is chained.

    Attributes:
        backend: Name of the reranker class that failed, such as `"OnnxCrossEncoder"`.
    """

    def __init__(self, message: str, *, backend: str = "") -> None:
        """Keep the name of the back end beside the message."""
        super().__init__(message)
        self.backend = backend


class ConnectionFailed(BackendError):
    """The server could not be reached, or the connection broke before an answer came."""


class StatusError(BackendError):
    """The server answered with an error.

    Attributes:
        status: The HTTP status.
        request_id: The vendor's name for the request, for its support desk.
        retry_after: Seconds the server asked to wait, if it did.
    """

    def __init__(
        self,
        message: str,
        *,
        backend: str = "",
        status: int = 0,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Keep what the answer's head said."""
        super().__init__(message, backend=backend)
        self.status = status
        self.request_id = request_id
        self.retry_after = retry_after


class RateLimited(StatusError):
    """Too many requests or tokens for the plan (429)."""


class InvalidResponse(BackendError):
    """The answer cannot be a ranking: a wrong number of scores, NaN, an index twice or out of range."""


class ShuttingDown(BackendError):
    """Python is shutting down, and no work can begin any more in a thread for which it does not wait."""


class AllFailed(RerankError):
    """Every reranker of a fallback failed.

    Attributes:
        errors: What each one raised, in the order they were tried.
    """

    def __init__(self, message: str, *, errors: Sequence[Exception] = ()) -> None:
        """Keep every error, not only the last."""
        super().__init__(message)
        self.errors = tuple(errors)


class Abandoned(BaseException):
    """Nobody waits for this work any more: the caller was cancelled or interrupted, or has another answer.

    It is no `Exception`, so that what goes on after a failure, as a fallback does, ends here as well. It ends work in
    threads, and reaches no caller: there is none.
    """


NEVER_HIDDEN = (ConfigurationError, MissingExtra, Warning)
"""What is raised whatever would answer instead: what somebody has to mend, and warnings that are made errors."""
