/** Manifests as text. */
import { block, scalar } from '../yaml.ts';

type Scalar = string | number | boolean;

/** What a manifest is made of. */
export type Yaml = Scalar | readonly Scalar[] | readonly YamlMap[] | YamlMap;

/**
 * Entries in the order in which they are written. One that is undefined or an empty list is left out; one of
 * the name `#` is a comment of one line, and stands where the entry would.
 */
export interface YamlMap {
  readonly [key: string]: Yaml | undefined;
}

/** The text of a file: a comment, and its documents. */
export const yamlFile = (comment: string, documents: readonly YamlMap[]): string =>
  `# ${comment}\n${documents.map((document) => `${mapLines(document).join('\n')}\n`).join('---\n')}`;

const mapLines = (map: YamlMap): readonly string[] =>
  Object.entries(map).flatMap(([key, value]) => {
    if (value === undefined) return [];
    return key === '#' ? [`# ${value}`] : entryLines(key, value);
  });

function entryLines(key: string, value: Yaml): readonly string[] {
  if (typeof value !== 'object') return block({ [key]: value });
  if (!isList(value)) {
    const lines = mapLines(value);
    return lines.length === 0 ? [`${scalar(key)}: {}`] : [`${scalar(key)}:`, ...indented(lines)];
  }
  if (value.length === 0) return [];
  if (isScalars(value)) return block({ [key]: value });
  return [`${scalar(key)}:`, ...value.flatMap((item) => indented(itemLines(item)))];
}

/** An entry of a list; a comment that it begins with stands above. */
function itemLines(item: YamlMap): readonly string[] {
  const lines = mapLines(item);
  const above = Object.keys(item)[0] === '#' ? 1 : 0;
  const [first = '{}', ...rest] = lines.slice(above);
  return [...lines.slice(0, above), `- ${first}`, ...indented(rest)];
}

const isList = (value: object): value is readonly Scalar[] | readonly YamlMap[] => Array.isArray(value);
const isScalars = (list: readonly Scalar[] | readonly YamlMap[]): list is readonly Scalar[] =>
  typeof list[0] !== 'object';
const indented = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`);
