/** Reads an ldms_cfg.yaml and what lies beside it. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf, errnoWords } from '../problem.ts';
import { fileNames } from './files.ts';

/** A file that could be read, and those beside it. */
export interface Source {
  readonly text: string;
  /** By name, the configuration files that are there already. */
  readonly given: ReadonlyMap<string, string>;
}

/**
 * Reads the file of a cluster.
 *
 * @returns what is wrong, in one line each, where it or one beside it cannot be read
 */
export function readSource(path: string): Source | { readonly wrong: readonly string[] } {
  const wrong: string[] = [];
  const read = (file: string): string | undefined => {
    const text = readText(file);
    if (typeof text === 'string') return text;
    if (text.wrong) wrong.push(text.wrong);
    return undefined;
  };
  const text = read(path);
  if (text === undefined && wrong.length === 0) {
    wrong.push(`cannot read ${path}: it does not exist; name the cluster's ldms_cfg.yaml`);
  }
  const given = fileNames.flatMap((name) => {
    const content = read(join(dirname(path), name));
    return content === undefined ? [] : [[name, content] as const];
  });
  return text === undefined || wrong.length > 0 ? { wrong } : { text, given: new Map(given) };
}

/** The text of a file; `wrong` is empty where there is none. */
function readText(path: string): string | { readonly wrong: string } {
  try {
    const bytes = readFileSync(path);
    if (/^(fffe|feff)/.test(bytes.toString('hex', 0, 2))) {
      return { wrong: `cannot use ${path}: it is UTF-16; save it as UTF-8` };
    }
    if (bytes.includes(0)) return { wrong: `cannot use ${path}: it is no text, but binary data` };
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { wrong: '' };
    if (error instanceof TypeError) return { wrong: `cannot use ${path}: it is not UTF-8; save it as UTF-8` };
    return { wrong: `cannot read ${path}: ${errnoWords(error)}` };
  }
}
