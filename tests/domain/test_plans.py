"""Plans: the built-in ones, and what a file may make of them."""

import tomllib

import pytest

from app.domain.plans import FREE_PLAN, GUEST_PLAN, OWNER_PLAN, InvalidPlans, Plan, make_plans
from app.domain.variants import Family

SERVER_BYTES = 100 * 1024**2


def test_owner_has_no_limit_but_the_servers_own() -> None:
    assert make_plans(SERVER_BYTES).get(OWNER_PLAN) == Plan(OWNER_PLAN, SERVER_BYTES)


def test_free_may_upload_ten_times_a_minute_and_a_thousand_times_a_day() -> None:
    free = make_plans(SERVER_BYTES).get(FREE_PLAN)

    assert (free.uploads_per_minute, free.uploads_per_day) == (10, 1_000)


def test_unknown_plan_is_the_free_one() -> None:
    plans = make_plans(SERVER_BYTES)

    assert plans.get("gold") == plans.get(FREE_PLAN)


def test_file_changes_what_it_names_and_keeps_the_rest() -> None:
    document = tomllib.loads('[plans.free]\nmax_images = 5\nfamilies = ["webp"]\nuploads_per_day = false\n')

    free = make_plans(SERVER_BYTES, document).get(FREE_PLAN)

    assert (free.max_images, free.allowed_families) == (5, frozenset({Family.WEBP}))
    assert (free.uploads_per_day, free.uploads_per_minute) == (None, 10)


def test_file_adds_plans_that_have_only_the_limits_they_name() -> None:
    plans = make_plans(SERVER_BYTES, {"plans": {"pro": {"storage_quota_bytes": 5}}})

    assert plans.get("pro") == Plan("pro", SERVER_BYTES, storage_quota_bytes=5)


def test_no_plan_passes_the_servers_own_limit() -> None:
    plans = make_plans(1_000, {"plans": {"pro": {"max_upload_bytes": 5_000}}})

    assert {plans.get(name).max_upload_bytes for name in ("pro", OWNER_PLAN, GUEST_PLAN)} == {1_000}


@pytest.mark.parametrize(
    "document",
    [
        {"plan": {}},
        {"plans": []},
        {"plans": {"free": 1}},
        {"plans": {"free": {"max_image": 5}}},
        {"plans": {"free": {"max_images": -1}}},
        {"plans": {"free": {"max_images": 1.5}}},
        {"plans": {"free": {"max_images": True}}},
        {"plans": {"free": {"max_upload_bytes": False}}},
        {"plans": {"free": {"can_multi_upload": 1}}},
        {"plans": {"free": {"families": ["heic"]}}},
        {"plans": {"free": {"families": "webp"}}},
    ],
)
def test_what_cannot_be_is_refused_by_name(document: dict[str, object]) -> None:
    with pytest.raises(InvalidPlans, match="plan"):
        make_plans(SERVER_BYTES, document)
