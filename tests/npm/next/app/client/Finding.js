"use client";

import { checkEntry, ready } from "pullgate";
import { use, useEffect } from "react";

export function Finding() {
  use(ready());
  const { findings } = checkEntry("10.2.2/24", "insecure");
  const text = `${findings[0].code} ${findings[0].fix}`;
  useEffect(() => {
    document.title = text;
  }, [text]);
  return <p>{text}</p>;
}
