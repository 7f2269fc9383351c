"""Plans: what an account may do, and how often. Two are built in; the settings' file changes them and adds others."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from app.domain.variants import Family

OWNER_PLAN = "owner"
FREE_PLAN = "free"
GUEST_PLAN = "guest"
_GIB = 1024**3
_MIB = 1024**2


class InvalidPlans(ValueError):
    """The plans' file says something that cannot be; the text names what."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an account may do. None stands for no limit."""

    name: str
    max_upload_bytes: int
    storage_quota_bytes: int | None = None
    max_images: int | None = None
    allowed_families: frozenset[Family] = frozenset(Family)
    can_multi_upload: bool = True
    image_upload_enabled: bool = True
    direct_upload_enabled: bool = True
    uploads_per_minute: int | None = None
    uploads_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Plans:
    """Every plan of a server."""

    max_upload_bytes: int
    """The server's own limit, which no plan passes."""
    by_name: Mapping[str, Plan] = field(default_factory=dict)

    def get(self, name: str) -> Plan:
        """The plan of this name; an unknown name gets the free one, so that a lost plan opens nothing."""
        return self.by_name.get(name) or self.by_name[FREE_PLAN]


def make_plans(max_upload_bytes: int, document: Mapping[str, object] | None = None) -> Plans:
    """The built-in plans, changed and added to by a document with one table `plans.NAME` for each.

    Raises:
        InvalidPlans: the document names what does not exist, or a limit that is none.
    """
    plans = {plan.name: plan for plan in _built_in(max_upload_bytes)}
    tables = _table(document or {}, "the plans file", allowed={"plans"}).get("plans", {})
    for name, limits in _table(tables, "plans").items():
        base = plans.get(name, Plan(name, max_upload_bytes))
        plans[name] = _changed(base, _table(limits, f"plans.{name}", allowed=_LIMITS), max_upload_bytes)
    return Plans(max_upload_bytes, plans)


def _built_in(max_upload_bytes: int) -> tuple[Plan, ...]:
    return (
        Plan(OWNER_PLAN, max_upload_bytes),
        Plan(
            FREE_PLAN,
            max_upload_bytes,
            storage_quota_bytes=25 * _GIB,
            max_images=100_000,
            uploads_per_minute=10,
            uploads_per_day=1_000,
        ),
        # What anyone on the internet may do where guests are let in, all of them together but for the rates.
        Plan(
            GUEST_PLAN,
            min(max_upload_bytes, 10 * _MIB),
            storage_quota_bytes=_GIB,
            max_images=10_000,
            uploads_per_minute=5,
            uploads_per_day=50,
        ),
    )


_SWITCHES = {"can_multi_upload", "image_upload_enabled", "direct_upload_enabled"}
_NUMBERS = {"max_upload_bytes", "storage_quota_bytes", "max_images", "uploads_per_minute", "uploads_per_day"}
_LIMITS = {"families", *_SWITCHES, *_NUMBERS}
assert {each.name for each in fields(Plan)} == {"name", "allowed_families", *_SWITCHES, *_NUMBERS}


def _table(value: object, where: str, *, allowed: set[str] | None = None) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise InvalidPlans(f"{where} must be a table")
    unknown = sorted(set(value) - allowed) if allowed is not None else []
    if unknown:
        raise InvalidPlans(f"{where} knows no {unknown[0]!r}")
    return value


def _changed(plan: Plan, limits: Mapping[str, object], max_upload_bytes: int) -> Plan:
    for name, value in limits.items():
        where = f"plans.{plan.name}.{name}"
        if name in _SWITCHES:
            plan = _with(plan, name, _switch(value, where))
        elif name in _NUMBERS:
            plan = _with(plan, name, _number(value, where, has_none=name != "max_upload_bytes"))
        else:
            plan = replace(plan, allowed_families=_families(value, where))
    return replace(plan, max_upload_bytes=min(plan.max_upload_bytes, max_upload_bytes))


def _with(plan: Plan, name: str, value: bool | int | None) -> Plan:
    changes: dict[str, bool | int | None] = {name: value}
    return replace(plan, **changes)  # type: ignore[arg-type]  # the name decides which type it is


def _switch(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidPlans(f"{where} must be true or false")
    return value


def _number(value: object, where: str, *, has_none: bool) -> int | None:
    # TOML has no null: false says that there is no limit.
    if value is False and has_none:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 2**53:
        raise InvalidPlans(f"{where} must be a whole number above 0" + (", or false for no limit" if has_none else ""))
    return value


def _families(value: object, where: str) -> frozenset[Family]:
    names = {family.value: family for family in Family}
    if not isinstance(value, list) or not all(isinstance(name, str) and name in names for name in value):
        raise InvalidPlans(f"{where} must be a list of {', '.join(names)}")
    return frozenset(names[name] for name in value)
