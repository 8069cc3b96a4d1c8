"""Whose the labels and the questions of a folder are: kept in a file beside them, so that a report can say it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.text_files import text_of

ORIGIN = "labels.json"
"""In a folder that `write_dataset` wrote."""

PERSON = "a person"
"""Who gave a label, where it was no model."""


def read_origin(folder: Path, encoding: str) -> dict[str, Any]:
    """`labelled_by`, `synthetic` and `notes` of a dataset that was written; nothing where they are not told.

    Raises:
        ConfigurationError: The file is not such a one.
    """
    path = folder / ORIGIN
    if not path.is_file():
        return {}
    try:
        found: Any = json.loads(text_of(path, encoding))
        synthetic, notes = found["synthetic"], tuple(map(str, found["notes"]))
        labelled_by = {
            str(query): {str(document): str(who) for document, who in cast("Mapping[str, str]", each).items()}
            for query, each in found["labelled_by"].items()
        }
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        msg = (
            f"{path} does not say who labelled this: {type(error).__name__}: {error}: write it once more, or remove it"
        )
        raise ConfigurationError(msg) from None
    return {"synthetic": None if synthetic is None else str(synthetic), "labelled_by": labelled_by, "notes": notes}
