"""The Hugging Face Hub: where a model comes from, and where it goes to."""

from .resolve import BUNDLED, ModelFolder, resolve

__all__ = ["BUNDLED", "ModelFolder", "resolve"]
