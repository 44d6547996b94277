// A list of entries without a transport, which is empty in most policies.

import { Button } from "react-aria-components/Button";
import type { Finding } from "pullgate";
import { type ListAddress, listOf, newRow, withList } from "../../form/edits";
import { usePolicy } from "../../form/usePolicyForm";
import { messages } from "../../messages";
import { FindingList } from "../ui/FindingList";
import { Icon } from "../ui/Icon";
import type { RowHighlight } from "./highlight";
import { RegistryList } from "./RegistryList";
import type { RowLabels } from "./RegistryRow";

interface Props {
  address: ListAddress;
  label: string;
  labels: RowLabels;
  /** The name of the button that adds the first entry. */
  addFirst: string;
  /** The findings about the list as a whole. */
  findings: readonly Finding[];
  highlight?: RowHighlight | undefined;
}

export function EntrySection({ address, label, labels, addFirst, findings, highlight }: Props) {
  const { values, actions } = usePolicy();
  const add = () => {
    const row = newRow(values, address);
    actions.edit((values) => withList(values, address, (rows) => [...rows, row]), { label: messages.registries.added });
    actions.focus(row.id);
  };
  return (
    <>
      {listOf(values, address).length > 0 ? (
        <RegistryList address={address} form="entry" label={label} labels={labels} tools highlight={highlight} />
      ) : (
        <Button className="button small add-first" onPress={add}>
          <Icon name="plus" />
          {addFirst}
        </Button>
      )}
      <FindingList findings={findings} />
    </>
  );
}
