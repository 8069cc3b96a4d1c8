"""What can be done with the documents of a retriever that indexes them: the same in every framework."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from rerank_kit.contextual.hybrid_index import Hybrid, check_ids
from rerank_kit.flow import Flow, arun, run

D = TypeVar("D")
D_contra = TypeVar("D_contra", contravariant=True)


class Indexing(Protocol[D_contra]):
    """A first stage to which documents can be added."""

    @property
    def index(self) -> Hybrid:
        """Both indexes."""
        ...

    def adding(self, documents: Sequence[D_contra], timeout: float | None) -> Flow[None]:
        """Index documents, for sync and async callers."""
        ...


class Growing(Generic[D]):
    """What can be done with documents that are indexed."""

    @property
    @abstractmethod
    def first_stage(self) -> Indexing[D]:
        """What finds the candidates."""

    @property
    def document_ids(self) -> list[str]:
        """The ids of the documents that are found: their own, or else what their metadata say where they are from."""
        return self.first_stage.index.ids

    def add(self, documents: Sequence[D], *, timeout: float | None = None) -> None:
        """Index whole documents; one whose id is known takes the place of the older one.

        Chunks that have not changed are neither put into context nor embedded again. Where it fails, what was there is
        found as before, and the next call goes on where this one was, whatever it adds.

        Args:
            documents: The documents.
            timeout: How many seconds the contexts may take.

        Raises:
            ConfigurationError: A document is none, or two have the same id.
            IncompleteContexts: Some chunks got no context.
        """
        run(self.first_stage.adding(documents, timeout))

    async def aadd(self, documents: Sequence[D], *, timeout: float | None = None) -> None:
        """Do what `add` does, without blocking the event loop."""
        await arun(self.first_stage.adding(documents, timeout))

    def remove(self, ids: Sequence[str]) -> None:
        """Take documents out of both indexes, by their ids: see `document_ids`.

        Raises:
            ConfigurationError: There is none of such an id; nothing is removed.
        """
        run(self.first_stage.index.removing(check_ids(ids)))

    async def aremove(self, ids: Sequence[str]) -> None:
        """Do what `remove` does, without blocking the event loop."""
        await arun(self.first_stage.index.removing(check_ids(ids)))

    def save(self, folder: str | Path) -> None:
        """Keep all but the vectors in a folder, all of it or nothing: `load_contextual_retriever` reads it.

        The vector store is yours to keep. Metadata have to be what JSON can hold.

        Raises:
            ConfigurationError: The folder cannot be written, or metadata are something else.
        """
        self.first_stage.index.save(folder)
