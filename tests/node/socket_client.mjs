// Drive the real graphql-ws client: `node socket_client.mjs URL SCENARIO`. Prints one line of JSON.
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [, , url, scenario] = process.argv;

function open(options = {}) {
  return createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, ...options });
}

function collect(client, request, onNext = () => {}) {
  return new Promise((resolve) => {
    const results = [];
    client.subscribe(request, {
      next: (value) => { results.push(value); onNext(value); },
      error: (error) => resolve({ results, error: Array.isArray(error) ? error : { code: error.code, reason: error.reason } }),
      complete: () => resolve({ results, completed: true }),
    });
  });
}

const scenarios = {
  async subscription() {
    return collect(open(), { query: "subscription($n: Int!) { count(to: $n) }", variables: { n: 3 } });
  },
  async query() {
    return collect(open(), { query: "{ hello }" });
  },
  async error() {
    return collect(open(), { query: "subscription { expires(after: 1) }" });
  },
  async invalid() {
    const client = open();
    const refused = await collect(client, { query: "{ nothing }" });
    const answered = await collect(client, { query: "{ hello }" });
    return { refused, answered };
  },
  async credential() {
    return collect(open({ connectionParams: { Authorization: "Bearer good" } }), { query: "{ viewer }" });
  },
  async forbidden() {
    let closes = 0;
    const client = open({ connectionParams: { Authorization: "Bearer nonsense" }, on: { closed: () => { closes += 1; } }, shouldRetry: (event) => event.code !== 4403, retryAttempts: 3 });
    return { ...(await collect(client, { query: "{ hello }" })), closes };
  },
  async iteration() {
    const client = open();
    const results = [];
    for await (const result of client.iterate({ query: "subscription { never }" })) {
      results.push(result);
      break;
    }
    return { results, answered: await collect(client, { query: "{ hello }" }) };
  },
  async reconnect() {
    // The first socket is torn down under the client; the same subscription must go on over a second one.
    let socket;
    let opened = 0;
    const client = open({ retryAttempts: 3, retryWait: async () => {}, shouldRetry: () => true, on: { opened: (it) => { socket = it; opened += 1; } } });
    const first = new Promise((resolve) => {
      const results = [];
      const end = client.subscribe({ query: "subscription { never }" }, {
        next: (value) => {
          results.push(value);
          if (results.length === 1) socket.terminate();
          else { end(); resolve(results); }
        },
        error: (error) => resolve([String(error.code)]),
        complete: () => {},
      });
    });
    return { results: await first, opened };
  },
  async keepalive() {
    let pongs = 0;
    const client = open({ keepAlive: 20, lazy: false, on: { pong: (received) => { pongs += received ? 1 : 0; if (pongs === 3) done(); } } });
    let done;
    await new Promise((resolve) => { done = resolve; });
    await client.dispose();
    return { pongs };
  },
};

console.log(JSON.stringify(await scenarios[scenario]()));
process.exit(0);
