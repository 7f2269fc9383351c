"""Names, sizes and problems as a person reads them."""

import unicodedata

from app.client.answers import Readiness, Variant
from app.client.problems import Problem
from app.client.reports import Ending, Outcome

_ELLIPSIS = "…"


def clean(text: str) -> str:
    """The text without anything that could command a terminal: a file's name is a stranger's word."""
    return "".join(character if _is_harmless(character) else "\N{REPLACEMENT CHARACTER}" for character in text)


def shorten(text: str, longest: int) -> str:
    """At most `longest` characters; what is too long loses its middle, as names differ at their ends."""
    if len(text) <= longest:
        return text
    tail = max(1, longest // 2)
    return text[: max(0, longest - tail - 1)] + _ELLIPSIS + text[-tail:]


def amount(count: int, one: str, many: str) -> str:
    """1 file, 2 files."""
    return f"{count:,} {one if count == 1 else many}"


def byte_text(byte_size: int | None) -> str:
    """Bytes in at most 7 characters, in powers of 1,000."""
    if byte_size is None:
        return ""
    size, unit = float(byte_size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"


def pixel_text(thing: Readiness | Variant) -> str:
    """Width × height, or nothing where they are not known yet."""
    return f"{thing.width_px}×{thing.height_px}" if thing.width_px and thing.height_px else ""


def problem_text(problem: Problem) -> str:
    """Code and sentence."""
    return f"{problem.code}  {clean(problem.message)}"


def outcome_text(outcome: Outcome) -> str:
    """What became of a file that is there."""
    assert outcome.readiness is not None
    variants = outcome.readiness.variants
    parts = [f"{outcome.readiness.ready_count} of {amount(len(variants), 'variant', 'variants')} ready"]
    if outcome.readiness.ready_count == len(variants):
        parts = [amount(len(variants), "variant", "variants")]
    if outcome.is_duplicate:
        parts.append("was there already")
    parts += [f"{variant.name} failed: {variant.error_code}" for variant in outcome.failed_variants]
    return ", ".join(parts)


def ending_text(ending: Ending) -> str:
    """The last line."""
    good = sum(outcome.is_good for outcome in ending.outcomes)
    bad = len(ending.outcomes) - good
    duplicates = sum(outcome.is_duplicate for outcome in ending.outcomes)
    parts = [amount(good, "image", "images")]
    parts += [f"{duplicates:,} there before"] if duplicates else []
    parts += [f"{bad:,} failed"] if bad else []
    text = ", ".join(parts) + f" in {ending.took_s:.1f} s"
    if not ending.is_interrupted:
        return text
    cancelled = sum(ending.cancelled.values())
    left = len(ending.cancelled) - cancelled
    parts = [amount(cancelled, "open session was cancelled", "open sessions were cancelled")]
    parts += [amount(left, "expires by itself", "expire by themselves")] if left else []
    return f"Interrupted: {text}; {', '.join(parts)}."


def _is_harmless(character: str) -> bool:
    # Controls, and the marks that turn the direction of writing; surrogates stand for bytes that are no UTF-8.
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
