"""How the hub is reached is a field of both adapters, and the token a secret of theirs."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import langchain_core.load
import pytest
from pydantic import SecretStr

import langchain_rerank_kit
import llama_rerank_kit
from tests.api.leaks import leaked
from tests.local.hub_server import COMMIT, NAME, TOKEN, Hub

ADAPTERS = [langchain_rerank_kit, llama_rerank_kit]


@pytest.mark.parametrize("package", ADAPTERS)
@pytest.mark.parametrize("token", [TOKEN, SecretStr(TOKEN)])
def test_a_token_of_a_field_is_sent_and_seen_nowhere(hub: Hub, package: Any, token: Any) -> None:
    made = package.CrossEncoderRerank(model=NAME, engine="onnx", token=token)
    assert set(hub.sent) == {f"Bearer {TOKEN}"}
    pickled = pickle.dumps(made)
    shown = [repr(made), str(made), repr(made.loaded), repr(vars(made)), repr(pickled)]
    shown += [repr(made.model_dump()), made.model_dump_json(), langchain_core.load.dumps(made)]
    assert leaked("\n".join(shown), TOKEN) == []
    hub.sent.clear()
    assert pickle.loads(pickled).token is None
    assert set(hub.sent) == {""}
    hub.sent.clear()
    copy.deepcopy(made.loaded)
    assert set(hub.sent) == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("package", ADAPTERS)
def test_the_cache_and_the_revision_are_fields(hub: Hub, package: Any, tmp_path: Path) -> None:
    cache = str(tmp_path / "mine")
    package.CrossEncoderRerank(model=NAME, engine="onnx", cache_dir=cache, revision=COMMIT)
    hub.asked.clear()
    made = package.CrossEncoderRerank(
        model=NAME, engine="onnx", cache_dir=cache, revision=COMMIT, local_files_only=True
    )
    assert (made.loaded.model, hub.asked) == (NAME, [])
    travelled = pickle.loads(pickle.dumps(made))
    assert (travelled.cache_dir, travelled.loaded.model) == (cache, NAME)
