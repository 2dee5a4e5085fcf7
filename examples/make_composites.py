"""Makes the sample radiographs: composites that look real and are nobody's.

    python examples/make_composites.py ORIGINALS --out examples

ORIGINALS holds `NORMAL/` and `PNEUMONIA/` with the full-size training images of
Kermany, Zhang and Goldbaum 2018 (Mendeley Data V2, doi 10.17632/rscbjbr9sj.2, CC BY
4.0). Each sample is the average of a few radiographs of one class and of similar pose:

1. crop the black borders, paint over lettering and electrodes, set the exposure;
2. align all images with the first one by an affine map (ECC: Evangelidis and
   Psarakis, TPAMI 2008), then with their common mean by dense optical flow (DIS:
   Kroeger et al., ECCV 2016), moving all of them to the mean shape after every round
   (groupwise registration: Joshi et al., NeuroImage 2004);
3. clip what one image alone shows, and average, trusting at each place the images that
   agree with the median there, none of them by more than 45 percent;
4. give every band of the average's Laplacian pyramid (Burt and Adelson 1983) the
   energy that the same band has in the images, which averaging took away.

Needs numpy, pillow and OpenCV (`opencv-python-headless`). One thread, no randomness:
the same files come out each time.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

WIDTH = 1024  # pixels across the field of each image; all lengths below are in these
FINAL_WIDTH = 1000
MARGIN = 64  # around the first image, for what the others show there
RULER = 12  # columns at the sides of an image, where some have the ticks of a ruler
ROUNDS = (48, 32, 26, 20)  # smoothing of the flow in each round
MAX_STRANGE = 0.02  # of full brightness: how far one image may stand out
MAX_WEIGHT = 0.45  # of one image at any place
MAX_GAINS = (2.6, 2.2, 1.8, 1.5, 1.35, 1.2)  # per band, finest first
NOTICE = (
    "Composite of several radiographs, not a patient's X-ray. Derived from Kermany, "
    "Zhang, Goldbaum 2018, doi 10.17632/rscbjbr9sj.2, CC BY 4.0."
)

# Sample -> its images, by the names of the data set. The first one sets the frame.
RECIPES = {
    "normal_1": """
        IM-0117-0001 IM-0751-0001
        NORMAL2-IM-0589-0001 NORMAL2-IM-0648-0001""",
    "normal_2": """
        IM-0393-0001 IM-0505-0001-0002
        NORMAL2-IM-0402-0001 NORMAL2-IM-0561-0001""",
    "normal_3": """
        NORMAL2-IM-0394-0001 IM-0509-0001-0002
        NORMAL2-IM-0952-0001 NORMAL2-IM-1269-0001-0002""",
    "normal_4": """
        NORMAL2-IM-1096-0001-0001 NORMAL2-IM-0472-0001
        NORMAL2-IM-0926-0001 NORMAL2-IM-1294-0001""",
    "bacterial_1": """
        person1897_bacteria_4789 person1041_bacteria_2975
        person392_bacteria_1786 person471_bacteria_2005""",
    "bacterial_2": """
        person1041_bacteria_2975 person389_bacteria_1778
        person23_bacteria_90 person1511_bacteria_3955""",
    "bacterial_3": """
        person413_bacteria_1834 person534_bacteria_2253
        person347_bacteria_1595 person1897_bacteria_4789""",
    "viral_1": """
        person1097_virus_1817 person383_virus_767
        person516_virus_1033 person559_virus_1099""",
    "viral_2": """
        person1023_virus_1714 person578_virus_1122
        person331_virus_684 person135_virus_271""",
    "viral_3": """
        person913_virus_1570 person401_virus_795
        person304_virus_625 person331_virus_684""",
    "viral_4": """
        person1044_virus_1740 person652_virus_1234
        person1325_virus_2287 person1422_virus_2434""",
}


def read_image(path: Path) -> np.ndarray:
    """One original -> float32 (H, WIDTH), 0 dark to about 1 bright, without borders."""
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise SystemExit(f"No readable image {path}. Name the folder of the originals.")
    image = without_marks(without_ruler(to_width(without_borders(to_width(image)))))
    body = shrunk(image, 4)
    low, high = np.percentile(body[body > 25], [2, 98])
    return (image.astype(np.float32) - low) / (high - low)


def to_width(image: np.ndarray) -> np.ndarray:
    size = (WIDTH, round(image.shape[0] * WIDTH / image.shape[1]))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def without_borders(image: np.ndarray) -> np.ndarray:
    """Crops the black rows and columns outside the collimated field."""
    smooth = blur(image, 2)
    rows = np.flatnonzero(np.percentile(smooth, 80, axis=1) > 30)
    columns = np.flatnonzero(np.percentile(smooth, 80, axis=0) > 30)
    return image[rows[0] + 4 : rows[-1] - 3, columns[0] : columns[-1] + 1]


def without_ruler(image: np.ndarray) -> np.ndarray:
    """Replaces the outermost columns, where some images have the ticks of a ruler."""
    inner = image[:, RULER:-RULER]
    return cv2.copyMakeBorder(inner, 0, 0, RULER, RULER, cv2.BORDER_REPLICATE)


def without_marks(image: np.ndarray) -> np.ndarray:
    """Paints over small and nearly white marks: lettering, electrodes."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (41, 41))
    above = cv2.morphologyEx(image, cv2.MORPH_TOPHAT, kernel)
    marks = ((image > 225) & (above > 70)).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(marks)
    areas = stats[:, cv2.CC_STAT_AREA]
    small = (areas > 12) & (areas < 4000)
    small[0] = False  # the background
    mask = cv2.dilate(small[labels].astype(np.uint8), np.ones((13, 13)))
    return cv2.inpaint(image, mask, 7, cv2.INPAINT_TELEA)


