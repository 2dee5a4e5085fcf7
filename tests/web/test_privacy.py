"""What becomes of an upload: deleted, logged nowhere, sent nowhere, shown to no one."""

import io
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from urllib.parse import urlsplit

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import uid

from pneumonia.web import server
from tests.support.app_server import FILE_DATA, ROOT, serve, until

EXAMPLE = ROOT / "examples" / "bacterial_1.jpg"
# app.py, which notes whomever it looks up or talks to, and an hour is over at a signal
LAUNCHER = """
import ipaddress, os, signal, sys

def note(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and arguments[0].family != 1:
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    try:
        is_here = not host or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    with open(os.environ["NOTES"], "a") as notes:
        print("here" if is_here else event, host, file=notes)

sys.addaudithook(note)
from pneumonia.web import server
server.PERIOD = 0.5
signal.signal(signal.SIGUSR1, lambda *_: setattr(server, "AGE", 0))
signal.signal(signal.SIGUSR2, lambda *_: setattr(server, "AGE", 3600))
import app
sys.exit(app.main())
"""
# What stands in the files and in their names, and nowhere else
NAME, TAG, EXIF = "QwertzJonas", "SampleOphelia", "ParisAt48North"
TEXT, BROKEN, STRAY = "DearXerxes", "BrokenUpload", "StrayUpload"
MARKS = [mark.encode() for mark in (NAME, TAG, EXIF, TEXT, BROKEN, STRAY)]


@pytest.fixture(scope="module")
def jpeg():
    """A radiograph as a telephone or a workstation writes it: with place and name."""
    exif = Image.Exif()
    exif[0x010E] = EXIF
    exif.get_ifd(0x8825)[1] = "N"
    content = io.BytesIO()
    Image.open(EXAMPLE).save(content, "JPEG", quality=95, exif=exif, comment=EXIF)
    return content.getvalue()


@pytest.fixture(scope="module")
def dicom():
    """A radiograph of 12 bits whose tags name a patient, in a private one too."""
    gray = Image.open(EXAMPLE).convert("L").resize((400, 300))
    pixels = np.asarray(gray).astype(np.uint16) * 16
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = uid.DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = "1.2.3"
    dataset.PatientName = dataset.PatientID = dataset.InstitutionName = TAG
    dataset.private_block(0x0011, TAG, create=True).add_new(1, "LO", TAG)
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation, dataset.PixelData = 0, pixels.tobytes()
    content = io.BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Where the server may write: its home and its temporary files are here."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def short(home):
    """The app, by `LAUNCHER`."""
    with serve(
        home,
        *("-c", LAUNCHER),
        HOME=str(home),
        TMPDIR=str(home),
        XDG_CACHE_HOME=str(home / "cache"),
        NOTES=str(home / "notes"),
    ) as served:
        yield served


@pytest.fixture(scope="module")
def said(short, home, jpeg, dicom):
    """All that the app answers to an eventful session, texts and files."""
    said = []
    page = ("unknown", "en")
    damaged = dicom.replace(b"MONOCHROME2", b"NEGATIVE   ")
    uploads = [jpeg, jpeg[:9000], dicom, dicom[:-100_000], damaged, TEXT.encode()]
    for number, content in enumerate(uploads):
        file = short.uploaded(content, f"{NAME}.{number}")
        events = [(name, file) for name in ("predict", "explain", "assess")]
        events += [(name, file, *page) for name in ("show", "save")]
        events += [("batch", [file]), ("show_many", [file], [], "en")]
        for event, *given in events:
            answer = short.event(event, *given)
            said.append(repr(answer["output"]))
            pictures = [item for item in files(answer) if item["path"] != file["path"]]
            said += [short.get(item) for item in pictures]
    short.post("/gradio_api/queue/join", {"data": [{"path": NAME, **FILE_DATA}]})
    assert short.upload(STRAY.encode(), STRAY, field="others")[2] == b"[]"
    break_off(short)
    until(lambda: kept(home) >= set(MARKS))  # so that there is something to forget
    return said


def files(answer):
    """The files in the answer of an event, those that its HTML names too."""
    values = answer["output"].get("data", [])
    found = []
    while values:
        value = values.pop()
        if isinstance(value, dict) and value.get("path"):
            found.append(value)
        elif isinstance(value, dict | list):
            values += value.values() if isinstance(value, dict) else value
    return found


