// Loads the module, then renders the page, so that all calls of the page are synchronous.

import "./style/base.css";
import "./style/layout.css";
import "./style/controls.css";
import "./style/fields.css";
import "./style/registries.css";
import "./style/certificates.css";
import "./style/decision.css";
import "./style/output.css";
import "./style/changes.css";
import "./style/forced-colors.css";
import { ready } from "pullgate";
import { StrictMode } from "react";
import { I18nProvider } from "react-aria-components/I18nProvider";
import { createRoot } from "react-dom/client";
import { LoadFailure } from "./components/LoadFailure";
import { Page } from "./components/Page";
import { messages } from "./messages";

const root = createRoot(document.getElementById("root")!);
document.documentElement.lang = messages.locale;
document.title = `${messages.title} – ${messages.product}`;

// Keeps the browser from opening a file dropped outside a drop zone in place of the page. Dragged text still reaches the
// fields.
for (const type of ["dragover", "drop"] as const) {
  addEventListener(type, (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
}

try {
  await ready();
  root.render(
    <StrictMode>
      <I18nProvider locale={messages.locale}>
        <Page />
      </I18nProvider>
    </StrictMode>,
  );
} catch (error) {
  root.render(<LoadFailure error={error} />);
}
