"""`python -m features.warm` compiles every kernel anew, at installation and after an upgrade.

The compiler's cache does not notice that a loop which a kernel calls has changed in another file.
"""

from pathlib import Path

from features.warming import warm

if __name__ == "__main__":
    for compiled in Path(__file__).parent.glob("__pycache__/*.nb[ci]"):
        compiled.unlink()
    warm()
