"""Comparisons and exhibits: what is run, with which settings, and where its results are."""
