// Section of the page, with a heading.

import { type ReactNode, useId } from "react";

interface Props {
  title: string;
  intro?: string;
  aside?: ReactNode;
  className?: string;
  /** True if it can receive the focus from a button elsewhere. */
  isTarget?: boolean;
  children: ReactNode;
}

export function Section({ title, intro, aside, className, isTarget = false, children }: Props) {
  const id = useId();
  return (
    <section className={`card ${className ?? ""}`} aria-labelledby={id} {...(isTarget && { tabIndex: -1 })}>
      <header className="card-header">
        <div>
          <h2 id={id}>{title}</h2>
          {intro && <p className="muted">{intro}</p>}
        </div>
        {aside}
      </header>
      {children}
    </section>
  );
}
