"""Contextual Retrieval for LangChain: chunks get contexts, written in front of them before they are embedded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

from langchain_core.documents import BaseDocumentTransformer, Document
from typing_extensions import override

from langchain_rerank_kit.documents import check_each
from rerank_kit import ConfigurationError
from rerank_kit.arguments import named
from rerank_kit.checks import check_text, check_timeout
from rerank_kit.contextual import ChunkedDocument, Context, ContextSource, HeadingContext, with_context
from rerank_kit.contextual.bookkeeping import Given, ids_of, mark_of
from rerank_kit.contextual.sources import check_contexts, written_by
from rerank_kit.flow import Flow, arun, blocking, run
from rerank_kit.names import check_names
from rerank_kit.quoting import class_name, quoted
from rerank_kit.texts import is_blank
from rerank_kit.values import Deadline

ORIGINAL = "original_text"
"""The key under which a chunk is kept as it was cut."""

CONTEXT = "context"
"""The key under which its context is put."""

CONTEXT_FAILED = "context_failed"
"""The key under which it is said why it has none, where one was wanted."""

CHUNK_ID = "contextual_id"
"""The key under which its id is put, for vector stores that give no ids back."""

_OURS = frozenset({ORIGINAL, CONTEXT, CONTEXT_FAILED, CHUNK_ID})


class Splitter(Protocol):
    """A text splitter, such as `RecursiveCharacterTextSplitter`."""

    def split_documents(self, documents: Iterable[Document]) -> list[Document]:
        """Cut documents into chunks."""
        ...


class ContextualChunks(BaseDocumentTransformer):
    """Chunks with their contexts in front: what is to be embedded.

    It takes whole documents, which `splitter` cuts, or chunks that were cut before, with the whole documents as
    `documents`.

    What comes out are copies. In `page_content` is the context, an empty line and the chunk; in `metadata` are
    `original_text`, the chunk as it was; `context`, its context; `context_failed`, why it has none where one was
    wanted; and `contextual_id`, which is its `id` too: made of the document's and of what the chunk says, so that it
    stays the same. A chunk that has been through it before gets a new context in place of the old one.
    """

    @named
    def __init__(
        self,
        contexts: ContextSource | None = None,
        *,
        splitter: Splitter | None = None,
        documents: Sequence[Document] | None = None,
        source_key: str = "source",
        timeout: float | None = None,
    ) -> None:
        """Check the settings; nothing is done yet.

        Args:
            contexts: What writes the contexts: `Contextualizer(model)`, or by default `HeadingContext()`, which needs
                no model.
            splitter: What cuts whole documents.
            documents: The whole documents of chunks that were cut before. A chunk is of the document whose `id`, or
                whose metadata under `source_key`, is what the chunk's metadata have under `source_key`.
            source_key: The key under which metadata say which document something is of.
            timeout: How many seconds all of it may take.

        Raises:
            ConfigurationError: An argument is wrong, or there is neither a splitter nor documents, or both.
        """
        self.contexts = HeadingContext() if contexts is None else contexts
        check_contexts(self.contexts)
        if (splitter is None) == (documents is None):
            told = "neither was" if splitter is None else "both were"
            msg = (
                f"splitter= cuts whole documents, documents= are those of chunks that were cut, and {told} given: pass "
                "one of them"
            )
            raise ConfigurationError(msg)
        if splitter is not None:
            check_splitter(splitter)
        self.splitter = splitter
        self.source_key = check_text("source_key", source_key)
        self.timeout = check_timeout(timeout)
        self.documents = None if documents is None else checked_documents(documents)

    @override
    def transform_documents(self, documents: Sequence[Document], **kwargs: Any) -> list[Document]:
        """Put chunks into context.

        Args:
            documents: Whole documents where there is a splitter, and chunks otherwise.
            **kwargs: There are none.

        Raises:
            ConfigurationError: A document is none, two whole ones have the same name, or a chunk is in none of them.
            IncompleteContexts: Some chunks got no context.
        """
        check_names("transform_documents", kwargs, ["documents"])
        return run(self._transforming(documents))

    @override
    async def atransform_documents(self, documents: Sequence[Document], **kwargs: Any) -> list[Document]:
        """Do what `transform_documents` does, without blocking the event loop."""
        check_names("atransform_documents", kwargs, ["documents"])
        return await arun(self._transforming(documents))

    def _transforming(self, documents: Sequence[Document]) -> Flow[list[Document]]:
        given, deadline = checked_documents(documents), Deadline.after(self.timeout)
        if self.splitter is not None:
            rows = yield from blocking(cut, given, self.splitter, self.source_key)
            contexts = yield from written_by(self.contexts, [each.document for each in rows], deadline)
            return [
                contextual(piece, name, contexts[name])
                for each in rows
                for piece, name in zip(each.pieces, ids_of(each.document), strict=True)
            ]
        found, order = self._gathered(given)
        contexts = yield from written_by(self.contexts, found, deadline)
        return [contextual(piece, name, contexts[name]) for piece, name in zip(given, order, strict=True)]

    def _gathered(self, chunks: Sequence[Document]) -> tuple[list[ChunkedDocument], list[str]]:
        """The documents with their chunks, and the id of each chunk in the order in which they were given."""
        whole = {each.id: each for each in named_documents(self.documents or [], self.source_key)}
        known: dict[str, set[str]] = {}
        for each in whole.values():
            for name in (each.id, *each.names):
                known.setdefault(name, set()).add(each.id)
        of = [self._document_of(known, place, each) for place, each in enumerate(chunks)]
        found: dict[str, ChunkedDocument] = {}
        for name in dict.fromkeys(of):
            texts = [original(each) for each, other in zip(chunks, of, strict=True) if other == name]
            found[name] = whole[name].chunked(texts)
        ids = {name: iter(ids_of(each)) for name, each in found.items()}
        return list(found.values()), [next(ids[name]) for name in of]

    def _document_of(self, known: Mapping[str, set[str]], place: int, chunk: Document) -> str:
        name: object = chunk.metadata.get(self.source_key)
        found = sorted(known.get(name, ())) if isinstance(name, str) else []
        if len(found) == 1:
            return found[0]
        if found:
            msg = (
                f"documents[{place}] is of {quoted(name)}, and so are {len(found)} of the whole documents: pass "
                "source_key= with a key whose values tell them apart"
            )
            raise ConfigurationError(msg)
        has = "none" if name is None else quoted(name)
        msg = (
            f"documents[{place}] must say in metadata[{self.source_key!r}] which of the whole documents it is of, and "
            f"it has {has} there: pass source_key= if it is another key, and all whole documents as documents="
        )
        raise ConfigurationError(msg)


class Whole:
    """A whole document and what it is known by.

    Attributes:
        id: Its name.
        names: By which its chunks may call it.
        document: The document.
        title: What it is called.
    """

    def __init__(self, document: Document, source_key: str) -> None:
        """Find its names: its id, or else what its metadata say where it is from, or else a hash of its text."""
        source: object = document.metadata.get(source_key)
        self.names = [each for each in (document.id, source) if isinstance(each, str) and each]
        self.document = document
        title: object = document.metadata.get("title")
        self.title = title if isinstance(title, str) else source if isinstance(source, str) else ""
        self.id = self.names[0] if self.names else self.chunked([]).id

    def chunked(self, texts: Sequence[str]) -> ChunkedDocument:
        """The document with its chunks."""
        name = self.names[0] if self.names else ""
        return ChunkedDocument(self.document.page_content, texts, name, self.title)


def named_documents(documents: Sequence[Document], source_key: str) -> list[Whole]:
    """Whole documents, each with a name of its own.

    Raises:
        ConfigurationError: Two have the same name.
    """
    found: dict[str, int] = {}
    made = [Whole(each, source_key) for each in documents]
    for place, each in enumerate(made):
        before = found.setdefault(each.id, place)
        if before != place:
            msg = (
                f"documents[{before}] and documents[{place}] are both {quoted(each.id)}, by their id or "
                f"metadata[{source_key!r}]: give each document an id of its own, such as its file and page, or join "
                "the pages of a file into one document, which makes better contexts"
            )
            raise ConfigurationError(msg)
    return made


def cut(documents: Sequence[Document], splitter: Splitter, source_key: str) -> list[Given]:
    """Whole documents, cut into chunks that say something.

    Raises:
        ConfigurationError: Two documents have the same name, or the splitter gives something else than documents.
    """
    found: list[Given] = []
    for whole in named_documents(documents, source_key):
        pieces: object = splitter.split_documents([whole.document])
        if not isinstance(pieces, list):
            msg = f"splitter.split_documents(…) gave {class_name(pieces)}: it has to give a list of documents"
            raise ConfigurationError(msg)
        given = cast("list[object]", pieces)
        check_each("splitter.split_documents(…)", given)
        kept = [each for each in cast("list[Document]", given) if not is_blank(each.page_content)]
        document = whole.chunked([original(each) for each in kept])
        rows = [[each.page_content, each.metadata] for each in kept]
        found.append(Given(document, kept, mark_of(document.text, document.title, rows)))
    return found


def contextual(chunk: Document, name: str, context: Context) -> Document:
    """A copy of a chunk with its context in front.

    Raises:
        ConfigurationError: Its metadata have something else under a key that is needed for that.
    """
    text = original(chunk)
    if not _been(chunk):
        for key in _OURS & chunk.metadata.keys():
            msg = f"metadata[{key!r}] of {quoted(text)} would be lost, for the context is told there: rename that key"
            raise ConfigurationError(msg)
    said = {ORIGINAL: text, CONTEXT: context.text, CONTEXT_FAILED: context.why, CHUNK_ID: name}
    others = {key: value for key, value in chunk.metadata.items() if key not in _OURS}
    metadata = {**others, **{key: value for key, value in said.items() if value is not None}}
    return chunk.model_copy(update={"page_content": with_context(text, context), "id": name, "metadata": metadata})


def original(chunk: Document) -> str:
    """A chunk as it was cut, whether it has a context in front by now or not."""
    return str(chunk.metadata[ORIGINAL]) if _been(chunk) else chunk.page_content


def _been(chunk: Document) -> bool:
    """Whether it has been put into context before."""
    known: object = chunk.metadata.get(ORIGINAL)
    return isinstance(known, str) and CHUNK_ID in chunk.metadata and chunk.page_content.endswith(known)


def checked_documents(documents: object) -> list[Document]:
    """A list of documents.

    Raises:
        ConfigurationError: It is none.
    """
    told = quoted(documents)
    if isinstance(documents, str | Document | Mapping) or not isinstance(documents, Iterable):
        msg = f"documents must be a list of LangChain documents, not {told}"
        raise ConfigurationError(msg)
    given = list(cast("Iterable[object]", documents))
    check_each("documents", given)
    return cast("list[Document]", given)


def check_splitter(splitter: object) -> None:
    """Refuse what cuts no documents.

    Raises:
        ConfigurationError: It has no `split_documents`.
    """
    if isinstance(splitter, type) or not callable(getattr(splitter, "split_documents", None)):
        msg = (
            f"splitter must be a text splitter of LangChain, such as RecursiveCharacterTextSplitter(chunk_size=1200), "
            f"not {quoted(splitter)}"
        )
        raise ConfigurationError(msg)
