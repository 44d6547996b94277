// An entry in two fields, host and port, and back. What is valid is the module's affair: this only cuts and joins text.

export interface HostPort {
  host: string;
  port: string;
}

/** The entry of the two fields, and where each of them stands in it. */
export function join({ host, port }: HostPort): { text: string; hostStart: number; portStart: number } {
  if (port === "") return { text: host, hostStart: 0, portStart: host.length };
  // With a port behind it, an IPv6 address stands in brackets.
  const bare = /^[^[\]/]*:[^[\]/]*:[^[\]/]*$/.test(host);
  const before = bare ? `[${host}]:` : `${host}:`;
  return { text: before + port, hostStart: bare ? 1 : 0, portStart: before.length };
}

/** Cuts an entry in two, if joining gives the same text again. */
export function split(text: string): HostPort {
  const bracketed = /^\[([^\]]*:[^\]]*:[^\]]*)\]:([^:/\s]+)$/.exec(text);
  const plain = /^([^:/]+):([^:/\s]+)$/.exec(text);
  const [, host, port] = bracketed ?? plain ?? [];
  if (host === undefined || port === undefined) return { host: text, port: "" };
  return join({ host, port }).text === text ? { host, port } : { host: text, port: "" };
}
