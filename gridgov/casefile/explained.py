"""What the hashes in a file are over and how anybody recomputes them, in Chinese and in English."""

from __future__ import annotations

from typing import Final

from gridgov.storage.ledger import HASHED
from gridgov.telling_names import Said

_FIELDS: Final = ", ".join(HASHED)
#: How an entry's hash comes about; `gridgov.storage.ledger.entry_hash` is the same in code.
RECIPE: Final = (
    Said(
        "每条记录的散列是 SHA-256，输入依次为：上一条记录的散列（32 个原始字节），"
        f"然后按次序取下列各字段：{_FIELDS}；每个字段先写其 UTF-8 字节数（十进制）和一个冒号，再写字节本身。"
        "数字写作十进制文本，body 按存储的原文，不得重新排版。",
        "The hash of an entry is SHA-256 over the hash of the entry before it (32 raw bytes), then over these"
        f" fields in this order: {_FIELDS}; of each the number of its UTF-8 bytes in decimal, a colon, and"
        " the bytes. Numbers are written in decimal, body is the stored text as it is, never re-formatted.",
    ),
    Said(
        "台账中的下一条记录（可能属于别的案卷）保存了本条的散列；台账最后一条的散列保存在台账之首。"
        "两者一致，说明本条自写入以来未被改动。",
        "The next entry of the ledger, which may be another incident's, holds the hash of this one; that of"
        " the last entry stands at the ledger's head. Where they agree, the entry is as it was written.",
    ),
    Said(
        "公民的文字、地址、姓名和电话不在台账内，以便删除；台账只保存其加盐散列（body 中的 words）："
        "SHA-256 的输入为盐（file.json 中的 salt），然后依次为文字、地址、姓名、电话，"
        "各写作字节数、冒号、字节；"
        "有内容的在其 UTF-8 字节之前加一个等号（计入字节数），没有的写作 0 和冒号。"
        "照片以其内容的 SHA-256 命名。中英文句子仅供阅读，以 body 为准。",
        "Words, addresses, names and phones of citizens are not in the ledger, so that they can be erased: it"
        " holds a salted hash of them (words in body), SHA-256 over the salt (in file.json) and then words,"
        " address, name and phone, of each the number of bytes, a colon and the bytes: 0 and a colon for what"
        " is not there, else an equals sign, which is counted, and the UTF-8 bytes. A photo is named by"
        " the SHA-256 of its content. Sentences are for reading: what counts is body.",
    ),
)
#: How a package is verified, with this program or without.
PACKAGE: Final = (
    Said(
        "1. 校验各文件：在解压后的文件夹中运行  sha256sum -c SHA256SUMS",
        "1. The files: unpack, and in that folder run  sha256sum -c SHA256SUMS",
    ),
    Said(
        "2. 校验记录：运行  gridgov incidents verify 文件.zip ；也可按下文自行计算："
        "entries.jsonl 每行是一条记录，字段为存储的原文，hash 是其散列，previous 是上一条的散列，"
        "next_previous 是台账中下一条记录所保存的散列。",
        "2. The entries: run  gridgov incidents verify FILE.zip , or compute them yourself as told below:"
        " each line of entries.jsonl is an entry with its fields as stored, its hash, that of the entry"
        " before it (previous), and what the next entry of the ledger holds (next_previous).",
    ),
    Said(
        "3. 对照台账：文件包自身不能证明没有人把全部内容连同散列一起改写。持有台账者运行"
        "  gridgov --data 文件夹 incidents verify --ledger 文件.zip ，逐条与台账比对；"
        "或将末条散列与另一份打印件核对。",
        "3. The ledger: a package by itself cannot prove that nobody rewrote all of it, hashes too. Whoever"
        " has the ledger runs  gridgov --data FOLDER incidents verify --ledger FILE.zip , which compares"
        " every entry with it; else compare the last hash with another print.",
    ),
)


def how_to_verify(case_number: str) -> str:
    """The text that goes with a package."""
    parts = [f"案卷档案 {case_number}：如何核验", *(one.zh for one in (*PACKAGE, *RECIPE)), ""]
    parts += [f"File of incident {case_number}: how to verify it", *(one.en for one in (*PACKAGE, *RECIPE))]
    return "\n\n".join(parts) + "\n"
