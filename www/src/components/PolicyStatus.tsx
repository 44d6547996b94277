// How the policy stands: errors, warnings, and the way to the first error.

import { Button } from "react-aria-components/Button";
import { usePolicy } from "../form/usePolicyForm";
import { texts } from "../messages";
import { Icon } from "./ui/Icon";

export function Status({ onFirst }: { onFirst: () => void }) {
  const { errors, warnings, unchecked } = usePolicy().analysis;
  const say = texts.findings;
  const weight = unchecked ? "unchecked" : errors > 0 ? "error" : warnings > 0 ? "warning" : "good";
  const words = unchecked ? say.unchecked : errors > 0 ? say.errors(errors) : say.none;
  return (
    <p className="status" data-weight={weight}>
      <Icon name={weight === "good" ? "check" : weight} />
      <span>
        {words}
        {!unchecked && warnings > 0 && `, ${say.warnings(warnings)}`}
      </span>
      {errors > 0 && (
        <Button className="button small" onPress={onFirst}>
          {say.firstError}
        </Button>
      )}
    </p>
  );
}
