"""`make bench`: every benchmark that this machine can run, one after another.

Figures are only worth what the machine is: compare ratios, and run it on an idle one.
"""

import subprocess
import sys

MODULES = (
    "bench.render",
    "bench.quality",
    "bench.pipeline",
    "bench.push",
    "bench.delivery",
    "bench.uploads",
    "bench.graphql",
)


def main() -> None:
    for module in sys.argv[1:] or MODULES:
        print(f"\n== {module} ==", flush=True)
        subprocess.run([sys.executable, "-m", module], check=False)


if __name__ == "__main__":
    main()
