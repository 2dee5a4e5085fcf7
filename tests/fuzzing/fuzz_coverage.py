"""Feeds the reader what reaches new lines of it, of Pillow's plugins and of pydicom:

    pip install atheris
    python -m tests.fuzzing.fuzz_coverage -max_total_time=600 -rss_limit_mb=2000 \\
        -timeout=20

Atheris, libFuzzer for Python, starts from the seeds of `hostile_files` and stops at the
first input that ends in neither an image nor an `ImageError`, which it writes to a file
`crash-...`; more options: `-help=1`. No dependency of the project, for it exists for
some platforms only.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pneumonia", "PIL", "pydicom"]):
    from pneumonia.errors import ImageError
    from pneumonia.imaging import load_image
    from tests.support import hostile_files


def read(data: bytes) -> None:
    try:
        image = load_image(data)
    except ImageError:
        return
    assert image.ndim == 2 and image.dtype == "uint8"


if __name__ == "__main__":
    corpus = Path(tempfile.mkdtemp())
    for number, seed in enumerate(hostile_files.seeds().values()):
        (corpus / str(number)).write_bytes(seed)
    atheris.Setup([*sys.argv, str(corpus)], read)
    atheris.Fuzz()
