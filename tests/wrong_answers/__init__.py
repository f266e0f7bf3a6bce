"""Wrong answers to the exercises, as their misconceptions lead to them: what the hint must say.

For each exercise a list of (functions, words of the hint). A function that is not given is the reference.
"""

from importlib import import_module
from pathlib import Path

WRONG = {
    name: wrong
    for file in sorted(Path(__file__).parent.glob("chapter_*.py"))
    for name, wrong in import_module(f"wrong_answers.{file.stem}").WRONG.items()
}
