/** The stand-ins for grafana-server and grafana-cli: other tests lean on what is shown here. */
import { existsSync, readFileSync, renameSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../support/etcd.ts';
import { ask, isUp } from '../support/grafana.ts';
import { processesNaming } from '../support/machine.ts';
import { killAll } from '../support/probe.ts';
import { repository, run, type Started, start, until } from '../support/program.ts';
import { makeSite, type Site } from '../support/site.ts';

const bin = join(repository, 'test/standins/bin');
const server = join(bin, 'grafana-server');

/** A site that is grafana's home, with a grafana.ini. */
function makeHome(ini = ''): { site: Site; flags: string[] } {
  const site = makeSite();
  site.write('conf/defaults.ini', '');
  return { site, flags: [`--homepath=${site.root}`, '-config', site.write('grafana.ini', ini)] };
}

function begin(site: Site, words: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
  const started = start(server, words, { env: { ...site.env, ...env } });
  onTestFinished(() => started.kill('SIGKILL'));
  return started;
}

const address = async (started: Started) => `http://127.0.0.1:${(await isUp(started)).split(':').at(-1)}`;

describe('the command line', () => {
  test('-v and -vv tell the version, as `grafana server -v` does; an unknown flag the usage, and 1', async () => {
    const told = 'Version 9.1.0 (commit: standin, branch: HEAD)\n';
    expect(await run(server, ['-vv=true'])).toEqual({ code: 0, stdout: told, stderr: '' });
    expect((await run(join(bin, 'grafana'), ['server', '-v'])).stdout).toBe(told);
    const unknown = await run(server, ['--version']);
    expect(unknown.stderr).toMatch(/^flag provided but not defined: -version\nUsage of server:\n/);
    expect({ code: unknown.code, stdout: unknown.stdout }).toEqual({ code: 1, stdout: '' });
  });

  test('cfg: goes before GF_, that before the ini, that before cfg:default, that before its own', async () => {
    const { site, flags } = makeHome(`
[paths]
data = ${'$'}__env{DATA}
logs = /ini
plugins: /ini/plugins
[security]
admin_user = ini ; a comment
`);
    const operands = [
      'cfg:server.http_port=0',
      'cfg:default.paths.provisioning=/default',
      'cfg:default.security.admin_user=default',
      'cfg:paths.logs=/cfg',
      // Behind the first operand a flag is an operand.
      '-v',
    ];
    const env = { DATA: site.path('data'), GF_PATHS_PLUGINS: '/variable', GF_PATHS_LOGS: '/variable' };
    const started = begin(site, [...flags, ...operands], { ...env, GF_SMTP_PASSWORD: '' });
    const { body } = await ask(`${await address(started)}/api/admin/settings`);
    expect(body).toMatchObject({
      'paths.data': site.path('data'),
      'paths.logs': '/cfg',
      'paths.plugins': '/variable',
      'paths.provisioning': '/default',
      'security.admin_user': 'ini',
      'security.admin_password': 'admin',
    });
    expect(started.stdout()).toContain('This is a stand-in for grafana-server, not the real one');
  });
});

describe('a start that fails ends with 1 and says why', () => {
  const failing: [string, (site: Site) => string[] | Promise<string[]>, RegExp][] = [
    ['no home', () => ['--homepath=/no/such/home'], /Could not find config defaults/],
    ['no grafana.ini', () => ['--config=/no/such/file'], /failed to parse "\/no\/such\/file"/],
    [
      'a broken grafana.ini',
      (site) => [`--config=${site.write('broken.ini', 'words\n')}`],
      /key-value delimiter not found: words/,
    ],
    [
      'data that cannot be written',
      (site) => [`cfg:paths.data=${site.write('a-file', '')}/data`],
      /failed to connect to database/,
    ],
    [
      'a port that is taken',
      async (site) => {
        const taken = String(await freePort());
        await isUp(begin(site, [`--homepath=${site.root}`, `cfg:server.http_port=${taken}`]));
        return [`cfg:server.http_port=${taken}`];
      },
      /failed to open listener on address :\d+: .*EADDRINUSE/,
    ],
    [
      'two default data sources',
      (site) => {
        for (const name of ['a.yaml', 'b.yml']) {
          const text = `datasources: [{ name: ${name}, isDefault: true }]\n`;
          site.write(`conf/provisioning/datasources/${name}`, text);
        }
        return ['cfg:server.http_port=0'];
      },
      /Only one datasource per organization can be marked as default/,
    ],
  ];
  test.each(failing)('%s', async (_, words, why) => {
    const { site } = makeHome();
    const { code, stderr } = await begin(site, [`--homepath=${site.root}`, ...(await words(site))]).ended;
    expect(stderr).toMatch(why);
    expect(code).toBe(1);
  });
});

test('loads signed plugins, and unsigned ones only if they are allowed', async () => {
  const { site, flags } = makeHome();
  for (const id of ['signed', 'allowed', 'refused']) {
    site.write(`data/plugins/${id}/dist/plugin.json`, JSON.stringify({ id }));
  }
  site.write('data/plugins/signed/dist/MANIFEST.txt', '');
  const allow = 'cfg:plugins.allow_loading_unsigned_plugins=other, allowed';
  const started = begin(site, [...flags, 'cfg:server.http_port=0', 'cfg:log.mode=console', allow]);
  const { body } = await ask(`${await address(started)}/api/plugins`);
  expect(body).toEqual(expect.arrayContaining([{ id: 'allowed' }, { id: 'signed' }]));
  expect(body).toHaveLength(2);
  expect(started.stdout()).toMatch(/level=warn msg="Skipping loading plugin .*" pluginID=refused/);
});

describe('signals', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s: the request in flight is answered, and the code is 0',
    async (signal) => {
      const { site, flags } = makeHome();
      const started = begin(site, [...flags, 'cfg:server.http_port=0']);
      const url = await address(started);
      const answer = ask(`${url}/standin/slow`);
      await until('it has the request', () => started.stdout().includes('in flight'));
      started.kill(signal);
      await until('it stops', () => started.stdout().includes('Shutdown started'));
      await expect(ask(`${url}/api/health`)).rejects.toThrow();
      site.write('data/release', '');
      expect(await answer).toEqual({ status: 200, body: 'finished\n' });
      expect((await started.ended).code).toBe(0);
    },
  );

  test('HUP reopens the log file', async () => {
    const { site, flags } = makeHome();
    const file = site.path('data/log/grafana.log');
    const started = begin(site, [...flags, 'cfg:server.http_port=0']);
    await isUp(started);
    renameSync(file, `${file}.1`);
    started.kill('SIGHUP');
    await until('there is a new file', () => existsSync(file) && readFileSync(file, 'utf8') !== '');
    expect(readFileSync(`${file}.1`, 'utf8')).toMatch(/Starting Grafana/);
    expect(started.child.exitCode).toBe(null);
  });
});

