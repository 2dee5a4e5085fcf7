"""What can go wrong, and what each means to the person who meets it.

PneumoniaError          catch this one; str(error) is a sentence for people
├── ImageError          the file cannot be read as a radiograph
├── OutOfScopeError     it can be read, but is not a frontal chest radiograph
└── ModelError          the model folder is missing, damaged or of the wrong shape
    └── DamagedError    one of its files is not what it once was; fetch it again

Every message says what was expected, what was found and what to do, and names no
folder of the machine it was raised on. Any other exception is a bug and keeps its
traceback.
"""


class PneumoniaError(Exception):
    """Base of every error that this package raises on purpose."""


class ImageError(PneumoniaError):
    """The source cannot be read as one grayscale image."""


class OutOfScopeError(PneumoniaError):
    """The image is readable, but the model has nothing honest to say about it."""


class ModelError(PneumoniaError):
    """The model folder or Hub repository cannot be served."""


class DamagedError(ModelError):
    """A file of the model folder is truncated or altered."""
