/** `build ovis` again, with a real engine: what is built anew after which change, and what if that fails. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type OvisComponent, ovisComponents } from '../../images/build/sources/components.ts';
import { testNeeding } from '../support/needs.ts';
import { run } from '../support/program.ts';
import {
  contentOf,
  type Files,
  identityOf,
  inDev,
  makeSite,
  only,
  planOf,
  recordOf,
  type Site,
  treeRecord,
} from '../support/source-builds.ts';
import { defaultBranch, mistake } from '../support/sources.ts';

const needs = ['docker engine', 'git'];
const analysis = 'lib/python3.11/dist-packages/graf_analysis';

// Each test goes on from what the one before has left.
describe('build ovis', () => {
  let site: Site;
  /** The commits to begin with, and the tree of these. */
  let first: Readonly<Record<string, string>>;
  let firstTree: Files;
  const options = '--enable-sos --with-sos=/opt/ovis';

  beforeAll(async () => {
    site = await makeSite({ settings: { OVIS_OPTIONS: `( ${options} CFLAGS=-O2 )` } });
    first = Object.fromEntries(ovisComponents.map((component) => [component, site.sources.at(component)]));
  });
  afterAll(() => site?.remove());

  const build = (...words: string[]) => site.images(['build', 'ovis', ...words]);
  const built = (component: OvisComponent) => identityOf(join(site.place(component), 'dest'));

  /** The components that are built anew while something is done. */
  async function anew(action: () => Promise<void>): Promise<readonly OvisComponent[]> {
    const before = new Map(ovisComponents.map((component) => [component, built(component)]));
    await action();
    return ovisComponents.filter((component) => {
      const [was, is] = [before.get(component) ?? {}, built(component)];
      const kept = Object.keys(is).filter((file) => was[file] === is[file]);
      if (kept.length > 0) expect(is, `all of ${component} or nothing`).toEqual(was);
      return kept.length === 0;
    });
  }
  const succeeds = async (...words: string[]) => {
    const { code, stdout, stderr } = await build(...words);
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
  };
  const version = () => inDev(site.ovis, '/opt/ovis/sbin/ldmsd -V');

  testNeeding(needs, 'the sources are built into a tree', async () => {
    await succeeds();
    firstTree = contentOf(site.ovis);
    expect(firstTree).toHaveProperty([`${analysis}/__init__.py`]);
    expect(await version()).toMatch(/^CFLAGS: -O2$/m);
  });

  testNeeding(needs, 'when a branch moves, its component is built, and what is built on it', async () => {
    const { sources } = site;
    const setup = sources.read('numsos', 'python/setup.py');
    const commit = sources.commit('numsos', 'python/setup.py', setup.replace(", 'graf_analysis'", ''));
    expect(await anew(succeeds)).toEqual(['numsos', 'sosdb-ui', 'sosdb-grafana']);
    expect(recordOf(site.ovis).components).toMatchObject({
      numsos: { ref: defaultBranch, commit },
      sos: { ref: defaultBranch, commit: first['sos'] },
    });
    // What the new commit does not install is gone; the rest of the tree is as it was.
    const gone = Object.keys(firstTree).filter((file) => !existsSync(join(site.ovis, file)));
    expect(gone.length).toBeGreaterThan(0);
    expect(gone.filter((file) => !file.startsWith(analysis))).toEqual([]);
    const now = contentOf(site.ovis);
    const changed = Object.keys(now).filter((file) => now[file] !== firstTree[file]);
    expect(changed.filter((file) => file !== treeRecord && !/numsos/.test(file))).toEqual([]);
  });

  testNeeding(needs, "when ovis' options change, ovis alone is built, and as they say", async () => {
    const other = { OVIS_OPTIONS: `${options} --enable-papi CFLAGS=-O1` };
    const rebuilt = await anew(async () => {
      expect(await site.images(['build', 'ovis'], other)).toMatchObject({ code: 0, stderr: '' });
    });
    expect(rebuilt).toEqual(['ovis']);
    expect(await version()).toMatch(/^CFLAGS: -O1$/m);
    expect(contentOf(site.ovis)).toHaveProperty(['lib/ovis-ldms/libpapi_sampler.so']);
  });

  testNeeding(needs, 'a component that fails keeps back what is built on it, and nothing else', async () => {
    const { sources } = site;
    const tree = identityOf(site.ovis);
    const header = 'lib/include/sos/sos.h';
    sources.commit('sos', header, sources.read('sos', header).replace('6.0.1', '6.0.9'));
    sources.spoil('sos');
    sources.commit('maestro', 'NEWS', 'news\n');
    const why = { why: expect.stringMatching(/^build: .*\bsos\b.* changed$/) };
    const plan = planOf((await build('--dry-run')).stdout);
    expect(plan['sos']).toMatch(/^build: [0-9a-f]{12} became [0-9a-f]{12}$/);
    for (const component of ['ovis', 'numsos', 'sosdb-ui', 'sosdb-grafana']) {
      expect({ why: plan[component] }, component).toEqual(why);
    }
    let stderr = '';
    const rebuilt = await anew(async () => {
      const result = await build();
      expect(result.code).toBe(1);
      stderr = result.stderr;
    });
    // What was built of sos is kept, too.
    expect(rebuilt).toEqual(['maestro']);
    const log = join(site.cache, 'log/sos.log');
    expect(stderr).toMatch(/error: .*sos.*: failed: make -j\d+ \(exit code 2\); its last lines, from /);
    expect(stderr).toContain(`its last lines, from ${log}:\n`);
    expect(stderr).toMatch(new RegExp(`^ {2}\\| .*#error ${mistake}$`, 'm'));
    expect(readFileSync(log, 'utf8')).toContain(`#error ${mistake}`);
    const [, notBuilt = ''] = /not built, since .*sos failed: (.*)/.exec(stderr) ?? [];
    for (const step of ['ovis', 'numsos', 'sosdb-ui', 'sosdb-grafana', 'the OVIS tree']) {
      expect(notBuilt).toContain(step);
    }
    expect(notBuilt).not.toContain('maestro');
    expect(identityOf(site.ovis)).toEqual(tree);
    expect(await site.containers()).toEqual([]);

    // The command works as it stands, but that there is no terminal here.
    const [, look = ''] = /^look inside: (.*)$/m.exec(stderr) ?? [];
    expect(look).toContain(' run -it --rm ');
    const inside = await run('sh', ['-c', look.replace(' -it ', ' -i ')], {
      input: 'pwd; ls src/lib/sos.c obj/config.log; make -C obj 2>&1 >/dev/null | grep -m1 "#error"\n',
    });
    expect(inside).toMatchObject({ code: 0, stderr: '' });
    expect(inside.stdout).toMatch(/^\/build\/sos\nobj\/config.log\nsrc\/lib\/sos.c\n/);
    expect(inside.stdout).toContain(mistake);
  });

  testNeeding(needs, 'once the mistake is mended, it goes on', async () => {
    site.sources.mend('sos');
    expect(await anew(succeeds)).toEqual(['sos', 'ovis', 'numsos', 'sosdb-ui', 'sosdb-grafana']);
    const stores = [`${site.ovis}/lib/ovis-ldms/libstore_sos.so`, `${site.ovis}/include/sos/sos.h`];
    for (const file of stores) expect(readFileSync(file, 'latin1')).toContain('6.0.9');
    expect(recordOf(site.ovis).components.maestro?.commit).toBe(site.sources.at('maestro'));
  });

  /** Builds some components alone, and compares the tree with what it had of them at first. */
  async function yieldsTheSame(some: readonly OvisComponent[], ...words: string[]): Promise<void> {
    const result = await site.images(['build', 'ovis', ...words], only(...some));
    expect(result, result.stdout).toMatchObject({ code: 0, stderr: '' });
    expect(Object.keys(recordOf(site.ovis).components)).toEqual(some);
    const { [treeRecord]: _, ...tree } = contentOf(site.ovis);
    expect(Object.keys(tree).length).toBeGreaterThan(20);
    expect(firstTree).toMatchObject(tree);
  }

  testNeeding(needs, 'branches and options that are set back yield the former bytes', async () => {
    for (const component of ovisComponents) {
      site.sources.branch(component, defaultBranch, first[component]);
    }
    const some = ['maestro', 'sos', 'ovis'] as const;
    expect(await anew(() => yieldsTheSame(some))).toEqual(some);
    expect(await version()).toMatch(/^CFLAGS: -O2$/m);
  });

  testNeeding(needs, '--clean fetches and builds anew, and yields the same bytes', async () => {
    const some = ['maestro', 'sos', 'numsos'] as const;
    const checkouts = () =>
      some.map((component) => identityOf(join(site.place(component), 'src/.git'))['HEAD']);
    const before = checkouts();
    expect(await anew(() => yieldsTheSame(some, '--clean'))).toEqual(some);
    for (const [at, checkout] of checkouts().entries()) expect(checkout).not.toBe(before[at]);
  });
});
