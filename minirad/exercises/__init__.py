"""Checks of the chapters' exercises: ``check("7.3", answer)`` says in a sentence what is wrong, or that it is right.

A checker knows properties that an answer must have, and the mistakes that people make. The solutions are not here: they
stand in the chapters.
"""

from minirad.exercises.checking import NotYet, check
