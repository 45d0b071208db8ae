"""`python -m features` prints the catalogue."""

import sys

from features.catalogue import describe

if __name__ == "__main__":
    sys.stdout.write(describe() + "\n")
