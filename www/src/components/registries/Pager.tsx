// Navigation between the pages of a long list.

import { Button } from "react-aria-components/Button";
import { messages } from "../../messages";
import { Icon } from "../ui/Icon";

interface Props {
  from: number;
  size: number;
  of: number;
  onPage: (step: 1 | -1) => void;
}

export function Pager({ from, size, of, onPage }: Props) {
  const t = messages.registries;
  const to = Math.min(of, from + size);
  return (
    <nav className="pager" aria-label={t.pages}>
      <Button className="button icon-only" aria-label={t.previous} isDisabled={from === 0} onPress={() => onPage(-1)}>
        <Icon name="previous" />
      </Button>
      <span role="status">{t.page(from + 1, to, of)}</span>
      <Button className="button icon-only" aria-label={t.next} isDisabled={to === of} onPress={() => onPage(1)}>
        <Icon name="next" />
      </Button>
    </nav>
  );
}
