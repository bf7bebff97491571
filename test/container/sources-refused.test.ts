/** Builds from sources: what is told before anything is built, and what is left out because the user said so. */
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { components } from '../../images/build/sources/components.ts';
import { testNeeding } from '../support/needs.ts';
import { repository, start, until } from '../support/program.ts';
import { contentOf, makeSite, only, planOf, recordOf, type Site } from '../support/source-builds.ts';
import { hold } from '../support/sources.ts';

const needs = ['docker engine', 'git'];

let site: Site;
beforeAll(async () => {
  site = await makeSite();
});
afterAll(() => site?.remove());

/** Whether nothing has been begun: nothing fetched, nothing run, nothing made. */
async function nothingIsThere(): Promise<void> {
  const places = [...components.map(site.place), site.ovis, site.dsosds];
  expect(places.filter((place) => existsSync(place))).toEqual([]);
  expect(await site.containers()).toEqual([]);
}

describe('before anything is built', () => {
  testNeeding(needs, 'every ref and every repository that is wrong is told, with what to do', async () => {
    const { sources } = site;
    const first = sources.at('numsos');
    sources.tag('numsos', 'both');
    sources.branch('numsos', 'both', sources.commit('numsos', 'NEWS', 'news\n'));
    const short = sources.at('sos').slice(0, 12);
    const set = {
      MAESTRO_REPO: 'file:///nonexistent/maestro',
      NUMSOS_BRANCH: 'both',
      OVIS_BRANCH: 'nosuch',
      SOS_BRANCH: short,
    };
    const { code, stdout, stderr } = await site.images(['build', 'all'], set);
    expect({ code, stdout }).toEqual({ code: 65, stdout: '' });
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^error: maestro: cannot read file:\/\/\/nonexistent\/maestro: \S/),
      expect.stringMatching(
        /^error: numsos: .* a branch both and a tag both; write refs\/heads\/both or refs\/tags\/both in NUMSOS_BRANCH$/,
      ),
      expect.stringMatching(/^error: ovis: .* neither a branch nor a tag nosuch; .*OVIS_BRANCH$/),
      expect.stringMatching(
        new RegExp(
          `^error: sos: .* neither a branch nor a tag ${short}; .*in full, with 40 digits; .*SOS_BRANCH$`,
        ),
      ),
    ]);
    await nothingIsThere();
    // What it says to write is understood.
    for (const [ref, commit] of [
      ['refs/heads/both', sources.at('numsos', 'refs/heads/both')],
      ['refs/tags/both', first],
    ] as const) {
      const told = await site.images(['build', 'ovis', '--dry-run'], { NUMSOS_BRANCH: ref });
      expect(told).toMatchObject({ code: 0, stderr: '' });
      expect(told.stdout).toContain(`numsos ${commit.slice(0, 12)} `);
    }
  });

  testNeeding(needs, 'a build image that is not there is told, with what makes it', async () => {
    const missing = `${site.image('dev').replace(/:.*/, '')}:none`;
    const { code, stderr } = await site.images(['build', 'dsosds', `--dsosds-build-img=${missing}`]);
    expect(code).toBe(1);
    expect(stderr).toContain(`docker has no image ${missing}; pull it: docker pull ${missing}`);
    await nothingIsThere();
  });
});

