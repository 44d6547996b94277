// Splitting of an entry into host and port, and back. Purely textual: the module validates.

export interface HostPort {
  host: string;
  port: string;
}

/** Joins host and port to an entry, with the offset of each in it. */
export function join({ host, port }: HostPort): { text: string; hostStart: number; portStart: number } {
  if (port === "") return { text: host, hostStart: 0, portStart: host.length };
  // An IPv6 address with a port needs brackets.
  const bare = /^[^[\]/]*:[^[\]/]*:[^[\]/]*$/.test(host);
  const before = bare ? `[${host}]:` : `${host}:`;
  return { text: before + port, hostStart: bare ? 1 : 0, portStart: before.length };
}

/** Splits an entry into host and port, if joining them gives the same text again. */
export function split(text: string): HostPort {
  const bracketed = /^\[([^\]]*:[^\]]*:[^\]]*)\]:([^:/\s]+)$/.exec(text);
  const plain = /^([^:/]+):([^:/\s]+)$/.exec(text);
  const [, host, port] = bracketed ?? plain ?? [];
  if (host === undefined || port === undefined) return { host: text, port: "" };
  return join({ host, port }).text === text ? { host, port } : { host: text, port: "" };
}
