"""Whole models, each reading top to bottom."""

from minirad.models.mlp import MLP

__all__ = ["MLP"]
