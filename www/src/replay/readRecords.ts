// Reads audit records: files, rotated and compressed with gzip. Counts each distinct request with each of its outcomes.

import { DamagedDataError, decompress, isGzip } from "./gzip";
import { type DecisionRecord, parseRecord } from "./record";

/** A distinct request with one of its recorded outcomes. */
export interface RecordedCase {
  /** Equal for cases of one request. */
  requestKey: string;
  /** The first record. */
  record: DecisionRecord;
  count: number;
  notEnforced: number;
  first: number;
  last: number;
  /** The first users. */
  askers: Set<string>;
  hasMoreAskers: boolean;
}

/** Lines that are no records, with the place of the first. */
export interface SkippedLines {
  count: number;
  file: string;
  line: number;
}

export interface RecordedRequests {
  cases: RecordedCase[];
  /** The number of records that a policy decided. */
  records: number;
  /** The number of records that settings decided, by their code. */
  overrides: Map<string, number>;
  noRecords: SkippedLines | undefined;
  /** The names of files that end in the middle of compressed data or of a line. */
  cutOff: string[];
}

const MAX_ASKERS = 8;

/** Maximum length of a line, far above that of any record. */
const MAX_LINE_LENGTH = 1 << 20;

/** Returns whether a file is an audit record, or compressed: no policy is. */
export async function isRecordFile(file: Blob): Promise<boolean> {
  if (await isGzip(file)) return true;
  const head = await file.slice(0, 1 << 14).text();
  return head.split("\n").some((line) => parseRecord(line) !== undefined);
}

/** Reads files. `onLines` is called with the number of lines so far; it throws to stop. */
export async function readRecords(files: readonly File[], onLines: (lines: number) => void): Promise<RecordedRequests> {
  const cases = new Map<string, RecordedCase>();
  const requests: RecordedRequests = { cases: [], records: 0, overrides: new Map(), noRecords: undefined, cutOff: [] };
  let lines = 0;
  for (const file of files) {
    let [rest, number, isSkipping] = ["", 0, false];
    const skip = () => {
      requests.noRecords ??= { count: 0, file: file.name, line: number };
      requests.noRecords.count += 1;
    };
    const decoder = new TextDecoder();
    const take = (text: string) => {
      const [first = "", ...others] = text.split("\n");
      rest += first;
      for (const next of others) {
        number += 1;
        if (isSkipping || rest.length > MAX_LINE_LENGTH) skip();
        else if (rest.trim() !== "" && !countLine(rest, requests, cases)) skip();
        [rest, isSkipping] = [next, false];
      }
      if (rest.length > MAX_LINE_LENGTH) [rest, isSkipping] = ["", true];
      lines += others.length;
    };
    try {
      for await (const chunk of chunksOf(file)) {
        take(decoder.decode(chunk, { stream: true }));
        onLines(lines);
      }
    } catch (error) {
      if (!(error instanceof DamagedDataError)) throw error;
      requests.cutOff.push(file.name);
      continue;
    }
    take(decoder.decode());
    number += 1;
    // The last line may have no line end.
    if (isSkipping) skip();
    else if (rest.trim() !== "" && !countLine(rest, requests, cases)) requests.cutOff.push(file.name);
  }
  requests.cases = [...cases.values()];
  return requests;
}

async function* chunksOf(file: File): AsyncGenerator<Uint8Array> {
  if (await isGzip(file)) {
    yield* decompress(file);
    return;
  }
  const reader = file.stream().getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
}

/** Counts a line. Returns whether it is a record. */
function countLine(line: string, requests: RecordedRequests, cases: Map<string, RecordedCase>): boolean {
  const record = parseRecord(line);
  if (record === undefined) return false;
  if (record.byPolicy === undefined) return true;
  if (!record.byPolicy) {
    requests.overrides.set(record.reason, (requests.overrides.get(record.reason) ?? 0) + 1);
    return true;
  }
  const { reference, kind, project, dnsAnswers, isAllowed, reason, entry, attempts, authorities } = record;
  const requestKey = JSON.stringify([reference, kind, project, dnsAnswers]);
  const key = requestKey + JSON.stringify([isAllowed, reason, entry, attempts, authorities, record.authorityCount]);
  let known = cases.get(key);
  if (known === undefined) {
    const [first, last] = [record.time, record.time];
    known = { requestKey, record, count: 0, notEnforced: 0, first, last, askers: new Set(), hasMoreAskers: false };
    cases.set(key, known);
  }
  known.count += 1;
  if (!record.isEnforced) known.notEnforced += 1;
  known.first = Math.min(known.first, record.time);
  known.last = Math.max(known.last, record.time);
  if (known.askers.size < MAX_ASKERS || known.askers.has(record.asker)) known.askers.add(record.asker);
  else known.hasMoreAskers = true;
  requests.records += 1;
  return true;
}
