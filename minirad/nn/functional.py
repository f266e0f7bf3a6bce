"""The functions of minirad.functional under PyTorch's name: ``import minirad.nn.functional as F``."""

from minirad.functional import *  # noqa: F403
