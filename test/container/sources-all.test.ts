/** `build all` with a real engine: from sources to images, and packaging of what was built by hand. */
import { existsSync, globSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { components } from '../../images/build/sources/components.ts';
import { engine } from '../support/containers.ts';
import { testNeeding } from '../support/needs.ts';
import { run } from '../support/program.ts';
import {
  contentOf,
  identityOf,
  inDev,
  makeSite,
  planOf,
  recordOf,
  type Settings,
  type Site,
  treeRecord,
  variable,
} from '../support/source-builds.ts';
import { firstTag, otherBranch } from '../support/sources.ts';

/** What nobody is to find in an image or a log. */
const secret = 'aSecretOfTheUsersOwn';
const needs = ['docker engine', 'git'];
const images = ['dev', 'samp', 'agg', 'maestro', 'ui', 'grafana'];

// Each test goes on from what the one before has left.
describe('build all', () => {
  let site: Site;
  /** Which commit is to be built, by component. */
  let wanted: Settings;
  /** What the user's own environment has: secrets, and another place for the repositories. */
  let mine: Settings;

  beforeAll(async () => {
    // The options of configure are the real ones, of images/config.env.
    site = await makeSite({ ownDev: true });
    const { sources, directory, home } = site;
    // A repository that is not where its address says, but for the user's own git.
    const config = join(home, 'gitconfig');
    const insteadOf = `insteadOf = https://git.example.invalid/`;
    writeFileSync(config, `[url "file://${sources.directory}/"]\n${insteadOf}\n[user]\nname = ${secret}\n`);
    mine = {
      ...Object.fromEntries(
        components.map((name) => [variable(name, 'REPO'), `https://git.example.invalid/${name}`]),
      ),
      // An annotated tag, a full commit, and the name of a branch in full; the others are branches.
      SOS_BRANCH: firstTag.sos,
      NUMSOS_BRANCH: sources.at('numsos'),
      MAESTRO_BRANCH: `refs/heads/${otherBranch}`,
      GIT_CONFIG_GLOBAL: config,
      // git's own word for a setting in the environment.
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'http.extraHeader',
      GIT_CONFIG_VALUE_0: `Authorization: Bearer ${secret}`,
      SSH_AUTH_SOCK: join(directory, secret),
      https_proxy: `http://somebody:${secret}@127.0.0.1:9`,
    };
    wanted = Object.fromEntries(components.map((name) => [name, sources.at(name)]));
    // The default branch is elsewhere: what is built is what was asked for.
    for (const name of ['sos', 'numsos', 'maestro'] as const) sources.commit(name, 'NEWS', 'news\n');
  });
  afterAll(() => site?.remove());

  const build = (words: readonly string[], set: Settings = {}) =>
    site.images(['build', ...words], { ...mine, ...set });
  const ids = async () =>
    (await engine(['image', 'inspect', '--format={{.Id}}', ...images.map(site.image)])).stdout.split('\n');

  testNeeding(needs, '--dry-run tells what would be done, and does nothing', async () => {
    const { code, stdout, stderr } = await build(['all', '--dry-run']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const plan = planOf(stdout);
    expect(plan).toMatchObject({
      'ldms-common': 'nothing',
      'ldms-dev': 'build: there is none of these files and packages',
      maestro: 'build: ldms-dev is built',
      dsosds: 'build: ldms-dev is built',
      'the OVIS tree': 'make: what it is made of is built',
      'the plugin folder': 'make: what it is made of is built',
      'ldms-samp': 'build: the OVIS tree is built',
      'ldms-grafana': 'build: the plugin folder is built',
    });
    expect(Object.keys(plan)).toEqual([
      ...['ldms-entrypoint', 'ldms-common', 'ldms-dev', ...components],
      ...['the OVIS tree', 'the plugin folder'],
      ...images.slice(1).map((image) => `ldms-${image}`),
    ]);
    expect(stdout).toContain(`sos ${wanted['sos']?.slice(0, 12)} `);
    expect((await site.imageNames()).filter((name) => !name.includes('/ldms-common:'))).toEqual([]);
    for (const path of [site.ovis, site.dsosds, ...components.map(site.place)]) {
      expect(existsSync(path), path).toBe(false);
    }
  });

  testNeeding(
    needs,
    'the tools are built, and then the trees, and the images of them',
    async () => {
      // Without the proxy: with one, the engine does not know the layers again that it has.
      expect(await build(['dev'], { https_proxy: '' })).toMatchObject({ code: 0, stderr: '' });
      const { code, stdout, stderr } = await build(['all']);
      expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/ldms-dev: is up to date/);
      expect(await site.containers()).toEqual([]);
      for (const image of images) expect(stdout).toMatch(new RegExp(`ldms-${image}:latest +\\d+ MB`));
      for (const file of [
        ...['bin/maestro', 'lib/libsos.so', 'sbin/ldmsd', 'lib/ovis-ldms/libstore_sos.so'],
        ...['lib/ovis-ldms/libpapi_sampler.so', 'lib/python3.11/dist-packages/numsos/__init__.py'],
        ...['ui/sosgui/wsgi.py', 'ui/grafana/urls.py'],
      ]) {
        expect(existsSync(join(site.ovis, file)), file).toBe(true);
      }
      expect(existsSync(join(site.dsosds, 'dist/plugin.json'))).toBe(true);
    },
    400_000,
  );

  testNeeding(needs, 'tree, images and ldmsd tell which commits they are from', async () => {
    const { dsosds, ...ovis } = recordOf(site.ovis).components;
    expect(dsosds).toBeUndefined();
    const of = (name: string, ref: string) => ({
      repository: `https://git.example.invalid/${name}`,
      ref,
      commit: wanted[name],
    });
    expect(ovis).toEqual({
      maestro: of('maestro', `refs/heads/${otherBranch}`),
      sos: of('sos', firstTag.sos),
      ovis: of('ovis', 'main'),
      numsos: of('numsos', wanted['numsos'] ?? ''),
      'sosdb-ui': of('sosdb-ui', 'main'),
      'sosdb-grafana': of('sosdb-grafana', 'main'),
    });
    const plugin = { dsosds: of('dsosds', 'main') };
    expect(recordOf(site.dsosds, 'ldms-sources.json').components).toEqual(plugin);
    for (const image of images.slice(1)) {
      expect(await sourcesLabel(site.image(image))).toEqual({
        components: image === 'grafana' ? plugin : ovis,
        changedByHand: false,
      });
    }
    expect(await sourcesLabel(site.image('dev'))).toBeUndefined();
    const told = await engine(['run', '--rm', '--network=none', site.image('samp'), 'ldmsd', '-V']);
    expect(told.stdout).toContain(`git-SHA: ${wanted['ovis']}\n`);
    expect(told.stdout).toContain('CFLAGS: -O2\n');
  });

  testNeeding(needs, "the user's secrets are in no image, no log and no tree", async () => {
    // The containers get the proxy, by its name alone.
    expect(site.log('sos')).toMatch(/^\$ docker run .* --env=https_proxy /m);
    const names = images.map(site.image);
    for (const words of [['inspect'], ['history', '--no-trunc']]) {
      for (const name of names) {
        const { code, stdout } = await engine(['image', ...words, name]);
        expect(code).toBe(0);
        expect(stdout).not.toMatch(new RegExp(`${secret}|insteadOf|file://`));
      }
    }
    const dist = join(site.directory, 'checkout/dist');
    const logs = globSync('*/*/log/*.log', { cwd: dist }).map((file) => join(dist, file));
    expect(logs.length).toBeGreaterThan(components.length + images.length);
    const trees = [site.ovis, site.dsosds].flatMap((tree) =>
      Object.keys(contentOf(tree)).map((file) => join(tree, file)),
    );
    const files = [...logs, ...trees].filter((file) => lstatSync(file).isFile());
    const having = (what: string) => files.filter((file) => readFileSync(file, 'latin1').includes(what));
    expect(having(secret)).toEqual([]);
    expect(having(site.sources.directory)).toEqual([]);
    expect(having('git.example.invalid'), 'the control').not.toEqual([]);
    // All files of an image, as they are in an archive.
    const count = (what: string) => `docker save ${site.image('samp')} | grep --text --count ${what}`;
    expect((await run('sh', ['-c', count(secret)])).stdout).toBe('0\n');
    expect(Number((await run('sh', ['-c', count('git.example.invalid')])).stdout)).toBeGreaterThan(0);
  });

  testNeeding(needs, 'what has been built is not built again', async () => {
    const state = async () => [
      await ids(),
      identityOf(site.ovis),
      identityOf(site.dsosds),
      ...components.map((component) => identityOf(join(site.place(component), 'dest'))),
    ];
    const before = await state();
    const { code, stdout, stderr } = await build(['all']);
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
    expect(await state()).toEqual(before);
    const { stdout: told } = await build(['all', '--dry-run']);
    expect(new Set(Object.values(planOf(told)))).toEqual(new Set(['nothing']));
  });

  const plugin = 'lib/ovis-ldms/libmine.so';

  testNeeding(needs, 'a plugin that was built by hand is packaged by `build samp` alone', async () => {
    const others = (await ids()).slice(2);
    const tree = contentOf(site.ovis);
    await inDev(site.ovis, `echo 'int mine;' | gcc -shared -fPIC -x c - -o /opt/ovis/${plugin}`);
    const { code, stdout, stderr } = await build(['samp']);
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
    const { [plugin]: made, ...rest } = contentOf(site.ovis);
    expect({ made, rest }).toEqual({ made: expect.any(String), rest: tree });
    const inside = ['--rm', '--network=none', '--entrypoint=sha256sum', site.image('samp')];
    const { stdout: sum } = await engine(['run', ...inside, `/opt/ovis/${plugin}`]);
    expect(made).toContain(sum.split(' ')[0]);
    expect(await sourcesLabel(site.image('samp'))).toMatchObject({
      components: { ovis: { commit: wanted['ovis'] } },
      changedByHand: true,
    });
    expect((await ids()).slice(2)).toEqual(others);
  });

  testNeeding(needs, 'a tree that was changed by hand stays, while there is nothing to build', async () => {
    const before = identityOf(site.ovis);
    const { code, stderr } = await build(['ovis']);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: `warning: the OVIS tree: it was changed by hand since it was built: ${plugin}; it is left as it is\n`,
    });
    expect(identityOf(site.ovis)).toEqual(before);
  });

  testNeeding(needs, 'and is not thrown away for another: it says what to do, and that works', async () => {
    const before = identityOf(site.ovis);
    const set = { MAESTRO_BRANCH: 'main' };
    const { code, stderr } = await build(['ovis'], set);
    expect(code).toBe(1);
    expect(stderr).toContain(`${site.ovis} was changed by hand since it was built: ${plugin};`);
    expect(identityOf(site.ovis)).toEqual(before);
    const [, move = ''] = /move it \((mv [^)]*)\), and build again/.exec(stderr) ?? [];
    expect(await run('sh', ['-c', move])).toMatchObject({ code: 0, stderr: '' });
    expect(await build(['ovis'], set)).toMatchObject({ code: 0, stderr: '' });
    expect(contentOf(site.ovis)).not.toHaveProperty([plugin]);
    expect(contentOf(`${site.ovis}.mine`)).toHaveProperty([plugin]);
    expect(recordOf(site.ovis).components.maestro?.commit).toBe(site.sources.at('maestro'));
  });

  testNeeding(
    needs,
    'files that were not built here are not thrown away, nor is anything fetched',
    async () => {
      const tree = join(site.home, 'others');
      mkdirSync(join(tree, 'sbin'), { recursive: true });
      writeFileSync(join(tree, 'sbin/ldmsd'), 'mine');
      const { code, stderr } = await build(['ovis', '--clean'], { OVIS: tree });
      expect({ code, stderr }).toEqual({
        code: 65,
        stderr: `error: ${tree} has files that were not built here, and building would throw them away; move it, or build elsewhere\n`,
      });
      expect(Object.keys(contentOf(tree))).toEqual(['sbin/ldmsd']);
      // An empty directory will do; nothing has been forgotten meanwhile.
      const empty = join(site.home, 'empty');
      mkdirSync(empty);
      const made = await build(['ovis'], { OVIS: empty, MAESTRO_BRANCH: 'main' });
      expect(made).toMatchObject({ code: 0, stderr: '' });
      expect(made.stdout).not.toMatch(/: built /);
      expect(contentOf(empty)).toEqual(contentOf(site.ovis));
      expect(contentOf(empty)).toHaveProperty([treeRecord]);
    },
  );
});

/** What an image's label says of the sources; undefined if it has none. */
async function sourcesLabel(image: string): Promise<unknown> {
  const { stdout } = await engine(['image', 'inspect', image]);
  const [{ Config }] = JSON.parse(stdout) as [{ Config: { Labels: Record<string, string> } }];
  const text = Config.Labels['com.github.ovis-hpc.sources'];
  return text === undefined ? undefined : JSON.parse(text);
}
