"""Errors of the Hub's client -> what went wrong and what to do, in our words.

The client's own words hold addresses and folders, and may quote the token.
"""


def reason_of(error: BaseException, owner: str) -> str:
    """A clause and an advice, to follow a colon.

    Args:
        error: whatever the client raised, also of what it speaks HTTP and Xet with.
        owner: of the repository.
    """
    # why the Hub could not be asked, or a large file not be sent
    if type(error).__name__ in ("LocalEntryNotFoundError", "RuntimeError"):
        error = error.__cause__ or error.__context__ or error
    status = getattr(getattr(error, "response", None), "status_code", None)
    if type(error) is ValueError:  # the client's own checks
        status = 400
    for key in (*(kind.__name__ for kind in type(error).__mro__), status):
        if key in _REASONS:
            return _REASONS[key].format(owner=owner)
    if status:
        return f"the Hub answered HTTP {status}. Try again later."
    stored = isinstance(error, OSError) and not isinstance(error, ConnectionError)
    if stored and error.strerror:
        return (
            f"it cannot be stored ({error.strerror}). Make room in the cache, or set "
            "HF_HOME to another folder."
        )
    return (
        f"the connection to the Hub failed ({type(error).__name__}). Check the network "
        "and try again later."
    )


_LOG_IN = "log in with `hf auth login` or set HF_TOKEN"
_ODD_TOKEN = (
    "the token has characters that no token has. Copy it again from the Hub, then "
    f"{_LOG_IN}."
)
_CHANGED = (
    "somebody made or changed it meanwhile. Look at its latest commits on the Hub, "
    "then run the same command again."
)
_REASONS = {  # by the class of the error, or by HTTP status
    "HFValidationError": "the Hub allows no such name. Expected OWNER/NAME in letters, "
    "digits, '-', '_' and '.'; check the spelling.",
    "GatedRepoError": "it is gated: {owner} decides who may read it. Ask for access on "
    f"its page on the Hub, then {_LOG_IN}.",
    "RevisionNotFoundError": "there is no such revision. Expected a branch, a tag or a "
    "commit of 40 digits.",
    "RemoteEntryNotFoundError": "it is not there, so this is not a pneumonia model "
    "repository. Expected config.json with model.onnx or model.weights.h5.",
    "OfflineModeIsEnabled": "HF_HUB_OFFLINE forbids to ask the Hub. Unset it.",
    "UnicodeEncodeError": _ODD_TOKEN,
    "LocalProtocolError": _ODD_TOKEN,
    "UnsupportedProtocol": "HF_ENDPOINT is no address that begins with https://. "
    "Correct the variable, or unset it to reach huggingface.co.",
    400: "the Hub does not take it.",
    401: "the Hub has no such public repository, or does not know the token. Check the "
    f"name; if it is private, {_LOG_IN}.",
    402: "the Hub asks for a paid plan. Name a repository that is there, or see "
    "huggingface.co/pricing.",
    403: "the token may not do that. Expected one that may read it or, to publish, "
    "write to the repositories of {owner}.",
    404: "the Hub has no such repository or owner, or hides it from this token. Check "
    "the name and, to publish, that {owner} is you or an organisation of yours.",
    409: _CHANGED,
    412: _CHANGED,
    413: "the Hub does not take files this large. Publish a smaller model.",
    429: "the Hub has had too many requests (HTTP 429). Try again in a few minutes.",
}
