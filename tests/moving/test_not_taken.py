"""Refusals of the new system: facts of an image, names, accounts that are full."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from app.domain.access import Scope
from tests.support.cloudflare_source import IMAGES_PATH, cloud_of, envelope, image_of
from tests.support.fake_sources import Answer, as_json, run_other_side
from tests.support.import_accounts import images_of
from tests.support.import_fixtures import Moving
from tests.support.import_runner import Mover, failures
from tests.support.pictures import make_png
from tests.support.residents import Person, Residents
from tests.support.upload_command import events_of, of_kind

PICTURE = make_png(64, 48)


async def upload(new: Residents, person: Person, content: bytes, **more: object) -> None:
    async with new.client(person) as client:
        await client.upload(content, **more)


class TestRights:
    def test_key_with_the_scopes_that_the_docs_name_is_enough(self, new: Residents, moving: Moving) -> None:
        few = (Scope.IMAGES_READ, Scope.IMAGES_WRITE, Scope.ACCOUNT_READ)
        able, unable = (asyncio.run(new.add(scopes=scopes)) for scopes in (few, few[:1] + few[2:]))
        with run_other_side(cloud_of({"a": PICTURE})) as old:
            done = moving(old.url, "cloudflare", "--to-key", able.key).run("--json")
            mover = moving(old.url, "cloudflare", "--to-key", unable.key)
            mover.journal.unlink()
            refused = mover.run("--json")

        assert done.returncode == 0, done.stdout + done.stderr
        assert (refused.returncode, events_of(refused.stdout)[-1]["code"]) == (1, "FORBIDDEN")


class TestWhatIsNotTaken:
    def test_single_facts_are_left_out_and_told(self, new: Residents, person: Person, moving: Moving) -> None:
        images = [
            image_of("fat", meta={"text": "x" * 1_100}, creator="somebody"),
            image_of("/slash", meta={"kept": True}),
        ]
        with run_other_side(cloud_of({"fat": PICTURE, "/slash": make_png(66, 48)}, images=images)) as old:
            done = moving(old.url).run("--json")

        moved = {event["oldId"]: event for event in of_kind(events_of(done.stdout), "moved")}
        assert done.returncode == 0, done.stdout + done.stderr
        assert [reason.split(":")[0] for reason in moved["fat"]["leftOut"]] == ["metadata"]
        assert [reason.split(":")[0] for reason in moved["/slash"]["leftOut"]] == ["customId"]
        found = {image["filename"]: image for image in asyncio.run(images_of(new, person))}
        fat, slash = found["fat.png"], found["slash.png"]
        assert (fat["customId"], fat["creator"], fat["metadata"]) == ("fat", "somebody", {})
        assert (slash["customId"], slash["metadata"]) == (None, {"kept": True})

    def test_custom_id_of_another_picture_is_a_failure_of_that_image_alone(
        self, new: Residents, person: Person, moving: Moving
    ) -> None:
        asyncio.run(upload(new, person, make_png(67, 48), customId="a"))
        with run_other_side(cloud_of({"a": PICTURE, "b": make_png(68, 48)})) as old:
            assert failures(moving(old.url)) == {"a": "CONFLICT"}


class TestStrangeAnswers:
    def test_nothing_that_an_old_system_says_of_an_image_stops_the_others(
        self, new: Residents, person: Person, moving: Moving, tmp_path: Path
    ) -> None:
        half = "\ud800"
        strange = [
            image_of("half", variants=[f"https://old.example.org/{half}", "http://[::1", '/a"; $x\n{}', ""]),
            image_of(f"of{half}id"),
            image_of("name", filename=half, creator=half),
            image_of("deep", meta={"a": {"b": [half]}}),
            image_of("giant", meta={"a": "x" * 3_000_000}, creator="y" * 100_000),
            image_of("..", filename="../../etc/passwd"),
            image_of("<script>", filename="<script>.png"),
            image_of("x" * 2_000, filename="y" * 5_000),
        ]
        files = {str(image["id"]): make_png(70 + index, 44) for index, image in enumerate(strange)}
        with run_other_side(cloud_of({**files, "good": PICTURE}, images=[*strange, image_of("good")])) as old:
            mover = moving(old.url)
            done = mover.run("--json")
            table = moving(old.url, "cloudflare", "--mapping", tmp_path / "moved.map").run("--json")

        assert (done.stderr, table.stderr) == ("", "")
        events = events_of(done.stdout)
        moved = {event["oldId"]: event for event in of_kind(events, "moved")}
        assert {"half", "giant", "<script>", "good", "x" * 2_000} <= moved.keys()
        assert [reason.split(":")[0] for reason in moved["giant"]["leftOut"]] == ["creator", "metadata"]
        assert {event["code"] for event in of_kind(events, "failed")} <= {
            "INVALID_REQUEST", "OLD_FILE_REFUSED", "CONFLICT",
        }  # fmt: skip
        assert events[-1]["event"] == "end"
        assert "code" not in events[-1]
        assert len(moved) + len(of_kind(events, "failed")) == len(strange) + 1


class TestGuide:
    @pytest.mark.full("103 images, more than a page; the others list less")
    def test_list_as_the_guide_has_it_is_read_by_page_and_detail(
        self, new: Residents, person: Person, moving: Moving
    ) -> None:
        names = [f"image-{index}" for index in range(103)]
        files = cloud_of(dict.fromkeys(names, PICTURE))
        bare = [{k: v for k, v in image_of(name).items() if k != "meta"} for name in names]

        def guide(path: str, query: dict[str, str]) -> Answer:
            if path == f"{IMAGES_PATH}/v2":
                first = (int(query.get("page", "1")) - 1) * 100
                return as_json({"success": True, "result": {"images": bare[first : first + 100]}})
            if not path.endswith("/blob"):
                return envelope(image_of(path.rpartition("/")[2], meta={"path": path}))
            return files(path, query)

        with run_other_side(guide) as old:
            mover = moving(f"{old.url}/client/v4/", "cloudflare", "--original-only")
            assert failures(mover) == {}

        found = {image["customId"]: image["metadata"] for image in asyncio.run(images_of(new, person))}
        assert found == {name: {"path": f"{IMAGES_PATH}/v1/{name}"} for name in names}


class TestTightAccounts:
    def move(self, new: Residents, plan: str, mover: Callable[[Person], Mover]) -> tuple[int, str, int]:
        """Exit status, last code, images there."""
        person = asyncio.run(new.add(plan))
        done = mover(person).run("--json")
        count = len(asyncio.run(images_of(new, person)))
        return done.returncode, events_of(done.stdout)[-1].get("code", ""), count

    def test_full_account_ends_the_run(self, new: Residents, moving: Moving) -> None:
        with run_other_side(cloud_of({f"i{index}": make_png(80 + index, 40) for index in range(8)})) as old:
            ended = self.move(new, "few", lambda person: moving(old.url, "cloudflare", "--to-key", person.key))

        assert ended == (1, "QUOTA_EXCEEDED", 3)

    def test_plan_of_one_upload_at_a_time_gets_one_at_a_time(self, new: Residents, moving: Moving) -> None:
        with run_other_side(cloud_of({f"i{index}": make_png(90 + index, 40) for index in range(8)})) as old:
            ended = self.move(new, "single", lambda person: moving(old.url, "cloudflare", "--to-key", person.key))

        assert ended == (0, "", 8)
