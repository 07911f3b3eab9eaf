"""Every measurement of the near-duplicate engine and its tables: ``make bench``.

    python -m benchmarks [--articles N]

About half an hour on four idle cores; each part can be run by itself (see docs/benchmarks.md).
"""

from __future__ import annotations

import argparse
import subprocess
import sys


def main() -> None:
    """Run the parts one after the other, in processes of their own; stop at the first that fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=1_000_000, help="largest corpus of benchmarks.scale")
    most = parser.parse_args().articles
    sizes = [str(max(1000, most // part)) for part in (10, 3, 1)]
    for part in (["start"], ["compare"], ["scale", "--articles", *sizes], ["tables"]):
        print(f"== benchmarks.{part[0]}", flush=True)
        if code := subprocess.run([sys.executable, "-m", f"benchmarks.{part[0]}", *part[1:]]).returncode:
            sys.exit(code)


if __name__ == "__main__":
    main()
