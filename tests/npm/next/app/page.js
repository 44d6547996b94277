import { checkEntry } from "pullgate";

export default function Page() {
  const { findings } = checkEntry("10.2.2/24", "insecure");
  return <p>{`${findings[0].code} ${findings[0].fix}`}</p>;
}
