"""Where a photograph was taken is told to strangers by its owner alone, whatever an address asks for."""

import io

import httpx
from PIL import Image

from tests.support.accounts_fixture import People
from tests.support.pictures import Tags, make_jpeg

GPS_POINTER = 0x8825
FLEXIBLE = "mutation { updatePreferences(input: {flexibleVariants: true}) { viewer { id } } }"
SIGNED = """query ($id: ID!) {
  image(id: $id) { signedUrl(transform: {width: 40, metadata: KEEP}, format: JPEG) { url } }
}"""


def has_place(response: httpx.Response) -> bool:
    assert response.status_code == 200, response.text
    with Image.open(io.BytesIO(response.content)) as picture:
        return GPS_POINTER in picture.getexif()


async def test_only_the_owner_and_whom_the_owner_signs_for_are_told_where_it_was(people: People) -> None:
    person = await people.add()
    async with people.client(person) as client, people.client(None) as stranger:
        session = await client.upload(make_jpeg(331, 77, tags=Tags(gps=True)), visibility="PUBLIC")
        await client.wait_complete(session.image_id)
        await client.ask(FLEXIBLE)
        path = f"/t/{session.image_id}/metadata=keep,w=50.jpeg"
        signed = (await client.ask(SIGNED, id=session.image_id))["image"]["signedUrl"]["url"]

        owners = [has_place(await client.http.get(path)) for _ in range(2)]
        strangers = [has_place(await stranger.http.get(path)) for _ in range(3)]
        by_signature = has_place(await stranger.http.get(signed))

    assert (owners, strangers, by_signature) == ([True, True], [False, False, False], True)
