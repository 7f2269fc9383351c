"""Taking numbers and strings one after another out of bytes that may end too early."""

from app.errors import InvalidImage


class Cursor:
    """A place in some bytes; each `take` moves it on and raises `InvalidImage` where the bytes end."""

    __slots__ = ("_content", "position")

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.position = 0

    def take(self, byte_count: int) -> int:
        """A number of so many bytes, big end first; 0 for no bytes."""
        return int.from_bytes(self.take_bytes(byte_count), "big")

    def take_version(self) -> int:
        """The version of a full box; its flags are passed over."""
        return self.take(4) >> 24

    def take_bytes(self, byte_count: int) -> bytes:
        """So many bytes as they are."""
        end = self.position + byte_count
        if end > len(self._content):
            raise InvalidImage("The picture has a broken box.")
        taken = self._content[self.position : end]
        self.position = end
        return taken

    def take_text(self) -> bytes:
        """The bytes up to the next zero, or up to the end."""
        end = self._content.find(b"\0", self.position)
        text = self._content[self.position : end] if end >= 0 else self._content[self.position :]
        self.position = min(self.position + len(text) + 1, len(self._content))
        return text
