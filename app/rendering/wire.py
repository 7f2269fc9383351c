"""The lines that go through the pipes: jobs to the zygote, answers from the child, both as JSON.

What a child writes is untrusted: it may have been taken over by the picture. `parse_answer` accepts
nothing but what an honest child could have said about this very job.
"""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.domain.formats import ImageFormat
from app.domain.headers.facts import HeaderFacts
from app.domain.variants import Geometry, MetadataPolicy
from app.rendering.protocol import Decoded, NotRendered, Rendered, RenderSpec

MAX_LINE_BYTES = 64 * 1024
"""An honest line stays under 12 KiB: a placeholder of 32×32 pixels in base64 is the longest thing in it."""

IN_DIR, OUT_DIR, SOURCE_NAME = "in", "out", "source"
"""A job's directory: what the child may read, where it writes `0`, `1`, … in the order of the specs; the picture."""

_COLOR = re.compile(r"#[0-9a-f]{6}\Z")
_THUMBHASH_BYTES = range(5, 33)
_MAX_PLACEHOLDER_BYTES = 8 * 1024
_MAX_MESSAGE_CHARS = 200
_MAX_SIDE_PX = 65_535


class ProtocolViolation(Exception):
    """A line that no honest child writes."""


@dataclass(frozen=True, slots=True)
class JobOrder:
    """All that a child is told: directories it may touch, the picture's headers, the files to be made."""

    job_dir: Path
    facts: HeaderFacts
    specs: tuple[RenderSpec, ...]
    wants_verdict: bool
    """False where it is known that the picture can be decoded, and how it looks."""
    address_space_bytes: int
    file_bytes: int
    open_files: int
    cpu_s: int
    niceness: int = 0
    """How much less of a busy processor the child asks for than its zygote, 0 to 19."""
    total_bytes: int = 1024 * 1024 * 1024
    """Limit for all files of the job together; the zygote ends a child that exceeds it."""
    threads: int = 64
    """Limit for the threads of the child; the zygote ends a child that exceeds it."""


@dataclass(frozen=True, slots=True)
class Confined:
    """The sandbox is closed, and the child opens the picture next. An end before this is no fault of the picture."""


@dataclass(frozen=True, slots=True)
class NotConfined:
    """The kernel refused a part of the sandbox, so that nothing was opened."""

    code: str
    """The name of the error, such as EPERM."""
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The child's verdict on a picture that it could not decode."""

    is_too_large: bool


@dataclass(frozen=True, slots=True)
class Done:
    """The child has said all it had to say."""


ChildAnswer = Decoded | Rendered | NotRendered | Confined | NotConfined | Refused | Done


def exif_name(policy: MetadataPolicy) -> str:
    """The file in `IN_DIR` with the EXIF block that a policy leaves."""
    return f"exif-{policy.value}"


def make_job(order: JobOrder) -> bytes:
    """One line for the zygote."""
    facts = order.facts
    fields = {
        "job_dir": str(order.job_dir),
        "facts": [
            *(facts.format.value, facts.width_px, facts.height_px, facts.orientation),
            *(facts.frames, facts.has_alpha, facts.has_icc_profile),
        ],
        "specs": [_spec_fields(spec) for spec in order.specs],
        "wants_verdict": order.wants_verdict,
        "limits": [
            *(order.address_space_bytes, order.file_bytes, order.open_files, order.cpu_s, order.niceness),
            *(order.total_bytes, order.threads),
        ],
    }
    return json.dumps(fields).encode() + b"\n"


def parse_job(line: bytes) -> JobOrder:
    """The inverse of `make_job`; the zygote trusts its parent."""
    fields = json.loads(line)
    codec, *rest = fields["facts"]
    return JobOrder(
        Path(fields["job_dir"]),
        HeaderFacts(ImageFormat(codec), *rest),
        tuple(_parse_spec(spec) for spec in fields["specs"]),
        fields["wants_verdict"] is True,
        *fields["limits"],
    )


def _spec_fields(spec: RenderSpec) -> dict[str, object]:
    return {
        "key": spec.key,
        "codec": spec.codec.value,
        "scaled": spec.geometry.scaled,
        "final": spec.geometry.final,
        "offset": spec.geometry.offset,
        "quality": spec.quality,
        "metadata": spec.metadata.value,
        "is_animated": spec.is_animated,
        "background": spec.background,
        "is_opaque": spec.is_opaque,
        "blur": spec.blur,
        "sharpen": spec.sharpen,
        "is_grayscale": spec.is_grayscale,
        "is_quick": spec.is_quick,
        "turn": spec.turn,
    }


