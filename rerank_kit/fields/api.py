"""`ApiFields`: what everything that sends requests takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field, SecretStr
from typing_extensions import override

from rerank_kit.errors import ConfigurationError
from rerank_kit.fields.base import RerankFields


class ApiFields(RerankFields):
    """Plain fields of what is behind an API.

    Keys come from the argument or the environment. They are part of no repr, dump, `to_dict` or pickle.
    """

    api_key: SecretStr | None = Field(
        default=None,
        exclude=True,
        repr=False,
        description="The key; by default from the environment variable of the vendor.",
    )
    max_retries: int = Field(
        default=2, ge=0, description="How often a request is repeated after no answer, 408, 409, 429 or 5xx."
    )
    request_timeout: float = Field(
        default=30.0, gt=0, description="Seconds allowed for one request; `timeout` bounds the whole call."
    )

    def _requests(self) -> dict[str, Any]:
        """The arguments of every client of an API."""
        return {"api_key": self.api_key, "max_retries": self.max_retries, "timeout": self.request_timeout}

    def _check_unused(self, given: str, names: Sequence[str]) -> None:
        """Refuse what says how a client is made, where one was given.

        Args:
            given: The field in which the client is.
            names: The fields that would have no effect beside it.

        Raises:
            ConfigurationError: One of them is not as by default.
        """
        names = [*names, *ApiFields.model_fields.keys() - RerankFields.model_fields.keys()]
        fields = type(self).model_fields
        unused = [f"{name}=" for name in names if getattr(self, name) != fields[name].get_default()]
        if unused:
            msg = (
                f"{', '.join(unused)} would have no effect beside {given}=: leave {given}= out, or set this in what is "
                "passed there"
            )
            raise ConfigurationError(msg)

    @override
    def _left_behind(self) -> set[str]:
        """Keys and clients: where a pickle arrives, keys are read from the environment."""
        return {name for name, field in type(self).model_fields.items() if field.exclude and name != "reranker"}