test('health is 503 when told so, also through a Unix socket, which is removed at the end', async () => {
  const { site, flags } = makeHome();
  const socketPath = site.path('grafana.sock');
  const env = { GF_SERVER_PROTOCOL: 'socket', GF_SERVER_SOCKET: socketPath };
  const started = begin(site, flags, env);
  await isUp(started);
  const status = () =>
    new Promise((resolve, reject) => {
      const asked = request({ socketPath, path: '/api/health', agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on('error', reject).end();
    });
  expect(await status()).toBe(200);
  expect(statSync(socketPath).mode & 0o777).toBe(0o660);
  site.write('data/failing', '');
  expect(await status()).toBe(503);
  started.kill('SIGTERM');
  expect((await started.ended).code).toBe(0);
  expect(existsSync(socketPath)).toBe(false);
});

test('grafana-cli makes a plugin, and fails or hangs where it is told to', async () => {
  const site = makeSite();
  onTestFinished(() => killAll(processesNaming(site.root)));
  const directory = site.path('plugins');
  const cli = (...words: string[]) => run(join(bin, 'grafana-cli'), ['--pluginsDir', directory, ...words]);
  expect((await cli('plugins', 'install', 'a-panel', '2.0.1')).code).toBe(0);
  expect(JSON.parse(readFileSync(join(directory, 'a-panel/plugin.json'), 'utf8'))).toMatchObject({
    id: 'a-panel',
    info: { version: '2.0.1' },
  });
  const missing = await cli('plugins', 'install', 'missing-panel');
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('404: Plugin not found') });
  const words = ['cli', '--pluginsDir', directory, 'plugins', 'install', 'slow-panel'];
  const slow = start(join(bin, 'grafana'), words);
  await until('it downloads', () => slow.stdout().includes('Downloading'));
  expect(slow.child.exitCode).toBe(null);
});
