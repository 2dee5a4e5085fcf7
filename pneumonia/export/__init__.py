"""Keras weights -> a model folder."""
