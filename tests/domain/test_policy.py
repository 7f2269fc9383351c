"""What is granted of what was asked."""

import pytest

from app.domain.plans import Plan
from app.domain.policy import (
    MAX_DERIVATIVES,
    ProcessingPolicy,
    Profile,
    ThumbnailPreferences,
    Wanted,
    resolve_policy,
    with_more,
)
from app.domain.variants import ORIGINAL, Derivative, Family
from app.errors import DerivativeNotAllowed, ErrorCode, InvalidRequest

OWNER = Plan("owner", max_upload_bytes=1000)
NO_AVIF = Plan("small", max_upload_bytes=1000, allowed_families=frozenset(Family) - {Family.AVIF})
ALL = ThumbnailPreferences()


def resolve(profile: Profile, *derivatives: Derivative, plan: Plan = OWNER) -> ProcessingPolicy:
    return resolve_policy(Wanted(profile, derivatives), plan, preferences=ALL)


def test_default_makes_small_and_medium_in_three_families() -> None:
    policy = resolve(Profile.DEFAULT)

    assert {(wanted.family, wanted.size) for wanted in policy.derivatives} == {
        (family, size) for family in (Family.ORIGINAL, Family.WEBP, Family.AVIF) for size in ("small", "medium")
    }
    assert policy.planned[0] == ORIGINAL


def test_default_leaves_out_what_plan_and_preferences_do_not_make() -> None:
    preferences = ThumbnailPreferences(original=False)

    policy = resolve_policy(Wanted(), NO_AVIF, preferences=preferences)

    assert {wanted.family for wanted in policy.derivatives} == {Family.WEBP}


def test_original_only_makes_nothing_beside_the_original() -> None:
    policy = resolve(Profile.ORIGINAL_ONLY)

    assert policy.derivatives == ()
    assert policy.planned == (ORIGINAL,)


def test_custom_makes_exactly_what_was_asked_without_doubles() -> None:
    wanted = Derivative(Family.WEBP, "w512")

    policy = resolve(Profile.CUSTOM, wanted, ORIGINAL, wanted)

    assert policy.derivatives == (wanted, ORIGINAL)
    assert policy.planned == (ORIGINAL, wanted)


def test_a_derivative_the_plan_does_not_make_refuses_the_whole_session_and_is_named() -> None:
    with pytest.raises(DerivativeNotAllowed) as refusal:
        resolve(Profile.CUSTOM, Derivative(Family.AVIF, "small"), Derivative(Family.WEBP, "small"), plan=NO_AVIF)

    assert refusal.value.details["derivatives"] == [{"family": "AVIF", "size": "small"}]


def test_sizes_that_are_none_refuse_the_whole_session_and_are_named() -> None:
    with pytest.raises(DerivativeNotAllowed) as refusal:
        resolve(Profile.CUSTOM, Derivative(Family.AVIF, "small"), *unknown_sizes(7), plan=NO_AVIF)

    assert refusal.value.code is ErrorCode.DERIVATIVE_NOT_ALLOWED
    assert refusal.value.details["derivatives"] == [
        {"family": "AVIF", "size": "small"},
        *({"family": "WEBP", "size": wanted.size} for wanted in unknown_sizes(7)),
    ]
    assert "'no-3'" in refusal.value.message
    assert refusal.value.message.endswith("And 3 more.")


def unknown_sizes(count: int) -> list[Derivative]:
    return [Derivative(Family.WEBP, f"no-{number}") for number in range(count)]


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(Profile.LEGACY),
        Wanted(Profile.CUSTOM),
        Wanted(Profile.DEFAULT, (Derivative(Family.WEBP, "small"),)),
        Wanted(Profile.CUSTOM, tuple(Derivative(Family.WEBP, f"size-{n}") for n in range(MAX_DERIVATIVES + 1))),
    ],
)
def test_what_cannot_be_asked_for_is_an_invalid_request(wanted: Wanted) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        resolve_policy(wanted, OWNER, preferences=ALL)

    assert refusal.value.code is ErrorCode.INVALID_REQUEST
    assert str(refusal.value.details["field"]).startswith("processing")


def test_a_policy_survives_being_kept() -> None:
    policy = resolve(Profile.CUSTOM, Derivative(Family.JPEG, "og-image"))

    assert ProcessingPolicy.from_json(policy.to_json()) == policy


def test_more_derivatives_are_added_once() -> None:
    policy = resolve(Profile.CUSTOM, Derivative(Family.JPEG, "og-image"))
    more = with_more(policy, [Derivative(Family.JPEG, "og-image"), Derivative(Family.WEBP, "thumb")])

    assert more.derivatives == (Derivative(Family.JPEG, "og-image"), Derivative(Family.WEBP, "thumb"))
