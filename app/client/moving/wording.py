"""An import in a person's words."""

from app.client.moving.items import OldImage
from app.client.moving.reports import Ending, Tally
from app.client.wording import amount, byte_text, clean, problem_text


def progress_text(tally: Tally) -> str:
    """12 of 340 images, 5.4 MB; a plus where more may be listed."""
    more = "" if tally.is_all_listed else "+"
    return f"{tally.done:,} of {tally.listed:,}{more} images, {byte_text(tally.moved_bytes)}"


def ending_lines(tally: Tally, ending: Ending) -> list[str]:
    """The last words."""
    if ending.is_dry:
        lines = [f"{amount(tally.listed - tally.skipped, 'image', 'images')} would be copied{_skipped(tally)}."]
    else:
        failed = f", {len(tally.failed):,} failed" if tally.failed else ""
        what = f"{amount(tally.moved, 'image', 'images')} copied, {byte_text(tally.moved_bytes)}"
        lines = [f"{what}{_skipped(tally)}{failed} in {ending.took_s:.1f} s."]
    if ending.problem is not None:
        lines.append(f"Ended early: {problem_text(ending.problem)}")
    if ending.is_interrupted:
        lines.append("Interrupted.")
    if not ending.is_good(tally) and not ending.is_dry:
        lines.append("Run the same command again to go on: what is there is not copied twice.")
    if ending.mapping is not None:
        lines.append(f"Old and new addresses: {clean(ending.mapping)}")
    return lines


def facts_line(image: OldImage, *, is_there: bool) -> str:
    """One image of a dry run, tab-separated: old id, filename, what is said of it, whether it is there."""
    facts = image.facts
    privacy = {True: "private", False: "public", None: ""}[facts.is_private]
    cells = (image.old_id, facts.filename or "", privacy, facts.album or "", ",".join(facts.tags))
    # A tab or a line break in a name would be taken for one of ours.
    return "\t".join((*map(clean, cells), "there" if is_there else "to copy"))


def _skipped(tally: Tally) -> str:
    return f", {tally.skipped:,} there before" if tally.skipped else ""
