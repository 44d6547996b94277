// Choice of the lists that are edited: those for every request, or those of a project.

import { useId, useState } from "react";
import { Button } from "react-aria-components/Button";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { TextField } from "react-aria-components/TextField";
import { announce } from "../../announce";
import { projectNamed, withoutProject, withProject, withProjectName } from "../../form/edits";
import { usePolicy } from "../../form/usePolicyForm";
import { newId, type ProjectValues } from "../../form/values";
import { messages } from "../../messages";
import { Icon } from "../ui/Icon";

export function ScopeSelect() {
  const id = useId();
  const { values, scope, actions, getValues } = usePolicy();
  const t = messages.projects;
  const project = values.projects.find(({ id }) => id === scope);

  const add = () => {
    const added = newId();
    actions.edit((values) => withProject(values, added), { label: t.added });
    actions.setScope(added);
    announce(t.added);
    requestAnimationFrame(() => document.querySelector<HTMLInputElement>(".project-name input")?.select());
  };
  const remove = ({ id, name }: ProjectValues) => {
    actions.edit((values) => withoutProject(values, id), { label: t.removed(name), isDestructive: true });
    announce(t.removed(name));
    document.querySelector<HTMLElement>(".scope select, .scope button")?.focus();
  };

  return (
    <div className="scope">
      {values.projects.length > 0 && (
        <div className="text-field">
          <label htmlFor={id}>{t.lists}</label>
          <select
            id={id}
            value={scope ?? ""}
            onChange={({ target }) => actions.setScope(target.value === "" ? undefined : Number(target.value))}
          >
            <option value="">{t.everyRequest}</option>
            {values.projects.map(({ id, name }) => (
              <option key={id} value={id}>
                {t.project(name)}
              </option>
            ))}
          </select>
        </div>
      )}
      {project && (
        <ProjectName
          key={project.id}
          project={project}
          isFree={(name) => projectNamed(getValues(), name) === undefined}
          onName={(name) =>
            actions.edit((values) => withProjectName(values, project.id, name), {
              label: t.renamed(name),
              merge: `${project.id} name`,
            })
          }
        />
      )}
      <div className="scope-buttons">
        {project && (
          <Button className="button" aria-label={t.remove(project.name)} onPress={() => remove(project)}>
            <Icon name="minus" />
            {t.removeButton}
          </Button>
        )}
        <Button className="button" onPress={add}>
          <Icon name="plus" />
          {t.add}
        </Button>
      </div>
    </div>
  );
}

interface ProjectNameProps {
  project: ProjectValues;
  isFree: (name: string) => boolean;
  onName: (name: string) => void;
}

/** Name of a project. One that another project has is shown as wrong, and not taken: a document has each name once. */
function ProjectName({ project, isFree, onName }: ProjectNameProps) {
  const [refused, setRefused] = useState<string>();
  const change = (name: string) => {
    const isTaken = name === "" || (name !== project.name && !isFree(name));
    setRefused(isTaken ? name : undefined);
    if (!isTaken) onName(name);
  };
  const t = messages.projects;
  return (
    <TextField
      className="text-field project-name"
      data-history
      value={refused ?? project.name}
      onChange={change}
      onBlur={() => setRefused(undefined)}
      isInvalid={refused !== undefined}
      validationBehavior="aria"
    >
      <Label>{t.name}</Label>
      <Input autoComplete="off" autoCapitalize="off" spellCheck={false} />
      {refused !== undefined && <p className="key-refused">{refused === "" ? t.noName : t.taken}</p>}
    </TextField>
  );
}
