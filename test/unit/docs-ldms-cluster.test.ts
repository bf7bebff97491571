/** docs/ldms-cluster.md quotes what `check` finds in a cluster that could be read: each kind, as it is printed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Site } from '../../src/cluster/site.ts';
import { clusterOf, cygnusYaml } from '../support/clusters.ts';
import { type Literal, literalsIn, type Template } from '../support/printed-lines.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/ldms-cluster.md'), 'utf8');

/** The lines of the tables of one heading. */
const quoted = (heading: string): string[] =>
  page
    .split(/\n(?!\|)/)
    .filter((block) => block.trimStart().startsWith(`| ${heading} |`))
    .flatMap((block) => [...block.matchAll(/^\| `([^`]+)` \|/gm)].map(([, line = '']) => line));

type Edit = readonly [find: string | RegExp, put: string];

/** The example, each time with one thing wrong. */
const broken: readonly { readonly edits?: readonly Edit[]; readonly site?: Partial<Site> }[] = [
  { edits: [['"cygnus-07-iw"', '"cygnus-06"']] },
  { site: { uiPort: 3000 } },
  {
    edits: [
      ['"rdma"', '"sock"'],
      ['ports : 411', 'ports : 2379'],
    ],
    site: { maestro: 'cygnus-01' },
  },
  {
    edits: [
      ['"rdma"', '"sock"'],
      ['ports : 411', 'ports : 2380'],
    ],
    site: { maestro: 'cygnus-0[1-3]' },
  },
  { site: { maestro: 'cygnus-0[5-6],cygnus-05-iw' } },
  { site: { maestro: 'cygnus-0[1-4]' } },
  { site: { maestro: 'cygnus-0[1-8]' } },
  { edits: [['"cygnus-0[1-4]-iw"', '"_cygnus-0[1-4]-iw"']] },
  { edits: [['path : /store', `path : "/store/\${HOSTNAME}"`]] },
  { edits: [['path : /store', 'path : "/store:meminfo"']] },
  { edits: [['store_sos', 'store_csv']], site: { ui: 'cygnus-07' } },
  { edits: [['cygnus-0[1-4]-iw', 'cygnus-0[1-2]-iw,rack2-0[1-2]-iw']] },
  { edits: [['cygnus-0[1-4]-iw', 'alpha,beta,gamma,delta']] },
  { edits: [['COMPONENT_ID}', 'RACK}']] },
  { site: { suffix: '-ib' } },
  {
    edits: [
      [/^aggregators:[\s\S]*?(?=^samplers)/m, ''],
      [/^stores:[\s\S]*/m, ''],
    ],
  },
  { edits: [['daemons   : *L2-name\n    container', 'daemons   : *samp-names\n    container']] },
  { edits: [[/ {2}- daemons {3}: \*L1-names[\s\S]*?(?= {2}- daemons : \*L2)/, '']] },
  { edits: [[/(- daemons : \*L2-name\n)[\s\S]*?(?=^samplers)/m, '$1\n']] },
  { edits: [[/(- daemons : \*L2-name\n {4}peers:\n)[\s\S]*?(?=^samplers)/m, `$1${peersOfSamplers()}`]] },
  { edits: [['plugin : munge', 'plugin : ovis']] },
  { edits: [['      - names : &L2-ep', `${secondEndpoint()}      - names : &L2-ep`]] },
  { edits: [['"200ms"', '"0s"']] },
  { edits: [['"400ms"', '"100ms"']] },
];

/** The samplers, collected by the second level too, past the first. */
function peersOfSamplers(): string {
  return `      - daemons: *samp-names
        endpoints: *samp-eps
        reconnect: 1s
        type: active
        updaters: [{ mode: pull, interval: "1.0s", offset: "400ms" }]
`;
}

/** An endpoint that authenticates otherwise than that of its group. */
function secondEndpoint(): string {
  return `      - names : "agg-2-o"
        ports : 412
        xprt : *xprt
        auth :
          name : o
          plugin : ovis
`;
}

async function found(): Promise<Record<'error' | 'warning', Set<string>>> {
  const told = { error: new Set<string>(), warning: new Set<string>() };
  for (const { edits = [], site = {} } of broken) {
    const text = edits.reduce((before, [find, put]) => before.replace(find, put), cygnusYaml);
    const { mistakes, warnings } = await clusterOf(text, { suffix: '-iw', ...site });
    for (const { text: line } of mistakes) told.error.add(line);
    for (const { text: line } of warnings) told.warning.add(line);
  }
  return told;
}

test.each(['error', 'warning'] as const)('each %s that the page quotes is printed so', async (kind) => {
  const told = (await found())[kind];
  expect(quoted(kind).length).toBeGreaterThan(2);
  expect(quoted(kind).filter((line) => !told.has(line))).toEqual([]);
});

const sources = ['src/cluster/findings.ts', 'src/ldmscfg/doubts.ts'];
const literals: Literal[] = sources.flatMap((file) =>
  literalsIn(readFileSync(join(root, file), 'utf8'), file),
);

/** Whether a literal's fixed parts are in a line, one behind the other. */
function isIn({ template }: { readonly template: Template }, line: string): boolean {
  let at = 0;
  return template.every((part) => {
    const place = line.indexOf(part, at);
    at = place + part.length;
    return place >= 0;
  });
}

// Shorter ones are parts of a sentence.
const sentences = literals.filter(({ template }) => template.join('').length > 25);

test('each kind of finding is quoted', () => {
  const all = [...quoted('error'), ...quoted('warning')];
  expect(sentences.length).toBeGreaterThan(12);
  expect(sentences.filter((one) => !all.some((line) => isIn(one, line)))).toEqual([]);
  // Negative control.
  expect(isIn({ template: ['no host begins with ', ', which'] }, all.join('\n'))).toBe(false);
});
