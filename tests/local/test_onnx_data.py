"""Weights in files beside a graph are found where the graph says, in its folder, whatever they are called."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx.external_data_helper import _get_all_tensors, uses_external_data

from rerank_kit import ConfigurationError
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.local.onnx_data import INSIDE, data_files, is_self_contained, locations
from tests.local.hub_server import COMMIT
from tests.local.test_onnx_shapes import with_value_info
from tests.local.tiny_models import WORDS, bert_like, move_weights

IN_ONE = dict.fromkeys(["embeddings", "types", "head"], "model.onnx_data")
PLACES: dict[str, dict[str, str]] = {
    "as exporters call it": IN_ONE,
    "as others call it": dict.fromkeys(IN_ONE, "model.onnx.data"),
    "any other name": dict.fromkeys(IN_ONE, "weights.bin"),
    "several": {"embeddings": "one.bin", "types": "two", "head": "drei ä 雪.bin"},
    "in folders": {"embeddings": "sub/one.bin", "types": "sub/deeper/two.bin", "head": "three.bin"},
    "with a dot": dict.fromkeys(IN_ONE, "./weights.bin"),
    "there and back": {"embeddings": "sub/one.bin", "types": "sub/../two.bin", "head": "a..b"},
    "one for each, of those with names like patterns": {"embeddings": "[a]*.bin", "head": "?.bin"},
}


@pytest.fixture(params=list(PLACES.values()), ids=list(PLACES))
def places(request: pytest.FixtureRequest) -> dict[str, str]:
    """Where the weights are."""
    return dict(request.param)


def scores(folder: Path, **options: Any) -> list[float]:
    return [hit.score for hit in OnnxCrossEncoder(folder, **options).rerank("query", WORDS)]


def wrong_files(folder: Path, original: Path, places: dict[str, str]) -> None:
    """Files of the right size and name where the graph is not."""
    for each in set(places.values()):
        (folder / each).parent.mkdir(parents=True, exist_ok=True)
        (folder / each).write_bytes(bytes((original / each).stat().st_size))


@pytest.mark.parametrize("place", ["model.onnx", "onnx/model.onnx"])
def test_weights_are_read_from_the_models_folder_also_with_stale_shapes(
    tmp_path: Path, places: dict[str, str], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bert_like(tmp_path / "model", place=place).folder
    expected = scores(folder)
    with_value_info(folder / place)
    move_weights(folder / place, places)
    (tmp_path / "elsewhere").mkdir()
    wrong_files(tmp_path / "elsewhere", (folder / place).parent, places)
    for here in (tmp_path, tmp_path / "elsewhere", folder):
        monkeypatch.chdir(here)
        assert scores(folder) == expected
        assert scores(Path(os.path.relpath(folder))) == expected


GROUP = b"\xa3\x06\xa4\x06"
NESTED = b"\xa3\x06" + GROUP * 2 + b"\x08\x01" + b"\xa4\x06"


@pytest.mark.parametrize("unknown", [GROUP, NESTED], ids=["a group", "groups in a group"])
def test_fields_that_nobody_knows_hide_no_weights(
    tmp_path: Path, unknown: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bert_like(tmp_path / "model").folder
    expected = scores(folder)
    with_value_info(folder / "model.onnx")
    move_weights(folder / "model.onnx", IN_ONE)
    with (folder / "model.onnx").open("ab") as graph:
        graph.write(unknown)
    assert locations(folder / "model.onnx") == ["model.onnx_data"]
    monkeypatch.chdir(tmp_path)
    assert scores(folder) == expected


@pytest.mark.parametrize("broken", [b"\xa3\x06", b"\xa4\x06", b"\xa3\x06" * 100_000, b"\xa6\x06"])
def test_a_graph_that_cannot_be_read_to_its_end_is_not_taken_for_one_without_files(
    tmp_path: Path, broken: bytes
) -> None:
    path = bert_like(tmp_path).folder / "model.onnx"
    assert is_self_contained(path)
    with path.open("ab") as graph:
        graph.write(broken)
    assert (locations(path), is_self_contained(path)) == ([], False)


def as_on_the_hub(folder: Path, cache: Path) -> Path:
    """The folder as the hub's client lays it out: links into a folder of blobs."""
    for number, each in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        link, blob = cache / "snapshots" / COMMIT / each.relative_to(folder), cache / "blobs" / f"blob{number}"
        link.parent.mkdir(parents=True, exist_ok=True)
        blob.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(each, blob)
        link.symlink_to(os.path.relpath(blob, link.parent))
    return cache / "snapshots" / COMMIT


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_into_blobs_are_followed(tmp_path: Path) -> None:
    folder = bert_like(tmp_path / "model", place="onnx/model.onnx").folder
    expected = scores(folder)
    move_weights(folder / "onnx/model.onnx", PLACES["in folders"])
    assert scores(as_on_the_hub(folder, tmp_path / "cache")) == expected


