/**
 * dsosd's directory file: for each host the containers that it serves, and where they lie. dsosd
 * reads it when its first client comes, and goes on without it whatever is wrong with it (ovis-hpc/sos
 * rpc/sosapi_server.c: read_directory): so it is checked before.
 */
import { type Json, type JsonEntry, placesIn, readJson } from './json.ts';

/** What a directory file says. */
export interface Directory {
  /** The names of the hosts that it has containers for. */
  readonly hosts: readonly string[];
  /** What is wrong with it, in the order of the text. */
  readonly mistakes: readonly { readonly line: number; readonly column: number; readonly text: string }[];
}

/** What the file looks like, for somebody who has to write one. */
export const shape = '{"HOST": {"CONTAINER": "/PATH"}}';

/** Reads the text of a directory file. Where it is no JSON, only that is told. */
export function readDirectory(text: string): Directory {
  const place = placesIn(text);
  const read = readJson(text);
  const mistakes =
    'wrong' in read
      ? [{ at: read.at, text: read.wrong }]
      : mistakesIn(read, (entries) => namesTwice(entries, (at) => place(at).line));
  return {
    hosts: 'entries' in read ? read.entries.map(({ name }) => name) : [],
    mistakes: mistakes.map(({ at, text }) => ({ ...place(at), text })),
  };
}

interface Mistake {
  readonly at: number;
  readonly text: string;
}

function mistakesIn(root: Json, twice: (entries: readonly JsonEntry[]) => Mistake[]): Mistake[] {
  if (root.kind !== 'object') {
    return [{ at: root.at, text: `the file is ${words(root)}, and must be an object: ${shape}` }];
  }
  const mistakes = root.entries.flatMap(({ name, value }) => {
    if (value.kind === 'object')
      return [...twice(value.entries), ...value.entries.flatMap(containerMistakes)];
    const wanted = 'an object of its containers: {"CONTAINER": "/PATH"}';
    return [{ at: value.at, text: `${JSON.stringify(name)} is ${words(value)}, and must be ${wanted}` }];
  });
  return [...twice(root.entries), ...mistakes].sort((a, b) => a.at - b.at);
}

function containerMistakes({ name, value }: JsonEntry): Mistake[] {
  const isRight = value.kind === 'text' && value.text.startsWith('/');
  if (isRight) return [];
  return [
    {
      at: value.at,
      text: `${JSON.stringify(name)} is ${words(value)}, and must be a path that begins with /`,
    },
  ];
}

function namesTwice(entries: readonly JsonEntry[], lineOf: (at: number) => number): Mistake[] {
  const first = new Map<string, number>();
  return entries.flatMap(({ name, at }) => {
    const before = first.get(name);
    if (before === undefined) {
      first.set(name, at);
      return [];
    }
    const text = `${JSON.stringify(name)} is already in line ${lineOf(before)}, and dsosd takes the last without a word; take one away`;
    return [{ at, text }];
  });
}

function words(value: Json): string {
  if (value.kind === 'object') return 'an object';
  return value.kind === 'text' ? `the text ${JSON.stringify(value.text)}` : value.kind;
}
