"""`Check`: the report on a server that was tested."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was examined.

    Attributes:
        what: What should be so.
        ok: Whether it is.
        detail: What was seen.
        cause: What it most likely comes from, if it is not.
    """

    what: str
    ok: bool
    detail: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """The report on a server. `print` shows it.

    Attributes:
        format: The wire format.
        findings: What was examined.
        seconds: How long the answer took.
        scores: The scores of the test's texts, if there were any; the third is the answer's.
    """

    format: str
    findings: tuple[Finding, ...]
    seconds: float
    scores: tuple[float, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return all(finding.ok for finding in self.findings)

    def __str__(self) -> str:
        """The report in lines; what several findings most likely come from stands at the first of them."""
        lines = [f"format {self.format}, answered in {self.seconds:.3f} s"]
        told: set[str] = set()
        for each in self.findings:
            cause = "" if each.ok or each.cause in told else each.cause
            told.add(cause)
            lines.append(f"{'ok  ' if each.ok else 'FAIL'} {each.what}: {each.detail}{f': {cause}' if cause else ''}")
        return "\n".join(lines)
