"""Photos are what their content says; everything else is refused, whatever it is called."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import tempfile
from pathlib import Path

import pytest
from PIL import Image

from gridgov.errors import BadPhoto
from gridgov.storage.errors import StoreFailed
from gridgov.storage.photos import MAX_PIXELS, PhotoFolder, examine


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


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "MPO"])
@pytest.mark.parametrize("kept", [0.3, 0.9, 0.99])
def test_a_photo_that_breaks_off_is_refused(tmp_path: Path, kind: str, kept: float) -> None:
    out = io.BytesIO()
    Image.effect_noise((400, 300), 60).convert("RGB").save(out, kind)
    whole = out.getvalue()
    with pytest.raises(BadPhoto):
        PhotoFolder(tmp_path).keep(whole[: int(len(whole) * kept)])
    assert list(tmp_path.iterdir()) == []
    assert (PhotoFolder(tmp_path).keep(whole).width, len(whole) > 5000) == (400, True)


def sized(size: tuple[int, int], *, progressive: bool) -> bytes:
    """A small JPEG that says it is of another size."""
    out = io.BytesIO()
    Image.new("RGB", (8, 6)).save(out, "JPEG", progressive=progressive)
    content = bytearray(out.getvalue())
    at = content.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    content[at + 5 : at + 9] = size[1].to_bytes(2) + size[0].to_bytes(2)
    return bytes(content)


@pytest.mark.parametrize(
    ("size", "progressive", "says"),
    [
        ((20_000, 20_000), False, "more than 178,956,970 pixels"),
        ((8_000, 7_000), True, "8000 x 7000 pixels is too large to be one; at most 50,000,000"),
    ],
)
def test_what_would_take_too_much_memory_is_refused_by_its_size(
    size: tuple[int, int], progressive: bool, says: str
) -> None:
    with pytest.raises(BadPhoto, match=says):
        examine(sized(size, progressive=progressive))
    assert examine(sized((8_000, 7_000), progressive=False)).width == 8_000


def test_the_largest_size_is_the_one_the_decoder_looks_at() -> None:
    assert Image.MAX_IMAGE_PIXELS is not None
    assert 2 * Image.MAX_IMAGE_PIXELS == MAX_PIXELS


def test_a_full_disk_is_no_fault_of_the_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    folder, content = PhotoFolder(tmp_path), picture("JPEG")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StoreFailed, match="No space left"):
            folder.keep(content)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert folder.path(folder.keep(content).digest).read_bytes() == content


def test_too_many_open_files_are_no_fault_of_the_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", none_left)
    with pytest.raises(StoreFailed, match="Too many open files"):
        PhotoFolder(tmp_path).keep(picture("PNG"))


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "0" * 63, "g" * 64, "A" * 64])
def test_only_a_digest_names_a_photo(tmp_path: Path, digest: str) -> None:
    with pytest.raises(BadPhoto):
        PhotoFolder(tmp_path).path(digest)
