/** `GF_…__FILE`, and plugins that are installed before the start: what happens to grafana's environment and directories on the way. */
import { chownSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type GrafanaPlace, makeGrafana, tellsItself, told, variable } from '../support/grafana.ts';
import { commandLine, processesNaming } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import { program, run, until } from '../support/program.ts';
import { logLines, message } from '../support/site.ts';

const name = 'GF_SECURITY_ADMIN_PASSWORD';
const other = ['setpriv', '--reuid=12345', '--regid=12345', '--clear-groups'];

/** A place with a secret, and a grafana-server that tells how it was started. */
async function withSecret(
  secret: string | Buffer,
  settings: NodeJS.ProcessEnv = {},
): Promise<GrafanaPlace & { file: string }> {
  const place = await makeGrafana({ LDMS_ENTRYPOINT_LOG_LEVEL: 'debug', ...settings });
  place.site.install('grafana-server', tellsItself);
  const file = place.site.write('run/secrets/password', secret, 0o400);
  Object.assign(place.site.env, { [`${name}__FILE`]: file });
  return { ...place, file };
}

describe('a secret in a file', () => {
  const secret = 'hunter2 "$(id)" \\ é';

  test.each(['0', '1'])(
    'reaches the daemon as a variable, without newlines at its end; the __FILE does not (supervised: %s)',
    async (supervise) => {
      const place = await withSecret(`${secret}\n\n`, { LDMS_ENTRYPOINT_SUPERVISE: supervise });
      const { stdout, stderr, code } = await place.start().ended;
      const { environ } = told(stdout);
      const entry = `${name}=${secret}`;
      expect(environ).toContain(Buffer.from(entry).toString('latin1'));
      expect(environ.filter((one) => one.startsWith(`${name}__FILE`))).toEqual([]);
      expect(code).toBe(0);
      expect(stderr, 'there are lines of ours').toContain('"level":"debug"');
      expect(stderr).not.toContain('hunter2');
    },
  );

  test('is told by none of our commands, and stands in no command line or record', async () => {
    const place = await withSecret(`${secret}\n`);
    place.site.install('grafana-server', '#!/bin/sh\necho running; exec sleep 300\n');
    const grafana = place.start();
    await until('it runs', () => grafana.stdout().includes('running'));
    expect((await run('grep', ['-r', 'hunter2', place.site.path('run/ldms-entrypoint')])).code).toBe(1);
    expect(readFileSync(`/proc/${grafana.pid}/cmdline`, 'utf8')).not.toContain('hunter2');
    for (const words of [
      ['explain', 'grafana'],
      ['check', '--json', 'grafana'],
      ['check', 'grafana'],
    ]) {
      const { stdout, stderr } = await place.site.run(words);
      expect(stdout, words.join(' ')).toContain(words[0] === 'explain' ? place.file : name);
      expect(stdout + stderr).not.toContain('hunter2');
    }
  });

  test('explain shows where it comes from, as it would be typed', async () => {
    const place = await withSecret(secret);
    const { stdout } = await place.site.run(['explain', 'grafana']);
    expect(stdout).toContain(`become env -u ${name}__FILE ${name}="$(cat ${place.file})" `);
  });

  test('that is not UTF-8 arrives byte for byte', async () => {
    const bytes = Buffer.from([0xff, 0x20, 0xe9, 0x0d, 0x0a, 0x0a]);
    const place = await withSecret(bytes);
    const { stdout } = await place.start().ended;
    expect(variable(told(stdout).environ, name)).toBe('\xff \xe9\r');
  });

  test.each([
    ['is empty', ''],
    ['is newlines', '\n\n'],
  ])('that %s would count as none, and leave the default in force: 78', async (_, text) => {
    const place = await withSecret(text);
    const { code, stdout, stderr } = await place.start().ended;
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(message(stderr)).toMatch(new RegExp(`cannot read ${name} from .*: it is empty`));
  });

  test('with a zero byte, which no variable can have: 78', async () => {
    const place = await withSecret(Buffer.from('a\0b'));
    const { code, stdout, stderr } = await place.start().ended;
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(message(stderr)).toMatch(new RegExp(`cannot read ${name} from .*: it holds a zero byte`));
  });

  test('and in the variable too: 78, and nothing of either is told', async () => {
    const place = await withSecret('from the file', { [name]: 'from the variable' });
    const { code, stdout, stderr } = await place.start().ended;
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(message(stderr)).toBe(
      `cannot set ${name}: both ${name} and ${name}__FILE are set; leave one of them out`,
    );
  });

  test('beside an empty variable is taken, as by the start script', async () => {
    const place = await withSecret('from the file', { [name]: '' });
    const { environ } = told((await place.start().ended).stdout);
    expect(environ.filter((entry) => entry.startsWith(`${name}=`))).toEqual([`${name}=from the file`]);
  });

  test("with an empty __FILE nothing is asked for, and grafana's default stays", async () => {
    const place = await withSecret('x');
    Object.assign(place.site.env, { [`${name}__FILE`]: '' });
    const { stdout, code } = await place.start().ended;
    expect({ code, value: variable(told(stdout).environ, name) }).toEqual({ code: 0, value: undefined });
  });

  test('that is missing: 78, and all that are missing at once', async () => {
    const place = await withSecret('x', { GF_SMTP_PASSWORD__FILE: '/no/such/secret' });
    Object.assign(place.site.env, { [`${name}__FILE`]: place.site.path('run') });
    const { code, stdout, stderr } = await place.start().ended;
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    const lines = logLines(stderr).map(({ msg }) => String(msg));
    expect(lines).toHaveLength(2);
    const remedy = 'mount the secret there, and let this user read it, or correct';
    expect(lines).toContain(
      `cannot read GF_SMTP_PASSWORD from /no/such/secret: it does not exist; ${remedy} GF_SMTP_PASSWORD__FILE`,
    );
    expect(lines).toContain(
      `cannot read ${name} from ${place.site.path('run')}: it is a directory; ${remedy} ${name}__FILE`,
    );
  });

  testNeeding(['root', 'setpriv'], 'that another user may not read: 78', async () => {
    const place = await withSecret('secret of root');
    for (const directory of [place.data, place.plugins]) chownSync(directory, 12345, 12345);
    const words = [...other.slice(1), program, 'grafana'];
    const { code, stdout, stderr } = await run('setpriv', words, { env: place.site.env });
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(message(stderr)).toMatch(new RegExp(`^cannot read ${name} from .*: permission denied; mount`));
  });

  test('counts as the setting that it is: the port that health asks, and what is allowed', async () => {
    const place = await makeGrafana({ GF_SERVER_HTTP_PORT: '' });
    Object.assign(place.site.env, {
      GF_SERVER_HTTP_PORT__FILE: place.site.write('port', `${place.port}\n`),
      GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS__FILE: place.site.write('allowed', 'other,dsosds\n'),
    });
    place.plugin('other');
    await place.comeUp();
    expect((await place.get('/api/plugins')).body).toEqual([{ id: 'dsosds' }, { id: 'other' }]);
    expect((await place.site.run(['health'])).stdout).toContain(`:${place.port} answers /api/health`);
  });

  test('that can be read only once, such as a pipe, is never an empty one', async () => {
    const place = await withSecret('');
    Object.assign(place.site.env, { [`${name}__FILE`]: '/dev/stdin' });
    const script = `printf 'from stdin\\n' | "$0" grafana`;
    const { stdout, code } = await run('/bin/sh', ['-c', script, program], { env: place.site.env });
    // Grafana would take its own default, which everybody knows.
    if (code === 0) expect(variable(told(stdout).environ, name)).toBe('from stdin');
    else expect(code).toBe(78);
  });

  test('can name the plugins to install, as by the start script', async () => {
    const place = await makeGrafana();
    const file = place.site.write('to-install', 'a-panel\n');
    Object.assign(place.site.env, { GF_INSTALL_PLUGINS__FILE: file });
    await place.comeUp();
    expect(existsSync(join(place.plugins, 'a-panel'))).toBe(true);
  });

  test('reaches the real thing: grafana has it as its setting', async () => {
    const place = await makeGrafana();
    Object.assign(place.site.env, { [`${name}__FILE`]: place.site.write('password', 'from the file\n') });
    await place.comeUp();
    expect(await place.setting('security.admin_password')).toBe('from the file');
  });
});

