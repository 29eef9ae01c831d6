"""What is watched for, and from where on somebody is told: `[monitor]` in holdfast.toml."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Each with what it means and where its default comes from."""
