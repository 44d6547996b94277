// Changes of the form's values, without side effects: each returns new values, and shares with the old what is equal.

import { isVisible, rowsForMode } from "./document";
import { split } from "./hostPort";
import {
  type AuthorityValues,
  blankRow,
  type FormValues,
  isBlank,
  type ProjectValues,
  type RegistryValues,
  type ScopeValues,
} from "./values";

/** The lists for all requests, or those of a project, by its identity. */
export type Scope = number | undefined;

/** A list of rows: the registries, the blocked ones, those of an authority's limit, or the built-in ones. */
export interface ListAddress {
  scope: Scope;
  list: "rows" | "blocked" | "builtIn" | { authority: number };
}

export function scopeOf(values: FormValues, scope: Scope): ScopeValues | ProjectValues {
  return values.projects.find(({ id }) => id === scope) ?? values;
}

export function withScope(values: FormValues, scope: Scope, change: (lists: ScopeValues) => Partial<ScopeValues>): FormValues {
  if (scope === undefined) return { ...values, ...change(values) };
  const projects = values.projects.map((project) =>
    project.id === scope ? { ...project, ...change(project) } : project,
  );
  return { ...values, projects };
}

export function withAuthority(
  values: FormValues,
  scope: Scope,
  id: number,
  change: (authority: AuthorityValues) => AuthorityValues,
): FormValues {
  return withScope(values, scope, ({ authorities }) => ({
    authorities: authorities.map((authority) => (authority.id === id ? change(authority) : authority)),
  }));
}

export function listOf(values: FormValues, { scope, list }: ListAddress): readonly RegistryValues[] {
  if (list === "builtIn") return values.builtIn;
  const { rows, blocked, authorities } = scopeOf(values, scope);
  if (list === "rows") return rows;
  if (list === "blocked") return blocked;
  return authorities.find(({ id }) => id === list.authority)?.registries ?? [];
}

export function withList(
  values: FormValues,
  { scope, list }: ListAddress,
  change: (rows: readonly RegistryValues[]) => readonly RegistryValues[],
): FormValues {
  if (list === "builtIn") return { ...values, builtIn: change(values.builtIn) };
  if (list === "rows") return withScope(values, scope, ({ rows }) => ({ rows: change(rows) }));
  if (list === "blocked") return withScope(values, scope, ({ blocked }) => ({ blocked: change(blocked) }));
  return withAuthority(values, scope, list.authority, (authority) => ({
    ...authority,
    registries: change(authority.registries),
  }));
}

/** Returns whether rows of a list have the port in a field of its own. */
function splitsPorts(values: FormValues, { scope, list }: ListAddress): boolean {
  return list === "rows" && !scopeOf(values, scope).whitelistMode;
}

/** Returns a new row: a secure one, unless the list shows only insecure ones. */
export function newRow(values: FormValues, address: ListAddress): RegistryValues {
  return blankRow(splitsPorts(values, address));
}

/** Returns a row with another text, in the fields of its list. */
export function withText(values: FormValues, address: ListAddress, row: RegistryValues, text: string): RegistryValues {
  if (!splitsPorts(values, address)) return { ...row, entry: text, port: "" };
  const { host, port } = split(text);
  return { ...row, entry: host, port };
}

/** Replaces a row by others, or removes it. */
export function replaceRow(
  values: FormValues,
  address: ListAddress,
  id: number,
  replacement: (row: RegistryValues) => readonly RegistryValues[],
): FormValues {
  return withList(values, address, (rows) => rows.flatMap((row) => (row.id === id ? replacement(row) : [row])));
}

/** Changes one row. */
export function changeRow(
  values: FormValues,
  address: ListAddress,
  id: number,
  change: (row: RegistryValues) => RegistryValues,
): FormValues {
  return withList(values, address, (rows) => {
    const at = rows.findIndex((row) => row.id === id);
    return at === -1 ? rows : rows.with(at, change(rows[at]!));
  });
}

/** Changes the rows of some identities. */
export function changeRows(
  values: FormValues,
  address: ListAddress,
  ids: ReadonlySet<number>,
  change: (row: RegistryValues) => RegistryValues,
): FormValues {
  return withList(values, address, (rows) => rows.map((row) => (ids.has(row.id) ? change(row) : row)));
}

/** Removes rows. Lists that are always shown keep a blank one to type into. */
export function removeRows(values: FormValues, address: ListAddress, ids: ReadonlySet<number>): FormValues {
  const { whitelistMode } = scopeOf(values, address.scope);
  return withList(values, address, (rows) => {
    const rest = rows.filter(({ id }) => !ids.has(id));
    if (address.list === "builtIn" || address.list === "blocked") return rest;
    const isShown = (row: RegistryValues) => address.list !== "rows" || isVisible(row, whitelistMode);
    return rest.some(isShown) ? rest : [...rest, newRow(values, address)];
  });
}

/** Adds rows after the one of an identity, or at the end. A blank last row is filled. */
export function addRows(
  values: FormValues,
  address: ListAddress,
  added: readonly RegistryValues[],
  after?: number,
): FormValues {
  return withList(values, address, (rows) => {
    const at = rows.findIndex(({ id }) => id === after);
    if (at !== -1) return [...rows.slice(0, at + 1), ...added, ...rows.slice(at + 1)];
    const last = rows.at(-1);
    return last !== undefined && isBlank(last) ? [...rows.slice(0, -1), ...added] : [...rows, ...added];
  });
}

/** Enables or disables a row. Enabled is what a row is without saying so. */
export function enabledRow({ enabled: _, ...row }: RegistryValues, on: boolean): RegistryValues {
  return on ? row : { ...row, enabled: false };
}

export function commentedRow({ comment: _, ...row }: RegistryValues, comment: string): RegistryValues {
  return comment === "" ? row : { ...row, comment };
}

/** Turns whitelist mode on or off. */
export function withMode(values: FormValues, scope: Scope, whitelistMode: boolean): FormValues {
  return withScope(values, scope, ({ rows }) => ({ whitelistMode, rows: rowsForMode(rows, whitelistMode) }));
}

export function projectNamed({ projects }: FormValues, name: string): ProjectValues | undefined {
  return projects.find((project) => project.name === name);
}

/** Adds a project of a free name, which decides as the lists for all requests do until it has lists of its own. */
export function withProject(values: FormValues, id: number): FormValues {
  let number = values.projects.length + 1;
  while (projectNamed(values, `project-${number}`)) number += 1;
  const lists: ScopeValues = { whitelistMode: true, rows: [blankRow()], blocked: [], authorities: [] };
  return { ...values, projects: [...values.projects, { id, name: `project-${number}`, ...lists }] };
}

export function withoutProject(values: FormValues, id: number): FormValues {
  return { ...values, projects: values.projects.filter((project) => project.id !== id) };
}

export function withProjectName(values: FormValues, id: number, name: string): FormValues {
  return { ...values, projects: values.projects.map((project) => (project.id === id ? { ...project, name } : project)) };
}
