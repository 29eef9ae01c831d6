"""Settings every test shares."""

from __future__ import annotations

from hypothesis import settings

# A shared machine may be slow at any moment; what is proved here are values, never durations.
settings.register_profile("holdfast", deadline=None, print_blob=True)
settings.load_profile("holdfast")