describe('while another build is under way', () => {
  const lock = () => join(site.cache, 'lock');

  testNeeding(needs, 'a second one is refused, and the first goes on', async () => {
    const held = hold(site.place('maestro'), 'install');
    const first = site.start(['build', 'ovis'], only('maestro'));
    await until('the first build is held', held.reached, 60_000);
    const second = await site.images(['build', 'ovis', '--clean'], only('maestro', 'sosdb-ui'));
    expect(second).toMatchObject({
      code: 69,
      stderr: `error: another build of the sources is under way (pid ${first.pid}); wait for its end, or end it: kill ${first.pid}\n`,
    });
    // To be told something, nobody has to wait.
    const told = await site.images(['build', 'ovis', '--dry-run'], only('maestro'));
    expect(told).toMatchObject({ code: 0, stderr: '' });
    expect(planOf(told.stdout)['maestro']).toMatch(/^go on: /);
    held.release();
    expect(await first.ended).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(join(site.ovis, 'bin/maestro'))).toBe(true);
    expect(existsSync(site.place('sosdb-ui'))).toBe(false);
    expect(existsSync(lock())).toBe(false);
  });

  testNeeding(
    needs,
    'one that has been killed is not in the way, nor whoever has its number now',
    async () => {
      const gone = start('true', []);
      await gone.ended;
      for (const text of [`${gone.pid} 1\n`, `${process.pid} 1\n`, '']) {
        writeFileSync(lock(), text);
        const { code, stderr } = await site.images(['build', 'ovis'], only('maestro'));
        expect({ code, stderr }, text).toEqual({ code: 0, stderr: '' });
        expect(existsSync(lock())).toBe(false);
      }
      // The control: a process that runs, with the time when it began.
      const since = readFileSync('/proc/self/stat', 'utf8').replace(/.*\) /s, '').split(' ')[19];
      writeFileSync(lock(), `${process.pid} ${since}\n`);
      expect(await site.images(['build', 'ovis'], only('maestro'))).toMatchObject({ code: 69 });
      expect(existsSync(lock())).toBe(true);
      writeFileSync(lock(), '');
    },
  );
});

describe('what is left out', () => {
  testNeeding(needs, 'a component without a repository is not built, and that is told', async () => {
    const set = { ...only('maestro', 'sosdb-ui'), OVIS: join(site.home, 'two') };
    const { code, stdout, stderr } = await site.images(['build', 'ovis'], set);
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('sos is left out: SOS_REPO is empty\n');
    expect(stdout).not.toContain('maestro is left out');
    expect(Object.keys(recordOf(set.OVIS).components)).toEqual(['maestro', 'sosdb-ui']);
    for (const component of ['sos', 'ovis', 'numsos', 'sosdb-grafana'] as const) {
      expect(existsSync(site.place(component)), component).toBe(false);
    }
    const files = Object.keys(contentOf(set.OVIS));
    expect(files).toEqual(expect.arrayContaining(['bin/maestro', 'ui/sosgui/wsgi.py']));
    expect(files.filter((file) => /sos_cmd|ldmsd/.test(file))).toEqual([]);
  });

  testNeeding(needs, '--only and --from choose of all steps', async () => {
    const { code, stdout, stderr } = await site.images(['build', 'all', '--only', 'dsosds']);
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
    expect(Object.keys(contentOf(site.dsosds))).toContain('dist/plugin.json');
    expect(await site.imageNames()).toEqual([]);
    const plan = async (...words: string[]) => {
      const set = { OVIS: join(repository, 'test/standins/ovis'), DSOSDS: site.dsosds };
      const told = await site.images(['build', 'all', '--dry-run', ...words], set);
      expect(told).toMatchObject({ code: 0, stderr: '' });
      return Object.keys(planOf(told.stdout));
    };
    expect(await plan('--only=dsosds,samp')).toEqual([
      ...['ldms-entrypoint', 'ldms-common', 'dsosds', 'the plugin folder', 'ldms-samp'],
    ]);
    expect(await plan('--from=ui')).toEqual(['ldms-entrypoint', 'ldms-common', 'ldms-ui', 'ldms-grafana']);
  });
});

testNeeding(
  needs,
  'a commit that the repository does not have is told by its name, and fails alone',
  async () => {
    const commit = '0123456789abcdef0123456789abcdef01234567';
    const ovis = join(site.home, 'three');
    mkdirSync(ovis);
    const set = { ...only('maestro', 'sosdb-ui'), MAESTRO_BRANCH: commit, OVIS: ovis };
    const { code, stderr } = await site.images(['build', 'ovis'], set);
    expect(code).toBe(1);
    const told = `${site.sources.url('maestro')} has no commit ${commit}; give another in MAESTRO_BRANCH`;
    expect(stderr).toContain(`error: sources of maestro: ${told};`);
    // There is nothing to look at, of this commit.
    expect(stderr).not.toContain('look inside');
    expect(stderr).toMatch(/not built, since .*maestro failed: the OVIS tree\n/);
    expect(globSync('**', { cwd: ovis }).filter((name) => name !== '.')).toEqual([]);
  },
);
