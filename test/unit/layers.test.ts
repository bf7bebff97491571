/**
 * The rules that hold src/ together. Each is a function from source texts to complaints, which is
 * also run on texts made up to break it: a check that finds nothing there would find nothing
 * anywhere.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path/posix';
import { describe, expect, test } from 'vitest';

/** Source texts by path below src/. */
type Sources = Readonly<Record<string, string>>;

const root = join(import.meta.dirname, '../../src');
const src: Sources = Object.fromEntries(
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .map((path) => [path, readFileSync(join(root, path), 'utf8')]),
);

// From top to bottom. Those that stand side by side do not import each other.
const layers: readonly (readonly string[])[] = [
  ['main.ts'],
  ['commands/'],
  ['entrypoints/'],
  ['maestro/', 'cluster/', 'election/'],
  ['munge/', 'etcd/', 'dsosd/', 'ui/', 'grafana/'],
  ['ldmsd/', 'ldmscfg/', 'process/'],
  ['record.ts'],
];
/** Below all layers; these may import each other. */
const bottom = [
  'host.ts',
  'ini.ts',
  'listen.ts',
  'mask.ts',
  'settings.ts',
  'log.ts',
  'digest.ts',
  'directories.ts',
  'mounts.ts',
  'mounted.ts',
  'nearest.ts',
  'nodename.ts',
  'given.ts',
  'stat.ts',
  'programs.ts',
  'say.ts',
  'plan.ts',
  'problem.ts',
];

/** Which layer a file belongs to; `depth` grows downwards. */
function layerOf(path: string): { depth: number; name: string } | undefined {
  if (bottom.includes(path)) return { depth: layers.length, name: 'bottom' };
  const belongs = (name: string) => (name.endsWith('/') ? path.startsWith(name) : path === name);
  const depth = layers.findIndex((names) => names.some(belongs));
  const name = layers[depth]?.find(belongs);
  return name === undefined ? undefined : { depth, name };
}

/** A text without its comments, each line where it was. Strings are told apart, so that `'//'` stays. */
function withoutComments(text: string): string {
  const strings = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/;
  const comments = /\/\/[^\n]*|\/\*[\s\S]*?\*\//;
  return text.replace(new RegExp(`(${strings.source})|${comments.source}`, 'g'), (match, kept?: string) =>
    kept === undefined ? match.replace(/[^\n]/g, '') : match,
  );
}

interface Import {
  readonly from: string;
  readonly how: 'static' | 'type' | 'dynamic' | 'require';
}

