"""What can go wrong while moving in, beside what the server itself refuses."""

from enum import StrEnum


class MovingCode(StrEnum):
    """Found out on this side; all other codes are the new server's own (ErrorCode in the schema)."""

    OLD_UNREACHABLE = "OLD_UNREACHABLE"
    OLD_UNAUTHORIZED = "OLD_UNAUTHORIZED"
    OLD_RATE_LIMITED = "OLD_RATE_LIMITED"
    NOT_THIS_SYSTEM = "NOT_THIS_SYSTEM"
    LIST_ENDLESS = "LIST_ENDLESS"
    OLD_NOT_FOUND = "OLD_NOT_FOUND"
    OLD_FILE_REFUSED = "OLD_FILE_REFUSED"
    OLD_FILE_EMPTY = "OLD_FILE_EMPTY"
    OLD_FILE_TOO_LARGE = "OLD_FILE_TOO_LARGE"
    OLD_FILE_TOO_SLOW = "OLD_FILE_TOO_SLOW"
    FOREIGN_HOST = "FOREIGN_HOST"
    JOURNAL_NOT_USABLE = "JOURNAL_NOT_USABLE"
    MAPPING_NOT_WRITTEN = "MAPPING_NOT_WRITTEN"
    IDS_NOT_USABLE = "IDS_NOT_USABLE"
    DISK_FULL = "DISK_FULL"


# Behind these nothing else will go well either: the run ends, and the next one goes on.
ENDING_CODES = frozenset(
    {
        MovingCode.OLD_UNREACHABLE,
        MovingCode.OLD_UNAUTHORIZED,
        MovingCode.OLD_RATE_LIMITED,
        MovingCode.NOT_THIS_SYSTEM,
        MovingCode.LIST_ENDLESS,
        MovingCode.JOURNAL_NOT_USABLE,
        MovingCode.DISK_FULL,
        # The new server's own, and what the client says of it.
        "UNREACHABLE",
        "NOT_SAFELIGHT",
        "UNAUTHORIZED",
        "FORBIDDEN",
        "RATE_LIMITED",
        "QUOTA_EXCEEDED",
        "UNAVAILABLE",
    }
)
