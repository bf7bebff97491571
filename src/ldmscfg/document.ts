/**
 * A text as one YAML document, held to what PyYAML's safe_load takes, since maestro_ctrl reads with
 * that: it is stricter than YAML 1.2 about tabs, anchors and tags, and laxer about duplicate keys.
 */
import type * as Yaml from 'yaml';
import type { Position } from './model.ts';
import { type Entry, type Mapping, readPlain, readQuoted, type Scalar, type Value } from './value.ts';
import { nearest, quote } from './words.ts';

/** Something wrong at an offset into the text. */
export interface Wrong {
  readonly at: number;
  readonly text: string;
}

/** A parsed text. */
export interface YamlText {
  /** The document's value; undefined when there is none. */
  readonly root: Value | undefined;
  /** Why it is not YAML: what was read beside these is guesswork. */
  readonly syntax: readonly Wrong[];
  /** What is wrong with anchors, aliases, tags and keys in otherwise good YAML. */
  readonly content: readonly Wrong[];
  /** The line and column of an offset. */
  readonly place: (offset: number) => Position;
}

/** Thrown when a text would take too much time or memory, which only aliases and huge ranges do. */
export class TooMuch extends Error {}

// PyYAML's own limit is Python's recursion limit of 1000 calls, a few for each level.
const deepest = 100;

/**
 * Parses a text without a byte order mark.
 *
 * @param spend is called with each piece of work that aliases may multiply, and may throw
 */
export async function readYaml(text: string, spend: (work: number) => void): Promise<YamlText> {
  const yaml = await import('yaml');
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, {
    lineCounter: lines,
    logLevel: 'error',
    prettyErrors: false,
    // Every scalar stays a text and is read by the rules of PyYAML.
    schema: 'failsafe',
    // The library compares each key with all before it, which takes long in a large mapping.
    uniqueKeys: false,
  });
  const place = (offset: number): Position => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    return line > 0 ? { line, column: col } : { line: 1, column: 1 };
  };
  const deep = document.errors.find(({ code }) => code === 'RESOURCE_EXHAUSTION');
  if (deep) return { root: undefined, syntax: [tooDeep(0)], content: [], place };
  const reading: Reading = {
    yaml,
    place,
    spend,
    wrong: [],
    anchors: new Map(),
    literal: [],
    depth: 0,
  };
  const root = document.contents ? readNode(document.contents, reading) : undefined;
  const syntax = [
    ...unprintable(text),
    ...firstErrors(document.errors, place).map((error) => errorInOurWords(error, reading.literal)),
  ];
  if (syntax.length === 0) syntax.push(...strayTabs(text, reading.literal));
  return { root, syntax, content: reading.wrong, place };
}

interface Reading {
  readonly yaml: typeof Yaml;
  readonly place: YamlText['place'];
  readonly spend: (work: number) => void;
  readonly wrong: Wrong[];
  /** Undefined while the anchor's own value is still being read. */
  readonly anchors: Map<string, { readonly at: number; value: Value | undefined }>;
  /** Where quoted and block scalars begin and end: there, tabs are just text. */
  readonly literal: [begin: number, end: number][];
  depth: number;
}

const nothing = (at: number): Scalar => readPlain('', at);

function readNode(node: Yaml.ParsedNode | Yaml.Node, reading: Reading): Value {
  const at = node.range?.[0] ?? 0;
  if (reading.yaml.isAlias(node)) return readAlias(node.source, at, reading);
  const anchor = node.anchor === undefined ? undefined : openAnchor(node.anchor, at, reading);
  reading.depth++;
  const value = reading.depth > deepest ? nothing(at) : readOpened(node, at, reading);
  if (reading.depth === deepest + 1) reading.wrong.push(tooDeep(at));
  reading.depth--;
  if (anchor) anchor.value = value;
  return value;
}

