"""Photos, in a folder by the SHA-256 of their content; what a file is, its content tells, not its name."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, UnidentifiedImageError

from gridgov.errors import BadPhoto

#: What phones send; anything else (SVG and HTML above all) is refused.
FORMATS: Final = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
#: What decoding calls them. Many phones put a second picture, for depth or brightness, behind the first of a
#: JPEG; that is read as MPO, and is shown as the JPEG it is.
_KINDS: Final = FORMATS | {"MPO": FORMATS["JPEG"]}
#: More than any phone's camera makes (200 megapixels); beyond it a file is meant to exhaust memory.
MAX_PIXELS: Final = 250_000_000

#: What Pillow raises over bytes that are no picture; IndexError over a PNG without pixels.
_NO_PHOTO: Final = (
    UnidentifiedImageError,
    OSError,
    SyntaxError,
    ValueError,
    IndexError,
    Image.DecompressionBombError,
)
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo that is kept: hex SHA-256, media type, size in bytes and in pixels."""

    digest: str
    media_type: str
    size: int
    width: int
    height: int


class PhotoFolder:
    """A folder of photos, two levels deep by the digest's first characters."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def keep(self, content: bytes) -> Photo:
        """Keep a photo, durably, once however often it comes; raises BadPhoto."""
        photo = examine(content)
        path = self.path(photo.digest)
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(file.name, path)
        return photo

    def path(self, digest: str) -> Path:
        """Where the photo of that digest is kept, whether it is there or not; raises BadPhoto for what is no
        digest.
        """
        if not _DIGEST.fullmatch(digest):
            raise BadPhoto("a photo is named by its digest: 64 hexadecimal digits", digest=digest)
        return self.root / digest[:2] / digest


def examine(content: bytes) -> Photo:
    """What these bytes are, by decoding them; raises BadPhoto where they are no photo of a kind we keep."""
    try:
        with Image.open(io.BytesIO(content), formats=tuple(FORMATS)) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise BadPhoto(
                    f"a photo of {width} x {height} pixels is too large to be one", pixels=width * height
                )
            image.verify()
            media_type = _KINDS[str(image.format)]
    except _NO_PHOTO as error:
        raise BadPhoto(cause=type(error).__name__) from error
    return Photo(hashlib.sha256(content).hexdigest(), media_type, len(content), width, height)