def shrunk(image: np.ndarray, factor: int) -> np.ndarray:
    scale = 1 / factor
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), sigma)


def warp(image: np.ndarray, flow: np.ndarray, border: int) -> np.ndarray:
    """Samples `image` (H, W[, 2]) at x + flow(x); flow is float32 (H, W, 2), pixels."""
    y, x = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    x, y = x + flow[..., 0], y + flow[..., 1]
    return cv2.remap(image, x, y, cv2.INTER_CUBIC, borderMode=border)


def compose(first: np.ndarray, then: np.ndarray) -> np.ndarray:
    """The flow that goes along `first`, and from there along `then`."""
    return first + warp(then, first, cv2.BORDER_REPLICATE)


def warped(images: np.ndarray, flows: list[np.ndarray], border: int) -> np.ndarray:
    pairs = zip(images, flows, strict=True)
    return np.stack([warp(image, flow, border) for image, flow in pairs])


def to_mean_shape(flows: list[np.ndarray]) -> list[np.ndarray]:
    """Takes the mean of the flows out of each: the frame becomes the mean shape."""
    mean = np.mean(flows, axis=0)
    inverse = np.zeros_like(mean)
    for _ in range(12):  # fixed point of inverse(x) = -mean(x + inverse(x))
        inverse = -warp(mean, inverse, cv2.BORDER_REPLICATE)
    inverse = blur(inverse, 2)
    return [compose(inverse, flow) for flow in flows]


