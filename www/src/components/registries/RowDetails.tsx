// What a list may say of a registry besides its entry.

import { Button } from "react-aria-components/Button";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { Switch } from "react-aria-components/Switch";
import { TextField } from "react-aria-components/TextField";
import { containsPrivateKey } from "../../certificates/pem";
import { textOf } from "../../form/document";
import type { ListActions } from "../../form/usePolicyForm";
import type { RegistryValues } from "../../form/values";
import { messages } from "../../messages";
import { Icon } from "../ui/Icon";

interface Props {
  row: RegistryValues;
  /** True if the list can have namespaces. */
  hasNamespaces: boolean;
  actions: ListActions;
}

export function RowDetails({ row, hasNamespaces, actions }: Props) {
  const t = messages.list;
  const [registry = ""] = textOf(row).replace(/^https?:\/\//, "").split("/");
  return (
    <div className="row-details">
      <Switch
        className="switch small"
        isSelected={row.enabled !== false}
        onChange={(enabled) => actions.setEnabled([row.id], enabled)}
      >
        <span className="switch-track" aria-hidden="true" />
        {t.enabledSwitch}
      </Switch>
      <TextField
        className="text-field comment"
        value={row.comment ?? ""}
        onChange={(comment) => containsPrivateKey(comment) || actions.setComment(row.id, comment)}
      >
        <Label>{t.comment}</Label>
        <Input autoComplete="off" />
      </TextField>
      {hasNamespaces && registry !== "" && (
        <Button
          className="button small"
          onPress={() => actions.addEntries([{ entry: `${registry}/`, insecure: row.insecure }], row.id)}
        >
          <Icon name="plus" />
          {t.duplicate}
        </Button>
      )}
    </div>
  );
}
