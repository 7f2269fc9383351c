// The page is right without this. With it, a picture that is still being made turns sharp by itself: each event of
// the subscription is a hint to ask for the page again, whose new picture is shown when it is decoded.
const SUBSCRIPTION = `subscription ($id: ID!, $after: Int) {
  stableVariants(imageId: $id, after: $after) { revision complete progress { total ready } }
}`;
const POLL_MS = 3000;
const MAX_POLLS = 100;
const MAX_SOCKETS = 4;

let asking = null;
let isStale = false;

/** Bring the page up to date; what is asked for meanwhile is asked for once more afterwards. */
async function refresh() {
  isStale = true;
  asking ??= (async () => {
    try {
      while (isStale) {
        isStale = false;
        await renew();
      }
    } finally {
      asking = null;
    }
  })();
  return asking;
}

async function renew() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (!answer.ok) throw new Error(`the page answers ${answer.status}`);
  // Its style is allowed to itself alone: here it would only be refused, and complained about.
  const text = (await answer.text()).replace(/<style nonce[^]*?<\/style>/, "");
  const page = new DOMParser().parseFromString(text, "text/html");
  const fresh = document.importNode(page.querySelector("#sheet"), true);
  const frame = fresh.querySelector(".frame");
  const picture = frame.querySelector("picture img");
  if (picture) {
    picture.loading = "eager";
    // A picture that cannot be loaded is shown as such; it must not keep the words from being new.
    await picture.decode().catch(() => {});
    picture.classList.add("fresh");
  }
  const before = document.querySelector("#sheet");
  const under = before.querySelector(".frame picture img");
  if (under && picture) layOver(under, frame);
  if (before.querySelector(".warning input")?.checked) frame.querySelector(".warning input")?.click();
  document.documentElement.style.setProperty("--tone", fresh.dataset.tone ?? "");
  before.replaceWith(fresh);
  addCopying(fresh);
  fallBack(fresh);
}

/** Leave what was seen so far below the new picture while that appears. */
function layOver(under, frame) {
  const kept = document.createElement("img");
  kept.src = under.currentSrc;
  kept.alt = "";
  kept.className = "veil";
  frame.querySelector(".open").before(kept);
  frame.querySelector("picture img").addEventListener("animationend", () => kept.remove(), { once: true });
}

const sheet = () => document.querySelector("#sheet");
const isComing = () => sheet().dataset.live === "coming";

/** Be told of each change; how it ended: "complete", "refused" where this visitor may not watch, or "lost". */
function listen() {
  const { image, revision } = sheet().dataset;
  return new Promise((resolve) => {
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/graphql", "graphql-transport-ws");
    const send = (message) => socket.send(JSON.stringify(message));
    let ending = "lost";
    socket.onopen = () => send({ type: "connection_init", payload: {} });
    socket.onclose = () => resolve(ending);
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "connection_ack") {
        const variables = { id: image, after: Number(revision) };
        send({ id: "1", type: "subscribe", payload: { query: SUBSCRIPTION, variables } });
      } else if (message.type === "ping") {
        send({ type: "pong" });
      } else if (message.type === "next" && message.payload.data) {
        const { progress } = message.payload.data.stableVariants;
        tell(`Developing: ${progress.ready} of ${progress.total}`);
        refresh().catch(() => {});
      } else if (message.type === "complete" || message.type === "error") {
        ending = message.type === "complete" ? "complete" : "refused";
        socket.close(1000);
      }
    };
  });
}

function tell(text) {
  const status = document.querySelector(".status");
  if (status) status.textContent = text;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Follow the picture: by the subscription, or where that cannot be (a signed page), by asking every few seconds. */
async function follow() {
  for (let tries = 0; tries < MAX_SOCKETS && isComing(); tries += 1) {
    if (tries > 0) await pause(2 ** tries * 250);
    if ((await listen()) !== "lost") break;
  }
  for (let polls = 0; polls < MAX_POLLS; polls += 1) {
    await refresh().catch(() => {});
    if (!isComing()) return;
    await pause(POLL_MS);
  }
}

function addCopying(root) {
  for (const button of root.querySelectorAll(".share button")) {
    const field = button.parentElement.querySelector("input");
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(field.value);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1600);
    });
    field.addEventListener("focus", () => field.select());
  }
}

/** Where a size cannot be had just now, the original is: better large than missing. */
function fallBack(root) {
  const image = root.querySelector(".frame picture img");
  if (!image) return;
  const replace = () => {
    const original = image.closest("a").href;
    if (image.src === original) return;
    for (const source of image.parentElement.querySelectorAll("source")) source.remove();
    image.src = original;
  };
  image.addEventListener("error", replace);
  if (image.complete && image.naturalWidth === 0) replace();
}

addCopying(document);
fallBack(document);
if (isComing()) follow();