def break_off(app):
    """Uploads half a file, and is gone."""
    address = urlsplit(app.url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: multipart/form-data; boundary=limit\r\n"
            b"Content-Length: 100000\r\n\r\n--limit\r\n"
            b'Content-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
            + 1000
            * BROKEN.encode()
        )
        until(lambda: BROKEN.encode() in kept(app.files))


def kept(folder):
    """Which of `MARKS` are below the folder, in files or in names."""
    found = set()
    for path in folder.rglob("*"):
        text = str(path.relative_to(folder)).encode()
        try:
            text += path.read_bytes() if path.is_file() else b""
        except FileNotFoundError:  # just deleted
            continue
        found.update(mark for mark in MARKS if mark in text)
    return found


def test_upload_is_deleted_and_all_that_came_of_it(short, home, said, jpeg):
    (folder,) = short.files.glob("pneumonia-*")
    assert len([*folder.rglob("*.png")]) > 4
    short.process.send_signal(signal.SIGUSR1)
    until(lambda: not os.listdir(folder))
    assert kept(home) == set()
    assert not [path for path in ROOT.rglob("*") if NAME in path.name]
    short.process.send_signal(signal.SIGUSR2)
    again = short.uploaded(jpeg, "again.jpg")
    assert (
        "PNEUMONIA" in short.event("show", again, "unknown", "en")["output"]["data"][0]
    )


def test_nothing_of_an_upload_is_logged(short, said):
    log = short.log.read_bytes()
    assert log.startswith(b"Ready at ")
    assert b"Traceback" not in log
    assert not any(mark in log for mark in MARKS)


def test_nothing_beside_the_pixels_is_answered(said):
    words = [item for item in said if isinstance(item, str)]
    contents = {item for item in said if isinstance(item, bytes)}
    tables = {item for item in contents if item.startswith(b"file,status,verdict,")}
    pictures = contents - tables
    assert tables and "PNEUMONIA" in "".join(words) and len(pictures) >= 4
    for item in said:
        text = item if isinstance(item, bytes) else item.encode()
        # tables name the file that they are about, to whom it is
        assert not any(mark in text for mark in MARKS if mark != NAME.encode())
    for picture in pictures:
        assert set(chunks(picture)) == {b"IHDR", b"IDAT", b"IEND"}


def chunks(png):
    """The kinds of chunks of a PNG file."""
    at = 8
    while at < len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        yield kind
        at += 12 + length


def test_nobody_else_is_asked(short, home, said):
    notes = (home / "notes").read_text().splitlines()
    assert any(line.startswith("here ") for line in notes)  # it does note
    assert [line for line in notes if not line.startswith("here ")] == []


def test_answers_without_a_network():
    apart = ["unshare", "--map-root-user", "--net", "sh", "-c"]
    alone = 'ip link set lo up && exec "$@"'
    try:
        subprocess.run([*apart, alone, "sh", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine does not let a process go without a network")
    code = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"
    done = subprocess.run(
        [*apart, alone, "sh", sys.executable, "-c", code], capture_output=True
    )
    assert b"Network is unreachable" in done.stderr  # it is apart indeed
    tests = "contract or settings or (answers_like and normal_1) or (explain and dicom)"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*apart, alone, "sh", *command, "tests/web/test_app.py", "-k", tests],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "4 passed" in done.stdout, done.stdout


def test_sweep_deletes_what_is_old_and_only_that(tmp_path, monkeypatch):
    for name in ("old/image.png", "half", "deep/er/image.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    server.sweep(tmp_path, 3600)
    assert len([*tmp_path.rglob("*")]) == 6
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3601)
    server.sweep(tmp_path, 3600)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    monkeypatch.setattr(time, "time", lambda: now + 7202)
    server.sweep(tmp_path, 3600)
    assert [*tmp_path.rglob("*")] == []
    assert tmp_path.is_dir()


def test_sweep_goes_on_where_a_file_resists(tmp_path, monkeypatch):
    for name in "abc":
        (tmp_path / name).write_bytes(b"x")
    unlink = os.unlink

    def resists(path, *arguments):
        if str(path).endswith("b"):
            raise PermissionError
        unlink(path, *arguments)

    monkeypatch.setattr(os, "unlink", resists)
    server.sweep(tmp_path, -60)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
