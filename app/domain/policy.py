"""Processing profiles and their limits: turn what was asked into what is granted, once and for all."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from app.domain.plans import Plan
from app.domain.variants import BUILT_IN_PRESETS, ORIGINAL, Derivative, Family, Preset
from app.errors import DerivativeNotAllowed, ErrorCode, InvalidRequest

MAX_DERIVATIVES = 60
"""Of one image: every built-in size in every family."""


class Profile(StrEnum):
    """What was asked for. LEGACY is only ever answered."""

    DEFAULT = "default"
    ORIGINAL_ONLY = "original_only"
    CUSTOM = "custom"
    LEGACY = "legacy"


@dataclass(frozen=True, slots=True)
class ThumbnailPreferences:
    """Which families the owner's default profile makes."""

    original: bool = True
    webp: bool = True
    avif: bool = True


@dataclass(frozen=True, slots=True)
class ProcessingPolicy:
    """What was granted; frozen in the session. The original is always kept beside the derivatives."""

    profile: Profile
    derivatives: tuple[Derivative, ...]

    @property
    def planned(self) -> tuple[Derivative, ...]:
        """Everything that will be made, the served original first."""
        return (ORIGINAL, *(wanted for wanted in self.derivatives if wanted != ORIGINAL))

    def to_json(self) -> dict[str, object]:
        """As it is kept in a row."""
        return {
            "profile": self.profile.value,
            "derivatives": [[wanted.family.value, wanted.size] for wanted in self.derivatives],
        }

    @staticmethod
    def from_json(kept: Mapping[str, object]) -> "ProcessingPolicy":
        """The inverse of `to_json`."""
        pairs = kept["derivatives"]
        assert isinstance(pairs, list)
        derivatives = tuple(Derivative(Family(family), size) for family, size in pairs)
        return ProcessingPolicy(Profile(str(kept["profile"])), derivatives)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client asks to be made of its file."""

    profile: Profile = Profile.DEFAULT
    derivatives: tuple[Derivative, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """One derivative that is not made, and why."""

    derivative: Derivative
    message: str
    code: ErrorCode = ErrorCode.DERIVATIVE_NOT_ALLOWED


def find_refusals(derivatives: Sequence[Derivative], plan: Plan, presets: Collection[str]) -> list[Refusal]:
    """Those of `derivatives` that this plan or this server does not make, in their order."""
    return [refusal for wanted in derivatives if (refusal := _refuse(wanted, plan, presets)) is not None]


def _refuse(wanted: Derivative, plan: Plan, presets: Collection[str]) -> Refusal | None:
    if wanted.size not in presets:
        return Refusal(wanted, f"There is no size called {wanted.size[:64]!r}.")
    if wanted.family not in plan.allowed_families and wanted != ORIGINAL:
        message = f"The plan {plan.name} does not make {wanted.family.value} variants."
        return Refusal(wanted, message)
    return None


def resolve_policy(
    wanted: Wanted,
    plan: Plan,
    *,
    preferences: ThumbnailPreferences,
    presets: Mapping[str, Preset] = BUILT_IN_PRESETS,
) -> ProcessingPolicy:
    """Freeze what was asked into what is granted: all of it, or an error that names each refused derivative.

    Raises:
        InvalidRequest: the profile cannot be asked for, or derivatives are missing or too many.
        DerivativeNotAllowed: plan or server make no such derivative.
    """
    asked = _derivatives_of(wanted, plan, preferences)
    refusals = find_refusals(asked, plan, presets)
    if refusals:
        raise _refusal_error(refusals)
    return ProcessingPolicy(wanted.profile, asked)


def _derivatives_of(wanted: Wanted, plan: Plan, preferences: ThumbnailPreferences) -> tuple[Derivative, ...]:
    if wanted.profile is Profile.LEGACY:
        raise InvalidRequest("The profile LEGACY cannot be asked for.", details={"field": "processing.profile"})
    if wanted.profile is Profile.CUSTOM:
        return _check_custom(wanted.derivatives)
    if wanted.derivatives:
        raise InvalidRequest("Only the profile CUSTOM takes derivatives.", details={"field": "processing.derivatives"})
    if wanted.profile is Profile.ORIGINAL_ONLY:
        return ()
    return default_derivatives(plan, preferences)


def _check_custom(derivatives: tuple[Derivative, ...]) -> tuple[Derivative, ...]:
    field = {"field": "processing.derivatives"}
    if not derivatives:
        raise InvalidRequest("The profile CUSTOM needs at least one derivative.", details=field)
    unique = tuple(dict.fromkeys(derivatives))
    if len(unique) > MAX_DERIVATIVES:
        raise InvalidRequest(f"At most {MAX_DERIVATIVES} derivatives can be asked for at once.", details=field)
    return unique


def default_derivatives(plan: Plan, preferences: ThumbnailPreferences) -> tuple[Derivative, ...]:
    """`webp`, `avif` and `original` in `small` and `medium`, as far as preferences and plan allow."""
    families = default_families(plan, preferences)
    return tuple(Derivative(family, size) for family in families for size in ("small", "medium"))


def default_families(plan: Plan, preferences: ThumbnailPreferences) -> list[Family]:
    """The families that an owner gets who names none."""
    chosen = {Family.WEBP: preferences.webp, Family.AVIF: preferences.avif, Family.ORIGINAL: preferences.original}
    return [family for family, is_chosen in chosen.items() if is_chosen and family in plan.allowed_families]


def _refusal_error(refusals: Sequence[Refusal]) -> DerivativeNotAllowed:
    names = [{"family": r.derivative.family.name, "size": r.derivative.size} for r in refusals]
    details = {"field": "processing.derivatives", "derivatives": names}
    reasons = list(dict.fromkeys(refusal.message for refusal in refusals))
    more = f" And {len(reasons) - MAX_REASONS} more." if len(reasons) > MAX_REASONS else ""
    return DerivativeNotAllowed(" ".join(reasons[:MAX_REASONS]) + more, details=details)


def with_more(policy: ProcessingPolicy, more: Sequence[Derivative]) -> ProcessingPolicy:
    """The same policy with `more` derivatives, without doubles."""
    return replace(policy, derivatives=tuple(dict.fromkeys((*policy.derivatives, *more))))


MAX_REASONS = 5
"""How many an error's sentence tells; its details name each derivative."""
