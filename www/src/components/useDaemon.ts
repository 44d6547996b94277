// Follows the daemon that may serve the page: finds it, and asks again and again for the policy in use.

import { checkPolicy } from "pullgate";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { type CurrentPolicy, type DaemonInfo, findDaemon, readPolicy, setBearerToken } from "../daemon/daemon";

/** Interval between two requests for the policy in use, in milliseconds. */
const POLL_INTERVAL_MS = 2000;
/** Time without an answer after which the policy in use is not known any more, in milliseconds. */
const DOUBT_AFTER_MS = 4000;

export interface DaemonState {
  /**
   * `stale` and `lost`: the policy in use may be another one by now, since the page was in the background, or since the
   * daemon does not answer.
   */
  status: "searching" | "none" | "locked" | "found" | "stale" | "lost";
  daemon: DaemonInfo | undefined;
  /** The policy in use, or the last that was. */
  current: CurrentPolicy | undefined;
  /** That policy in canonical form, as JSON. */
  text: string | undefined;
  /** Sets the token for all further requests, and asks again. */
  authenticate: (token: string) => void;
  /** Takes the policy that the daemon answered with. */
  take: (current: CurrentPolicy) => void;
}

type Followed = Pick<DaemonState, "status" | "daemon" | "current">;

export function useDaemon(): DaemonState {
  const [followed, setFollowed] = useState<Followed>({ status: "searching", daemon: undefined, current: undefined });
  const latest = useRef(followed);
  const poll = useRef(() => {});

  const publish = useCallback((next: Followed) => {
    const last = latest.current;
    if (last.status === next.status && last.daemon === next.daemon && last.current === next.current) return;
    latest.current = next;
    setFollowed(next);
  }, []);

  useEffect(() => {
    let gone = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let running = 0;
    const ask = async () => {
      clearTimeout(timer);
      running += 1;
      const turn = running;
      const { status, ...last } = latest.current;
      const doubt = setTimeout(() => status === "found" && publish({ status: "lost", ...last }), DOUBT_AFTER_MS);
      const next = await follow(latest.current);
      clearTimeout(doubt);
      if (gone || turn !== running) return;
      publish(next);
      // Another server does not become a daemon. In the background nobody reads what is asked.
      if (next.status !== "none" && !document.hidden) timer = setTimeout(() => void ask(), POLL_INTERVAL_MS);
    };
    const wake = () => {
      const { status, daemon, current } = latest.current;
      if (document.hidden || status === "none") return;
      if (status === "found") publish({ status: "stale", daemon, current });
      void ask();
    };
    poll.current = () => void ask();
    void ask();
    document.addEventListener("visibilitychange", wake);
    addEventListener("online", wake);
    return () => {
      gone = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", wake);
      removeEventListener("online", wake);
    };
  }, [publish]);

  const { current } = followed;
  // A new generation of the same policy is the same policy.
  const policy = current?.policy;
  const text = useMemo(() => policy && (checkPolicy(policy).canonical ?? JSON.stringify(policy)), [policy]);

  const authenticate = useCallback((token: string) => {
    setBearerToken(token);
    poll.current();
  }, []);
  const take = useCallback(
    (current: CurrentPolicy) => {
      publish({ ...latest.current, status: "found", current });
      poll.current();
    },
    [publish],
  );
  return useMemo(() => ({ ...followed, text, authenticate, take }), [followed, text, authenticate, take]);
}

async function follow({ status, daemon, current }: Followed): Promise<Followed> {
  // A daemon that is back may be another one.
  if (status !== "found") {
    const found = await findDaemon();
    if (found === "locked") return { status: "locked", daemon: undefined, current: undefined };
    if (found === undefined) return { status: status === "searching" ? "none" : "lost", daemon, current };
    daemon = isSameDaemon(found, daemon) ? daemon : found;
  }
  const read = await readPolicy(current);
  if (read === "locked") return { status: "locked", daemon: undefined, current: undefined };
  if (read === undefined) return { status: current === undefined ? "found" : "lost", daemon, current };
  return { status: "found", daemon, current: isSamePolicy(read, current) ? current : read };
}

function isSameDaemon(a: DaemonInfo, b: DaemonInfo | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function isSamePolicy(a: CurrentPolicy, b: CurrentPolicy | undefined): boolean {
  return a === b || (a.etag !== "" && a.generation === b?.generation && a.etag === b.etag);
}