function readOpened(node: Yaml.Node, at: number, reading: Reading): Value {
  const { isMap, isSeq, isScalar } = reading.yaml;
  const tag = node.tag?.replace(/^tag:yaml\.org,2002:/, '!!');
  if (tag !== undefined && !knownTags.has(tag)) {
    reading.wrong.push({ at, text: `maestro_ctrl does not take the tag ${quote(tag)}; take it away` });
  }
  if (isMap(node)) return readMapping(node, at, reading);
  if (isSeq(node)) {
    const items = node.items.map((item) => (isNodeIn(item, reading) ? readNode(item, reading) : nothing(at)));
    return { kind: 'list', at, items };
  }
  if (!isScalar(node)) return nothing(at);
  const source = typeof node.value === 'string' ? node.value : (node.source ?? '');
  const plain = node.type === undefined || node.type === 'PLAIN';
  if (!plain && node.range) reading.literal.push([at, node.range[1]]);
  // A tag such as !!int has the text read as if it were plain.
  const asPlain = tag === undefined ? plain : tag !== '!!str' && tag !== '!';
  return asPlain ? readPlain(source, at) : readQuoted(source, at);
}

const knownTags = new Set(['!', '!!str', '!!int', '!!float', '!!bool', '!!null', '!!map', '!!seq']);

const isNodeIn = (node: unknown, { yaml }: Reading): node is Yaml.Node => yaml.isNode(node);

function openAnchor(name: string, at: number, { anchors, wrong, place }: Reading) {
  const before = anchors.get(name);
  if (before) {
    wrong.push({
      at,
      text: `the anchor &${name} is already in line ${place(before.at).line}, and maestro_ctrl refuses a second one; give it another name`,
    });
  }
  if (!/^[\w-]+$/.test(name)) {
    wrong.push({
      at,
      text: `the anchor &${name} has more than letters, digits, - and _ in it, which maestro_ctrl refuses; give it another name`,
    });
  }
  const anchor: { at: number; value: Value | undefined } = { at, value: undefined };
  anchors.set(name, anchor);
  return anchor;
}

function readAlias(name: string, at: number, { anchors, wrong }: Reading): Value {
  const anchor = anchors.get(name);
  if (anchor?.value) return { ...anchor.value, at };
  wrong.push({
    at,
    text: anchor
      ? `*${name} stands inside of what it stands for`
      : `*${name} has no anchor before it${guessAnchor(name, [...anchors.keys()])}`,
  });
  return nothing(at);
}

function guessAnchor(name: string, anchors: readonly string[]): string {
  const meant = nearest(name, anchors);
  return meant === undefined
    ? `; write &${name} in front of the value that is meant`
    : `; did you mean *${meant}?`;
}

function readMapping(node: Yaml.YAMLMap, at: number, reading: Reading): Mapping {
  const entries = new Map<string, Entry>();
  const merged: Mapping[] = [];
  for (const pair of node.items) {
    const key = isNodeIn(pair.key, reading) ? readNode(pair.key, reading) : nothing(at);
    const known = reading.anchors.size;
    const value = isNodeIn(pair.value, reading) ? readNode(pair.value, reading) : nothing(key.at);
    if (key.kind !== 'scalar') {
      reading.wrong.push({ at: key.at, text: `a key must be a single word, not a ${key.kind}` });
    } else if (isMerge(pair.key, reading)) {
      merged.push(...mergedMappings(value, reading));
    } else {
      const before = entries.get(key.text);
      if (before) reading.wrong.push({ at: key.at, text: twice(key.source, before.at, reading) });
      entries.set(key.text, { at: key.at, value, anchored: reading.anchors.size > known });
    }
  }
  for (const mapping of merged) {
    reading.spend(mapping.entries.size);
    for (const [key, entry] of mapping.entries) if (!entries.has(key)) entries.set(key, entry);
  }
  return { kind: 'mapping', at, entries };
}

const twice = (key: string, before: number, { place }: Reading): string =>
  `${quote(key)} is already in line ${place(before).line}, and maestro_ctrl takes the last without a word; take one away`;

const isMerge = (key: unknown, { yaml }: Reading): boolean =>
  yaml.isScalar(key) && key.type === 'PLAIN' && key.value === '<<';

/** What `<<` merges: a mapping, or several of which the first counts most. */
function mergedMappings(value: Value, { wrong }: Reading): Mapping[] {
  const values = value.kind === 'list' ? value.items : [value];
  return values.flatMap((each) => {
    if (each.kind === 'mapping') return [each];
    wrong.push({ at: each.at, text: '<< takes a mapping, such as an alias of one' });
    return [];
  });
}

const tooDeep = (at: number): Wrong => ({ at, text: `nested deeper than ${deepest} levels` });

