// The strip above GraphiQL: the name, the key, and a picture to try the subscription with.
import { type ChangeEvent, useState } from "react";

import { sendPicture, useKey as takeKey } from "./server";

function KeyField() {
  return (
    <label className="key">
      API key
      <input
        type="password"
        name="safelight-api-key"
        placeholder="sl_…"
        autoComplete="off"
        spellCheck={false}
        title="Stays in this page only; reloading forgets it."
        onChange={(event) => takeKey(event.target.value)}
      />
    </label>
  );
}

function PictureButton() {
  const [outcome, setOutcome] = useState("");
  const send = async ({ target }: ChangeEvent<HTMLInputElement>) => {
    const file = target.files?.[0];
    if (!file) return;
    setOutcome(`Sending ${file.name}…`);
    setOutcome(await sendPicture(file).catch((error: Error) => error.message));
    target.value = "";
  };
  return (
    <>
      <output>{outcome}</output>
      <label className="picture" title="Into the session opened last; without one, a new one is opened.">
        Send a picture
        <input type="file" accept="image/*" onChange={send} />
      </label>
    </>
  );
}

export function Bar() {
  return (
    <header className="bar">
      <a className="name" href="/">
        <i aria-hidden="true" />
        Safelight
      </a>
      <span className="spring" />
      <PictureButton />
      <KeyField />
      <a href="/schema.graphql">SDL</a>
    </header>
  );
}
