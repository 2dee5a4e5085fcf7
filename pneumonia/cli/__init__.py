"""`python -m pneumonia VERB`: data to stdout, words to stderr.

Exit codes: 0 all files read, 1 some failed, 2 misuse.
"""

import argparse
import sys
from collections.abc import Sequence

from ..errors import PneumoniaError
from ..version import version
from . import batch, evaluate, export, predict, publish, train, train_lungs
from .notice import NOTICE

__all__ = ["NOTICE", "main"]

_VERBS = (predict, batch, train, train_lungs, evaluate, export, publish)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb and returns the exit code."""
    parsed = _parser().parse_args(arguments)
    try:
        return parsed.run(parsed)
    except PneumoniaError as error:
        print(f"pneumonia: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if (error.name or "pneumonia").split(".")[0] == "pneumonia":
            raise
        print(
            f"pneumonia: this verb needs {error.name}, which is not installed. Run "
            "`pip install -e '.[train]'` in the source tree.",
            file=sys.stderr,
        )
        return 2
    except MemoryError:
        print(
            "pneumonia: there is not enough memory. Close other programs, raise the "
            "limit that was set, or work on fewer files at once.",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head` has seen enough
        sys.stderr.close()
        return 1


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"pneumonia {version()}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pneumonia",
        description="A child's chest X-ray in, class probabilities out. " + NOTICE,
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="tell the version and end"
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for verb in _VERBS:
        verb.add(verbs)
    return parser
