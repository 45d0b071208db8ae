"""`python -m features.warm` fills the compiler's cache at installation."""

from features.warming import warm

if __name__ == "__main__":
    warm()
