/** Files that set variables. */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { didYouMean, type Given, type Layer, nearest, positionOf } from './given.ts';
import { type Assignment, namesIn, readAssignments } from './shell.ts';
import { knownNames, variables } from './variables.ts';

/** The repository's own file, below its directory: every variable's default. */
export const defaultsFile = 'images/config.env';

/**
 * Reads what a file sets.
 *
 * @param name what the user knows the file by
 * @param directory what the relative paths in it are relative to
 * @param before the names that can be used in it from its beginning
 */
export function readConfigFile(
  path: string,
  name: string,
  directory: string,
  before: readonly string[] = [],
): Layer {
  const why = { ENOENT: 'there is no such file', EISDIR: 'it is a directory' };
  try {
    const bytes = readFileSync(path);
    if (isUtf8(bytes)) return readConfigText(bytes.toString(), name, directory, before);
    return { given: new Map(), wrong: [`cannot read ${name}: it is not UTF-8 text`] };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return { given: new Map(), wrong: [`cannot read ${name}: ${why[code as keyof typeof why] ?? message}`] };
  }
}

/** As readConfigFile, of the file's text. */
export function readConfigText(
  text: string,
  file: string,
  directory: string,
  before: readonly string[] = [],
): Layer {
  const { assignments, mistakes } = readAssignments(text);
  const wrong = [...mistakes];
  const firsts = new Map<string, Assignment>();
  const usable = new Set(before);
  for (const assignment of assignments) {
    const { name, at, value } = assignment;
    const first = firsts.get(name);
    if (first) wrong.push({ at, what: `${name} is set in line ${first.at.line} already` });
    const what = wrongName(name) ?? wrongKind(assignment);
    if (what) wrong.push({ at, what });
    for (const used of value ? namesIn(value) : []) {
      if (!usable.has(used.name)) wrong.push({ at: used.at, what: notUsable(used.name) });
    }
    if (!first) firsts.set(name, assignment);
    usable.add(name);
  }
  const isWrong = ({ at }: Assignment) => wrong.some((each) => each.at.line === at.line);
  const given = [...firsts.values()].map((assignment): [string, Given] => {
    const { name, at, value } = assignment;
    const origin = { kind: 'file', file, at } as const;
    return [name, { name, value: isWrong(assignment) ? undefined : value, origin, directory }];
  });
  const inOrder = wrong.toSorted((a, b) => a.at.line - b.at.line || a.at.column - b.at.column);
  return {
    given: new Map(given),
    wrong: inOrder.map(({ at, what }) => `${positionOf(file, at)}: ${what}`),
  };
}

const wrongName = (name: string): string | undefined =>
  knownNames.includes(name)
    ? undefined
    : `there is no variable ${name}${didYouMean(nearest(name, knownNames))}`;

function notUsable(name: string): string {
  return wrongName(name) ?? `${name} is set further below, if at all: move that up`;
}

/** A list where there has to be one value, or the other way round. */
function wrongKind({ name, value }: Assignment): string | undefined {
  const kind = variables.find((each) => each.name === name)?.kind;
  if (!value || !kind || kind === value.kind) return undefined;
  if (value.kind === 'list') return `${name} is one value: leave the brackets out`;
  return value.word.length === 0 ? undefined : `${name} is a list: ${name}=( … )`;
}
