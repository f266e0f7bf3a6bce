"""minirad: the RAdam paper from scratch. ``import minirad as mr``, then mr.tensor, mr.nn, mr.optim, mr.variance."""

from minirad import nn, optim, variance
from minirad.backend import backend_name, get_num_threads, manual_seed, set_num_threads, use_backend
from minirad.debug import debug
from minirad.functional import *  # noqa: F403
from minirad.gradcheck import gradcheck
from minirad.tensor import Tensor, is_grad_enabled, no_grad, tensor

__version__ = "0.1.0"
