// The policy as the settings of one target, which the daemon writes: the files, how exactly they say what the policy says,
// and what the target cannot say.

import type { PolicyDocument } from "pullgate";
import { type ReactNode, useMemo, useState } from "react";
import { Button } from "react-aria-components/Button";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { Switch } from "react-aria-components/Switch";
import { TextField } from "react-aria-components/TextField";
import { ProjectSelect } from "../components/decision/ProjectSelect";
import { FormattedMessage } from "../components/ui/FormattedMessage";
import { Icon } from "../components/ui/Icon";
import type { DaemonState } from "../components/useDaemon";
import { usePolicy } from "../form/usePolicyForm";
import { projectOf } from "../form/document";
import { CommandView } from "./CommandView";
import { EntryGroups, FIDELITY_ICONS } from "./EntryGroups";
import { FileView } from "./FileView";
import { settingsMessages as t } from "./messages";
import { type ExportRequest, type ExportResponse, GATE_TARGETS, type SettingsFile, type Target } from "./settings";
import { type ExportResult, useExport } from "./useExport";
import "./settings.css";

const DEFAULT_GATE = "127.0.0.1:8733";

interface Props {
  target: Target;
  daemon: DaemonState;
  /** The page's own text for the target, where there is no daemon to write it. */
  fallback?: ReactNode;
}

export function TargetView({ target, daemon: { status, daemon }, fallback }: Props) {
  const { analysis, getValues } = usePolicy();
  const [project, setProject] = useState("");
  const [allowsWider, setAllowsWider] = useState(false);
  const [gate, setGate] = useState<string>();
  const [existing, setExisting] = useState<readonly SettingsFile[]>([]);
  const { canonical } = analysis;
  const hasDaemon = status === "found" || status === "stale";
  const request = useMemo(
    () => (hasDaemon && canonical ? requestOf(target, canonical, project, allowsWider, gate, existing) : undefined),
    [hasDaemon, canonical, target, project, allowsWider, gate, existing],
  );
  const { result, isPending, retry } = useExport(request);
  const hint = missingDaemon(status, result)?.(t.tabs[target]);
  if (hint !== undefined) return fallback ?? <DaemonHint target={target} hint={hint} />;
  const isOutdated = () => isPending || getValues() !== analysis.values;
  const hasGate = GATE_TARGETS.has(target) && (daemon?.frontends.includes("gate") ?? false);
  return (
    <>
      <p className="muted">{t.about[target]}</p>
      <div className="export-options">
        <ProjectSelect project={project} onProject={setProject} />
        {hasGate && <GateField gate={gate} onGate={setGate} />}
      </div>
      {canonical === undefined ? (
        <p className="notice" data-severity={analysis.unchecked ? "unchecked" : "error"}>
          {analysis.unchecked ? t.failed : t.draft}
        </p>
      ) : result === undefined ? (
        <p className="muted">{t.writing}</p>
      ) : (
        <div className="export" aria-busy={isPending}>
          <ResultView
            result={result}
            allowsWider={allowsWider}
            onAllowWider={setAllowsWider}
            onRetry={retry}
            existing={existing}
            onExisting={setExisting}
            isOutdated={isOutdated}
          />
        </div>
      )}
    </>
  );
}

function requestOf(
  target: Target,
  policy: PolicyDocument,
  chosen: string,
  allowWider: boolean,
  gate: string | undefined,
  existing: readonly SettingsFile[],
): ExportRequest {
  const project = projectOf(policy, chosen);
  return {
    target,
    policy,
    ...(project !== undefined && { project }),
    ...(allowWider && { allowWider }),
    ...(gate !== undefined && GATE_TARGETS.has(target) && { gate: gate.trim() }),
    ...(existing.length > 0 && { files: [...existing] }),
  };
}

/** Returns the sentence to show where no daemon writes settings. */
function missingDaemon(status: DaemonState["status"], result: ExportResult | undefined) {
  if (status === "none" || status === "searching") return t.needsDaemon;
  if (status === "locked") return t.needsToken;
  if (status === "lost") return t.needsAnswer;
  return result?.is === "unsupported" ? t.needsNewer : undefined;
}

