"""An extension of griffe: the API reference shows the fields of pydantic classes, with their descriptions.

A field's description is an argument, which is not read out of the sources; the docstrings have them at run time.
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import griffe
from pydantic import BaseModel

FOR_PYDANTIC = {"Annotated", "SerializeAsAny", "SkipJsonSchema"}  # what stands around a type, and tells readers nothing


class FieldDescriptions(griffe.Extension):
    """Takes the docstring that a class has at run time, with the fields of the classes above it."""

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        """Replace the docstring of a pydantic class by the one that `help` shows."""
        if cls.docstring is None or not cls.parent or not cls.parent.is_module:
            return
        found = getattr(importlib.import_module(cls.module.path), cls.name, None)
        if isinstance(found, type) and issubclass(found, BaseModel):
            cls.docstring.value = inspect.getdoc(found) or ""

    def on_attribute(self, *, attr: griffe.Attribute, **_: Any) -> None:
        """Show the type alone, where it stands inside something for pydantic."""
        shown = attr.annotation
        while isinstance(shown, griffe.ExprSubscript) and str(shown.left) in FOR_PYDANTIC:
            shown = shown.slice.elements[0] if isinstance(shown.slice, griffe.ExprTuple) else shown.slice
        attr.annotation = shown
