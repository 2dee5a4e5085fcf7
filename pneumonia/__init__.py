"""A child's chest radiograph in, calibrated probabilities out. Not for medical use."""

from .errors import ImageError, ModelError, OutOfScopeError, PneumoniaError
from .predictor import Prediction, Predictor, load_predictor, predict

__all__ = [
    "ImageError",
    "ModelError",
    "OutOfScopeError",
    "PneumoniaError",
    "Prediction",
    "Predictor",
    "load_predictor",
    "predict",
]