def _parse_spec(fields: dict[str, object]) -> RenderSpec:
    # `Any` would spread from json; the fields are what `_spec_fields` wrote.
    scaled, final, offset = fields["scaled"], fields["final"], fields["offset"]
    assert isinstance(scaled, list)
    assert isinstance(final, list)
    assert offset is None or isinstance(offset, list)
    return RenderSpec(
        key=str(fields["key"]),
        codec=ImageFormat(str(fields["codec"])),
        geometry=Geometry((scaled[0], scaled[1]), (final[0], final[1]), (offset[0], offset[1]) if offset else None),
        quality=int(str(fields["quality"])),
        metadata=MetadataPolicy(str(fields["metadata"])),
        is_animated=bool(fields["is_animated"]),
        background=str(fields["background"]),
        is_opaque=bool(fields["is_opaque"]),
        blur=float(str(fields["blur"])),
        sharpen=float(str(fields["sharpen"])),
        is_grayscale=bool(fields["is_grayscale"]),
        is_quick=bool(fields["is_quick"]),
        turn=int(str(fields["turn"])),
    )


def make_answer(answer: ChildAnswer, *, index: int = 0) -> bytes:
    """One line for the parent; `index` is the place of the file's spec in the job."""
    return json.dumps(_answer_fields(answer, index)).encode() + b"\n"


def _answer_fields(answer: ChildAnswer, index: int) -> dict[str, object]:
    match answer:
        case Decoded():
            return {
                "kind": "decoded",
                "size": [answer.width_px, answer.height_px],
                "has_alpha": answer.has_alpha,
                "thumbhash": answer.thumbhash,
                "color": answer.dominant_color,
                "placeholder": base64.b64encode(answer.placeholder_png).decode(),
            }
        case Rendered():
            size = [answer.width_px, answer.height_px]
            return {"kind": "rendered", "index": index, "size": size, "ms": round(answer.took_ms, 1)}
        case NotRendered():
            fields = {"kind": "not_rendered", "index": index, "message": answer.message}
            return {**fields, "lacks_room": answer.lacks_room}
        case Confined():
            return {"kind": "confined"}
        case NotConfined():
            return {"kind": "not_confined", "code": answer.code, "reason": answer.reason}
        case Refused():
            return {"kind": "refused", "is_too_large": answer.is_too_large}
        case Done():
            return {"kind": "done"}


def parse_answer(line: bytes, *, facts: HeaderFacts, specs: Sequence[RenderSpec], out_dir: Path) -> ChildAnswer:
    """Believe a child's line only as far as the job allows.

    Raises:
        ProtocolViolation: the line is none that an honest child could write in this job.
    """
    try:
        fields = json.loads(line)
        match fields["kind"]:
            case "decoded":
                return _parse_decoded(fields, facts)
            case "rendered":
                return _parse_rendered(fields, specs, out_dir)
            case "not_rendered":
                message = str(fields["message"])[:_MAX_MESSAGE_CHARS]
                return NotRendered(_spec_at(fields, specs)[1].key, message, fields.get("lacks_room") is True)
            case "confined":
                return Confined()
            case "not_confined":
                return NotConfined(*(str(fields[name])[:_MAX_MESSAGE_CHARS] for name in ("code", "reason")))
            case "refused":
                return Refused(fields["is_too_large"] is True)
            case "done":
                return Done()
            case _:
                raise ProtocolViolation("unknown kind")
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, binascii.Error) as error:
        raise ProtocolViolation("malformed line") from error


def _parse_decoded(fields: dict[str, object], facts: HeaderFacts) -> Decoded:
    width_px, height_px = _parse_size(fields)
    color, thumbhash = str(fields["color"]), str(fields["thumbhash"])
    placeholder = base64.b64decode(str(fields["placeholder"]), validate=True)
    if (
        (width_px, height_px) != facts.displayed_size
        or not _COLOR.match(color)
        or len(base64.b64decode(thumbhash, validate=True)) not in _THUMBHASH_BYTES
        or not placeholder.startswith(b"\x89PNG\r\n\x1a\n")
        or len(placeholder) > _MAX_PLACEHOLDER_BYTES
    ):
        raise ProtocolViolation("impossible verdict")
    return Decoded(width_px, height_px, fields["has_alpha"] is True, thumbhash, color, placeholder)


def _parse_rendered(fields: dict[str, object], specs: Sequence[RenderSpec], out_dir: Path) -> Rendered:
    index, spec = _spec_at(fields, specs)
    width_px, height_px = _parse_size(fields)
    if (width_px, height_px) != spec.size_px:
        raise ProtocolViolation("another size than the one that was ordered")
    took_ms = float(str(fields["ms"]))
    return Rendered(spec.key, out_dir / str(index), spec.codec, width_px, height_px, 0, spec.is_animated, took_ms)


def _spec_at(fields: dict[str, object], specs: Sequence[RenderSpec]) -> tuple[int, RenderSpec]:
    index = fields["index"]
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(specs):
        raise ProtocolViolation("no such file was ordered")
    return index, specs[index]


def _parse_size(fields: dict[str, object]) -> tuple[int, int]:
    size = fields["size"]
    if not isinstance(size, list) or len(size) != 2 or not all(isinstance(side, int) for side in size):
        raise ProtocolViolation("malformed size")
    width_px, height_px = size
    if not (0 < width_px <= _MAX_SIDE_PX and 0 < height_px <= _MAX_SIDE_PX):
        raise ProtocolViolation("impossible size")
    return width_px, height_px
