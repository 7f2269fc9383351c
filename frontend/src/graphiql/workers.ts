// Tells Monaco where its web workers lie: beside this script, on this server.
declare const EDITOR_WORKER: string;
declare const JSON_WORKER: string;
declare const GRAPHQL_WORKER: string;

const addresses: Record<string, string> = { json: JSON_WORKER, graphql: GRAPHQL_WORKER };

Object.assign(globalThis, {
  MonacoEnvironment: {
    getWorker: (_id: string, label: string) => new Worker(addresses[label] ?? EDITOR_WORKER, { name: label }),
  },
});

export {};
