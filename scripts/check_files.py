"""Looks through the project's files for what must not be published: registry hosts and paths of one machine.

Run by scripts/test and scripts/lock; prints one line per finding and leaves with 1 if there is any.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Written so that no pattern matches its own text: this file is looked through like any other.
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.~/-])/(?:root|work|home|Users)/[\w.]"),
    "a package registry's host": re.compile(
        r"\b(?:py"
        r"pi\.org|(?:files\.)?python"
        r"hosted\.org|registry\.npm"
        r"js\.org|registry\.yarnpkg\.com|npmmirror\.com)\b"
    ),
    "a package index": re.compile(r"(?:index-url|find-links|registry)[ =]+[\"']?(?:https?:|file:|/)"),
}

# A lock names packages, versions, hashes and markers; an address of any kind is where one machine found them.
FORBIDDEN_IN_LOCKS = {"an address in a lock file": re.compile(r"\b(?:https?|file|git\+\w+)://")}


@dataclass(frozen=True)
class Finding:
    """One line that must not be published as it stands."""

    path: str
    line: int
    what: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}: {self.text.strip()[:120]}"


def project_files(root: Path = ROOT) -> list[Path]:
    """The files git tracks or would track under `root`, sorted; CalledProcessError outside a git checkout."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode()
    names = sorted(set(filter(None, listed.split("\0"))))
    return [root / name for name in names if (root / name).is_file()]


def look_through(path: str, text: str) -> Iterator[Finding]:
    """Every finding in one file's text; `path` says whether it is a lock.

    >>> [str(finding) for finding in look_through("requirements.lock", "six==1.17 @ https://example.org/six.whl")]
    ['requirements.lock:1: an address in a lock file: six==1.17 @ https://example.org/six.whl']
    """
    patterns = FORBIDDEN | (FORBIDDEN_IN_LOCKS if path.endswith(".lock") else {})
    for number, line in enumerate(text.splitlines(), start=1):
        for what, pattern in patterns.items():
            if pattern.search(line):
                yield Finding(path, number, what, line)


def check(root: Path = ROOT) -> list[Finding]:
    """Every finding in the project's text files; files with a NUL byte are taken for binary and left out."""
    findings: list[Finding] = []
    for path in project_files(root):
        content = path.read_bytes()
        if b"\0" not in content:
            name = path.relative_to(root).as_posix()
            findings += look_through(name, content.decode("utf-8", errors="replace"))
    return findings


def main() -> int:
    """Print the findings and say how many files were looked through."""
    findings = check()
    for finding in findings:
        print(finding)
    print(f"{len(project_files())} files looked through, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