describe('GF_INSTALL_PLUGINS', () => {
  test('are installed before the start, from grafana.com or an address of their own', async () => {
    const from = 'https://example.org/b.zip';
    const place = await makeGrafana({ GF_INSTALL_PLUGINS: `a-panel 1.2.3, ${from};b-panel,` });
    const grafana = await place.comeUp();
    const installed = (id: string) =>
      JSON.parse(readFileSync(join(place.plugins, id, 'plugin.json'), 'utf8'));
    expect(installed('a-panel')).toMatchObject({ info: { version: '1.2.3' } });
    expect(installed('b-panel')).toMatchObject({ from });
    expect((await place.get('/api/plugins')).body).toEqual([
      { id: 'a-panel' },
      { id: 'b-panel' },
      { id: 'dsosds' },
    ]);
    expect(message(grafana.stderr())).toMatch(/the installation of the plugin a-panel 1\.2\.3 is done/);
    expect(grafana.stdout(), 'only grafana itself is on stdout').not.toContain('Downloaded');
  });

  test('by `grafana cli` where there is the one program', async () => {
    const place = await makeGrafana({ GF_INSTALL_PLUGINS: 'a-panel' }, ['grafana']);
    await place.comeUp();
    expect(existsSync(join(place.plugins, 'a-panel'))).toBe(true);
  });

  test("that cannot be: 78 with grafana-cli's own words, and grafana is not started", async () => {
    const place = await makeGrafana({ GF_INSTALL_PLUGINS: 'a-panel,missing-panel,b-panel' });
    const { code, stdout, stderr } = await place.start().ended;
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    const error = logLines(stderr).find(({ level }) => level === 'error')?.['msg'];
    expect(error).toMatch(
      /^cannot install the plugin missing-panel of GF_INSTALL_PLUGINS: it ended with exit status 1; it said last: Error: ✗ .*404: Plugin not found; see whether this container reaches the internet/,
    );
    expect(existsSync(join(place.plugins, 'b-panel'))).toBe(false);
  });

  test('that cannot be and is there already: a warning, and the one that is there', async () => {
    const place = await makeGrafana({ GF_INSTALL_PLUGINS: 'missing-panel' });
    mkdirSync(join(place.plugins, 'missing-panel'));
    const grafana = await place.comeUp();
    const warning = logLines(grafana.stderr()).find(({ level }) => level === 'warn')?.['msg'];
    expect(warning).toMatch(/404: Plugin not found.*; the one that is there is used$/);
  });

  test('without a grafana-cli: 127, before anything is done', async () => {
    const settings = { GF_INSTALL_PLUGINS: 'a-panel', LDMS_ENTRYPOINT_DSOSDS_URL: 'http://ui' };
    const place = await makeGrafana(settings, ['grafana-server']);
    const { code, stderr } = await place.start([], {
      env: { ...place.site.env, PATH: place.site.path('bin') },
    }).ended;
    expect(message(stderr)).toMatch(/^cannot start grafana-cli: it is not in PATH/);
    expect(code).toBe(127);
    const written = 'etc/grafana/provisioning/datasources/ldms-dsosds.yaml';
    expect(existsSync(place.site.path(written))).toBe(false);
  });

  for (const supervise of ['0', '1']) {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const code = signal === 'SIGTERM' ? 143 : 130;
      test(`${signal} while one is slow: ${code} at once, nothing is left (supervised: ${supervise})`, async () => {
        const settings = { GF_INSTALL_PLUGINS: 'slow-panel', LDMS_ENTRYPOINT_SUPERVISE: supervise };
        const place = await makeGrafana(settings);
        const grafana = place.start();
        const downloads = () =>
          processesNaming(place.site.root).filter((pid) =>
            commandLine(pid).some((word) => word.endsWith('/slow-panel.part')),
          );
        await until('it downloads', () => downloads().length > 0);
        const begun = Date.now();
        grafana.kill(signal);
        expect((await grafana.ended).code).toBe(code);
        expect(Date.now() - begun).toBeLessThan(2000);
        await until('nothing is left', () => processesNaming(place.site.root).length === 0, 2000);
        expect(grafana.stdout()).toBe('');
      });
    }
  }
});
