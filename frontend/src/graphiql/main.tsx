// The GraphiQL page: Safelight's bar above GraphiQL, with example tabs and nothing from elsewhere.
import "./workers";
import "graphiql/style.css";
import "./theme.css";

import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";

import { Bar } from "./bar";
import { EXAMPLES } from "./examples";
import { fetcher } from "./server";

function Page() {
  return (
    <>
      <Bar />
      <GraphiQL
        fetcher={fetcher}
        defaultTabs={EXAMPLES}
        defaultEditorToolsVisibility="variables"
        isHeadersEditorEnabled={false}
        shouldPersistHeaders={false}
        showPersistHeadersSettings={false}
      >
        <GraphiQL.Logo>
          <span />
        </GraphiQL.Logo>
      </GraphiQL>
    </>
  );
}

const root = document.getElementById("root");
if (root) createRoot(root).render(<Page />);
