"""Makes the samples on which the demo shows its limits: `examples/limits/`.

    python examples/make_limits.py

- `uncertain.jpg`: a normal sample and one with pneumonia over one another, at the share
  where the bundled model is least sure, yet knows its kind. Made anew for every model.
- `unfamiliar.dcm`: a normal sample as a DICOM file whose patient is 45 years old.
- `refused.jpg`: a hand, drawn.

None shows a person; the first two are under CC BY 4.0, as the samples they come from.
"""

import io
import itertools
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image, ImageDraw, ImageFilter
from pydicom import uid

from pneumonia import load_predictor
from pneumonia.hub import BUNDLED

HERE = Path(__file__).parent
SIZE = (800, 640)
# Tip, joints and root of each finger of a right hand, in hundredths of the picture.
FINGERS = (
    ((22, 46), (29, 54), (36, 64), (44, 82)),
    ((40, 12), (42, 24), (44, 36), (47, 56), (49, 80)),
    ((51, 7), (52, 20), (53, 34), (53, 55), (53, 80)),
    ((62, 12), (61, 24), (60, 37), (58, 57), (57, 80)),
    ((74, 24), (71, 34), (68, 43), (63, 60), (61, 80)),
)


def main() -> None:
    folder = HERE / "limits"
    folder.mkdir(exist_ok=True)
    (folder / "uncertain.jpg").write_bytes(uncertain())
    unfamiliar().save_as(folder / "unfamiliar.dcm", enforce_file_format=True)
    hand().save(folder / "refused.jpg", quality=90)


def grey(name: str) -> np.ndarray:
    """A sample, float (640, 800)."""
    picture = Image.open(HERE / f"{name}.jpg").convert("L").resize(SIZE)
    return np.asarray(picture, np.float64)


def uncertain() -> bytes:
    """The familiar, uncertain mixture that is nearest to one half, a JPEG."""
    predictor = load_predictor(BUNDLED)
    comment = Image.open(HERE / "normal_1.jpg").info.get("comment", b"")
    normals = [grey(path.stem) for path in sorted(HERE.glob("normal_*.jpg"))]
    others = [grey(path.stem) for path in sorted(HERE.glob("[bv]*al_*.jpg"))]
    mixtures = [
        jpeg(normal + share * (other - normal), comment)
        for normal, other in itertools.product(normals, others)
        for share in np.arange(0.3, 0.8, 0.04)
    ]

    def distance(content: bytes) -> float:
        found = predictor(content)
        if found.verdict != "UNCERTAIN" or found.unfamiliar:
            return 1
        return abs(found.probabilities["PNEUMONIA"] - 0.5)

    return min(mixtures, key=distance)


def jpeg(pixels: np.ndarray, comment: bytes) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.uint8(pixels)).save(content, "JPEG", quality=90, comment=comment)
    return content.getvalue()


def unfamiliar() -> pydicom.Dataset:
    """A radiograph of 8 bits that says that its patient is an adult."""
    pixels = np.uint8(grey("normal_2"))
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = uid.DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = "2.25.1"
    dataset.PatientAge, dataset.BodyPartExamined = "045Y", "CHEST"
    dataset.ViewPosition, dataset.Modality = "PA", "DX"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelRepresentation, dataset.PixelData = 0, pixels.tobytes()
    return dataset


def hand() -> Image.Image:
    """A hand as X-rays show one: soft tissue, bones with a bright edge, grain."""
    width, height = 600, 760
    soft, bone, marrow = (Image.new("L", (width, height)) for _ in range(3))

    def at(point: tuple[int, int]) -> tuple[float, float]:
        return point[0] * width / 100, point[1] * height / 100

    def limb(layer: Image.Image, ends: tuple, thick: float, shade: int) -> None:
        draw = ImageDraw.Draw(layer)
        draw.line([*map(at, ends)], fill=shade, width=round(thick), joint="curve")
        for x, y in map(at, ends):
            reach = thick / 2
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=shade)

    for finger in FINGERS:
        limb(soft, finger, 78, 70)
        for tip, root in zip(finger, finger[1:], strict=False):
            ends = [
                tuple(a + part * (b - a) for a, b in zip(tip, root, strict=True))
                for part in (0.12, 0.88)
            ]
            limb(bone, ends, 30, 190)
            limb(marrow, ends, 16, 45)
    limb(soft, ((53, 62), (53, 130)), 250, 70)
    for place in ((46, 86), (53, 86), (60, 86), (49, 91), (57, 91)):
        limb(bone, (place, place), 52, 170)
    for place in (45, 59):
        limb(bone, ((place, 97), (place, 130)), 62, 190)
        limb(marrow, ((place, 97), (place, 130)), 42, 45)
    layers = [
        np.asarray(layer.filter(ImageFilter.GaussianBlur(blur)), np.float64)
        for layer, blur in ((soft, 9), (bone, 4), (marrow, 4))
    ]
    pixels = 12 + layers[0] + 0.7 * layers[1] - layers[2]
    pixels += np.random.default_rng(0).normal(0, 3, pixels.shape)
    return Image.fromarray(np.uint8(np.clip(pixels, 0, 255)))


if __name__ == "__main__":
    main()
