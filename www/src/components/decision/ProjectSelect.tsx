// On whose behalf an image is pulled, where the policy has projects.

import { useId } from "react";
import { keptOf } from "../../form/document";
import { usePolicy } from "../../form/usePolicyForm";
import { texts } from "../../messages";

export function ProjectChoice({ project, onProject }: { project: string; onProject: (project: string) => void }) {
  const id = useId();
  const { values } = usePolicy();
  const projects = Object.keys(keptOf(values).projects ?? {});
  if (projects.length === 0) return null;
  return (
    <div className="text-field">
      <label htmlFor={id}>{texts.tryOut.project}</label>
      <select id={id} value={projects.includes(project) ? project : ""} onChange={(event) => onProject(event.target.value)}>
        <option value="">{texts.tryOut.noProject}</option>
        {projects.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}
