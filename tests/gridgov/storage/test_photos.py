"""Photos are what their content says; everything else is refused, whatever it is called."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from PIL import Image

from gridgov.errors import BadPhoto
from gridgov.storage.photos import PhotoFolder


def picture(kind: str, size: tuple[int, int] = (8, 6)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "media"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")]
)
def test_photos_are_kept_by_their_content(tmp_path: Path, kind: str, media: str) -> None:
    folder, content = PhotoFolder(tmp_path), picture(kind)
    photo = folder.keep(content)
    assert photo == folder.keep(content)
    assert (photo.media_type, photo.width, photo.height, photo.size) == (media, 8, 6, len(content))
    assert photo.digest == hashlib.sha256(content).hexdigest()
    assert folder.path(photo.digest).read_bytes() == content
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_a_jpeg_with_a_second_picture_behind_the_first_is_a_jpeg(tmp_path: Path) -> None:
    out = io.BytesIO()
    first, second = Image.new("RGB", (8, 6)), Image.new("RGB", (4, 3))
    first.save(out, "MPO", save_all=True, append_images=[second])
    photo = PhotoFolder(tmp_path).keep(out.getvalue())
    assert (photo.media_type, photo.width, photo.height) == ("image/jpeg", 8, 6)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
        b"<html><script>alert(1)</script></html>",
        b"\xff\xd8\xff\xe0 not really a jpeg",
        picture("PNG")[:40],
        picture("PNG")[:33] + b"\0\0\0\0IEND\xaeB`\x82",
        picture("GIF"),
        picture("TIFF"),
    ],
)
def test_anything_else_is_refused_and_nothing_kept(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadPhoto):
        PhotoFolder(tmp_path).keep(content)
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    content = bytearray(picture("PNG"))
    content[16:24] = (60_000).to_bytes(4) + (60_000).to_bytes(4)
    with pytest.raises(BadPhoto):
        PhotoFolder(tmp_path).keep(bytes(content))


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "0" * 63, "g" * 64, "A" * 64])
def test_only_a_digest_names_a_photo(tmp_path: Path, digest: str) -> None:
    with pytest.raises(BadPhoto):
        PhotoFolder(tmp_path).path(digest)
