// Choice of secure or insecure for one registry.

import { Radio, RadioGroup } from "react-aria-components/RadioGroup";
import { useController, useFormContext } from "react-hook-form";
import type { FormValues } from "../../form/values";
import { messages } from "../../messages";
import { Icon } from "../ui/Icon";

export function TransportRadio({ index, label }: { index: number; label: string }) {
  const { control } = useFormContext<FormValues>();
  const { field } = useController({ control, name: `rows.${index}.insecure` });
  return (
    <RadioGroup
      className="segments"
      aria-label={label}
      orientation="horizontal"
      value={field.value ? "insecure" : "secure"}
      onChange={(value) => field.onChange(value === "insecure")}
    >
      <Radio className="segment" value="secure">
        <Icon name="lock" />
        {messages.registries.secure}
      </Radio>
      <Radio className="segment insecure" value="insecure">
        <Icon name="unlock" />
        {messages.registries.insecure}
      </Radio>
    </RadioGroup>
  );
}
