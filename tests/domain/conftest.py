"""Property tests run without a clock on them: a busy machine must not fail them."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("portal", deadline=None, max_examples=150)
settings.load_profile("portal")
