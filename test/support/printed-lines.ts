/**
 * Which lines the program can print, as far as its sources tell: from the string literals of src/, in
 * which each `${…}` is a gap. For the pages in docs/ that quote such lines, with `…` for what varies.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAst } from 'vitest/node';

/** A literal: its fixed parts, with a gap between each two. */
export type Template = readonly string[];

/** A literal with its file, and the kind of problem whose `what` it is, if it is one. */
export interface Literal {
  readonly file: string;
  readonly template: Template;
  readonly kind?: string;
}

const src = join(import.meta.dirname, '../../src');

/** The literals of the entrypoint's sources; ldms-cluster is another program. */
export function literalsOfProgram(): Literal[] {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && !path.startsWith('cluster/'),
  );
  return files.sort().flatMap((file) => literalsIn(readFileSync(join(src, file), 'utf8'), file));
}

/** The literals of one source text. */
export function literalsIn(text: string, file: string): Literal[] {
  const found: Literal[] = [];
  const walk = (node: unknown, kind?: string): void => {
    if (Array.isArray(node)) for (const one of node) walk(one, kind);
    if (!isNode(node) || node.type === 'ImportDeclaration' || isOnlyType(node)) return;
    const template = templateOf(node);
    if (template) found.push({ file, template, ...(kind !== undefined && { kind }) });
    const own = kindOf(node);
    for (const [key, value] of Object.entries(node)) {
      if (node.type === 'ObjectExpression' && key === 'properties') {
        for (const one of value as Property[]) walk(one, isWhat(one) ? own : undefined);
      } else walk(value, isSame(node, key) ? kind : undefined);
    }
  };
  walk(parseAst(text, { lang: 'ts' }));
  return found;
}

interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}
interface Property extends Node {
  readonly key?: { readonly name?: string };
  readonly value?: { readonly type?: string; readonly value?: unknown };
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value;

/** Types hold literals that are never printed; `as const` and the like stand around ones that are. */
const isOnlyType = ({ type }: Node): boolean =>
  type.startsWith('TS') && !/^TS(As|NonNull|Satisfies)Expression$/.test(type);

function templateOf(node: Node): Template | undefined {
  if (node.type === 'Literal' && typeof node['value'] === 'string') return [node['value'].trimEnd()];
  if (node.type !== 'TemplateLiteral') return undefined;
  const quasis = node['quasis'] as readonly { value: { cooked: string } }[];
  return quasis.map(({ value }, at) => (at === quasis.length - 1 ? value.cooked.trimEnd() : value.cooked));
}

/** Whether a part of a node is the value that the node is: of a choice, what is chosen; of a template, nothing. */
const isSame = ({ type }: Node, key: string): boolean =>
  type === 'ConditionalExpression' ? key !== 'test' : type === 'Property' && key === 'value';

const isWhat = ({ key }: Property): boolean => key?.name === 'what';

/** The `kind: '…'` of an object literal. */
function kindOf(node: Node): string | undefined {
  if (node.type !== 'ObjectExpression') return undefined;
  const kind = (node['properties'] as Property[]).find(({ key }) => key?.name === 'kind')?.value?.value;
  return typeof kind === 'string' ? kind : undefined;
}

// How a problem, a service's last reason and a place are put together from literals that are whole.
const glue: readonly Template[] = [
  ['', '; ', ''],
  ['', ': ', ''],
  ['', ': ', ' ', ''],
];

/**
 * Tells of a quoted line whether it can be printed: whether it is one of the literals, with `…`, another
 * literal, or nothing in each gap, or several of them behind one another with `: ` or `; ` between.
 */
export function makeReader(literals: readonly Literal[]): (line: string) => boolean {
  const templates = [...literals.map(({ template }) => template).filter(saysSomething), ...glue];
  return (line) => endsOf(line, templates)(0).has(line.length);
}

/**
 * Tells whether a quoted line is one of this literal's: its fixed parts, with other literals or `…` in its
 * gaps, and perhaps a last reason behind it.
 */
export function makeMatcher(literals: readonly Literal[]): (line: string, template: Template) => boolean {
  const templates = [...literals.map(({ template }) => template).filter(saysSomething), ...glue];
  return (line, template) => {
    const found = matchFrom(line, template, 0, 0, endsOf(line, templates));
    return [...found].some((end) => end === line.length || line.startsWith(': ', end));
  };
}

/** A literal without a letter between its gaps is glue, of which only that above is known. */
export const saysSomething = (template: Template): boolean => template.some((part) => /[a-z]/i.test(part));

/** Where something that begins at a place of the line can end. */
type Ends = (at: number) => ReadonlySet<number>;

function endsOf(line: string, templates: readonly Template[]): Ends {
  const known = new Map<number, Set<number>>();
  const fixed = templates.filter(([first]) => first !== '');
  const open = templates.filter(([first]) => first === '');
  const ends = (at: number): ReadonlySet<number> => {
    const before = known.get(at);
    if (before) return before;
    const found = new Set<number>();
    known.set(at, found);
    if (line.startsWith('…', at)) found.add(at + 1);
    for (const template of fixed) for (const end of matchFrom(line, template, 0, at, ends)) found.add(end);
    // A literal that begins with a gap goes on from whatever has been found here, until that is nothing new.
    for (let count = -1; count !== found.size; ) {
      count = found.size;
      for (const begun of [...found]) {
        for (const template of open)
          for (const end of matchFrom(line, template, 1, begun, ends)) found.add(end);
      }
    }
    return found;
  };
  return ends;
}

/** Where a template can end whose part `part` begins at a place. */
function matchFrom(line: string, template: Template, part: number, at: number, ends: Ends): Set<number> {
  const text = template[part] ?? '';
  if (!line.startsWith(text, at)) return new Set();
  const after = at + text.length;
  if (part === template.length - 1) return new Set([after]);
  const found = new Set(matchFrom(line, template, part + 1, after, ends));
  for (const end of ends(after))
    for (const one of matchFrom(line, template, part + 1, end, ends)) found.add(one);
  return found;
}

/** The lines that a page quotes: the code in the first column of tables whose first heading is "the line says". */
export function quotedLines(page: string): string[] {
  return page
    .split(/\n(?!\|)/)
    .filter((block) => block.trimStart().startsWith('| the line says |'))
    .flatMap((table) => table.trim().split('\n').slice(2))
    .map((row) => /^\| `([^`]+)` \|/.exec(row)?.[1] ?? row);
}
