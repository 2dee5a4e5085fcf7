"""What a DICOM file says that it shows: conclusions alone, never a value of the file.

Only what is said outright counts. What is missing, empty or in words that nobody here
knows says nothing: then the gate alone judges the image.
"""

import re

from pydicom.dataset import Dataset

ELEMENTS = ("PatientAge", "ViewPosition", "BodyPartExamined")
_ADULT = 18  # years
_PER_YEAR = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0, "": 1.0}
_AGE = re.compile(r"\s*(\d{1,5})\s*([DWMY]?)\s*", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")

# Defined terms of PS3.3 (C.8.7.1.1.2, C.8.11.5), and what machines write instead.
_FRONTAL = re.compile(r"AP|PA|FRONTAL|ANTERO|POSTERO|FACE")
_OTHER_VIEW = re.compile(
    r"[LR]LD?|[LR](AO|PO|LO)|OBL(IQUE)?|(L|R|LT|RT)?LAT(ERAL\w*)?[LR]?|X?TLAT|XTABLE"
    r"|PROFILE?|DECUB\w*"
)
# Beginnings of words: PS3.16 Annex L has some two hundred terms. Those of the spine
# come first, because a thoracic spine is no chest.
_SPINE = re.compile(r"\w{0,3}SPINE|VERTEBRA")
_CHEST = re.compile(r"CHEST|CXR|THORA|TORA|LUNG|PULM|POUMON|RIB|STERN|HEART|MEDIAST")
_OTHER_PART = re.compile(
    "ABD|ADRENAL|ANKLE|ANUS|ARM|BLADDER|BRAIN|BREAST|CALCAN|CALF|CARP|CAROTID|CEREB"
    "|CERV|CLAV|COCCYX|COLON|CRAN|DENT|DUOD|EAR|ELBOW|EXM|EXTREM|EYE|FACE|FACIAL|FEET"
    "|FEM|FIBULA|FINGER|FOOT|FORE|GALL|GLUT|GROIN|HAND|HEAD|HEEL|HIP|HUMER|ILE|ILI|JAW"
    "|JEJ|KIDNEY|KNEE|KUB|LARYNX|LEG|LIVER|LUMB|MANDIB|MASTOID|MAXIL|METAC|METAT"
    "|MOUTH|NASAL|NAVIC|NECK|NOSE|ORBIT|OVAR|PANCREAS|PATELLA|PELVI|PENIS|PHALAN"
    "|PHARYNX|PROSTATE|RADIUS|RECT|SACR|SCALP|SCAPULA|SCROTUM|SELLA|SHOULDER|SINUS"
    "|SKULL|SPLEEN|STOMACH|TARS|TEETH|TESTI|THIGH|THUMB|THYROID|TIBIA|TMJ|TOE|TONGUE"
    "|TOOTH|ULNA|URET|URIN|UTER|VAGINA|WRIST|ZYGOMA"
)


def conclusions(dataset: Dataset) -> dict[str, bool]:
    """Whether it is an adult's, another view or another part of the body.

    Args:
        dataset: with the `ELEMENTS` that the file has.
    Returns:
        `is_adult`, `is_other_view` and `is_other_part` of `imaging.Reading`.
    """
    age, view, part = (str(dataset.get(keyword) or "") for keyword in ELEMENTS)
    return {
        "is_adult": _years(age) >= _ADULT,
        "is_other_view": _is_other_view(view),
        "is_other_part": _is_other_part(part),
    }


def _years(age: str) -> float:
    """`018Y` -> 18; 0 where it is no age. Without a unit, which is common, years."""
    match = _AGE.fullmatch(age)
    return float(match[1]) / _PER_YEAR[match[2].upper()] if match else 0.0


def _is_other_view(view: str) -> bool:
    words = _WORD.findall(view.upper())
    # "PA LAT" names the two views of a study, not which of them this is
    if any(map(_FRONTAL.match, words)):
        return False
    return any(map(_OTHER_VIEW.fullmatch, words))


def _is_other_part(part: str) -> bool:
    words = _WORD.findall(part.upper())
    if any(map(_SPINE.match, words)):
        return True
    if any(map(_CHEST.match, words)):
        return False
    return any(map(_OTHER_PART.match, words))
