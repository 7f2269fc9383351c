// Builds the pages into ../app/static: every script, style and worker under a name that holds its hash,
// and beside them an index.html that names them. Nothing is fetched while it runs or when a page is opened.
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const target = path.join(here, "../app/static/graphiql");
const fresh = `${target}.new`;
const publicPath = "/static/graphiql";

const shared = {
  absWorkingDir: here,
  outdir: fresh,
  bundle: true,
  minify: true,
  keepNames: true, // GraphiQL makes the labels of its icons from the names of functions
  metafile: true,
  target: "es2022",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  legalComments: "linked",
  logLevel: "warning",
};

/** graphiql/style.css holds Monaco's styles already; those that Monaco's modules import would never be loaded. */
const withoutMonacoStyles = {
  name: "without-monaco-styles",
  setup(bundler) {
    bundler.onLoad({ filter: /monaco-editor.*\.css$/ }, () => ({ contents: "", loader: "empty" }));
  },
};

/**
 * monaco-editor holds a copy of an old DOMPurify, and its newer releases do not work with monaco-graphql: the package's own
 * release takes the copy's place.
 */
const withCurrentDOMPurify = {
  name: "with-current-dompurify",
  setup(bundler) {
    bundler.onResolve({ filter: /\/dompurify\/dompurify\.js$/ }, () => ({ path: path.join(here, "src/graphiql/dompurify.ts") }));
  },
};

/** Public addresses of the built entry points, by the base name of their source. */
function addressesOf({ metafile }) {
  const outputs = Object.entries(metafile.outputs).filter(([, output]) => output.entryPoint);
  return Object.fromEntries(
    outputs.map(([file, output]) => [
      path.basename(output.entryPoint).replace(/\.[a-z]+$/, ""),
      { script: `${publicPath}/${path.basename(file)}`, style: output.cssBundle && `${publicPath}/${path.basename(output.cssBundle)}` },
    ]),
  );
}

await rm(fresh, { recursive: true, force: true });
await mkdir(fresh, { recursive: true });

const workers = addressesOf(
  await build({
    ...shared,
    format: "iife",
    entryPoints: [
      "monaco-editor/esm/vs/editor/editor.worker.js",
      "monaco-editor/esm/vs/language/json/json.worker.js",
      "monaco-graphql/esm/graphql.worker.js",
    ],
  }),
);
const page = addressesOf(
  await build({
    ...shared,
    format: "esm",
    splitting: true,
    jsx: "automatic",
    entryPoints: ["src/graphiql/main.tsx"],
    plugins: [withoutMonacoStyles, withCurrentDOMPurify],
    define: {
      "process.env.NODE_ENV": '"production"',
      EDITOR_WORKER: JSON.stringify(workers["editor.worker"].script),
      JSON_WORKER: JSON.stringify(workers["json.worker"].script),
      GRAPHQL_WORKER: JSON.stringify(workers["graphql.worker"].script),
    },
  }),
);

const template = await readFile(path.join(here, "src/graphiql/index.html"), "utf8");
await writeFile(
  path.join(fresh, "index.html"),
  template.replace("{{script}}", page.main.script).replace("{{style}}", page.main.style),
);
// A half-built page is never served: the folder appears whole or not at all.
await rm(target, { recursive: true, force: true });
await rename(fresh, target);
