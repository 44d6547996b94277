// Opening of other programs' settings as a policy, by the daemon.

import { containsPrivateKey } from "../certificates/pem";
import type { DroppedFile } from "../components/ui/DropZone";
import { DaemonError } from "../daemon/daemon";
import { acceptPolicy, type OpenResult } from "../formats/openPolicy";
import { settingsMessages as t } from "./messages";
import { importSettings, type ImportSource, type SettingsFile } from "./settings";

/** Maximum number of files that are imported at once. */
const MAX_FILES = 1000;

/** Files with their texts, and what could not be taken. */
export interface ReadFiles {
  files: SettingsFile[];
  problems: string[];
  notes: string[];
}

/** Reads files for an import. One with a private key stays here. */
export async function readFiles(given: readonly DroppedFile[]): Promise<ReadFiles> {
  if (given.length === 0) return { files: [], problems: [t.emptyFolder], notes: [] };
  if (given.length > MAX_FILES) return { files: [], problems: [t.tooMany(MAX_FILES)], notes: [] };
  const read: ReadFiles = { files: [], problems: [], notes: [] };
  const withKeys: string[] = [];
  const texts = await Promise.allSettled(given.map((file) => file.text()));
  for (const [index, text] of texts.entries()) {
    const { name, webkitRelativePath } = given[index]!;
    const path = webkitRelativePath || name;
    if (text.status === "rejected") read.problems.push(t.unread(path));
    else if (containsPrivateKey(text.value)) withKeys.push(path);
    else read.files.push({ path, text: text.value.replace(/^\uFEFF/, "") });
  }
  if (withKeys.length > 0) (read.files.length > 0 ? read.notes : read.problems).push(t.keysLeftOut(withKeys));
  return read;
}

/** Imports files. Nothing is returned if the daemon does not tell the program by their content. */
export async function importPolicy(
  { files, notes }: ReadFiles,
  source: ImportSource | undefined,
  signal: AbortSignal,
): Promise<OpenResult | undefined> {
  try {
    const imported = await importSettings({ ...(source && { source }), files }, signal);
    const opened = acceptPolicy(JSON.stringify(imported.policy), notes);
    if (!opened.ok) return opened;
    const { source: told, findings, toml } = imported;
    return { ...opened, imported: { source: told, files: files.map(({ path }) => path), findings, toml } };
  } catch (error) {
    if (!(error instanceof DaemonError)) return { ok: false, problems: [t.importFailed] };
    if (error.status === 404 || error.status === 405) return { ok: false, problems: [], hint: t.importNeedsNewer };
    return error.code === "source-unknown" ? undefined : { ok: false, problems: [error.message] };
  }
}
