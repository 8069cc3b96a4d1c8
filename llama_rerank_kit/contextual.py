"""Contextual Retrieval for LlamaIndex: nodes get contexts, which embedding models and BM25 read, and LLMs do not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from llama_index.core.node_parser import NodeParser
from llama_index.core.schema import BaseNode, RelatedNodeInfo, TransformComponent
from pydantic import Field
from typing_extensions import override

from llama_rerank_kit.whole_documents import put_together, text_of, title_of
from rerank_kit import ConfigurationError
from rerank_kit.arguments import named
from rerank_kit.checks import check_instance, check_text, check_timeout
from rerank_kit.contextual import ChunkedDocument, Context, ContextSource, HeadingContext
from rerank_kit.contextual.bookkeeping import Given, ids_of, mark_of
from rerank_kit.contextual.sources import check_contexts, fingerprint_of, written_by
from rerank_kit.flow import Flow, arun, blocking, run
from rerank_kit.quoting import quoted
from rerank_kit.texts import is_blank
from rerank_kit.values import Deadline

KEY = "context"
"""The key of metadata under which a node's context is put, as LlamaIndex's own `DocumentContextExtractor` does it."""

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


class ContextualChunks(TransformComponent):
    """Nodes with their contexts in their metadata: for an `IngestionPipeline`, or called with nodes.

    It takes whole documents, which `splitter` cuts, or nodes that were cut before. What comes out are copies. The
    context is in `metadata["context"]`, first of all, where embedding models and BM25 read it (`MetadataMode.EMBED`);
    LLMs do not (`MetadataMode.LLM`), and a node's text is what it was. Where a context was wanted and there is none,
    `metadata["context_failed"]`, which nobody reads, says why. Ids are made of the document's id and of what the node
    says, so that they stay the same; the nodes' relationships follow.

    Its fingerprint differs where contexts may, so that the cache of a pipeline knows it from one with another model or
    prompt.
    """

    contexts: Any = Field(exclude=True, description="What writes the contexts.")
    splitter: Any = Field(default=None, exclude=True, description="What cuts whole documents.")
    documents: Any = Field(default=None, exclude=True, repr=False, description="The whole documents of the nodes.")
    key: str = Field(default=KEY, description="The key of metadata for contexts.")
    timeout: float | None = Field(default=None, exclude=True, description="Seconds allowed for all of it.")
    fingerprint: str = Field(default="", description="What differs where contexts may.")

    @named
    def __init__(
        self,
        contexts: ContextSource | None = None,
        *,
        splitter: NodeParser | None = None,
        documents: Sequence[BaseNode] | None = None,
        key: str = KEY,
        timeout: float | None = None,
        fingerprint: str = "",
    ) -> None:
        """Check the settings; nothing is done yet.

        Args:
            contexts: What writes the contexts: `Contextualizer(model)`, or by default `HeadingContext()`, which needs
                no model.
            splitter: What cuts whole documents, such as `SentenceSplitter()`.
            documents: The whole documents of nodes that were cut before. Without them, each document is put together
                of its nodes, which works where these are all of them and know where they stand in it, as behind a
                `SentenceSplitter`; where it does not, an error says so.
            key: The key of metadata for contexts.
            timeout: How many seconds all of it may take.
            fingerprint: That of another one, from its `to_dict`, to be compared with.

        Raises:
            ConfigurationError: An argument is wrong, or what is made is another one than that of the fingerprint.
        """
        contexts = HeadingContext() if contexts is None else contexts
        check_contexts(contexts)
        if splitter is not None:
            check_parser(splitter)
            if documents is not None:
                msg = "documents= are those of nodes that were cut before, and splitter= cuts whole ones: pass one"
                raise ConfigurationError(msg)
        whole = None if documents is None else checked_nodes("documents", documents)
        made = _fingerprint(contexts, splitter, whole)
        check_instance("fingerprint", fingerprint, str, "that of another ContextualChunks")
        if fingerprint not in ("", made):
            msg = "contexts=, splitter= or documents= are others than those of what was kept: pass them as they were"
            raise ConfigurationError(msg)
        fields: dict[str, Any] = {
            "contexts": contexts,
            "splitter": splitter,
            "documents": whole,
            "key": check_text("key", key),
            "timeout": check_timeout(timeout),
            "fingerprint": made,
        }
        super().__init__(**fields)

    @classmethod
    @override
    def class_name(cls) -> str:
        """The name under which LlamaIndex serialises it."""
        return cls.__name__

    @override
    def __reduce__(self) -> tuple[Callable[..., ContextualChunks], tuple[Any, ...]]:
        """Copies of other processes are made anew. LlamaIndex's own way leaves out, in silence, what cannot travel."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return _arrived, (type(self), fields)

    @override
    def __call__(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[BaseNode]:
        """Put nodes into context.

        Raises:
            ConfigurationError: A node is none, its document is not known, or it is not in its document.
            IncompleteContexts: Some nodes got no context.
        """
        return run(self._transforming(nodes))

    @override
    async def acall(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[BaseNode]:
        """Put nodes into context, without blocking the event loop."""
        return await arun(self._transforming(nodes))

    def _transforming(self, nodes: Sequence[BaseNode]) -> Flow[list[BaseNode]]:
        given, deadline = checked_nodes("nodes", nodes), Deadline.after(self.timeout)
        if self.splitter is not None:
            rows = yield from blocking(cut, given, self.splitter)
            contexts = yield from written_by(self.contexts, [each.document for each in rows], deadline)
            pieces: list[BaseNode] = [piece for each in rows for piece in each.pieces]
        else:
            found, ids = self._gathered(given)
            contexts = yield from written_by(self.contexts, found, deadline)
            pieces = renamed(given, ids)
        return [contextual(each, contexts[each.node_id], self.key) for each in pieces]

    def _gathered(self, nodes: Sequence[BaseNode]) -> tuple[list[ChunkedDocument], list[str]]:
        """The documents with their nodes' texts, and the new id of each node in the order in which they were given."""
        whole = None if self.documents is None else {each.node_id: each for each in self.documents}
        of = [_source(each) for each in nodes]
        found: dict[str, ChunkedDocument] = {}
        for name in dict.fromkeys(of):
            own = [each for each, other in zip(nodes, of, strict=True) if other == name]
            if whole is None:
                text, first = put_together(name, own), own[0]
            elif name in whole:
                text, first = text_of(whole[name]), whole[name]
            else:
                msg = f"node {own[0].node_id!r} is of document {name!r}, which is none of documents=: pass it too"
                raise ConfigurationError(msg)
            found[name] = ChunkedDocument(text, [text_of(each) for each in own], name, title_of(first))
        ids = {name: iter(ids_of(each)) for name, each in found.items()}
        return list(found.values()), [next(ids[name]) for name in of]


def _arrived(kind: type[ContextualChunks], fields: dict[str, Any]) -> ContextualChunks:
    return kind(**fields)


def _fingerprint(contexts: ContextSource, splitter: Any, documents: Sequence[BaseNode] | None) -> str:
    cutting = None if splitter is None else _ADDRESS.sub("", str(splitter.to_dict()))
    whole = None if documents is None else [[each.node_id, text_of(each), title_of(each)] for each in documents]
    return mark_of(fingerprint_of(contexts), cutting, whole)


def _source(node: BaseNode) -> str:
    """The id of a node's document."""
    if node.ref_doc_id is None:
        msg = (
            f"node {node.node_id!r} does not say which document it is of (it has no SOURCE relationship): put a node "
            "parser before ContextualChunks, or pass whole documents and splitter=SentenceSplitter()"
        )
        raise ConfigurationError(msg)
    return node.ref_doc_id


def cut(documents: Sequence[BaseNode], splitter: NodeParser) -> list[Given]:
    """Whole documents, cut into nodes that say something, under ids of ours.

    Raises:
        ConfigurationError: Two documents have the same id.
    """
    found: dict[str, Given] = {}
    for place, whole in enumerate(documents):
        name = whole.node_id
        if name in found:
            msg = f"documents[{place}] has the id {name!r}, as one before it has: give each document an id of its own"
            raise ConfigurationError(msg)
        nodes = splitter.get_nodes_from_documents([cast("Any", whole)])
        kept = [each for each in nodes if not is_blank(text_of(each))]
        document = ChunkedDocument(text_of(whole), [text_of(each) for each in kept], name, title_of(whole))
        mark = mark_of(document.text, document.title, [[text_of(each), each.metadata] for each in kept])
        found[name] = Given(document, renamed(kept, ids_of(document)), mark)
    return list(found.values())


def renamed(nodes: Sequence[BaseNode], ids: Sequence[str]) -> list[BaseNode]:
    """Copies of nodes under other ids, which know each other by these."""
    new = {each.node_id: name for each, name in zip(nodes, ids, strict=True)}

    def followed(info: RelatedNodeInfo) -> RelatedNodeInfo:
        return info.model_copy(update={"node_id": new.get(info.node_id, info.node_id)})

    return [
        each.model_copy(
            update={
                "id_": name,
                "relationships": {
                    kind: [followed(one) for one in info] if isinstance(info, list) else followed(info)
                    for kind, info in each.relationships.items()
                },
            }
        )
        for each, name in zip(nodes, ids, strict=True)
    ]


def contextual(node: BaseNode, context: Context, key: str) -> BaseNode:
    """A copy of a node with its context, and without an embedding, which was of the node alone.

    Raises:
        ConfigurationError: Its metadata have something else under the key.
    """
    failed = f"{key}_failed"
    hidden = node.excluded_llm_metadata_keys
    for name in {key, failed} & node.metadata.keys():
        if name not in hidden:
            msg = f"metadata[{name!r}] of node {quoted(text_of(node))} would be lost: pass key= to name another key"
            raise ConfigurationError(msg)
    others = {name: value for name, value in node.metadata.items() if name not in (key, failed)}
    said = {key: context.text, failed: context.why}
    metadata = {**{name: value for name, value in said.items() if value is not None}, **others}
    embed = [each for each in node.excluded_embed_metadata_keys if each not in (key, failed)]
    return node.model_copy(
        update={
            "metadata": metadata,
            "excluded_llm_metadata_keys": list(dict.fromkeys([*hidden, key, failed])),
            "excluded_embed_metadata_keys": [*embed, failed],
            "embedding": None,
        }
    )


def checked_nodes(name: str, nodes: object) -> list[BaseNode]:
    """A list of documents or nodes.

    Raises:
        ConfigurationError: It is none.
    """
    told = quoted(nodes)
    if isinstance(nodes, str | BaseNode | Mapping) or not isinstance(nodes, Iterable):
        msg = f"{name} must be a list of LlamaIndex documents or nodes, not {told}"
        raise ConfigurationError(msg)
    given = list(cast("Iterable[object]", nodes))
    for place, each in enumerate(given):
        if not isinstance(each, BaseNode):
            msg = f"{name}[{place}] must be a LlamaIndex document or node, not {quoted(each)}"
            raise ConfigurationError(msg)
    return cast("list[BaseNode]", given)


def check_parser(splitter: object) -> None:
    """Refuse what cuts no documents.

    Raises:
        ConfigurationError: It is no node parser.
    """
    check_instance("splitter", splitter, NodeParser, "a node parser of LlamaIndex, such as SentenceSplitter()")
