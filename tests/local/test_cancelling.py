"""Every local engine drops the pairs that have not begun once their caller has gone, is interrupted or out of time."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import DeadlineExceeded, Reranker
from rerank_kit.local import FlashRank, OnnxCrossEncoder
from rerank_kit.local.model_files import embedded_folder
from rerank_kit.local.shared_batches import SharedBatches
from tests.conftest import Colour
from tests.core.test_cancelling import interrupted
from tests.local import tiny_models
from tests.servers import eventually

TEXTS = [f"apple {word}" for word in ("banana", "cherry", "date", "elder", "fig", "grape")] * 5
DOCUMENTS = [f"{text} {number}" for number, text in enumerate(TEXTS)]


@dataclass
class Gate:
    """Stands before a model, outside this package. It counts the calls that come, and lets none pass before it may."""

    engine: Any = None
    open: threading.Event = field(default_factory=threading.Event)
    begun: int = 0
    passed: int = 0

    def close(self) -> None:
        self.open.clear()
        self.begun = self.passed = 0

    def __call__(self, *_: object) -> None:
        self.begun += 1
        assert self.open.wait(30)
        self.passed += 1

    @property
    def idle(self) -> bool:
        return self.begun == self.passed


class Session:
    """An ONNX Runtime session behind a gate."""

    def __init__(self, session: Any, gate: Gate) -> None:
        self._session = session
        self._gate = gate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def run(self, *arguments: Any, **options: Any) -> Any:
        self._gate()
        return self._session.run(*arguments, **options)


def onnx(folder: Path, gate: Gate, **options: Any) -> Reranker:
    engine = OnnxCrossEncoder(tiny_models.bert_like(folder).folder, threads=1, **options)
    engine._graph._session = Session(engine._graph._session, gate)
    return engine


def onnx_in_windows(folder: Path, gate: Gate) -> Reranker:
    return onnx(folder, gate, long_documents="max", max_length=64)


def onnx_in_batches(folder: Path, gate: Gate) -> Reranker:
    return onnx(folder, gate, batch_size=4)


def torch(folder: Path, gate: Gate) -> Reranker:
    tiny_torch_models = pytest.importorskip("tests.local.tiny_torch_models")
    from rerank_kit.local import SentenceTransformersCrossEncoder

    engine = SentenceTransformersCrossEncoder(tiny_torch_models.bert_like(folder), threads=1, batch_tokens=32)
    engine._model.register_forward_pre_hook(gate)
    return engine


def torch_as_on_a_gpu(folder: Path, gate: Gate) -> Reranker:
    engine: Any = torch(folder, gate)
    engine._together = SharedBatches(engine._score)
    return engine  # type: ignore[no-any-return]


def flashrank(folder: Path, gate: Gate) -> Reranker:
    pytest.importorskip("flashrank")
    name = "ms-marco-MiniLM-L-12-v2"
    shutil.copytree(embedded_folder(), folder / name)
    (folder / name / "model.onnx").rename(folder / name / "flashrank-MiniLM-L-12-v2_Q.onnx")
    (folder / name / "config.json").write_text(json.dumps({"pad_token_id": 0}), "utf-8")
    engine = FlashRank(cache_dir=folder, threads=1)
    engine._ranker.session = Session(engine._ranker.session, gate)
    return engine


ENGINES = [onnx, onnx_in_windows, onnx_in_batches, torch, torch_as_on_a_gpu, flashrank]


@pytest.fixture(scope="module", params=ENGINES, ids=[each.__name__ for each in ENGINES])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Gate:
    """An engine with one worker, behind a gate."""
    gate = Gate()
    make: Callable[[Path, Gate], Reranker] = request.param
    gate.engine = make(tmp_path_factory.mktemp("model"), gate)
    return gate


@pytest.fixture
def gate(made: Gate) -> Generator[Gate]:
    """It is closed when a test begins."""
    made.close()
    yield made
    made.open.set()
    assert eventually(lambda: made.idle)


def test_of_cancelled_rankings_only_what_is_in_hand_is_finished(gate: Gate) -> None:
    async def main() -> int:
        tasks = [asyncio.create_task(gate.engine.arerank("query", DOCUMENTS)) for _ in range(8)]
        while not gate.begun:  # noqa: ASYNC110 - it is in another thread
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        assert all(
            isinstance(each, asyncio.CancelledError) for each in await asyncio.gather(*tasks, return_exceptions=True)
        )
        gate.open.set()
        return len(await asyncio.wait_for(gate.engine.arerank("query", ["apple"]), 30))

    assert asyncio.run(main()) == 1
    assert gate.begun == 2


def test_a_loop_ends_without_waiting_for_what_is_in_hand(gate: Gate) -> None:
    async def main() -> None:
        task = asyncio.create_task(gate.engine.arerank("query", DOCUMENTS))
        while not gate.begun:  # noqa: ASYNC110 - it is in another thread
            await asyncio.sleep(0.001)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(task, 0.01)

    asyncio.run(main())
    assert (gate.begun, gate.passed) == (1, 0)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals cannot be sent to a thread here")
def test_ctrl_c_does_not_wait_for_what_is_in_hand(gate: Gate) -> None:
    interrupted(lambda: gate.engine.rerank("query", DOCUMENTS), lambda: gate.begun > 0)
    assert (gate.begun, gate.passed) == (1, 0)
    gate.open.set()
    assert len(gate.engine.rerank("query", ["apple"])) == 1
    assert gate.begun == 2


def test_a_deadline_is_kept_whatever_is_in_hand(gate: Gate, colour: Colour) -> None:
    with pytest.raises(DeadlineExceeded):
        colour(gate.engine, "rerank", "query", DOCUMENTS, timeout=0.1)
    assert gate.begun <= 1
    gate.open.set()
    assert eventually(lambda: gate.idle)
    assert len(colour(gate.engine, "rerank", "query", ["apple"], timeout=60)) == 1


def test_who_waits_for_others_leaves_when_cancelled_and_when_out_of_time(gate: Gate, colour: Colour) -> None:
    first = threading.Thread(target=gate.engine.rerank, args=("query", DOCUMENTS), daemon=True)
    first.start()
    assert eventually(lambda: gate.begun == 1)
    with pytest.raises(DeadlineExceeded):
        colour(gate.engine, "rerank", "query", DOCUMENTS, timeout=0.05)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(gate.engine.arerank("query", DOCUMENTS), 0.05)

    asyncio.run(main())
    assert (gate.begun, gate.passed) == (1, 0)
    gate.open.set()
    first.join(30)
    assert not first.is_alive()