/** Every import of a source, re-exports included. */
function importsOf(text: string): Import[] {
  const code = withoutComments(text);
  const all = (pattern: RegExp, how: (typeOnly: string | undefined) => Import['how']) =>
    [...code.matchAll(pattern)].map(([, typeOnly, from = '']) => ({ from, how: how(typeOnly) }));
  return [
    ...all(/^\s*(?:import|export)\b(\s+type\b)?[^'";]*?\bfrom\s*['"]([^'"]+)['"]/gm, (type) =>
      type ? 'type' : 'static',
    ),
    ...all(/^\s*import()\s*['"]([^'"]+)['"]/gm, () => 'static'),
    ...all(/\bimport()\s*\(\s*['"`]([^'"`]+)['"`]/g, () => 'dynamic'),
    ...all(/\brequire()\s*\(\s*['"`]([^'"`]+)['"`]/g, () => 'require'),
  ];
}

/** The files of ours that a file imports, by path below src/. */
const ownImports = (path: string, text: string): string[] =>
  importsOf(text)
    .filter(({ from }) => from.startsWith('.'))
    .map(({ from }) => join(path, '..', from));

function layerComplaints(sources: Sources): string[] {
  return Object.entries(sources).flatMap(([path, text]) => {
    const here = layerOf(path);
    if (!here) return [`${path} has no place in the layers: give it one in this test and in the design`];
    return ownImports(path, text).flatMap((imported) => {
      const there = layerOf(imported);
      if (!there || !(imported in sources)) return [`${path} imports ${imported}, which is no file of src/`];
      if (there.depth > here.depth || there.name === here.name) return [];
      return [
        `${path} imports ${imported}, which stands ${there.depth === here.depth ? 'beside' : 'above'} it`,
      ];
    });
  });
}

/** Each cycle once, as the files along it. */
function cycles(sources: Sources): string[] {
  const found = new Set<string>();
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const begun = trail.indexOf(path);
    if (begun >= 0) found.add([...trail.slice(begun), path].join(' → '));
    if (begun >= 0 || done.has(path)) return;
    for (const imported of ownImports(path, sources[path] ?? '')) visit(imported, [...trail, path]);
    done.add(path);
  };
  for (const path of Object.keys(sources)) visit(path, []);
  return [...found];
}

/** Exports that are declared without a docstring directly above them. */
function undocumented(sources: Sources): string[] {
  const declaration =
    /^export (?:default )?(?:declare )?(?:abstract )?(?:async )?(?:function\*?|const|let|class|interface|enum|type(?= \w+[ <=])) (\w+)/;
  return Object.entries(sources).flatMap(([path, text]) => {
    const lines = text.split('\n');
    return lines.flatMap((line, at) => {
      const name = declaration.exec(line)?.[1];
      const above = lines.slice(0, at).join('\n');
      return name === undefined || /\/\*\*(?:(?!\*\/)[\s\S])*\S(?:(?!\*\/)[\s\S])*\*\/$/.test(above)
        ? []
        : [`${path}: ${name}`];
    });
  });
}

const libraries = ['pino', 'execa', 'yaml', 'minimist', 'tree-kill'];

/** Libraries that are loaded with the program and not where they are needed. An `import type` loads nothing. */
function earlyLibraries(sources: Sources): string[] {
  return Object.entries(sources).flatMap(([path, text]) =>
    importsOf(text)
      .filter(
        ({ from, how }) =>
          libraries.includes(from.split('/')[0] ?? '') && how !== 'dynamic' && how !== 'type',
      )
      .map(({ from, how }) => `${path}: ${how} import of ${from}`),
  );
}

/**
 * Uses of the streams that Node would make non-blocking for the daemon as well, and of console,
 * which writes to them.
 */
function streamUses(sources: Sources): string[] {
  const patterns = [
    /\bprocess\s*(?:\?\.|!?\.)\s*(?:stdout|stderr|stdin)\b/g,
    /\bprocess\s*(?:\?\.)?\s*\[\s*['"`](?:stdout|stderr|stdin)['"`]/g,
    /\{[^{}]*\b(?:stdout|stderr|stdin)\b[^{}]*\}\s*=\s*process\b(?!\s*\.)/g,
    /(?:from|import|require|getBuiltinModule)\s*\(?\s*['"`](?:node:)?(?:process|console)['"`]/g,
    // A word of a daemon's own, in quotes or as a value (`mode=console`), is none.
    /(?<!['"=])\bconsole\b/g,
  ];
  return Object.entries(sources).flatMap(([path, text]) =>
    patterns.flatMap((pattern) =>
      [...withoutComments(text).matchAll(pattern)].map(([use]) => `${path}: ${use.replace(/\s+/g, ' ')}`),
    ),
  );
}

test('all of src/ is looked at, from main.ts down to problem.ts', () => {
  expect(Object.keys(src)).toEqual(expect.arrayContaining(['main.ts', ...bottom]));
  expect(Object.keys(src).length).toBeGreaterThan(30);
  const imports = Object.entries(src).flatMap(([path, text]) => ownImports(path, text));
  // Every file but the first is there because another imports it.
  expect(new Set(imports)).toEqual(new Set(Object.keys(src).filter((path) => path !== 'main.ts')));
});

describe('imports are found in all their forms', () => {
  test.each([
    [`import { a } from './a.ts';`, 'static'],
    [`import a from "./a.ts";`, 'static'],
    [`import * as a from './a.ts';`, 'static'],
    [`import './a.ts';`, 'static'],
    [`import {\n  type A,\n  a,\n} from './a.ts';`, 'static'],
    [`import type { A } from './a.ts';`, 'type'],
    [`export { a } from './a.ts';`, 'static'],
    [`export * from './a.ts';`, 'static'],
    [`export type { A } from './a.ts';`, 'type'],
    [`const { a } = await import('./a.ts');`, 'dynamic'],
    [`void import(\n  './a.ts'\n);`, 'dynamic'],
    [`let a: import('./a.ts').A;`, 'dynamic'],
    [`const a = require('./a.ts');`, 'require'],
    [`const url = 'http://x'; import('./a.ts'); // words`, 'dynamic'],
  ])('%j', (text, how) => {
    expect(importsOf(text)).toEqual([{ from: './a.ts', how }]);
  });

  test.each([
    [`// import './a.ts';`],
    [`/** import { a } from './a.ts'; */`],
    [`/*\nimport './a.ts';\n*/`],
    [`export const from = './a.ts';`],
    [`const { a } = process.getBuiltinModule('./a.ts');`],
  ])('but not in %j', (text) => {
    expect(importsOf(text)).toEqual([]);
  });
});

describe('a file imports from its own layer or a lower one', () => {
  test('src/', () => {
    expect(layerComplaints(src)).toEqual([]);
  });

  const at = (path: string) => `import '${path}';`;
  test.each([
    ['commands/a.ts', '../main.ts', 'main.ts', 'above'],
    ['entrypoints/a.ts', '../commands/run.ts', 'commands/run.ts', 'above'],
    ['munge/a.ts', '../entrypoints/index.ts', 'entrypoints/index.ts', 'above'],
    ['process/a.ts', '../munge/probe.ts', 'munge/probe.ts', 'above'],
    ['process/a.ts', '../ldmsd/auth.ts', 'ldmsd/auth.ts', 'beside'],
    ['ldmsd/a.ts', '../process/child.ts', 'process/child.ts', 'beside'],
    ['ldmsd/a.ts', '../munge/wanted.ts', 'munge/wanted.ts', 'above'],
    ['record.ts', './process/child.ts', 'process/child.ts', 'above'],
    ['host.ts', './record.ts', 'record.ts', 'above'],
    ['plan.ts', './entrypoints/index.ts', 'entrypoints/index.ts', 'above'],
  ])('%s must not import %s', (path, specifier, imported, where) => {
    expect(layerComplaints({ [path]: at(specifier), [imported]: '' })).toEqual([
      `${path} imports ${imported}, which stands ${where} it`,
    ]);
  });

  test.each([
    ['a dynamic import', `await import('../munge/probe.ts');`],
    ['a type import', `import type { Probe } from '../munge/probe.ts';`],
    ['a re-export', `export * from '../munge/probe.ts';`],
  ])('nor may it by %s', (_, text) => {
    expect(layerComplaints({ 'process/a.ts': text, 'munge/probe.ts': '' })).toHaveLength(1);
  });

  test('a file without a layer is told', () => {
    expect(layerComplaints({ 'helpers/a.ts': '', 'utils.ts': '' })).toHaveLength(2);
  });

  test('an import of no file is told', () => {
    expect(layerComplaints({ 'main.ts': at('./none.ts') + at('../package.json') })).not.toEqual([]);
  });

  test('downwards and within a layer is allowed', () => {
    const allowed = {
      'main.ts': at('./commands/a.ts'),
      'commands/a.ts': `${at('./b.ts')}\n${at('../munge/a.ts')}`,
      'commands/b.ts': at('../record.ts'),
      'munge/a.ts': at('../process/a.ts'),
      'process/a.ts': at('../plan.ts'),
      'record.ts': at('./host.ts'),
      'host.ts': at('./plan.ts'),
      'plan.ts': '',
    };
    expect(layerComplaints(allowed)).toEqual([]);
  });
});

describe('no file imports itself, by however many others', () => {
  test('src/', () => {
    expect(cycles(src)).toEqual([]);
  });

  test.each([
    [
      'two',
      { 'a.ts': `import './b.ts';`, 'b.ts': `import type { A } from './a.ts';` },
      ['a.ts → b.ts → a.ts'],
    ],
    [
      'three, in two folders, one of them lazily',
      {
        'x/a.ts': `import '../y/b.ts';`,
        'y/b.ts': `import './c.ts';`,
        'y/c.ts': `await import('../x/a.ts');`,
      },
      ['x/a.ts → y/b.ts → y/c.ts → x/a.ts'],
    ],
    ['itself', { 'a.ts': `import './a.ts';` }, ['a.ts → a.ts']],
    [
      'none, but two ways to one file',
      { 'a.ts': `import './b.ts';\nimport './c.ts';`, 'b.ts': `import './c.ts';`, 'c.ts': '' },
      [],
    ],
  ])('a cycle of %s', (_, sources, found) => {
    expect(cycles(sources)).toEqual(found);
  });
});

describe('every export has a docstring directly above it', () => {
  test('src/', () => {
    expect(undocumented(src)).toEqual([]);
  });

  test.each([
    ['none', 'export function a() {}'],
    ['a line comment', '// Words.\nexport function a() {}'],
    ['a plain block', '/* Words. */\nexport function a() {}'],
    ['an empty one', '/** */\nexport function a() {}'],
    ['a blank line between', '/** Words. */\n\nexport function a() {}'],
    ["another's", '/** Words. */\nconst b = 1;\nexport const a = () => b;'],
    ["the file's own, with imports between", `/** Words. */\nimport './b.ts';\nexport interface a {}`],
  ])('%s will not do', (_, text) => {
    expect(undocumented({ 'x.ts': text })).toEqual(['x.ts: a']);
  });

  test.each([
    ['async function a() {}'],
    ['function* a() {}'],
    ['const a = () => 1;'],
    ['const a: number = 1;'],
    ['interface a { b: 1 }'],
    ['class a {}'],
    ['type a = 1;'],
    ['type a<T> = T;'],
  ])('export %s needs one, and has it', (declared) => {
    const bare = `export ${declared}`;
    expect(undocumented({ 'x.ts': bare })).toEqual(['x.ts: a']);
    expect(undocumented({ 'x.ts': `/** Words. */\n${bare}` })).toEqual([]);
    expect(undocumented({ 'x.ts': `/**\n * Words.\n *\n * @returns more\n */\n${bare}` })).toEqual([]);
  });

  test('what is passed on from elsewhere, or not exported, needs none', () => {
    const text = `export type { A } from './a.ts';\nexport { b } from './b.ts';\nfunction c() {}\nconst d = 1;`;
    expect(undocumented({ 'x.ts': text })).toEqual([]);
  });
});

describe('libraries are loaded with import() where they are needed', () => {
  test('src/', () => {
    expect(earlyLibraries(src)).toEqual([]);
    const loaded = Object.values(src).flatMap((text) => importsOf(text).map(({ from }) => from));
    expect(loaded, 'some are loaded at all').toEqual(expect.arrayContaining(['pino', 'yaml']));
  });

  test.each([
    [`import pino from 'pino';`],
    [`import { execa } from "execa";`],
    [`import * as yaml from 'yaml';`],
    [`import minimist from 'minimist';`],
    [`import 'tree-kill';`],
    [`import { type Document } from 'yaml';`],
    [`export { parse } from 'yaml';`],
    [`import x from 'yaml/util';`],
    [`const kill = require('tree-kill');`],
  ])('not with %j', (text) => {
    expect(earlyLibraries({ 'x.ts': text })).toHaveLength(1);
  });

  test.each([
    [`const { default: pino } = await import('pino');`],
    [`import type { Document } from 'yaml';`],
    [`// import pino from 'pino';`],
    [`import yamlish from './yaml.ts';`],
  ])('but with %j', (text) => {
    expect(earlyLibraries({ 'x.ts': text })).toEqual([]);
  });
});

describe('process.stdout, process.stderr, process.stdin and console are never touched', () => {
  test('src/', () => {
    expect(streamUses(src)).toEqual([]);
  });

  test.each([
    [`process.stdout.write('x');`],
    [`const out = process\n  .stderr;`],
    [`process?.stdin?.resume();`],
    [`process!.stdout;`],
    [`process['stdout'].isTTY;`],
    [`const { stderr } = process;`],
    [`const { env, stdin: input } = process;`],
    [`console.log(1);`],
    [`globalThis.console.error(1);`],
    [`const { log } = console;`],
    [`import { stdout } from 'node:process';`],
    [`import out from "process";`],
  ])('%j does', (text) => {
    expect(streamUses({ 'x.ts': text })).not.toEqual([]);
  });

  test.each([
    [`// process.stderr is never touched`],
    [`/** \`process.stdout\` and console are not either. */`],
    [`const { stdout } = await execa('ldmsd', ['-V']);`],
    [`child.stdin?.end();`],
    [`const { stdout, stderr } = process.report.getReport();`],
    [`writeSync(2, 'x');`],
  ])('%j does not', (text) => {
    expect(streamUses({ 'x.ts': text })).toEqual([]);
  });
});

describe('comments are left out, and nothing else', () => {
  test.each([
    ['a; // b', 'a; '],
    ['a; /* b */ c', 'a;  c'],
    ['/** b\n * c */\nd', '\n\nd'],
    [`const url = 'http://x'; // y`, `const url = 'http://x'; `],
    [`const a = "/* no */";`, `const a = "/* no */";`],
    ['const a = `// no\n/* no */`;', 'const a = `// no\n/* no */`;'],
    [`const a = 'it\\'s // no';`, `const a = 'it\\'s // no';`],
    [`// it's\nprocess.stdout`, `\nprocess.stdout`],
    [`x.replace(/\\/+$/, '')`, `x.replace(/\\/+$/, '')`],
  ])('%j', (text, left) => {
    expect(withoutComments(text)).toBe(left);
  });
});
