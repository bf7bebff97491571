/** YAML as a person would write it: blocks, and quotes only where they are needed. */

/** What can be written. */
export type Yaml = string | number | boolean | readonly Yaml[] | { readonly [key: string]: Yaml };

// What YAML 1.1, which Python reads, takes for something else than a text.
const words = /^(?:y|n|yes|no|on|off|true|false|null)$/i;
const plain = /^(?:\.\/|[A-Za-z/])[\w./-]*(?::[\w./-]+)*$/;
// Characters that JSON has as they are, and YAML has not.
const unprintable = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

/** A text on one line. */
export const scalar = (text: string): string =>
  plain.test(text) && !words.test(text) ? text : inQuotes(text);

const inQuotes = (text: string): string =>
  JSON.stringify(text).replace(
    unprintable,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** A value as lines; a mapping's or a list's begin at the margin. Lists of a few words stand on one line. */
export function block(value: Yaml): readonly string[] {
  if (typeof value === 'string') return [scalar(value)];
  if (typeof value !== 'object') return [String(value)];
  if (isList(value)) {
    return value.flatMap((item) => block(item).map((line, at) => `${at === 0 ? '- ' : '  '}${line}`));
  }
  return Object.entries(value).flatMap(([key, item]) => {
    const short = typeof item === 'object' ? inline(item) : block(item)[0];
    return short === undefined
      ? [`${scalar(key)}:`, ...block(item).map((line) => `  ${line}`)]
      : [`${scalar(key)}: ${short}`];
  });
}

/** A list of short texts on one line, all of them quoted if one is; undefined for what is none. */
function inline(value: Yaml): string | undefined {
  if (!isList(value)) return undefined;
  const texts = value.filter((item) => typeof item === 'string' && !item.includes('/')).map(String);
  // A colon within brackets is a matter of YAML's version.
  const quote = texts.some((text) => scalar(text) !== text || text.includes(':'));
  const line = `[${texts.map((text) => (quote ? inQuotes(text) : text)).join(', ')}]`;
  return texts.length < value.length || line.length > 80 ? undefined : line;
}

const isList = (value: Yaml): value is readonly Yaml[] => Array.isArray(value);
