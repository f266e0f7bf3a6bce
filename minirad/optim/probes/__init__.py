"""The optimizers that the paper takes apart to see what warmup does: each is a known rule with one thing changed."""

from minirad.optim.probes.adam_2k import Adam2k
from minirad.optim.probes.adam_eps import AdamEps
from minirad.optim.probes.phase_switched import PhaseSwitched
from minirad.optim.probes.radam_exact import RAdamExact

__all__ = ["Adam2k", "AdamEps", "PhaseSwitched", "RAdamExact"]
