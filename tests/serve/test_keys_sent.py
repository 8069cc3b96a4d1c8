"""Keys as clients really send them, and keys that no client could send."""

from __future__ import annotations

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.serve import hashed
from tests.doubles import Scripted
from tests.serve.conftest import Serving
from tests.serve.test_keys import BODY, KEY


@pytest.mark.parametrize("key", [f"{KEY}\n", f" {KEY}", "clé", "日本", "two\nlines", "tab\tinside", "a\x7f"])
def test_a_key_that_no_header_holds_as_it_is_is_refused_before_it_locks_everybody_out(key: str) -> None:
    with pytest.raises(ConfigurationError, match="key must hold letters, digits and signs of ASCII") as caught:
        hashed(key)
    assert key not in str(caught.value)


def test_a_key_may_have_spaces_and_signs_and_any_length(serving: Serving) -> None:
    keys = ["a", "with two spaces", 'signs "!~,;=/+', "x" * 5000]
    client = serving(Scripted(), keys=list(map(hashed, keys)))
    for key in keys:
        assert client.post("/v2/rerank", json=BODY, headers={"authorization": f"Bearer {key}"}).status_code == 200


@pytest.mark.parametrize("beside", ["Bearer None", "Bearer", "Basic eDp5", ""])
def test_a_key_is_let_in_whatever_stands_beside_it(serving: Serving, beside: str) -> None:
    client = serving(Scripted(), keys=[hashed(KEY)])
    for name in ("x-api-key", "api-key"):
        told = client.post("/v2/rerank", json=BODY, headers={"authorization": beside, name: KEY})
        assert told.status_code == 200


def test_who_has_no_key_is_told_how_to_send_one(serving: Serving) -> None:
    client = serving(Scripted(), keys=[hashed(KEY)])
    for refused in (client.post("/v2/rerank", json=BODY), client.get("/metrics")):
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
