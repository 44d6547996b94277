// Buttons that allow what was denied: the registry, or only the repository.

import type { Explanation } from "pullgate";
import { Button } from "react-aria-components/Button";
import { useAllowEntries } from "../../form/usePolicyForm";
import { messages } from "../../messages";

export function AllowButtons({ explanation }: { explanation: Explanation }) {
  const allow = useAllowEntries();
  if (explanation.decision !== "deny" || explanation.reason !== "not-whitelisted") return null;
  const { registry, repository } = explanation;
  if (registry === undefined) return null;
  const entries = [registry, ...(repository === undefined ? [] : [`${registry}/${repository}`])];
  return (
    <p className="verdict-buttons">
      {entries.map((entry) => (
        <Button
          key={entry}
          className="button small"
          onPress={({ target }) => {
            // These buttons disappear.
            target.closest(".try")?.querySelector<HTMLElement>(".text-field input")?.focus();
            allow([entry]);
          }}
        >
          {messages.tryOut.allowEntry(entry)}
        </Button>
      ))}
    </p>
  );
}
