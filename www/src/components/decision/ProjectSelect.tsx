// Choice of the requesting project, if the policy has projects.

import { useId } from "react";
import { usePolicy } from "../../form/usePolicyForm";
import { messages } from "../../messages";

export function ProjectSelect({ project, onProject }: { project: string; onProject: (project: string) => void }) {
  const id = useId();
  const { values } = usePolicy();
  const projects = values.projects.map(({ name }) => name);
  if (projects.length === 0) return null;
  return (
    <div className="text-field">
      <label htmlFor={id}>{messages.tryOut.project}</label>
      <select id={id} value={projects.includes(project) ? project : ""} onChange={(event) => onProject(event.target.value)}>
        <option value="">{messages.tryOut.noProject}</option>
        {projects.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}