def affine_flow(image: np.ndarray, frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The affine map from the frame into the image, by ECC on their coarse shapes."""
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 80, 1e-5)
    best = (-1.0, np.eye(2, 3, dtype=np.float32))
    for shift in (-5, 0, 5):  # ribs repeat, so start from three places
        start = np.array([[1, 0, 0], [0, 1, shift]], np.float32)
        try:
            found = cv2.findTransformECC(
                coarse(frame), coarse(image), start, cv2.MOTION_AFFINE, stop, mask, 1
            )
        except cv2.error:  # did not converge from here
            continue
        best = max(best, found, key=lambda pair: pair[0])
    matrix = best[1] * np.float32([[1, 1, 4], [1, 1, 4]])
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]].astype(np.float32)
    return np.dstack([x, y, np.ones_like(x)]) @ matrix.T - np.dstack([x, y])


def coarse(image: np.ndarray) -> np.ndarray:
    """Half-size image -> its outlines, uint8, an eighth of WIDTH across."""
    outline = np.clip(blur(image, 7)[::4, ::4] * 180 + 20, 0, 255).astype(np.uint8)
    return cv2.createCLAHE(3, (4, 4)).apply(outline)


def features(image: np.ndarray) -> np.ndarray:
    """What the flow follows: ribs and outlines at even contrast, uint8."""
    smooth = blur(image, 1.5)
    detail = smooth - blur(image, 14)
    spread = np.sqrt(blur(detail**2, 21)) + 0.03
    value = 128 + 42 * detail / spread + 35 * (smooth - 0.5)
    return np.clip(value, 0, 255).astype(np.uint8)


def align(images: np.ndarray, mask: np.ndarray) -> list[np.ndarray]:
    """Half-size images (N, h, w) -> flows from their mean shape into each image."""
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(0)
    dis.setVariationalRefinementIterations(10)
    small = mask[::4, ::4].astype(np.uint8)
    flows = to_mean_shape([affine_flow(image, images[0], small) for image in images])
    for number, sigma in enumerate(ROUNDS):
        seen = [features(one) for one in warped(images, flows, cv2.BORDER_REPLICATE)]
        mean = np.mean(seen, axis=0) if number else seen[0].astype(np.float64)
        target = np.clip((mean - 128) * 1.25 + 128, 0, 255).astype(np.uint8)
        steps = [blur(dis.calc(target, one, None), sigma / 2) for one in seen]
        pairs = zip(steps, flows, strict=True)
        flows = to_mean_shape([compose(step, flow) for step, flow in pairs])
    return flows


def without_strangers(images: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Clips thin things that one aligned image alone shows, such as wires."""
    away = images - median(images, seen)
    thin = away - np.stack([blur(one, 20) for one in away])
    return images - (thin - np.clip(thin, -MAX_STRANGE, MAX_STRANGE))


def median(images: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Median over those of N images that are seen at a place; both (N, H, W)."""
    ordered = np.sort(np.where(seen, images, np.inf), axis=0)
    count = np.maximum(seen.sum(0, keepdims=True), 1)
    low, high = (
        np.take_along_axis(ordered, index, 0)[0]
        for index in ((count - 1) // 2, count // 2)
    )
    return np.where(seen.any(0), (low + high) / 2, images.mean(0))


def weights_of(images: np.ndarray, near: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """How far to trust each aligned image at each place.

    All are (N, H, W): `near` falls smoothly to 0 at the edge of an image's field, and
    `inside` is true up to it. The weights sum to 1 over N. None is above MAX_WEIGHT
    where three images or more are seen, but for the smoothing near an edge.
    """
    away = np.abs(images - np.median(images, axis=0))
    trust = near / (np.stack([blur(one, 6) for one in away]) + 0.05) ** 2
    trust = np.minimum(trust / trust.sum(0), MAX_WEIGHT * near)
    for cap in (MAX_WEIGHT * near, MAX_WEIGHT * inside):
        room = np.maximum(cap - trust, 0)
        trust += room * np.minimum((1 - trust.sum(0)) / (room.sum(0) + 1e-6), 1)
    trust = np.stack([blur(one, 6) for one in trust])
    return trust / trust.sum(0)


def bands_of(image: np.ndarray) -> list[np.ndarray]:
    """Band-pass images that sum to the image, finest first, the rest last."""
    bands = []
    for level in range(len(MAX_GAINS)):
        smooth = blur_by_level(image, level)
        bands.append(image - smooth)
        image = smooth
    return [*bands, image]


def blur_by_level(image: np.ndarray, level: int) -> np.ndarray:
    """Gaussian blur of sigma 2**level, computed on a smaller copy where it may be."""
    size = image.shape[::-1]
    step = max(1, 2 ** (level - 1))
    small = blur(shrunk(image, step), 2**level / step)
    return cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)


def average(images: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Robust mean of aligned images (N, H, W) with the detail that images have."""
    result = np.zeros_like(images[0])
    for level, band in enumerate(zip(*map(bands_of, images), strict=True)):
        mean = (trust * np.stack(band)).sum(0)
        if level < len(MAX_GAINS):
            wanted = np.median([energy(one, level) for one in band], axis=0)
            gain = np.sqrt(wanted / (energy(mean, level) + 1e-9))
            mean *= np.clip(gain, 1, MAX_GAINS[level])
        result += mean
    return result


def energy(band: np.ndarray, level: int) -> np.ndarray:
    """Local mean square of a band, over a window that grows with its level."""
    small = shrunk(band**2, 8)
    smooth = blur(small, (20 + 6 * 2**level) / 8)
    return cv2.resize(smooth, band.shape[::-1], interpolation=cv2.INTER_LINEAR)


def common_field(seen: np.ndarray) -> tuple[slice, slice]:
    """The rectangle of `seen` (H, W) that is true throughout, shrunk side by side."""
    top, bottom, left, right = 0, seen.shape[0], 0, seen.shape[1]
    while not seen[top:bottom, left:right].all():
        window = ~seen[top:bottom, left:right]
        sides = [window[0], window[-1], window[:, 0], window[:, -1]]
        worst = int(np.argmax([side.mean() for side in sides]))
        top, bottom = top + (worst == 0), bottom - (worst == 1)
        left, right = left + (worst == 2), right - (worst == 3)
    return slice(top, bottom), slice(left, right)


def composite(images: list[np.ndarray]) -> np.ndarray:
    """Images of different heights -> uint8 (H, W), the field that most of them show."""
    height = -(-max(len(image) for image in images) // 8) * 8
    seen = np.stack([framed(np.ones_like(image), height, False) for image in images])
    images = np.stack([framed(image, height, True) for image in images])
    half = np.stack([shrunk(image, 2) for image in images])
    flows = [
        2 * cv2.resize(flow, images.shape[:0:-1])
        for flow in align(half, seen[0, ::2, ::2])
    ]
    images = warped(images, flows, cv2.BORDER_REPLICATE)
    seen = warped(seen, flows, cv2.BORDER_CONSTANT)
    inside = seen > 0.99
    near = np.stack([np.clip(2 * blur(one, 20) - 1, 1e-3, 1) for one in seen])
    images = without_strangers(images, inside)
    result = average(images, weights_of(images, near, inside))
    result = result[common_field(inside.sum(0) >= len(images) - 1)]
    low, high = np.percentile(result, [0.5, 99.7])
    return np.clip(6 + 238 * (result - low) / (high - low), 0, 255).astype(np.uint8)


def framed(image: np.ndarray, height: int, extend: bool) -> np.ndarray:
    """Adds MARGIN on all sides, of its edge or of zeros, and rows below to `height`."""
    below = height - len(image) + MARGIN
    border = cv2.BORDER_REPLICATE if extend else cv2.BORDER_CONSTANT
    return cv2.copyMakeBorder(image, MARGIN, below, MARGIN, MARGIN, border, value=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("originals", type=Path, help="folder with NORMAL/, PNEUMONIA/")
    parser.add_argument("--out", type=Path, default=Path("examples"))
    arguments = parser.parse_args()
    cv2.setNumThreads(1)  # DIS gives other flows with another number of threads
    for sample, names in RECIPES.items():
        folder = "NORMAL" if sample.startswith("normal") else "PNEUMONIA"
        files = [f"{name}.jpeg" for name in names.split()]
        images = [read_image(arguments.originals / folder / file) for file in files]
        image = composite(images)
        height = round(image.shape[0] * FINAL_WIDTH / image.shape[1])
        image = cv2.resize(image, (FINAL_WIDTH, height), interpolation=cv2.INTER_CUBIC)
        path = arguments.out / f"{sample}.jpg"
        Image.fromarray(image).save(path, quality=90, comment=NOTICE)
        print(path)


if __name__ == "__main__":
    main()
