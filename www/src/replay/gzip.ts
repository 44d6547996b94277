// Decompression of gzip files of several members (RFC 1952, section 2.2), as log rotation and concatenation make them.
// `DecompressionStream` takes one member and refuses what follows it.

const MAGIC = [0x1f, 0x8b, 0x08] as const;

/** The error for compressed data that is damaged or cut off. */
export class DamagedDataError extends Error {}

/** Returns whether a file is compressed with gzip, by its content. */
export async function isGzip(file: Blob): Promise<boolean> {
  const head = new Uint8Array(await file.slice(0, MAGIC.length).arrayBuffer());
  return head.length === MAGIC.length && MAGIC.every((byte, index) => head[index] === byte);
}

/** Yields the decompressed content. A file that is cut off ends with a `DamagedDataError`, after all that can be read of it. */
export async function* decompress(file: Blob): AsyncGenerator<Uint8Array> {
  let start = 0;
  const ends = [...(await memberStarts(file)).filter((place) => place > 0), file.size];
  while (start < file.size) {
    // The bytes with which a member begins may also occur within one: then the member is longer.
    let yielded = 0;
    let end = 0;
    for (const candidate of ends.filter((place) => place > start)) {
      let position = 0;
      try {
        for await (const chunk of decompressMember(file.slice(start, candidate))) {
          const skipped = Math.min(chunk.length, Math.max(0, yielded - position));
          position += chunk.length;
          if (skipped < chunk.length) yield chunk.subarray(skipped);
          yielded = Math.max(yielded, position);
        }
        end = candidate;
        break;
      } catch (error) {
        if (candidate === file.size) throw new DamagedDataError("the data is damaged or cut off", { cause: error });
      }
    }
    start = end;
  }
}

async function* decompressMember(member: Blob): AsyncGenerator<Uint8Array> {
  const reader = member.stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    // After an error there is nothing to cancel.
    reader.cancel().catch(() => {});
  }
}

/** Returns the places where a member may begin. */
async function memberStarts(file: Blob): Promise<number[]> {
  const starts: number[] = [];
  const reader = file.stream().getReader();
  let [position, matched] = [0, 0];
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    for (const byte of read.value) {
      matched = byte === MAGIC[matched] ? matched + 1 : byte === MAGIC[0] ? 1 : 0;
      position += 1;
      if (matched === MAGIC.length) {
        starts.push(position - MAGIC.length);
        matched = 0;
      }
    }
  }
  return starts;
}
