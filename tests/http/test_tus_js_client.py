"""Resumable uploads by npm's tus-js-client: in parts, interrupted, resumed, checked, ended."""

import asyncio
import hashlib
import json
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.further_api import further_api, wait_serving
from tests.support.graphql_client import ask_image, ask_session
from tests.support.site import Site
from tests.support.site_rows import let_expire
from tests.support.tus import TUS, TusClient, finish, key_of, partials_of, patch, picture, session_id_of
from tests.support.waiting import eventually, in_time

pytestmark = pytest.mark.usefixtures("quiet")


class TestTusJsClient:
    async def test_a_file_in_many_parts_is_one_image(
        self, site: Site, client: Client, node: str, tmp_path: Path
    ) -> None:
        content = picture(1)

        outcome = await TusClient(node, tmp_path, content).run(
            "upload",
            endpoint=f"{site.base_url}/upload",
            headers=key_of(site),
            chunkSize=50_000,
            metadata={"title": "Wave ☀"},
        )

        methods = [answer[0] for answer in outcome["answers"]]
        image = await ask_image(client, outcome["answers"][-1][3])
        assert methods == ["POST", *["PATCH"] * -(-len(content) // 50_000)]
        assert outcome["answers"][-1][:3] == ["PATCH", 204, str(len(content))]
        assert (image["filename"], image["byteSize"]) == ("wave.jpg", len(content))
        assert image["sha256"] == hashlib.sha256(content).hexdigest()
        assert (await ask_session(client, session_id_of(outcome["url"])))["state"] == "COMPLETED"
        assert f"partial/{session_id_of(outcome['url'])}" not in partials_of(site)

    async def test_a_session_of_graphql_is_sent_in_parts(self, client: Client, node: str, tmp_path: Path) -> None:
        content = picture(2)
        session = await client.open_session(len(content))

        by_url = await TusClient(node, tmp_path, content).run(
            "upload", uploadUrl=session.one_time_url, chunkSize=90_000
        )
        again = await TusClient(node, tmp_path, content).run(
            "upload", uploadUrl=session.upload_url, headers={"Authorization": f"Bearer {session.token}"}
        )

        assert by_url["answers"][0][:3] == ["HEAD", 200, "0"]
        assert by_url["answers"][-1][3] == session.image_id
        assert again["answers"] == [["HEAD", 200, str(len(content)), session.image_id]]

    @pytest.mark.full("another client of what test_tus.py does with a killed server")
    async def test_an_upload_goes_on_after_the_server_was_killed(
        self, site: Site, client: Client, node: str, tmp_path: Path
    ) -> None:
        content = picture(3)
        with further_api(site) as served:
            process = await TusClient(node, tmp_path, content).start(
                "interrupted", endpoint=f"{served.base_url}/upload", headers=key_of(site), chunkSize=100_000
            )
            assert process.stdout is not None
            assert await in_time(process.stdout.readline()) == b"waiting\n"

            served.apis[0].kill()
            served.apis[0].start()
            wait_serving(served)
            outcome = await finish(process, b"go on\n")

        assert outcome["answers"][-1][:3] == ["PATCH", 204, str(len(content))]
        assert (await ask_image(client, outcome["answers"][-1][3]))["byteSize"] == len(content)

    async def test_checksums_are_compared(self, site: Site, client: Client, node: str, tmp_path: Path) -> None:
        content = picture(4)
        tus = TusClient(node, tmp_path, content)
        options = {"endpoint": f"{site.base_url}/upload", "headers": key_of(site)}

        spoilt = await tus.run("checksum", **options, chunkSize=100_000, spoil=True, retryDelays=None)
        good = await tus.run("checksum", **options, chunkSize=100_000)

        assert (spoilt["status"], json.loads(spoilt["body"])["code"]) == (460, "CHECKSUM_MISMATCH")
        assert good["answers"][-1][:2] == ["PATCH", 204]
        assert (await ask_session(client, session_id_of(spoilt["url"])))["state"] == "OPEN"

    async def test_an_aborted_upload_is_gone(self, site: Site, client: Client, node: str, tmp_path: Path) -> None:
        outcome = await TusClient(node, tmp_path, picture(5)).run(
            "terminate", endpoint=f"{site.base_url}/upload", headers=key_of(site), chunkSize=50_000
        )

        session = await ask_session(client, session_id_of(outcome["url"]))
        assert session["state"] == "CANCELLED"
        assert (await client.http.head(outcome["url"], headers=TUS)).status_code == 410
        assert f"partial/{session['id']}" not in partials_of(site)

    async def test_an_expired_upload_is_begun_anew(self, site: Site, node: str, client: Client, tmp_path: Path) -> None:
        content = picture(6)
        session = await client.open_session(len(content))
        await patch(client, session, 0, content[:1000])
        await let_expire(site, session.id)

        outcome = await TusClient(node, tmp_path, content).run(
            "upload", endpoint=f"{site.base_url}/upload", uploadUrl=session.one_time_url, headers=key_of(site)
        )

        assert [answer[:2] for answer in outcome["answers"]] == [["HEAD", 410], ["POST", 201], ["PATCH", 204]]
        await eventually(lambda: f"partial/{session.id}" not in partials_of(site))

    async def test_many_uploads_at_once_stay_apart(self, site: Site, client: Client, node: str, tmp_path: Path) -> None:
        contents = [picture(10 + number) for number in range(4)]
        folders = [tmp_path / str(number) for number in range(4)]
        for folder in folders:
            folder.mkdir()

        outcomes = await asyncio.gather(
            *(
                TusClient(node, folder, content).run(
                    "upload", endpoint=f"{site.base_url}/upload", headers=key_of(site), chunkSize=30_000
                )
                for folder, content in zip(folders, contents, strict=True)
            )
        )

        images = [await ask_image(client, outcome["answers"][-1][3]) for outcome in outcomes]
        assert [image["sha256"] for image in images] == [hashlib.sha256(content).hexdigest() for content in contents]

    async def test_what_is_no_picture_is_refused_as_elsewhere(self, site: Site, node: str, tmp_path: Path) -> None:
        options = {"endpoint": f"{site.base_url}/upload", "headers": key_of(site), "retryDelays": None}

        text = await TusClient(node, tmp_path, b"<svg/>" * 60_000).run("upload", **options, chunkSize=100_000)
        broken = await TusClient(node, tmp_path, picture(7)[:300]).run("upload", **options)

        assert (text["status"], json.loads(text["body"])["code"]) == (415, "INVALID_FILE_TYPE")
        assert len(text["answers"]) == 2
        assert (broken["status"], json.loads(broken["body"])["code"]) == (422, "INVALID_IMAGE")
