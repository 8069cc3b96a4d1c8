"""What is said when a model cannot be fetched: the cause, the remedy, all that the hub says, and no token."""

from __future__ import annotations

import json
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from rerank_kit import AuthenticationError, ConfigurationError, RerankError
from rerank_kit.errors import ConnectionFailed, RateLimited, StatusError
from rerank_kit.local import OnnxCrossEncoder
from tests.api.dribbling import DRIBBLES, dribbling
from tests.api.leaks import leaked, seen_of
from tests.local.hub_client import NOWHERE, point_at, scores
from tests.local.hub_server import (
    BROKEN,
    GATED,
    NAME,
    NO_REPOSITORY,
    NOT_FOR_THIS_TOKEN,
    TOKEN,
    TOO_MANY,
    WRONG_TOKEN,
    Answer,
    Hub,
    error,
    on,
)
from tests.local.tiny_models import WORDS

SAID: dict[str, tuple[str, Answer, type[RerankError], str]] = {
    "a typo": ("/api/", NO_REPOSITORY, ConfigurationError, "no such repository, or it is private. Check the name"),
    "private": ("/api/", NOT_FOR_THIS_TOKEN, ConfigurationError, "no such repository, or it is private"),
    "gated": ("/resolve/", GATED, AuthenticationError, "it is gated. Ask for access on http"),
    "forbidden": ("/api/", error(403, "No."), AuthenticationError, "the token was refused"),
    "too many": ("/api/", TOO_MANY, RateLimited, "too many requests. Wait, or pass a token="),
    "broken": ("/api/", BROKEN, StatusError, "the hub fails. Try again later"),
    "odd": ("/api/", error(418, "Teapot"), ConfigurationError, "does not take the request"),
    "no hub": ("/api/", Answer(body=b"<html>Log in to the Wi-Fi"), ConfigurationError, "does not take the request"),
}


@pytest.mark.parametrize("case", SAID)
def test_every_failure_has_its_remedy_and_all_that_the_hub_says(hub: Hub, case: str, tmp_path: Path) -> None:
    part, answer, kind, remedy = SAID[case]
    hub.fault = on(part, answer)
    with pytest.raises(kind) as caught:
        OnnxCrossEncoder(NAME)
    said = str(caught.value)
    assert said.startswith(f"model='owner/tiny' is not a folder here and could not be fetched from {hub.url}: ")
    assert remedy in said
    assert "or pass the path of a folder" in said
    assert answer.headers.get("X-Error-Message", "").lower() in said.lower()
    if isinstance(caught.value, StatusError):
        assert caught.value.status == answer.status
    assert not list((tmp_path / "cache").rglob("snapshots/*/*"))
    hub.fault = on("nothing", answer)
    assert scores()


def test_a_wrong_token_is_not_a_wrong_name(hub: Hub) -> None:
    hub.fault = on("/api/", WRONG_TOKEN)
    with pytest.raises(AuthenticationError, match=r"token was refused\. Pass another.*Invalid credentials in Auth"):
        OnnxCrossEncoder(NAME, token=TOKEN)


def test_with_a_token_a_repository_that_is_not_there_may_be_one_that_it_cannot_read(hub: Hub) -> None:
    hub.fault = on("/api/", NOT_FOR_THIS_TOKEN)
    with pytest.raises(ConfigurationError, match=r"or the token may not read it. Check both"):
        OnnxCrossEncoder(NAME, token=TOKEN)


def test_a_revision_that_is_not_there_is_named(hub: Hub) -> None:
    with pytest.raises(ConfigurationError, match=r"at revision 'v9': it has no such revision.*Invalid rev id: v9"):
        OnnxCrossEncoder(NAME, revision="v9")


