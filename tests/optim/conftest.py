"""``rule``: the tests of the contract, once for each rule of rules.py."""

import pytest
from optim.rules import RULES, SAVED


@pytest.fixture(params=list(RULES))
def rule(request):
    """Builds an optimizer: rule(params, **settings)."""
    return RULES[request.param]


@pytest.fixture(params=SAVED)
def saved_rule(request):
    """The same, but only rules whose state can be saved."""
    return RULES[request.param]
