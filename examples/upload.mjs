// Send one picture and watch it become ready: SAFELIGHT_KEY=sl_… node upload.mjs FILE
// In a browser the same code runs with `file` from an <input type="file"> and without the import of fs and path.
import { createClient } from "graphql-ws";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";

if (process.argv.length !== 3 || !process.env.SAFELIGHT_KEY) {
  console.error("Usage: SAFELIGHT_KEY=sl_… node upload.mjs FILE");
  process.exit(2);
}
// Whatever fails below, at any await: one line. graphql-ws throws the errors of a subscription as an array.
process.on("uncaughtException", (error) => {
  console.error([error].flat()[0].message);
  process.exit(1);
});

const url = process.env.SAFELIGHT_URL ?? "http://127.0.0.1:8000";
const credentials = { Authorization: `Bearer ${process.env.SAFELIGHT_KEY}` };

const openSession = `
  mutation ($input: CreateUploadSessionInput!) {
    createUploadSession(input: $input) { session { token uploadUrl image { id } } }
  }`;
const watch = `
  subscription ($id: ID!, $after: Int) {
    stableVariants(imageId: $id, after: $after) { revision complete changed { url ready } }
  }`;

async function ask(query, variables) {
  const headers = { "Content-Type": "application/json", ...credentials };
  const response = await fetch(`${url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  if (errors) throw new Error(errors[0].message);
  return data;
}

async function send(file, session) {
  const headers = { Authorization: `Bearer ${session.token}` };
  const response = await fetch(session.uploadUrl, { method: "PUT", headers, body: file });
  if (!response.ok) throw new Error((await response.json()).message);
}

const bytes = await readFile(process.argv[2]);
const file = new Blob([bytes]);
const input = { filename: basename(process.argv[2]), fileSize: file.size };
const { session } = (await ask(openSession, { input })).createUploadSession;

// One socket serves the whole page. After a lost connection it comes back by itself and sends the subscription anew.
const client = createClient({
  url: `${url.replace("http", "ws")}/graphql`,
  webSocketImpl: globalThis.WebSocket ?? (await import("ws")).default,
  connectionParams: credentials,
  retryAttempts: Infinity,
  shouldRetry: (event) => event?.code !== 4403,
});
let sending;
for await (const { data, errors } of client.iterate({ query: watch, variables: { id: session.image.id } })) {
  if (errors) throw new Error(errors[0].message);
  for (const { url, ready } of data.stableVariants.changed) console.log(ready ? "ready  " : "planned", url);
  // Watching first, sending then: nothing can be missed.
  sending ??= send(file, session).catch((error) => { console.error(error.message); process.exit(1); });
}
await sending;
await client.dispose();
