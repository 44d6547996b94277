// Choice of secure or insecure for one registry.

import { Radio, RadioGroup } from "react-aria-components/RadioGroup";
import { messages } from "../../messages";
import { Icon } from "../ui/Icon";

interface Props {
  isInsecure: boolean;
  label: string;
  onChange: (insecure: boolean) => void;
}

export function TransportRadio({ isInsecure, label, onChange }: Props) {
  return (
    <RadioGroup
      className="segments"
      aria-label={label}
      orientation="horizontal"
      value={isInsecure ? "insecure" : "secure"}
      onChange={(value) => onChange(value === "insecure")}
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