/** Characters that PyYAML refuses (yaml/reader.py: NON_PRINTABLE). */
function unprintable(text: string): Wrong[] {
  const match = /[^\t\n\r -~\u0085\u00a0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.exec(text);
  if (!match) return [];
  const code = (match[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return [{ at: match.index, text: `the character U+${code} cannot be in a YAML file; take it away` }];
}

/** Tabs between words: YAML takes them, and PyYAML does not. */
function strayTabs(text: string, literal: readonly (readonly [number, number])[]): Wrong[] {
  const wrong: Wrong[] = [];
  let passed = 0;
  for (let at = text.indexOf('\t'); at >= 0; at = text.indexOf('\t', at + 1)) {
    while ((literal[passed]?.[1] ?? text.length) <= at) passed++;
    const [begin, end] = literal[passed] ?? [text.length, text.length];
    if (at >= begin && at < end) continue;
    const line = text.lastIndexOf('\n', at) + 1;
    const before = text.slice(Math.max(line, literal[passed - 1]?.[1] ?? 0), at);
    if (/(?:^|\s)#/.test(before)) continue;
    wrong.push({ at, text: 'a tab, which maestro_ctrl does not take between words; write blanks' });
  }
  return wrong;
}

/** After these the library has lost its place, and what it tells of the rest is not so. */
const losesPlace = /^(?:Missing closing|Flow |Unexpected .* in YAML stream)/;

/** The library's errors, less those that only follow from others: the rest of a line, or of the text. */
function firstErrors(
  errors: readonly Yaml.YAMLParseError[],
  place: YamlText['place'],
): Yaml.YAMLParseError[] {
  const sorted = errors.toSorted((a, b) => a.pos[0] - b.pos[0]);
  const lost = sorted.findIndex(({ message }) => losesPlace.test(message));
  const lines = new Set<number>();
  return sorted.slice(0, lost < 0 ? undefined : lost + 1).filter(({ pos }) => {
    const { line } = place(pos[0]);
    return lines.size < lines.add(line).size;
  });
}

const errorWords: readonly (readonly [pattern: RegExp, words: string])[] = [
  [/^Tabs are not allowed/, 'a tab at the beginning of a line; write blanks'],
  [/^Missing closing "quote/, 'a " is opened and never closed'],
  [/^Missing closing 'quote/, "a ' is opened and never closed"],
  [
    /^Flow (?:sequence|map) .*end with a (?<end>[\]}])/,
    'a bracket is still open here; write $<end> before, or indent this line',
  ],
  [
    /^Nested mappings are not allowed/,
    'a second "key:" inside of a value; quote the value, or begin a new line with the right indentation',
  ],
  [
    /^Implicit keys need to be on a single line/,
    'neither a part of the value above nor a "key: value" of its own',
  ],
  [/^Implicit map keys need to be followed/, 'a word without a colon where a "key: value" is expected'],
  [/^All mapping items must start at the same column/, 'not indented like the keys above it'],
  [/^All sequence items must start at the same column/, 'not indented like the "-" above it'],
  [/^A block sequence may not be used/, 'a "-" where a "key: value" is expected'],
  [/^Sequence item without - indicator/, 'indented like neither the keys nor the "-" above it'],
  [/^Plain value cannot start with (?:.* )?(?<letter>\S)$/, 'a value cannot begin with $<letter>; quote it'],
  [
    /^Unexpected block-seq-ind on same line with key/,
    'a "-" in the line of its key; begin a new line with it',
  ],
  [/^Unexpected scalar at node end/, 'a word too many: the value has ended before it'],
  [/^Unexpected .*token.*: ?(?<token>".*")$/, '$<token> is out of place here'],
  [/^Invalid escape sequence/, 'a \\ in double quotes that begins no escape; write \\\\ or single quotes'],
  [/^Source contains multiple documents/, 'a second document; maestro_ctrl reads one only: take away "---"'],
];

function errorInOurWords({ message, pos }: Yaml.YAMLParseError, literal: Reading['literal']): Wrong {
  const [first = ''] = message.split('\n');
  // The library finds an open quote at the end of the text; it is mended where it begins.
  const opened = first.startsWith('Missing closing')
    ? literal.findLast(([begin]) => begin < pos[0])
    : undefined;
  const at = opened?.[0] ?? pos[0];
  for (const [pattern, words] of errorWords) {
    const match = pattern.exec(first);
    if (match)
      return { at, text: words.replace(/\$<(\w+)>/, (_, name: string) => match.groups?.[name] ?? '') };
  }
  return { at, text: first };
}