@pytest.mark.parametrize(
    "name",
    [
        "../weights.bin",
        "sub/../../weights.bin",
        "/weights.bin",
        "C:\\weights.bin",
        "c:weights.bin",
        "..\\w",
        "\\\\h\\s\\w",
        "",
    ],
)
def test_weights_outside_of_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    folder = bert_like(tmp_path / "model").folder
    move_weights(folder / "model.onnx", dict.fromkeys(IN_ONE, name), write=False)
    with pytest.raises(ConfigurationError, match=r"has its weights in .* which is outside of its folder") as caught:
        OnnxCrossEncoder(folder)
    assert repr(name) in str(caught.value)


def test_weights_that_are_missing_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = bert_like(tmp_path / "model", place="onnx/model.onnx").folder
    move_weights(folder / "onnx/model.onnx", PLACES["several"])
    monkeypatch.chdir(folder / "onnx")
    for name in ("one.bin", "two"):
        (folder / "onnx" / name).rename(folder / name)
    with pytest.raises(ConfigurationError, match=r"lacks onnx/one\.bin, onnx/two;"):
        OnnxCrossEncoder(folder)


def test_weights_that_break_off_are_refused(tmp_path: Path) -> None:
    folder = bert_like(tmp_path / "model").folder
    move_weights(folder / "model.onnx", dict.fromkeys(IN_ONE, "weights.bin"))
    with (folder / "weights.bin").open("r+b") as file:
        file.truncate(100)
    with pytest.raises(ConfigurationError, match="cannot load"):
        OnnxCrossEncoder(folder)


def test_every_file_of_a_model_is_in_its_fingerprint(tmp_path: Path) -> None:
    made = bert_like(tmp_path / "model", config={"pad_token_id": 0}, tokenizer_config={"model_max_length": 128})
    move_weights(made.folder / "model.onnx", PLACES["in folders"])
    first = OnnxCrossEncoder(made.folder).fingerprint
    assert OnnxCrossEncoder(shutil.copytree(made.folder, tmp_path / "copy")).fingerprint == first
    seen = {first}
    for name in (
        *PLACES["in folders"].values(),
        "tokenizer.json",
        "config.json",
        "tokenizer_config.json",
        "model.onnx",
    ):
        content = (made.folder / name).read_bytes()
        (made.folder / name).write_bytes(changed(name, content))
        seen.add(OnnxCrossEncoder(made.folder).fingerprint)
        (made.folder / name).write_bytes(content)
    assert len(seen) == 8
    assert OnnxCrossEncoder(made.folder).fingerprint == first


def changed(name: str, content: bytes) -> bytes:
    if name.endswith(".json"):
        return content.replace(b"{", b'{"another": 1,', 1) if "config" in name else content + b"\n"
    if name.endswith(".onnx"):
        model = onnx.load_from_string(content)
        model.producer_name = "another"
        serialised: bytes = model.SerializeToString()
        return serialised
    return bytes([content[0] ^ 1]) + content[1:]


# ── Reading an ONNX file ──


def test_all_places_are_known_where_onnx_may_have_a_tensor() -> None:
    seen: set[str] = set()
    todo = ["ModelProto"]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            parts = {
                each.number: each.message_type.name
                for each in getattr(onnx, name).DESCRIPTOR.fields
                if each.message_type
            }
            kept = {number: kind for number, kind in parts.items() if kind == "TensorProto" or kind in INSIDE}
            assert INSIDE.get(name, {}) == kept, name
            todo += [kind for kind in kept.values() if kind != "TensorProto"]
    assert seen == set(INSIDE)


NAMES = st.sampled_from(["a", "b/c", "../d", "", "ä"])