function DaemonHint({ target, hint }: { target: Target; hint: string }) {
  return (
    <>
      <p className="muted">{t.about[target]}</p>
      <p>{hint}</p>
      <CommandView text={t.command(target)} label={t.tabs[target]} />
    </>
  );
}

interface ResultProps {
  result: ExportResult;
  allowsWider: boolean;
  onAllowWider: (allows: boolean) => void;
  onRetry: () => void;
  existing: readonly SettingsFile[];
  onExisting: (files: readonly SettingsFile[]) => void;
  isOutdated: () => boolean;
}

function ResultView({ result, allowsWider, onAllowWider, onRetry, existing, onExisting, isOutdated }: ResultProps) {
  if (result.is === "written") {
    return (
      <>
        {allowsWider && (
          <div className="notice" data-severity="warning">
            <p className="notice-text">{t.allowsWider}</p>
            <Button className="button small" onPress={() => onAllowWider(false)}>
              {t.forbidWider}
            </Button>
          </div>
        )}
        <SettingsView settings={result.settings} existing={existing} onExisting={onExisting} isOutdated={isOutdated} />
      </>
    );
  }
  const isFailed = result.is === "failed" || result.is === "unsupported";
  return (
    <div className="notice" data-severity={result.is === "wider" ? "warning" : "error"} role="alert">
      <div className="notice-text">
        <p>{isFailed ? t.failed : t[result.is]}</p>
        {!isFailed && (
          <p>
            <FormattedMessage text={result.reason} isAboutFile />
          </p>
        )}
      </div>
      <div className="notice-buttons">
        {isFailed && (
          <Button className="button small" onPress={onRetry}>
            {t.tryAgain}
          </Button>
        )}
        {result.is === "wider" && (
          <Button className="button small" onPress={() => onAllowWider(true)}>
            {t.allowWider}
          </Button>
        )}
        {result.is === "refused" && existing.length > 0 && (
          <Button className="button small" onPress={() => onExisting([])}>
            {t.unmerge}
          </Button>
        )}
      </div>
    </div>
  );
}

interface SettingsProps extends Pick<ResultProps, "existing" | "onExisting" | "isOutdated"> {
  settings: ExportResponse;
}

function SettingsView({ settings, existing, onExisting, isOutdated }: SettingsProps) {
  const { fidelity, files, entries, notes, commandLine } = settings;
  return (
    <>
      <p className="fidelity" data-fidelity={fidelity}>
        <Icon name={FIDELITY_ICONS[fidelity]} />
        {t.fidelity[fidelity]}
      </p>
      <EntryGroups entries={entries} />
      {notes.length > 0 && (
        <ul className="format-notes" aria-label={t.notes}>
          {notes.map((note) => (
            <li key={note}>
              <Icon name="info" />
              <span>
                <FormattedMessage text={note} isAboutFile />
              </span>
            </li>
          ))}
        </ul>
      )}
      {files.length === 0 && <p className="muted">{t.noFiles}</p>}
      {files.map((file) => (
        <FileView
          key={file.path}
          file={file}
          onExisting={(text) => {
            const others = existing.filter(({ path }) => path !== file.path);
            onExisting(text === undefined ? others : [...others, { path: file.path, text }]);
          }}
          isOutdated={isOutdated}
        />
      ))}
      {commandLine !== undefined && (
        <>
          <h3>{t.commandLine}</h3>
          <CommandView text={commandLine} label={t.commandLine} />
        </>
      )}
    </>
  );
}

/** Choice of the gate, and of its address. */
function GateField({ gate, onGate }: { gate: string | undefined; onGate: (gate: string | undefined) => void }) {
  return (
    <>
      <Switch
        className="switch small"
        isSelected={gate !== undefined}
        onChange={(on) => onGate(on ? DEFAULT_GATE : undefined)}
      >
        <span className="switch-track" aria-hidden="true" />
        {t.gate}
      </Switch>
      {gate !== undefined && (
        <TextField className="text-field" value={gate} onChange={onGate}>
          <Label>{t.gateAddress}</Label>
          <Input dir="ltr" autoComplete="off" autoCapitalize="off" spellCheck={false} />
        </TextField>
      )}
    </>
  );
}
