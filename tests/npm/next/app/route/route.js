import { checkEntry } from "pullgate";

export const dynamic = "force-dynamic";

export function GET() {
  const { findings } = checkEntry("10.2.2/24", "insecure");
  return new Response(`${findings[0].code} ${findings[0].fix}`);
}
