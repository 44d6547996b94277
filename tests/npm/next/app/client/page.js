import { Suspense } from "react";
import { Finding } from "./Finding";

export default function Page() {
  return (
    <Suspense>
      <Finding />
    </Suspense>
  );
}
