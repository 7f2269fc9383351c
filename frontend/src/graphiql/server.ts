// Talks to this page's own server: queries over HTTP, subscriptions over graphql-transport-ws.
import { createGraphiQLFetcher, type Fetcher, type FetcherParams } from "@graphiql/toolkit";
import { type DocumentNode, Kind, parse } from "graphql";
import { createClient } from "graphql-ws";

/** As a variable's value: the image of the session opened last in this page, else the newest image there is. */
export const LATEST = "latest";

const ENDPOINT = location.origin + location.pathname;
// The server closes with it when credentials are refused; trying again with the same ones is no use.
const CLOSED_FORBIDDEN = 4403;
const NEWEST = "{ images(first: 1) { nodes { id } } }";
const OPEN = `mutation ($input: CreateUploadSessionInput!) {
  createUploadSession(input: $input) { session { uploadUrl token image { id } } }
}`;

interface Session {
  uploadUrl?: string;
  token?: string | null;
  image?: { id: string };
}
interface Answer {
  data?: Record<string, unknown> | null;
  errors?: readonly { message: string }[];
}

// The key and the session live in these variables alone: no storage, no cookie, gone with the page.
let apiKey = "";
let session: Session | undefined;

/** Use this key from the next operation on; an empty one means none. */
export function useKey(key: string): void {
  apiKey = key.trim();
}

function credentials(): Record<string, string> {
  return apiKey ? { Authorization: `Bearer ${apiKey}` } : {};
}

const viaHTTP: typeof fetch = (input, init) =>
  fetch(input, {
    ...init,
    headers: {
      ...(init?.headers as Record<string, string>),
      Accept: "application/graphql-response+json, application/json;q=0.9",
      ...credentials(),
    },
  });

const sockets = createClient({
  url: ENDPOINT.replace(/^http/, "ws"),
  connectionParams: credentials,
  retryAttempts: 10,
  shouldRetry: (reason) => !(reason instanceof CloseEvent && reason.code === CLOSED_FORBIDDEN),
});

const send = createGraphiQLFetcher({ url: ENDPOINT, fetch: viaHTTP, wsClient: sockets, enableIncrementalDelivery: false });

async function ask(query: string, variables?: object): Promise<Answer> {
  const body = JSON.stringify({ query, variables });
  const answer = await viaHTTP(ENDPOINT, { method: "POST", body, headers: { "Content-Type": "application/json" } });
  return (await answer.json()) as Answer;
}

function remember(answer: Answer): void {
  const payload = answer.data?.createUploadSession as { session?: Session } | undefined;
  if (payload?.session?.image) session = payload.session;
}

async function latestImage(): Promise<string> {
  if (session?.image) return session.image.id;
  const answer = await ask(NEWEST);
  const nodes = (answer.data?.images as { nodes: { id: string }[] } | undefined)?.nodes ?? [];
  if (nodes[0]) return nodes[0].id;
  if (!apiKey) throw said("Paste your key at the top right: whose newest image is meant?");
  throw said(answer.errors?.[0]?.message ?? "There is no image yet: run OpenSession in tab 2 first.");
}

/** An error for a person: GraphiQL would show the stack, too. */
function said(message: string): Error {
  const error = new Error(message);
  error.stack = undefined;
  return error;
}

async function withLatest(params: FetcherParams): Promise<FetcherParams> {
  const variables = params.variables as Record<string, unknown> | undefined;
  if (variables?.imageId !== LATEST) return params;
  return { ...params, variables: { ...variables, imageId: await latestImage() } };
}

/** Right after a change of tabs GraphiQL still names the operation of the tab before, and believes to run that one. */
function withOwnOperation(params: FetcherParams): [FetcherParams, DocumentNode] {
  const document = parse(params.query);
  const names = document.definitions.flatMap((it) => (it.kind === Kind.OPERATION_DEFINITION ? [it.name?.value] : []));
  const operationName = names.find((name) => name === params.operationName) ?? names[0];
  return [{ ...params, operationName }, document];
}

/** What GraphiQL sends every operation through. */
export const fetcher: Fetcher = async (asked, options) => {
  const [params, documentAST] = withOwnOperation(asked);
  const answer = await send(await withLatest(params), { ...options, documentAST });
  if ("data" in answer) remember(answer as Answer);
  return answer as Awaited<ReturnType<Fetcher>> as never;
};

/**
 * Sends one picture into the session opened last, or into a new one where there is none that waits.
 * Answers with a sentence for a person.
 */
export async function sendPicture(file: File): Promise<string> {
  if (!session?.token) {
    const answer = await ask(OPEN, { input: { fileSize: file.size, filename: file.name } });
    if (answer.errors?.[0]) return answer.errors[0].message;
    remember(answer);
  }
  if (!session?.uploadUrl || !session.token) return "No session could be opened.";
  const { pathname } = new URL(session.uploadUrl, location.href);
  const headers = { Authorization: `Bearer ${session.token}` };
  const answer = await fetch(pathname, { method: "PUT", body: file, headers });
  session = { image: session.image };
  if (answer.ok) return `${file.name} is there (${answer.status}).`;
  const problem = (await answer.json().catch(() => ({}))) as { message?: string };
  return `${answer.status}: ${problem.message ?? answer.statusText}`;
}
