import pytest

pytest.importorskip("llama_index.core")
