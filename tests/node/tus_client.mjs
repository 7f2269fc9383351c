// Drive the real tus-js-client: `node tus_client.mjs SCENARIO OPTIONS`, OPTIONS as JSON. Prints one line of JSON at the
// end; before it, "waiting" where it waits for a line on its input.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import tus from "tus-js-client";

const [, , scenario, text] = process.argv;
const given = JSON.parse(text);
const content = readFileSync(given.file);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

class HashingStack extends tus.DefaultHttpStack {
  // What the extension "checksum" asks for, which the client leaves to those who use it.
  createRequest(method, url) {
    const request = super.createRequest(method, url);
    const send = request.send.bind(request);
    request.send = (body) => {
      if (method === "PATCH") {
        const digest = createHash("sha1").update(body).digest("base64");
        const spoilt = given.spoil ? createHash("sha1").update("other").digest("base64") : digest;
        request.setHeader("Upload-Checksum", `sha1 ${spoilt}`);
      }
      return send(body);
    };
    return request;
  }
}

function start(more = {}, before = async () => {}) {
  const answers = [];
  return new Promise((resolve) => {
    const upload = new tus.Upload(content, {
      endpoint: given.endpoint ?? null,
      uploadUrl: given.uploadUrl ?? null,
      headers: given.headers ?? {},
      metadata: { filename: "wave.jpg", filetype: "image/jpeg", ...given.metadata },
      chunkSize: given.chunkSize ?? Infinity,
      retryDelays: given.retryDelays ?? [0, 200, 500, 1000, 1000, 1000, 1000],
      onBeforeRequest: before,
      onAfterResponse: (request, response) => {
        const imageId = response.getHeader("Image-Id") ?? null;
        const offset = response.getHeader("Upload-Offset") ?? null;
        answers.push([request.getMethod(), response.getStatus(), offset, imageId]);
      },
      onSuccess: () => resolve({ answers, url: upload.url }),
      onError: (error) => {
        const response = error.originalResponse;
        resolve({ answers, url: upload.url, status: response?.getStatus() ?? null, body: response?.getBody() ?? String(error) });
      },
      ...more,
    });
    upload.start();
  });
}

const scenarios = {
  upload: () => start(),
  checksum: () => start({ httpStack: new HashingStack() }),
  // Stops before the second part until it is told to go on.
  interrupted: () => {
    let parts = 0;
    return start({}, async (request) => {
      if (request.getMethod() === "PATCH" && ++parts === 2) {
        console.log("waiting");
        await lines.next();
      }
    });
  },
  terminate: () =>
    new Promise((resolve) => {
      const upload = new tus.Upload(content, {
        endpoint: given.endpoint,
        headers: given.headers,
        chunkSize: given.chunkSize,
        retryDelays: null,
        onChunkComplete: () => resolve(upload.abort(true).then(() => ({ url: upload.url }))),
      });
      upload.start();
    }),
};

console.log(JSON.stringify(await scenarios[scenario]()));
process.exit(0);
