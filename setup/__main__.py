"""`python3 setup [test]`: make this checkout ready to run, or to be tested. Standard library only."""

import sys

# Before any import of ours: an older Python could not even read those files.
if sys.version_info < (3, 11):  # noqa: UP036 (this line is for those that are older)
    sys.exit("Safelight needs Python 3.11 or newer. Name one: make PYTHON=python3.12 run")

import environment
import programs
from steps import StepFailed, complain

import frontend


def main(arguments: list[str]) -> int:
    """Do what is missing, in order; gives the exit status."""
    is_for_tests = arguments == ["test"]
    try:
        environment.make_venv()
        environment.install_requirements(is_for_tests=is_for_tests)
        environment.install_project()
        programs.install_imagemagick()
        programs.install_redis()
        frontend.build(programs.find_or_install_node, is_for_tests=is_for_tests)
    except StepFailed as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        complain("interrupted; the next `make` goes on from here")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
