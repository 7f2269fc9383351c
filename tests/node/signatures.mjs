// Signs and verifies addresses as Cloudflare's documentation does, with WebCrypto.
// Reads a JSON list in each line, ["sign", ADDRESS, KEY, EXPIRY] or ["verify", ADDRESS, KEY]; answers in a line each.
import { createInterface } from "node:readline";

const bufferToHex = (buffer) =>
  [...new Uint8Array(buffer)].map((x) => x.toString(16).padStart(2, "0")).join("");

async function digest(url, key) {
  const encoder = new TextEncoder();
  const secretKeyData = encoder.encode(key);
  const cryptoKey = await crypto.subtle.importKey("raw", secretKeyData, { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  const stringToSign = url.pathname + "?" + url.searchParams.toString();
  const mac = await crypto.subtle.sign("HMAC", cryptoKey, encoder.encode(stringToSign));
  return bufferToHex(new Uint8Array(mac).buffer);
}

async function answer(action, address, key, expiry) {
  const url = new URL(address);
  if (action === "sign") {
    url.searchParams.set("exp", expiry);
    url.searchParams.set("sig", await digest(url, key));
    return url.toString();
  }
  const given = url.searchParams.get("sig");
  url.searchParams.delete("sig");
  return given === (await digest(url, key)) ? "good" : "bad";
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(await answer(...JSON.parse(line)));
}
