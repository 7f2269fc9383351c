// The whole life of an image with Cloudflare's own client: `node cloudflare_client.mjs OPTIONS`, OPTIONS as JSON with
// baseURL, token, account and file. Prints one line of JSON: what each step gave.
import { createReadStream, readFileSync } from "node:fs";
import Cloudflare, { NotFoundError, toFile } from "cloudflare";

const given = JSON.parse(process.argv[2]);
const client = new Cloudflare({ apiToken: given.token, baseURL: given.baseURL, maxRetries: 0 });
const account_id = given.account;
const { v1, v2 } = client.images;
const customId = "trips/2026/100% Börse ☀";
const options = { fit: "cover", width: 120, height: 60, metadata: "none" };

async function status(url) {
  const answer = await fetch(url);
  await answer.arrayBuffer();
  return answer.status;
}

async function missing(asked) {
  return asked.then(() => false).catch((error) => error instanceof NotFoundError && error.errors[0].code === 5404);
}

const said = {};
said.variant = await v1.variants.create({ account_id, id: "hero", options, neverRequireSignedURLs: true });
said.edited_variant = await v1.variants.edit("hero", { account_id, options: { ...options, width: 90 } });
said.variants = await v1.variants.list({ account_id });
said.one_variant = await v1.variants.get("hero", { account_id });

said.made = await v1.create({
  account_id,
  file: createReadStream(given.file),
  metadata: { key: "value" },
  creator: "u-1",
  requireSignedURLs: false,
});
const { id } = said.made;
said.found = await v1.get(id, { account_id });
said.served = await Promise.all(said.made.variants.map(status));
said.listed = await v2.list({ account_id, per_page: 1 });
said.paged = (await v1.list({ account_id })).result;
said.edited = await v1.edit(id, { account_id, requireSignedURLs: true, metadata: { a: [1] } });
said.served_closed = await Promise.all(said.made.variants.map(status));
const blob = Buffer.from(await (await v1.blobs.get(id, { account_id })).arrayBuffer());
said.blob_is_the_file = blob.equals(readFileSync(given.file));

const file = await toFile(readFileSync(given.file), "named.jpg");
said.named = await v1.create({ account_id, id: customId, file });
said.found_by_name = (await v1.get(customId, { account_id })).id === customId;
said.served_by_name = await status(said.named.variants[0]);

const expiry = new Date(Date.now() + 3_600_000).toISOString();
said.direct = await v2.directUploads.create({ account_id, metadata: { userId: "1" }, expiry });
said.draft = await v1.get(said.direct.id, { account_id });
const form = new FormData();
form.append("file", new Blob([readFileSync(given.file)]), "mine.jpg");
said.sent = await (await fetch(said.direct.uploadURL, { method: "POST", body: form })).json();
said.undrafted = await v1.get(said.direct.id, { account_id });

said.keys = (await v1.keys.update("second", { account_id })).keys.map((key) => key.name);
said.fewer_keys = (await v1.keys.delete("second", { account_id })).keys.map((key) => key.name);
said.key_list = (await v1.keys.list({ account_id })).keys.map((key) => key.name);
said.stats = await v1.stats.get({ account_id });

said.deleted = await Promise.all([id, customId, said.direct.id].map((each) => v1.delete(each, { account_id })));
said.is_gone = await missing(v1.get(id, { account_id }));
said.deleted_variant = await v1.variants.delete("hero", { account_id });
said.variant_is_gone = await missing(v1.variants.get("hero", { account_id }));
said.left = await v2.list({ account_id });
console.log(JSON.stringify(said));
