"""Every measurement of the near-duplicate engine and its tables: ``make bench``.

    python -m benchmarks [--articles N] [--data FILE.jsonl.gz]

About twenty minutes on four idle cores; each part can be run by itself (see docs/benchmarks.md).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

#: The real corpus, where it is on the machine: it may not be redistributed.
REAL = Path(__file__).parents[2] / "shared" / "data" / "perf_vi.jsonl.gz"


def main() -> None:
    """Run the parts one after the other, in processes of their own; stop at the first that fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=1_000_000, help="largest corpus of benchmarks.scale")
    parser.add_argument("--data", type=Path, help="real corpus to compare on too: JSONL with a text field, .gz or not")
    args = parser.parse_args()
    data = args.data or (REAL if REAL.exists() else None)
    sizes = [str(max(1000, args.articles * part // 10)) for part in (1, 3, 10)]
    real = [["compare", "--data", str(data)]] if data else []
    for part in (["start"], ["stages"], ["threads"], ["compare"], *real, ["scale", "--articles", *sizes], ["tables"]):
        print(f"== benchmarks.{part[0]}", flush=True)
        if code := subprocess.run([sys.executable, "-m", f"benchmarks.{part[0]}", *part[1:]]).returncode:
            sys.exit(code)


if __name__ == "__main__":
    main()
