"""Old addresses and new ones: what a redirect table, or a search through one's own pages, is fed with."""

import csv
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote, unquote, urlsplit

from app.client.moving.codes import MovingCode
from app.client.problems import Problem

NGINX_SUFFIX = ".map"
COLUMNS = ("old_url", "new_url", "old_id", "new_id", "uploaded_at")


def write_mapping(journal_path: Path, mapping_path: Path) -> None:
    """Write all that the journal says anew, of this run and those before; whoever reads never sees half of it. Blocks.

    The name decides: `.map` is nginx' own kind of table, everything else CSV.

    Raises:
        Problem: MAPPING_NOT_WRITTEN.
    """
    write = _write_nginx if mapping_path.suffix == NGINX_SUFFIX else _write_csv
    try:
        _replace(mapping_path, lambda file: write(_moved_lines(journal_path), file))
    except OSError as error:
        message = f"{mapping_path} cannot be written: {error.strerror}. All is in the journal, {journal_path}."
        raise Problem(MovingCode.MAPPING_NOT_WRITTEN, message) from error


def check_writable(mapping_path: Path) -> None:
    """Find out before the work what would be found out after it.

    Raises:
        Problem: MAPPING_NOT_WRITTEN.
    """
    folder = mapping_path.absolute().parent
    if mapping_path.is_dir() or not os.access(folder, os.W_OK):
        raise Problem(MovingCode.MAPPING_NOT_WRITTEN, f"{mapping_path} cannot be written. --mapping names another.")


# Lines are the journal's JSON: Any.
def _moved_lines(journal_path: Path) -> Iterator[dict[str, Any]]:
    with journal_path.open("rb") as journal:
        for line in journal:
            if line.endswith(b"\n"):
                read = json.loads(line)
                if read["event"] == "moved":
                    yield read


def _write_csv(lines: Iterator[dict[str, Any]], file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in lines:
        about = (line["oldId"], line["newId"], line["uploadedAt"] or "")
        for old_url, new_url in zip(line["oldUrls"], line["newUrls"], strict=True):
            writer.writerow((old_url, new_url, *about))
        if not line["oldUrls"]:
            writer.writerow(("", "", *about))


def _write_nginx(lines: Iterator[dict[str, Any]], file: TextIO) -> None:
    seen: set[str] = set()
    for line in lines:
        for old_url, new_url in zip(line["oldUrls"], line["newUrls"], strict=True):
            # `$uri` is decoded; of several hosts with the same path the table can know one.
            path = _path_of(old_url)
            if path.isprintable() and path not in seen:
                seen.add(path)
                file.write(f"{_quoted(path)} {_quoted(quote(new_url, safe=_PLAIN))};\n")


def _path_of(url: str) -> str:
    try:
        return unquote(urlsplit(url).path)
    except ValueError:
        # No address; what the old system says of itself need not be true.
        return url


# All that an address may have as it is, but what nginx would take for a variable or the end of a text.
_PLAIN = "%/:?#[]@!&'()*+,;=-._~"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    # A key that begins so would be a regular expression, or one of nginx' own words.
    return f'"{escaped}"'


def _replace(path: Path, write: Callable[[TextIO], None]) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    part = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        # As any other file that a program writes: mkstemp's are for its owner alone.
        part.chmod(0o666 & ~_umask())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