@pytest.mark.parametrize("how", ["no route", "hanging", "dribbling"])
def test_a_network_that_is_missing_is_what_is_missing(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    with dribbling(DRIBBLES["bytes of a header"]) as url:
        hub.hanging = threading.Event()
        point_at(monkeypatch, {"no route": NOWHERE, "hanging": hub.url, "dribbling": url}[how], tmp_path / "cache")
        with pytest.raises(
            ConnectionFailed, match=r"the hub cannot be reached.*Check the network, the proxy"
        ) as caught:
            OnnxCrossEncoder(NAME)
    assert "Check the name" not in str(caught.value)


@pytest.mark.parametrize("name", ["owner/ti ny", "owner/tiny.git", "o--wner/tiny"])
def test_a_name_that_is_none_is_refused_before_anybody_is_asked(hub: Hub, name: str) -> None:
    with pytest.raises(ConfigurationError, match="Check the name and the revision"):
        OnnxCrossEncoder(name)
    assert hub.asked == []


def test_a_cache_that_cannot_be_written_is_what_is_wrong(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"a file cannot be written\. Check the disk, or .*cache_dir="):
        OnnxCrossEncoder(NAME, cache_dir=tmp_path / "file")


def test_half_a_file_is_fetched_to_its_end(hub: Hub) -> None:
    content = (hub.folder / "model.onnx").read_bytes()
    half = Answer(body=content, headers={"ETag": '"whole"'}, cut=len(content) // 2)
    hub.fault = on("/model.onnx", half, times=2)  # the question for its size, and the file
    assert scores()
    assert hub.fetched.count("model.onnx") == 2


def test_a_file_of_another_size_than_it_should_have_never_gets_into_the_cache(hub: Hub, tmp_path: Path) -> None:
    content = (hub.folder / "model.onnx").read_bytes()

    def shrinking(path: str) -> Answer | None:
        told = path.endswith("/model.onnx") and hub.asked[-1].startswith("GET")
        return Answer(body=content[:100], headers={"ETag": '"whole"'}) if told else None

    hub.fault = shrinking
    with pytest.raises(RerankError, match="Consistency check failed"):
        scores()
    assert not list((tmp_path / "cache").rglob("snapshots/*/model.onnx"))
    hub.fault = on("nothing", BROKEN)
    assert scores()


def test_a_hub_that_lists_what_it_does_not_have_is_told_of(hub: Hub) -> None:
    tree = [{"type": "file", "path": each, "size": 1, "oid": each} for each in ("config.json", "tokenizer.json")]
    hub.fault = on("/tree/", Answer(body=json.dumps(tree).encode()))
    with pytest.raises(ConnectionFailed, match=r"model\.onnx could not be fetched"):
        OnnxCrossEncoder(NAME)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"revision": 7}, "revision must be the name of a commit"),
        ({"cache_dir": 7}, "cache_dir must be a folder"),
        ({"local_files_only": "yes"}, "local_files_only must be True or False"),
        ({"token": 7}, "token must be a str or a SecretStr, not int"),
        ({"token": " "}, "token is empty"),
        ({"file": 7}, "file must be the name of an ONNX file"),
    ],
)
def test_a_wrong_setting_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        OnnxCrossEncoder(NAME, **options)


# ── The token ──


@pytest.mark.parametrize("token", [TOKEN, SecretStr(TOKEN)])
def test_a_token_is_sent_with_every_request_and_seen_nowhere(hub: Hub, token: Any) -> None:
    engine = OnnxCrossEncoder(NAME, token=token)
    assert set(hub.sent) == {f"Bearer {TOKEN}"}
    pickled = pickle.dumps(engine)
    assert leaked(f"{engine!r} {vars(engine)!r} {pickled!r}", TOKEN) == []
    hub.sent.clear()
    assert pickle.loads(pickled).rerank("query", WORDS).hits == engine.rerank("query", WORDS).hits
    assert set(hub.sent) == {""}


def test_a_token_of_the_environment_is_sent_where_none_is_passed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert scores()
    assert set(hub.sent) == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("part", ["/api/", "/resolve/"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 418])
@pytest.mark.parametrize("passed", [True, False])
def test_no_failure_shows_a_token(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, part: str, status: int, caplog: pytest.LogCaptureFixture, *, passed: bool
) -> None:
    if not passed:
        monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.fault = on(part, error(status, f"bad token Bearer {TOKEN}"))
    with pytest.raises(RerankError) as caught:
        OnnxCrossEncoder(NAME, token=TOKEN if passed else None)
    failed = caught.value
    failed.__traceback__ = failed.__traceback__ and failed.__traceback__.tb_next  # the test's own frame
    assert "**********" in str(failed)
    assert leaked("\n".join([*seen_of(failed), caplog.text]), TOKEN) == []


def test_a_wrong_token_is_shown_nowhere(hub: Hub) -> None:
    with pytest.raises(ConfigurationError) as caught:
        OnnxCrossEncoder(NAME, token=f"{TOKEN}\n{TOKEN}")
    failed = caught.value
    failed.__traceback__ = failed.__traceback__ and failed.__traceback__.tb_next
    assert leaked("\n".join(seen_of(failed)), TOKEN) == []
