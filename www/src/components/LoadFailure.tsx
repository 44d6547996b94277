// Shown in place of the page if the module cannot be started.

import { Button } from "react-aria-components/Button";
import { messages } from "../messages";

export function LoadFailure({ error }: { error: unknown }) {
  return (
    <main className="load-failed" role="alert">
      <h1>{messages.title}</h1>
      <p>{messages.loadFailed}</p>
      <p className="muted">{error instanceof Error ? error.message : String(error)}</p>
      {/* The whole page: the names of its files may be those of an older version. */}
      <Button className="button" onPress={() => location.reload()}>
        {messages.start.tryAgain}
      </Button>
    </main>
  );
}
