"""How much time, memory and space one picture may take inside the cage."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.headers.facts import HeaderFacts
from app.rendering.protocol import RenderSpec

PIXELS_PER_MEGAPIXEL = 1_000_000


@dataclass(frozen=True, slots=True)
class CageLimits:
    """What the kernel and the parent hold a child to. The figures come from runs over 1,269 hostile files."""

    address_space_bytes: int = 1_536 * 1024 * 1024
    file_bytes: int = 256 * 1024 * 1024
    open_files: int = 64
    cpu_base_s: float = 10.0
    cpu_per_megapixel_s: float = 0.5
    deadline_per_cpu_s: float = 1.5
    """Wall seconds granted for each second of CPU: a busy machine must not fail good pictures."""
    deadline_base_s: float = 5.0
    max_deadline_s: float = 60.0
    lone_deadline_factor: float = 3.0
    """How much more wall time a job has that runs alone because an earlier try ran out of it."""
    threads: int = 64
    """Far above what the codecs start, which is one a core at most."""
    total_base_bytes: int = 16 * 1024 * 1024
    bytes_per_pixel: int = 8
    """Above what any codec needs, so that the total of a job's files is bounded by what was ordered."""
    jobs_per_zygote: int = 1_000
    """A zygote is replaced after that many jobs, whatever it may have gathered by then."""
    niceness: int = 5
    """Of jobs that yield: three times the share of a busy processor for the others, and time enough for these."""
    start_timeout_s: float = 20.0
    kill_timeout_s: float = 2.0
    """How long a zygote may take to confirm a kill before it is killed itself."""

    def cpu_s(self, facts: HeaderFacts, specs: Sequence[RenderSpec]) -> float:
        """CPU seconds for one job: every frame counts where the animation is kept, one frame otherwise.

        A file that is larger than the picture counts by its own size, for its encoder and its effects.
        """
        frames = facts.frames if any(spec.is_animated for spec in specs) else 1
        sizes = [(facts.width_px, facts.height_px), *(spec.size_px for spec in specs)]
        megapixels = frames * max(width * height for width, height in sizes) / PIXELS_PER_MEGAPIXEL
        return self.cpu_base_s + self.cpu_per_megapixel_s * megapixels

    def deadline_s(self, facts: HeaderFacts, specs: Sequence[RenderSpec], *, is_alone: bool = False) -> float:
        """Wall seconds from handing the job over to having the last file."""
        deadline_s = min(self.max_deadline_s, self.deadline_base_s + self.deadline_per_cpu_s * self.cpu_s(facts, specs))
        return deadline_s * (self.lone_deadline_factor if is_alone else 1)

    def total_bytes(self, facts: HeaderFacts, specs: Sequence[RenderSpec]) -> int:
        """Bytes that all files of one job may take on the disk together."""
        pixels = 0
        for spec in specs:
            width_px, height_px = spec.size_px
            pixels += width_px * height_px * (facts.frames if spec.is_animated else 1)
        return self.total_base_bytes + self.bytes_per_pixel * pixels
