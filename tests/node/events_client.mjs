// Drive the real graphql-sse client: `node events_client.mjs URL SCENARIO`. Prints one line of JSON.
import { createClient } from "graphql-sse";

const [, , url, scenario] = process.argv;

function collect(request, options = {}) {
  const client = createClient({ url, retryAttempts: 0, ...options });
  return new Promise((resolve) => {
    const results = [];
    client.subscribe(request, {
      next: (value) => results.push(value),
      error: (error) => resolve({ results, error: error.message, status: error.response?.status }),
      complete: () => resolve({ results, completed: true }),
    });
  });
}

const scenarios = {
  subscription: () => collect({ query: "subscription { count(to: 3) }" }),
  query: () => collect({ query: "{ hello }" }),
  mutation: () => collect({ query: 'mutation { shout(text: "x") }' }),
  invalid: () => collect({ query: "{ nothing }" }),
  error: () => collect({ query: "subscription { expires(after: 1) }" }),
  credential: () => collect({ query: "{ viewer }" }, { headers: { "X-API-Key": "good" } }),
  unauthorized: () => collect({ query: "{ viewer }" }, { headers: { Authorization: "Bearer nonsense" } }),
  async disposal() {
    const client = createClient({ url, retryAttempts: 0 });
    for await (const result of client.iterate({ query: "subscription { announcements { number } }" })) return { result };
  },
  async leave() {
    const client = createClient({ url, retryAttempts: 0 });
    for await (const result of client.iterate({ query: "subscription { never }" })) return { result };
  },
};

console.log(JSON.stringify(await scenarios[scenario]()));
process.exit(0);
