"""Each of the four systems has its own particulars, beyond what all of them share (tests.moving.test_kill)."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.fake_sources import Answer, as_json, run_other_side
from tests.support.import_accounts import CREATE_ALBUM, Two, list_all
from tests.support.import_runner import Mover
from tests.support.pictures import Tags, make_jpeg, make_png
from tests.support.pixelfox_api import Fox
from tests.support.residents import PASSWORD, Person, Residents
from tests.support.servers.nginx import run_nginx
from tests.support.slink_api import jwt_of, slink_key_of
from tests.support.waiting import LIMIT_S

FULL = pytest.mark.full("a process each; `make test` moves one account of each system")

PICTURE = make_png(64, 48)
UUID = "fd6b0a44-c4bb-4c95-8f48-31d5ec9cc4d8"
CREATE_PRESET = """mutation ($input: VariantPresetInput!) { createVariantPreset(input: $input) { __typename } }"""
PRESET = """{ variantPreset(name: "hero") { name fit width height metadata neverRequireSignedUrls } }"""
ALBUMS = "{ albums { nodes { slug title description imageCount } } }"


async def move(two: Two, old: Person, folder: Path, system: str, *more: str | Path) -> tuple[Mover, Person]:
    """All of an account of the old site into a new account of the new one."""
    person = await two.new.add()
    mover = Mover(two.old.site.base_url, old.key, two.new.site, person.key, folder, system, *more)
    await asyncio.to_thread(mover.finish_apart)
    return mover, person


async def read_album(new: Residents, person: Person) -> dict[str, dict[str, object]]:
    async with new.client(person) as client:
        return {album["slug"]: album for album in (await client.ask(ALBUMS))["albums"]["nodes"]}


class TestCloudflare:
    async def test_variants_move_so_that_every_address_serves(self, two: Two, tmp_path: Path) -> None:
        old = await two.old.add()
        wanted = {"name": "hero", "fit": "COVER", "width": 40, "height": 30, "neverRequireSignedUrls": True}
        clash = {"name": "wide", "fit": "PAD", "width": 90, "height": 30}
        async with two.old.client(old) as client:
            for preset in (wanted, clash):
                await client.ask(CREATE_PRESET, input={**preset, "metadata": "COPYRIGHT"})
            await client.upload(PICTURE, customId="trips/Überfahrt")
        person = await two.new.add()
        async with two.new.client(person) as client:
            await client.ask(CREATE_PRESET, input={**clash, "fit": "CROP"})
        mover = Mover(
            two.old.site.base_url, old.key, two.new.site, person.key, tmp_path, "cloudflare", "--account", "any"
        )

        done = await asyncio.to_thread(mover.run_apart)

        assert done.returncode == 0, done.stderr
        assert "size wide: left out: CONFLICT" in done.stderr
        async with two.new.client(person) as client:
            made = (await client.ask(PRESET))["variantPreset"]
        assert made == {**wanted, "metadata": "COPYRIGHT"}
        urls = {row["old_url"].rpartition("/")[2]: row["new_url"] for row in mover.rows()}
        assert set(urls) == {"public", "hero", "wide"}
        async with httpx.AsyncClient(timeout=LIMIT_S) as http:
            assert [(await http.get(url)).status_code for url in urls.values()] == [200, 200, 200]


class TestPixelFlare:
    async def test_empty_albums_move_and_the_trash_does_not(self, two: Two, tmp_path: Path) -> None:
        old = await two.old.add()
        async with two.old.client(old) as client:
            await client.ask(CREATE_ALBUM, input={"slug": "empty", "title": "Nothing yet", "description": "Later"})
            kept = await client.upload(PICTURE, alt="Kept")
            thrown = await client.upload(make_png(65, 48))
            await client.ask(
                "mutation ($ids: [ID!]!) { deleteImages(ids: $ids) { __typename } }", ids=[thrown.image_id]
            )

        _, person = await move(two, old, tmp_path, "pixelflare")

        assert kept.image_id
        assert await read_album(two.new, person) == {
            "empty": {"slug": "empty", "title": "Nothing yet", "description": "Later", "imageCount": 0}
        }
        async with two.new.client(person) as client:
            assert [image["alt"] for image in await list_all(client)] == ["Kept"]

    @FULL
    async def test_names_of_albums_that_cannot_stay_become_slugs_and_none_become_one(
        self, two: Two, tmp_path: Path
    ) -> None:
        names = ["Été 2025", "ete-2025", "Ete_2025", "日本"]

        def flare(path: str, query: dict[str, str]) -> Answer:
            if path == "/v1/albums":
                return as_json({"data": [{"slug": name, "title": None} for name in names]})
            if path == "/v1/images":
                return as_json({"data": [image(index) for index in range(len(names))], "next_cursor": None})
            if path.startswith("/v1/images/"):
                return as_json({**image(int(path[-1])), "alt": f"Alt of {path[-1]}"})
            return Answer(make_png(70 + int(path[-5]), 48))

        def image(index: int) -> dict[str, object]:
            url = f"{other.url}/alice/{index}/beach{index}.png"
            return {"id": f"short{index}", "filename": "beach.png", "album": names[index], "cdn_url": url}

        person = await two.new.add()
        with run_other_side(flare) as other:
            mover = Mover(other.url, "pxf_key", two.new.site, person.key, tmp_path, "pixelflare")
            await asyncio.to_thread(mover.finish_apart)

        async with two.new.client(person) as client:
            found = {image["alt"]: image["album"] for image in await list_all(client)}
        slugs = {alt: (album["slug"], album["title"]) for alt, album in found.items()}
        assert slugs == {
            "Alt of 0": ("ete-2025-3", "Été 2025"),
            "Alt of 1": ("ete-2025", "ete-2025"),
            "Alt of 2": ("ete-2025-2", "Ete_2025"),
            "Alt of 3": ("album", "日本"),
        }

    @FULL
    async def test_files_of_another_host_are_fetched_where_it_was_named(self, two: Two, tmp_path: Path) -> None:
        with run_other_side(lambda path, query: Answer(PICTURE)) as cdn:
            image = {"id": "a", "filename": "a.png", "alt": None, "cdn_url": f"{cdn.url}/alice/_/a.png"}
            pages = {"/v1/albums": {"data": []}, "/v1/images": {"data": [image], "next_cursor": None}}
            with run_other_side(lambda path, query: as_json(pages[path])) as other:
                person = await two.new.add()
                mover = Mover(other.url, "key", two.new.site, person.key, tmp_path, "pixelflare")
                refused = await asyncio.to_thread(mover.run_apart)
                asked = list(cdn.paths)
                last = await asyncio.to_thread(mover.finish_apart, "--file-host", urlsplit(cdn.url).netloc)

        assert (refused.returncode, asked) == (1, [])
        assert f"--file-host {urlsplit(cdn.url).netloc}" in refused.stderr
        assert last["moved"] == 1


class TestPixelFox:
    async def test_table_adds_to_the_facts_of_its_api(self, two: Two, tmp_path: Path) -> None:
        old = await two.old.add()
        async with Fox(two.old.site, old) as fox:
            first = await fox.upload(make_jpeg(64, 48, tags=Tags(gps=True)), is_nsfw=True)
            second = await fox.upload(PICTURE)
        table = tmp_path / "ids.csv"
        table.write_text(
            "id,filename,title,description,album,tags\n"
            f'{first["image_uuid"]},strand.jpg,"Am ""Strand"", früh",,Urlaub,see; sand\n'
            f"{second['stable_url']},,,Zwei,,\n"
            f"{first['image_uuid'].upper()},again.jpg,,,,\n",
            encoding="utf-8",
        )

        mover, person = await move(two, old, tmp_path, "pixelfox", "--ids", table)

        async with two.new.client(person) as client:
            images = {image["isNsfw"]: image for image in await list_all(client)}
        assert len(images) == 2
        marked, plain = images[True], images[False]
        assert (marked["filename"], marked["title"], marked["tags"]) == (
            "strand.jpg", 'Am "Strand", früh', ["see", "sand"],
        )  # fmt: skip
        assert (marked["album"]["slug"], marked["album"]["title"]) == ("urlaub", "Urlaub")
        assert (plain["filename"], plain["description"]) == (f"{second['image_uuid']}.png", "Zwei")
        urls = {row["old_url"]: row["new_url"] for row in mover.rows()}
        assert urls[second["stable_url"]] == f"{two.new.site.base_url}/f/{plain['id']}/original/original.png"
        assert urls[two.old.site.base_url + second["view_url"]].endswith(f"/i/{plain['shortId']}")

    @FULL
    @pytest.mark.parametrize("content", [b"not an id\n", b"id,title\nnone,x\n", b"\xff\xfe", b'id\n"' + b"x" * 200_000])
    async def test_ids_that_are_none_are_told(self, content: bytes, two: Two, tmp_path: Path) -> None:
        person = await two.new.add()
        (tmp_path / "ids.txt").write_bytes(content)
        mover = Mover(
            two.old.site.base_url, "key", two.new.site, person.key, tmp_path, "pixelfox", "--ids", tmp_path / "ids.txt"
        )

        done = await asyncio.to_thread(mover.run_apart, "--json")

        assert done.returncode == 1
        assert '"code": "IDS_NOT_USABLE"' in done.stdout
        assert done.stderr == ""

    @FULL
    async def test_address_without_storage_is_good_enough(self, two: Two, tmp_path: Path) -> None:
        def fox(path: str, query: dict[str, str]) -> Answer:
            if path.startswith("/api/"):
                resource = {"stable_url": f"/f/{UUID}/original/original.png", "storage_url": None, "view_url": "/i/abc"}
                return as_json({**resource, "url": resource["stable_url"], "is_nsfw": False})
            return Answer(PICTURE)

        person = await two.new.add()
        (tmp_path / "ids.txt").write_text(f"# what we had\n\n{UUID}\n")
        with run_other_side(fox) as other:
            mover = Mover(other.url, "k", two.new.site, person.key, tmp_path, "pixelfox", "--ids", tmp_path / "ids.txt")
            last = await asyncio.to_thread(mover.finish_apart)

        assert last["moved"] == 1


class TestSlink:
    @pytest.mark.parametrize("credential", ["sk", pytest.param("jwt", marks=FULL)])
    async def test_both_credentials_list_all_pages(self, credential: str, two: Two, tmp_path: Path) -> None:
        old = await two.old.add(password=PASSWORD)
        async with two.old.client(old) as client:
            for index in range(13):
                description = f"Nr. {index} #tag" if index else None
                await client.upload(make_png(40 + index, 30), description=description, visibility="PRIVATE")
        key = await (slink_key_of if credential == "sk" else jwt_of)(two.old, old)
        person = await two.new.add()
        mover = Mover(f"{two.old.site.base_url}/api", key, two.new.site, person.key, tmp_path, "slink")

        last = await asyncio.to_thread(mover.finish_apart)

        assert last["moved"] == 13
        async with two.new.client(person) as client:
            images = await list_all(client)
        assert {image["visibility"] for image in images} == {"PRIVATE"}
        assert {image["description"] for image in images} == {None, *(f"Nr. {index} #tag" for index in range(1, 13))}


class TestMapping:
    async def test_nginx_leads_every_old_address_on(self, two: Two, tmp_path: Path) -> None:
        old = await two.old.add()
        async with two.old.client(old) as client:
            await client.ask(CREATE_ALBUM, input={"slug": "sea"})
            for index, name in enumerate(['été "1" $uri.png', "b\\c.png", "~^(.*)$.png", "50% & more;.png"]):
                await client.upload(make_png(50 + index, 40), filename=name, albumSlug="sea")
        table = tmp_path / "moved.map"

        mover, _ = await move(two, old, tmp_path, "pixelflare", "--mapping", table)

        mover.mapping = tmp_path / "mapping.csv"
        await asyncio.to_thread(mover.finish_apart, "--mapping", str(mover.mapping))
        rows = mover.rows()
        assert len(rows) == 8
        around = f"map_hash_bucket_size 512; map $uri $moved {{ include {table}; }}"
        with run_nginx("if ($moved) { return 301 $moved; } return 404;", around=around) as nginx:
            async with httpx.AsyncClient(timeout=LIMIT_S) as http:
                for row in rows:
                    answer = await http.get(nginx.url + urlsplit(row["old_url"]).path)
                    assert (answer.status_code, answer.headers.get("location")) == (301, row["new_url"]), row
                    assert (await http.get(row["new_url"])).status_code == 200
                assert (await http.get(f"{nginx.url}/elsewhere")).status_code == 404
