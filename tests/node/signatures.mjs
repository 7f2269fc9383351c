// Signs and verifies addresses as Cloudflare's documentation does, with WebCrypto.
// node signatures.mjs sign ADDRESS KEY EXPIRY | node signatures.mjs verify ADDRESS KEY
const [action, address, key, expiry] = process.argv.slice(2);

const bufferToHex = (buffer) =>
  [...new Uint8Array(buffer)].map((x) => x.toString(16).padStart(2, "0")).join("");

async function digest(url) {
  const encoder = new TextEncoder();
  const secretKeyData = encoder.encode(key);
  const cryptoKey = await crypto.subtle.importKey("raw", secretKeyData, { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  const stringToSign = url.pathname + "?" + url.searchParams.toString();
  const mac = await crypto.subtle.sign("HMAC", cryptoKey, encoder.encode(stringToSign));
  return bufferToHex(new Uint8Array(mac).buffer);
}

const url = new URL(address);
if (action === "sign") {
  url.searchParams.set("exp", expiry);
  url.searchParams.set("sig", await digest(url));
  console.log(url.toString());
} else {
  const given = url.searchParams.get("sig");
  url.searchParams.delete("sig");
  console.log(given === (await digest(url)) ? "good" : "bad");
}