@st.composite
def tensors(draw: st.DrawFn) -> TensorProto:
    tensor = TensorProto(name=draw(st.sampled_from(["x", "location"])), data_type=TensorProto.FLOAT, dims=[1])
    if draw(st.booleans()):
        tensor.data_location = draw(st.sampled_from([TensorProto.EXTERNAL, TensorProto.DEFAULT]))
    for key in draw(st.permutations(["location", "offset", "other"])):
        tensor.external_data.add(key=key, value=draw(NAMES))
    return tensor


def graphs(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        graph, st.lists(tensors(), max_size=2), st.lists(inner, max_size=2), st.lists(tensors(), max_size=2)
    )


def graph(weights: list[Any], inner: list[Any], constants: list[Any]) -> Any:
    nodes = [helper.make_node("Constant", [], ["y"], value=each) for each in constants]
    nodes += [helper.make_node("If", ["x"], ["y"], then_branch=each) for each in inner]
    nodes += [helper.make_node("Many", ["x"], ["y"], bodies=inner, tensors=constants)] if inner and constants else []
    made = helper.make_graph(nodes, "g", [], [])
    made.initializer.extend(weights)
    return made


def leaf() -> st.SearchStrategy[Any]:
    return st.builds(graph, st.lists(tensors(), max_size=1), st.just([]), st.lists(tensors(), max_size=1))


@given(st.recursive(leaf(), graphs, max_leaves=4))
def test_the_files_are_those_that_onnx_finds(tmp_path_factory: pytest.TempPathFactory, made: Any) -> None:
    model = helper.make_model(made)
    path = tmp_path_factory.getbasetemp() / "any.onnx"
    path.write_bytes(model.SerializeToString())
    expected = {
        next(entry.value for entry in each.external_data if entry.key == "location")
        for each in _get_all_tensors(model)
        if uses_external_data(each)
    }
    assert set(locations(path)) == expected


def test_functions_training_and_sparse_tensors_are_looked_into(tmp_path: Path) -> None:
    def tensor(name: str) -> TensorProto:
        made = TensorProto(data_location=TensorProto.EXTERNAL)
        made.external_data.add(key="location", value=name)
        return made

    model = helper.make_model(helper.make_graph([], "g", [], []))
    model.functions.add().node.extend([helper.make_node("Constant", [], ["y"], value=tensor("function"))])
    model.training_info.add().initialization.initializer.append(tensor("training"))
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(tensor("values"))
    sparse.indices.CopyFrom(tensor("indices"))
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    assert locations(tmp_path / "model.onnx") == ["values", "indices", "training", "function"]
    assert data_files(tmp_path / "model.onnx", "m")[0] == tmp_path / "values"


def test_graphs_in_graphs_without_end_are_read(tmp_path: Path) -> None:
    inner = b""
    for number in [5, *[6, 5, 1] * 2000]:
        inner = bytes([number << 3 | 2]) + length(len(inner)) + inner
    (tmp_path / "model.onnx").write_bytes(b"\x3a" + length(len(inner)) + inner)
    assert locations(tmp_path / "model.onnx") == []


@pytest.mark.parametrize("content", [b"\x80" * 2_000_000, b"\x3a" + b"\xff" * 2_000_000, b"\x3a\x80"])
def test_a_number_without_end_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    assert locations(tmp_path / "model.onnx") == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have names in Unicode alone")
def test_weights_whose_name_is_no_utf8_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = bert_like(tmp_path / "model").folder
    expected = scores(folder)
    with_value_info(folder / "model.onnx")
    move_weights(folder / "model.onnx", dict.fromkeys(IN_ONE, "gewaehlt.bin"))
    graph = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(graph.replace(b"gewaehlt.bin", b"gew\xe4_hlt.bin"))
    (folder / "gewaehlt.bin").rename(folder / os.fsdecode(b"gew\xe4_hlt.bin"))
    monkeypatch.chdir(tmp_path)
    assert scores(folder) == expected


def length(value: int) -> bytes:
    return bytes([value & 0x7F]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + length(value >> 7)


@given(st.binary(max_size=200))
def test_what_is_no_onnx_file_names_no_files(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "none.onnx"
    path.write_bytes(content)
    assert all(isinstance(each, str) for each in locations(path))
