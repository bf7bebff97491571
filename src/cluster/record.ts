/** What render leaves beside its files: how they were made, and how they were when they were made. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, errnoWords } from '../problem.ts';
import { siteOptions, wayNamed } from './options.ts';
import type { Way } from './render/index.ts';

/** Its name, in the output directory. */
export const recordName = 'ldms-cluster.json';

/** How a directory was rendered. */
export interface Record {
  readonly as: Way;
  /** The ldms_cfg.yaml, from the directory. */
  readonly file: string;
  /** The site's options, by name; of one that takes nothing, the empty text. */
  readonly options: Readonly<globalThis.Record<string, string>>;
  /** By path, the digest of each file as it was written. */
  readonly files: Readonly<globalThis.Record<string, string>>;
}

/** The digest of a text, as the record has it. */
export const digestOf = (text: string | Buffer): string =>
  `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** The text of a record. */
export const recordText = (record: Record): string => `${JSON.stringify(record, undefined, 2)}\n`;

/**
 * Reads the record of a directory.
 *
 * @returns undefined if there is none; what is wrong with one that cannot be used
 */
export function readRecord(directory: string): Record | { readonly wrong: string } | undefined {
  const path = join(directory, recordName);
  try {
    const read: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isRecord(read) ? read : { wrong: `cannot use ${path}: it is not what ldms-cluster has written` };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    if (error instanceof SyntaxError) return { wrong: `cannot use ${path}: it is no JSON` };
    return { wrong: `cannot read ${path}: ${errnoWords(error)}` };
  }
}

function isRecord(value: unknown): value is Record {
  if (typeof value !== 'object' || value === null) return false;
  const { as, file, options: given, files } = value as { [key: string]: unknown };
  const isTexts = (texts: unknown): texts is { [key: string]: string } =>
    typeof texts === 'object' &&
    texts !== null &&
    Object.values(texts).every((text) => typeof text === 'string');
  if (typeof file !== 'string' || !isTexts(given) || !isTexts(files)) return false;
  const isGood = ([name, text]: [string, string]) => {
    const option = siteOptions.find((each) => each.name === name);
    if (!option) return false;
    return option.takes ? text !== '' && !option.wrong?.(text) : text === '';
  };
  const isInside = (path: string) => !path.startsWith('/') && !path.split('/').includes('..');
  return (
    typeof as === 'string' &&
    wayNamed(as) !== undefined &&
    Object.entries(given).every(isGood) &&
    Object.keys(files).every(isInside)
  );
}
