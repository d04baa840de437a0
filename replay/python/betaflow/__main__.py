"""Program `betaflow`."""

import signal
import sys

from betaflow import _native


def main() -> int:
    """Run the program with the arguments of the process, and return its exit code."""
    # The program handles Ctrl-C itself; Python would only notice it after the program has ended.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.main(["betaflow", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
