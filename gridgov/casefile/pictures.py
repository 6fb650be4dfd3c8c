"""Small pictures that stand in the page itself, made of the photos of an incident."""

from __future__ import annotations

import io
from base64 import b64encode
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from gridgov.casefile.values import WHOLE, CaseFile
from gridgov.storage.photos import PhotoFolder

#: Pixels of the longer side: 85 mm of paper at some 190 dots an inch.
LONGEST: Final = 640
#: Some 50 kB each; more of them than this would make a page that no browser prints.
MOST: Final = 60


def small(file: CaseFile, folder: PhotoFolder) -> dict[str, str]:
    """``data:`` addresses of small pictures by digest, of photos that are whole; the first of too many.

    They are written anew, turned the right way up, without whatever else a file holds, such as where the
    phone was.
    """
    whole = [one.digest for one in file.pictures if one.state == WHOLE][:MOST]
    found = {digest: _small(folder, digest) for digest in whole}
    return {digest: address for digest, address in found.items() if address is not None}


def _small(folder: PhotoFolder, digest: str) -> str | None:
    """None where a file of an older store is no picture that can be drawn: it stays in the list."""
    out = io.BytesIO()
    try:
        with Image.open(folder.path(digest)) as image:
            image.draft("RGB", (LONGEST, LONGEST))
            shown = ImageOps.exif_transpose(image).convert("RGB")
            shown.thumbnail((LONGEST, LONGEST))
            shown.save(out, "JPEG", quality=70)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError):
        return None
    return f"data:image/jpeg;base64,{b64encode(out.getvalue()).decode()}"
