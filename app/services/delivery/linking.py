"""Write the absolute addresses of an image, signed where it is private and its owner asks."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.db.records import SigningKeyRecord, VariantRecord
from app.db.snapshots import ImageSnapshot, stable_path
from app.domain.access import Visibility
from app.domain.links import make_short_path, make_transform_path, make_view_path
from app.domain.outputs import OutputFormat
from app.domain.signatures import sign
from app.domain.transforms import Transform, write_options
from app.domain.variants import ORIGINAL, ORIGINAL_SIZE, Derivative, VariantState
from app.services.accounts.signing_keys import chosen_key

PRIVATE_S = 3_600
"""How long signed addresses of a private image are good."""
PUBLIC_S = 31_536_000
"""How long the signed transformations of a public one are; they open nothing that is closed."""
_STEPS = 24


@dataclass(frozen=True, slots=True)
class Linker:
    """Knows where one image is to be had. Nothing that it writes needs escaping within a path."""

    snapshot: ImageSnapshot
    base_url: str
    cdn_url: str
    keys: Sequence[SigningKeyRecord] | None = None
    """The owner's signing keys, where the owner asks; None for everybody else."""
    until_s: int | None = None
    """When all that is signed ends, in Unix seconds; None: after the usual time."""

    def page(self) -> str:
        """The page that shows it."""
        return self._opened(self.base_url, make_view_path(self.snapshot.image.short_id))

    def derivative(self, derivative: Derivative) -> str:
        """One size in one family: its stable address where it is planned or made, else one that has it made.

        The latter gives what the client likes best; no client that may ask for a family cannot show what it gets.
        """
        record = self.find(derivative)
        if record is not None and record.state is not VariantState.FAILED:
            return self._opened(self.base_url, stable_path(self.snapshot, derivative))
        if derivative == ORIGINAL:
            return self._opened(self.base_url, stable_path(self.snapshot, ORIGINAL))
        size = derivative.size if derivative.size != ORIGINAL_SIZE else None
        return self._opened(self.cdn_url, make_short_path(self.snapshot.image.short_id, size))

    def transform(self, transform: Transform, output: OutputFormat) -> str | None:
        """Any transformation, always signed; None where the caller is not the owner."""
        if self.keys is None:
            return None
        path = make_transform_path(self.snapshot.image.id, write_options(transform), output)
        return self._signed(self.base_url, path)

    def download(self) -> str:
        """The served original, for saving and not for showing."""
        return self._opened(self.base_url, stable_path(self.snapshot, ORIGINAL), "download=1")

    def find(self, derivative: Derivative) -> VariantRecord | None:
        """The row of a derivative."""
        found = (record for record in self.snapshot.variants if record.derivative == derivative)
        return next(found, None)

    def _opened(self, root: str, path: str, query: str = "") -> str:
        if self.snapshot.image.visibility is Visibility.PRIVATE and self.keys is not None:
            return self._signed(root, path, query)
        return f"{root}{path}?{query}" if query else root + path

    def _signed(self, root: str, path: str, query: str = "") -> str:
        assert self.keys, "an account has at least one"
        parts = urlsplit(root)
        is_public = self.snapshot.image.visibility is Visibility.PUBLIC
        until_s = self.until_s or _round_up(time.time(), PUBLIC_S if is_public else PRIVATE_S)
        signed = sign(parts.path + path, query, key=chosen_key(self.keys).value, expires_at_s=until_s)
        return f"{parts.scheme}://{parts.netloc}{signed}"


def _round_up(now_s: float, good_for_s: int) -> int:
    # For a while the same address is given out again, so that caches know it.
    step_s = good_for_s // _STEPS
    return math.ceil((now_s + good_for_s) / step_s) * step_s
