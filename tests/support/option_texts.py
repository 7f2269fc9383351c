"""Texts that no option list may choke on."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

from app.errors import InvalidRequest

Argument = TypeVar("Argument")
Read = TypeVar("Read")

HOSTILE_TEXTS = [
    "",
    "=",
    ",",
    "w",
    "w=",
    "=1",
    "w=1,",
    ",w=1",
    "w=1,,h=2",
    "w=1;h=2",
    "w=1&h=2",
    "w=1, h=2",
    "W=1",
    "w=-1",
    "w=0",
    "w=+1",
    "w=1e3",
    "w=1.5",
    "w=NaN",
    "w=Infinity",
    "w=0x10",
    "w=１２",
    "w=٣",
    "w=1_000",
    "w=99999999999999999999",
    "w=12001",
    "w=1,w=1",
    "w=1,width=1",
    "w=1\n",
    "w=1\0",
    "w=\ud800",
    "w=../../etc/passwd",
    "w=%31",
    "__class__=1",
    "fit=Cover",
    "fit=",
    "fit=fill",
    "q=0",
    "q=101",
    "q=85.5",
    "dpr=0.5",
    "dpr=3.01",
    "w=6000,dpr=3",
    "blur=251",
    "blur=-1",
    "blur=1e1",
    "blur=.",
    "blur=1.",
    "sharpen=10.1",
    "rotate=45",
    "rotate=360",
    "rotate=-90",
    "flip=d",
    "anim=yes",
    "metadata=all",
    "gravity=0.5",
    "gravity=2x2",
    "gravity=0.5x0.5x0.5",
    "gravity=-1x0",
    "gravity=north",
    "gravity=left,fx=0.5",
    "fx=1.1",
    "background=#12345",
    "background=url(x)",
    "background=rgb(1,2)",
    "background=rgb(1,2,3",
    "background=rgb(1,2,3,)",
    "background=" + "#" * 400,
    "format=webp",
    "a" * 33 + "=1",
    "w=1," * 200,
    "w=" + "1" * 100_000,
    "(" * 512,
]


def read_hostile_texts(corpus: Path) -> Iterator[str]:
    """Every path of the corpus and the values of its headers: whole, in pieces, and decoded."""
    hostile = corpus / "hostile"
    paths: list[str] = json.loads((hostile / "cdn" / "cdn_paths_a.json").read_text())
    headers: list[dict[str, str]] = json.loads((hostile / "cdn" / "headers_a.json").read_text())
    texts = [*paths, *(value for header in headers for pair in header.items() for value in pair)]
    texts += [path.read_bytes().decode("latin-1") for path in sorted((hostile / "http").iterdir())]
    for text in texts:
        for piece in (text, *text.replace("?", "/").replace("&", "/").split("/"), *text.splitlines()):
            yield from (piece, unquote(piece), f"w={piece}", f"background={unquote(piece)}")


def read_or_refusal(read: Callable[[Argument], Read], argument: Argument) -> Read | InvalidRequest:
    """What was read, or the refusal; anything else that is raised fails the test."""
    try:
        return read(argument)
    except InvalidRequest as refusal:
        return refusal
