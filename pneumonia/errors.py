"""What can go wrong, and what each means to the person who meets it.

PneumoniaError          catch this one; str(error) is a sentence for people
├── ImageError          the file cannot be read as a radiograph
├── OutOfScopeError     it can be read, but is not a frontal chest radiograph
└── ModelError          the model folder is missing, damaged or of the wrong shape
    └── DamagedError    one of its files is not what it once was; fetch it again

Every message says what was expected, what was found and what to do, and names no
folder of the machine it was raised on. What is said of an image, to whoever gave it,
can be translated (`Message`); what is said of models and training, to who runs them, is
in English. Any other exception is a bug and keeps its traceback.
"""

from typing import Any


class Message(str):
    """A sentence, or words in one, that remember how they were made.

    It is the English text; who has others finds them by the template.

    Attributes:
        template: English, with a field of `str.format` for each value; as it is where
            there is no value, so that braces need no care.
        values: field -> number, words or `Message`.
    """

    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, /, **values: Any) -> "Message":
        message = super().__new__(
            cls, template.format_map(values) if values else template
        )
        message.template, message.values = template, values
        return message

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        return (self.template,), self.values  # for pickle and copy


class PneumoniaError(Exception):
    """Base of every error that this package raises on purpose.

    Attributes:
        message: the sentence, `str(error)`, in a form that can be translated.
    """

    def __init__(self, template: str, /, **values: Any):
        """Takes what a `Message` is made of, or a `Message`."""
        is_made = isinstance(template, Message)
        self.message = template if is_made else Message(template, **values)
        super().__init__(self.message)


class ImageError(PneumoniaError):
    """The source cannot be read as one grayscale image."""


def out_of_memory() -> ImageError:
    """What to raise where one image takes more memory than this machine has left."""
    return ImageError(
        "There is not enough memory for this image. Give fewer at once, close other "
        "programs, or export it smaller."
    )


class OutOfScopeError(PneumoniaError):
    """The image is readable, but the model has nothing honest to say about it."""


class ModelError(PneumoniaError):
    """The model folder or Hub repository cannot be served."""


class DamagedError(ModelError):
    """A file of the model folder is truncated or altered."""
