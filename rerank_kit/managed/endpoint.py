"""`Endpoint`: a server of your own, or any API that speaks like one of those known."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, Unpack, cast, get_args
from urllib.parse import urlsplit

from rerank_kit.api.answer_size import longest_answer
from rerank_kit.api.base_url import check_url
from rerank_kit.api.check_report import Check
from rerank_kit.api.circuit import Circuit
from rerank_kit.api.exchange import WRONG_ADDRESS, Request, Response
from rerank_kit.api.json_values import is_list, is_mapping, is_whole
from rerank_kit.api.retry import worth_repeating
from rerank_kit.api.secret import Secret
from rerank_kit.checks import check_choice, check_flag, check_seconds, check_text, check_timeout
from rerank_kit.errors import AuthenticationError, BackendError, ConfigurationError, InvalidResponse, StatusError
from rerank_kit.flow import Flow, arun, run
from rerank_kit.managed.base import ManagedReranker, Options
from rerank_kit.managed.formats import FORMATS, OWNERS, Format, FormatName, by_host, check_instruction
from rerank_kit.managed.results import Decoded
from rerank_kit.managed.self_test import examining, warning
from rerank_kit.quoting import quoted
from rerank_kit.ranking import Ranking
from rerank_kit.texts import encodable
from rerank_kit.values import Deadline, Document

_PAGE = longest_answer(results=1000)  # bytes: a gateway may list as many models
_TOO_MANY = re.compile(r"maximum allowed batch size ([0-9]{1,9})\b")


class Endpoint(ManagedReranker):
    """A rerank server: TEI, infinity, vLLM, llama.cpp, SGLang, or an API in the manner of Cohere or Jina.

    Several base URLs of one service are used in turn; one that fails is set aside for a while.

    Attributes:
        base_urls: Where the service is.
        format: The wire format; `"auto"` until the first call has asked the server what it is.
        instruction: What makes a document relevant, in the user's words.
        pointwise: Whether the model scores each document on its own.
    """

    def __init__(
        self,
        base_url: str | Sequence[str],
        *,
        model: str | None = None,
        format: FormatName | Literal["auto"] = "auto",  # noqa: A002 - what users call it
        api_key: object = None,
        instruction: str | None = None,
        check: Literal["warn"] | None = None,
        max_tokens_per_doc: int | None = None,
        pointwise: bool = True,
        set_aside: float = 30.0,
        **options: Unpack[Options],
    ) -> None:
        """Check the settings; nothing is sent yet.

        Args:
            base_url: Such as `"http://127.0.0.1:8080"`, with or without the path of the API; or several of them.
            model: The model's name, where the server has several; by default what the server says.
            format: The wire format. `"auto"` knows hosted APIs by their names, and asks other servers at the first
                call.
            api_key: The key, if one is needed; by default from the environment variable that the format's vendor uses.
            instruction: What makes a document relevant, in your own words, for models that read one, such as
                Qwen3-Reranker; only SGLang, vLLM and Contextual AI have a field for it.
            check: `"warn"` tests the server after the first call, with a few small requests, as `check()` does, and
                warns of what is wrong.
            max_tokens_per_doc: Longer documents are cut before they are sent. llama.cpp refuses a request whose query
                and document exceed its physical batch size, 512 tokens by default.
            pointwise: Pass `False` for a model that reads all documents together: they are never split then.
            set_aside: Seconds for which a failing base URL is set aside, if there are others.
            **options: See `Options`.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        several = isinstance(base_url, Sequence) and not isinstance(base_url, str)
        self.base_urls = [check_url(each) for each in (base_url if several else [base_url])]
        if len({urlsplit(each).path for each in self.base_urls}) != 1:
            msg = f"base_url must be a URL, or several that differ only in their hosts, not {quoted(base_url)}"
            raise ConfigurationError(msg)
        check_choice("format", format, ("auto", *get_args(FormatName)))
        known = by_host(urlsplit(self.base_urls[0]).hostname) or "auto"
        self.format: FormatName | Literal["auto"] = known if format == "auto" else format
        self.instruction = None if instruction is None else check_text("instruction", instruction)
        check_choice("check", check, (None, "warn"))
        self._untested = check == "warn"
        variables = [] if self.format == "auto" else [FORMATS[self.format].key_variable]
        key = Secret(api_key, variables=[each for each in variables if each is not None], required=False)
        self._limits_given = "limits" in options
        super().__init__(
            model, base_url=self.base_urls[0], api_key=key, max_tokens_per_doc=max_tokens_per_doc, **options
        )
        self.pointwise = check_flag("pointwise", pointwise)
        seconds = check_seconds("set_aside", set_aside)
        self._circuits = [Circuit(failures=1, seconds=seconds) for _ in self.base_urls]
        self._turn = 0
        self._asked = False
        self.offered: tuple[str, ...] = ()  # what the server calls its models, where it says so
        self._version = ""  # of the server's list of models, where the format's own path has none
        self._moved = False  # whether the format's path is beside that list
        if self.format != "auto":
            self._take(self.format)
        self._settle_but_what_is_read(Endpoint, "base_url", "base_urls")

    @property
    def spoken(self) -> Format:
        """The wire format as a row of the table."""
        return FORMATS[cast("FormatName", self.format)]

    def encode(self, query: str, texts: Sequence[str]) -> Request:
        """What the format says, asking for all documents."""
        return self.request(query, texts, len(texts), self.instruction)

    def request(self, query: str, texts: Sequence[str], top_n: int, instruction: str | None) -> Request:
        """What the format says."""
        return self.spoken.encode(self.model, query, texts, top_n, instruction)

    def decode(self, body: Any, texts: Sequence[str]) -> Decoded:
        """What the format says."""
        return self.spoken.decode(body)

    def auth(self) -> dict[str, str]:
        """The headers of the format, with the key."""
        if self.format == "auto":
            return super().auth()
        return {**self.spoken.headers, **self.key_header(*self.spoken.key_header), **self.given_headers()}

    def prepare(self, text: str) -> tuple[str, bool]:
        """A document as it is sent: no longer than asked for, nor than the server takes."""
        kept, shorter = super().prepare(text)
        longest = self.spoken.longest
        return (kept[:longest], True) if longest is not None and len(kept) > longest else (kept, shorter)

    @property
    def fingerprint(self) -> str | None:
        """Model and settings, once both are known: pass `model=` and `format=`."""
        return None if self.format == "auto" else super().fingerprint

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Rank the documents, after having asked the server what it is, once."""
        yield from self._introduced(deadline)
        ranking = yield from self._ranked(query, documents, deadline)
        if self._untested:
            self._untested = False
            yield from warning(self, deadline)
        return ranking

    def _ranked(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Rank the documents: once more if the server says how many it takes."""
        try:
            return (yield from super().flow(query, documents, deadline))
        except StatusError as error:
            known = _TOO_MANY.search(str(error))
            if known is None or self._limits_given or not self.pointwise:
                raise
            self._take_at_most(int(known[1]))
        return (yield from super().flow(query, documents, deadline))

    def exchange(self, request: Request, deadline: Deadline, *, tokens: int = 0) -> Flow[tuple[Response, int]]:
        """Send a request until it is answered: where a server has its list of models, it may have the rest, too."""
        beside = replace(request, path=self._version + request.path)
        if not self._moved or request.path != self.spoken.path:
            try:
                return (yield from super().exchange(request, deadline, tokens=tokens))
            except ConfigurationError as error:
                if error.status not in WRONG_ADDRESS or not self._version or request.path != self.spoken.path:
                    raise
            self._moved = True
        return (yield from super().exchange(beside, deadline, tokens=tokens))

    def address(self) -> str:
        """The next base URL in turn that is not set aside; the next at all when every one is."""
        count = len(self.base_urls)
        turns = [(self._turn + step) % count for step in range(count)]
        place = next((each for each in turns if self._circuits[each].allows()), turns[0])
        self._turn = (place + 1) % count
        return self.base_urls[place]

    @property
    def most_retries(self) -> int:
        """How often a request is repeated: if at all, often enough for every base URL to have its turn."""
        return max(self.max_retries, len(self.base_urls) - 1) if self.max_retries else 0

    def reached(self, url: str, *, well: bool | None) -> None:
        """Set a base URL aside that failed."""
        circuit = self._circuits[self.base_urls.index(url)]
        if well is None:
            circuit.undecided()
        elif well:
            circuit.succeeded()
        else:
            circuit.failed()

    def pause(self, attempt: int, error: BackendError) -> float | None:
        """No pause while there is another base URL to try."""
        others = attempt + 1 < len(self.base_urls) and any(circuit.ready for circuit in self._circuits)
        return 0.0 if others else super().pause(attempt, error)

    def _introduced(self, deadline: Deadline) -> Flow[None]:
        """Ask the server what it is, its model and its limits, if that is not known."""
        wanted = self.format == "auto" or (self.format == "tei" and not self._limits_given)
        if self._asked or not wanted:
            return
        refusals: list[str] = []
        info = yield from self._page("/info", deadline, refusals)
        if is_mapping(info) and "max_client_batch_size" in info:
            self._take("tei")
            self._call_it(info.get("model_id"))
            self._take_at_most(info["max_client_batch_size"])
        elif self.format == "auto":
            info = None  # a frame that raises shows nothing that a server said
            self._take((yield from self._by_models(deadline, refusals)))
        self._asked = True

    def _by_models(self, deadline: Deadline, refusals: list[str]) -> Flow[FormatName]:
        """The format by what the server says in the list of its models."""
        for path in ("/v1/models", "/models"):
            known = self._owner((yield from self._page(path, deadline, refusals)))
            if known is not None:
                if FORMATS[known].path == "/rerank":
                    self._version = path.removesuffix("/models")
                return known
        formats = ", ".join(get_args(FormatName))
        last = f" (the last answer: {refusals[-1]})" if refusals else ""
        pages = f"/info, /v1/models or /models{last}"
        msg = f"{self.base_url} does not say what it is at {pages}: pass format=, one of {formats}"
        raise ConfigurationError(msg)

    def _owner(self, body: Any) -> FormatName | None:
        """The format by a list of models, the first of which gives its name."""
        models = body.get("data") if is_mapping(body) else None
        first = models[0] if is_list(models) and models else None
        owner = first.get("owned_by") if is_mapping(first) else None
        if not is_mapping(first) or not isinstance(owner, str) or owner.lower() not in OWNERS:
            return None
        self._call_it(*(each.get("id") for each in models or () if is_mapping(each)))
        return OWNERS[owner.lower()]

    def _page(self, path: str, deadline: Deadline, refusals: list[str]) -> Flow[Any]:
        """What the server has under a path; `None` where it has nothing, and why is added to `refusals`."""
        try:
            return (yield from self.exchange(Request(path, longest=_PAGE), deadline))[0].body
        except (StatusError, ConfigurationError, InvalidResponse) as error:
            ours = isinstance(error, ConfigurationError) and error.status is None
            if ours or isinstance(error, AuthenticationError) or worth_repeating(error):
                raise
            refusals.append(str(error))
            return None

    def _call_it(self, *names: object) -> None:
        """Call the model what the server calls its first one, if that is a name and the user has given none."""
        told = [each for each in names if isinstance(each, str) and each.strip()]
        self.offered = tuple(self.without_keys(encodable(each)) for each in told)
        if self.model is None and self.offered:
            self.model = self.offered[0]

    def _take_at_most(self, documents: object) -> None:
        """Learn how many documents the server takes, if that is a number and the user has given none."""
        if not self._limits_given and is_whole(documents) and 0 < documents <= sys.maxsize:
            self.limits = replace(self.limits, documents=documents)

    def _take(self, name: FormatName) -> None:
        check_instruction(name, self.instruction)
        self.format = name
        if not self._limits_given:
            self.limits = self.spoken.limits

    def check(self, *, timeout: float | None = 60.0) -> Check:
        """Test the server: a known question, with one answer among four texts.

        Args:
            timeout: Seconds allowed for all of it.

        Returns:
            What was found, in words: print it. Its `ok` says whether all is well.

        Raises:
            BackendError: The server cannot be reached, or answers with an error.
            ConfigurationError: It knows no such key, address or model.
        """
        return run(self._tested(Deadline.after(check_timeout(timeout))))

    async def acheck(self, *, timeout: float | None = 60.0) -> Check:
        """Test the server: `check`, without blocking the running loop."""
        return await arun(self._tested(Deadline.after(check_timeout(timeout))))

    def _tested(self, deadline: Deadline) -> Flow[Check]:
        yield from self._introduced(deadline)
        return (yield from examining(self, deadline))
