// Status of the policy: the number of errors and warnings, and a button to the first error.

import { memo } from "react";
import { Button } from "react-aria-components/Button";
import { usePolicy } from "../form/usePolicyForm";
import { messages } from "../messages";
import { Icon } from "./ui/Icon";

export const PolicyStatus = memo(function PolicyStatus({ onFirst }: { onFirst: () => void }) {
  const { errors, warnings, unchecked, document } = usePolicy().analysis;
  const t = messages.findings;
  const isOpen = document.whitelist === undefined;
  const severity = unchecked ? "unchecked" : errors > 0 ? "error" : warnings > 0 || isOpen ? "warning" : "good";
  const words = unchecked ? t.unchecked : errors > 0 ? t.errors(errors) : isOpen ? t.noneButOpen : t.none;
  return (
    <p className="status" data-severity={severity}>
      <Icon name={severity === "good" ? "check" : severity} />
      <span>
        {words}
        {!unchecked && warnings > 0 && `, ${t.warnings(warnings)}`}
      </span>
      {errors > 0 && (
        <Button className="button small" onPress={onFirst}>
          {t.firstError}
        </Button>
      )}
    </p>
  );
});
