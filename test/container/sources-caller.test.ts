/** Builds from sources, and who builds: whose files these are, whose git it is, and what stays the user's own. */
import { lstatSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { engine } from '../support/containers.ts';
import { testNeeding } from '../support/needs.ts';
import { until } from '../support/program.ts';
import {
  allBelow,
  contentOf,
  inDev,
  makeSite,
  only,
  recordOf,
  type Site,
  type SiteOptions,
} from '../support/source-builds.ts';
import { hold } from '../support/sources.ts';

const needs = ['docker engine', 'git'];

async function siteOf(options?: SiteOptions): Promise<Site> {
  const site = await makeSite(options);
  onTestFinished(() => site.remove());
  return site;
}

describe("the user's own settings", () => {
  const secret = 'aSecretOfTheUsersOwn';

  testNeeding(needs, 'are for git alone: of all of them, a container has the proxy', async () => {
    const site = await siteOf();
    const config = join(site.home, 'gitconfig');
    const address = 'https://git.example.invalid/';
    writeFileSync(config, `[url "file://${site.sources.directory}/"]\ninsteadOf = ${address}\n`);
    const held = hold(site.place('maestro'), 'install');
    const building = site.start(['build', 'ovis'], {
      ...only('maestro'),
      MAESTRO_REPO: `${address}maestro`,
      GIT_CONFIG_GLOBAL: config,
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'http.extraHeader',
      GIT_CONFIG_VALUE_0: `Authorization: Bearer ${secret}`,
      SSH_AUTH_SOCK: `/run/${secret}`,
      SITE_TOKEN: secret,
      http_proxy: `http://somebody:${secret}@127.0.0.1:9`,
    });
    await until('it is held', held.reached, 60_000);
    const { stdout } = await engine(['inspect', site.container('maestro')]);
    held.release();
    expect(await building.ended).toMatchObject({ code: 0, stderr: '' });
    const [{ Config, Mounts, Args }] = JSON.parse(stdout) as [
      { Config: { Env: string[] }; Mounts: { Source: string }[]; Args: string[] },
    ];
    expect(Config.Env.filter((each) => each.includes(secret))).toEqual([
      `http_proxy=http://somebody:${secret}@127.0.0.1:9`,
    ]);
    expect(Config.Env.filter((each) => /^(GIT|SSH)_/.test(each))).toEqual([]);
    expect(Args.join(' ')).not.toContain(secret);
    for (const { Source } of Mounts) expect(Source).toContain(`${site.directory}/checkout/`);
    const log = site.log('maestro');
    expect(log).toContain(' --env=http_proxy ');
    expect(log).not.toContain(secret);
    expect(recordOf(site.ovis).components.maestro).toEqual({
      repository: `${address}maestro`,
      ref: 'main',
      commit: site.sources.at('maestro'),
    });
  });
});

describe('a user who is not root', () => {
  testNeeding(
    [...needs, 'root', 'setpriv'],
    'owns all that is made, and needs nobody to read it',
    async () => {
      const { gid } = statSync('/var/run/docker.sock');
      const user = { uid: 23_456, gid: 23_457, groups: [gid] };
      const site = await siteOf({ user });
      const { code, stdout, stderr } = await site.images(
        ['build', 'ovis', 'dsosds'],
        only('maestro', 'sosdb-ui', 'dsosds'),
      );
      expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
      const all = allBelow(site.directory);
      for (const made of ['site/ovis/bin/maestro', 'site/dsosds/dist/plugin.json'])
        expect(all).toContain(made);
      expect(all.some((name) => /sosdb-ui\/obj\/config\.status$/.test(name))).toBe(true);
      const others = all.filter((name) => {
        const { uid, gid: group } = lstatSync(join(site.directory, name));
        return uid !== user.uid || group !== user.gid;
      });
      expect(others).toEqual([]);
      // Whoever runs it in a container is yet another user.
      expect(await inDev(site.ovis, 'setpriv --reuid=9 --clear-groups cat /opt/ovis/bin/maestro')).toMatch(
        /^#!/,
      );
    },
  );
});

testNeeding(needs, 'a grafana plugin that is there as its sources only is built', async () => {
  const site = await siteOf();
  const { sources } = site;
  const place = join(sources.directory, 'dsosds');
  rmSync(join(place, 'dist'), { recursive: true });
  mkdirSync(join(place, 'src'));
  writeFileSync(join(place, 'src/plugin.json'), '{"id": "dsosds"}\n');
  const scripts = {
    install: 'mkdir -p node_modules/some && touch node_modules/some/index.js',
    build:
      'mkdir dist && cp src/plugin.json dist/ && test -e node_modules/some && echo built >dist/module.js',
  };
  const commit = sources.commit('dsosds', 'package.json', JSON.stringify({ name: 'dsosds', scripts }));
  const { code, stdout, stderr } = await site.images(['build', 'dsosds']);
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
  const files = Object.keys(contentOf(site.dsosds));
  expect(files).toEqual(expect.arrayContaining(['dist/plugin.json', 'dist/module.js', 'src/plugin.json']));
  expect(files.filter((file) => /node_modules|\.git\//.test(file))).toEqual([]);
  expect(recordOf(site.dsosds, 'ldms-sources.json').components.dsosds?.commit).toBe(commit);
  expect(site.log('dsosds')).toMatch(/^\+ npm run build$/m);
});
