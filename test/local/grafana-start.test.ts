/** What ldms-grafana becomes: the promises of its SYNOPSIS, in local mode. The stand-ins are test/standins/grafana-*.ts. */
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../support/etcd.ts';
import {
  type GrafanaPlace,
  isUp,
  latin1,
  listens,
  makeGrafana,
  tellsItself,
  told,
} from '../support/grafana.ts';
import { commandLine } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import { below } from '../support/probe.ts';
import { program, repository, run, until } from '../support/program.ts';
import { logLines, message } from '../support/site.ts';

/** Whether this machine has IPv6, in which the kernel's list is not empty. */
const hasIpv6 = existsSync('/proc/net/if_inet6') && readFileSync('/proc/net/if_inet6', 'utf8') !== '';

const standins = join(repository, 'test/standins');

/** The operands that stand behind the user's arguments. */
const operandsOf = ({ site, data, plugins }: GrafanaPlace): string[] => [
  'cfg:default.log.mode=console',
  `cfg:default.paths.data=${data}`,
  `cfg:default.paths.logs=${site.path('var/log/grafana')}`,
  `cfg:default.paths.plugins=${plugins}`,
  `cfg:default.paths.provisioning=${site.path('etc/grafana/provisioning')}`,
];

const flagsOf = ({ site }: GrafanaPlace): string[] => [
  `--homepath=${site.path('usr/share/grafana')}`,
  `--config=${site.path('etc/grafana/grafana.ini')}`,
  '--packaging=docker',
];

/** A place whose grafana-server tells how it was started, and ends. */
async function telling(settings: NodeJS.ProcessEnv = {}, programs?: string[]): Promise<GrafanaPlace> {
  const place = await makeGrafana(settings, programs);
  place.site.install('grafana-server', tellsItself);
  return place;
}

describe('without arguments, as in the README', () => {
  test('grafana serves, with our pid, and its output alone is on stdout', async () => {
    const place = await makeGrafana({ LDMS_ENTRYPOINT_LOG_LEVEL: 'debug' });
    const grafana = await place.comeUp();
    expect(await place.get('/api/health')).toMatchObject({ status: 200, body: { database: 'ok' } });
    expect(readFileSync(`/proc/${grafana.pid}/comm`, 'utf8')).toBe('grafana-server\n');
    expect(commandLine(grafana.pid).slice(2)).toEqual([...flagsOf(place), ...operandsOf(place)]);
    expect(below(grafana.pid), 'nothing of ours stays').toEqual([]);
    for (const line of grafana.stdout().trimEnd().split('\n')) {
      expect(line).toMatch(/^logger=|^Grafana server is running with elevated privileges/);
    }
    for (const line of grafana.stderr().trimEnd().split('\n')) expect(line).toMatch(/^\{"level":/);
    expect(await place.get('/api/plugins')).toMatchObject({ body: [{ id: 'dsosds' }] });
    expect((await place.get('/api/datasources')).body).toEqual([]);
  });

  test('the start has nothing to tell', async () => {
    const place = await telling();
    const { stdout, stderr, code } = await place.start().ended;
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(told(stdout).args).toEqual([...flagsOf(place), ...operandsOf(place)]);
    expect(existsSync(place.site.path('run')), 'no record is left of one that has ended').toBe(true);
    expect(readdirSync(place.site.path('run/ldms-entrypoint'))).toHaveLength(1);
  });

  test('with the one program of 9.4 and later, it becomes `grafana server`', async () => {
    const place = await makeGrafana({}, ['grafana', 'grafana-server', 'grafana-cli']);
    const grafana = await place.comeUp();
    expect(readFileSync(`/proc/${grafana.pid}/comm`, 'utf8')).toBe('grafana\n');
    expect(commandLine(grafana.pid)[2]).toBe('server');
    expect((await place.get('/api/health')).status).toBe(200);
  });
});

describe('the settings of the SYNOPSIS', () => {
  test('a grafana.ini that is mounted counts, for its port and for where it logs', async () => {
    const place = await makeGrafana({ GF_SERVER_HTTP_PORT: '' });
    const ini = `[server]\nhttp_port = ${place.port}\nhttp_addr = 127.0.0.1\n[log]\nmode = file\n`;
    place.site.write('etc/grafana/grafana.ini', ini);
    const grafana = place.start();
    const file = place.site.path('var/log/grafana/grafana.log');
    await until('it listens', () => existsSync(file) && listens.test(readFileSync(file, 'utf8')));
    expect((await place.get('/api/health')).status).toBe(200);
    expect(grafana.stdout()).not.toContain('logger=');
    expect((await place.site.run(['health'])).code).toBe(0);
  });

  test.each(['127.0.0.1', ...(hasIpv6 ? ['::1', '[::1]'] : [])])(
    'GF_SERVER_HTTP_ADDR=%s is the address',
    async (address) => {
      const place = await makeGrafana({ GF_SERVER_HTTP_ADDR: address });
      const expected = `${address === '::1' ? '[::1]' : address}:${place.port}`;
      expect(await isUp(place.start())).toBe(expected);
      expect((await place.site.run(['health'])).stdout).toMatch(/^healthy: /);
    },
  );

  test('GF_SERVER_HTTP_PORT is the port, on all addresses', async () => {
    const place = await makeGrafana({});
    expect(await isUp(place.start())).toBe(`${hasIpv6 ? '[::]' : '0.0.0.0'}:${place.port}`);
  });

  test("other options reach it: a flag, another file, a cfg: that goes before everything's", async () => {
    const place = await makeGrafana({ GF_SECURITY_ADMIN_USER: 'variable' });
    const ini = place.site.write('other.ini', '[smtp]\npassword = other\n');
    const pidFile = place.site.path('pid');
    const port = await freePort();
    const words = ['-config', ini, `--pidfile=${pidFile}`, `cfg:server.http_port=${port}`];
    const grafana = await place.comeUp([...words, 'cfg:security.admin_user=argument']);
    expect(readFileSync(pidFile, 'utf8')).toBe(String(grafana.pid));
    expect(await place.setting('smtp.password', port)).toBe('other');
    expect(await place.setting('security.admin_user', port)).toBe('argument');
    expect((await place.site.run(['health'])).stdout).toContain(`:${port} answers /api/health`);
  });
});

describe('arguments', () => {
  test("reach it byte for byte, before grafana's own settings", async () => {
    const place = await telling();
    const awkward = ['-profile', '', ' ', 'a b', '*', '$HOME', '`id`', "it's", '"', 'new\nline', 'é€🜚', '--'];
    const { stdout } = await place.start(awkward).ended;
    const expected = [...flagsOf(place), ...awkward, ...operandsOf(place)].map(latin1);
    expect(told(stdout).args).toEqual(expected);
  });

  test('that are not UTF-8 reach it as the bytes that they were', async () => {
    const place = await telling();
    const script = `exec "$0" grafana -profile one "$(printf 'caf\\351')" two "$(printf '\\377\\376')"`;
    const { stdout } = await run('/bin/sh', ['-c', script, program], { env: place.site.env });
    const expected = ['-profile', 'one', 'caf\xe9', 'two', '\xff\xfe'];
    expect(told(stdout).args).toEqual([...flagsOf(place), ...expected, ...operandsOf(place)]);
  });

  test('1,000 of them arrive', async () => {
    const place = await telling();
    const many = Array.from({ length: 1000 }, (_, at) => `cfg:x.y=${at}`);
    const { stdout } = await place.start(many).ended;
    expect(told(stdout).args.slice(3, -5)).toEqual(many);
  });

  test('a first word that names the program that we start anyway is not said twice', async () => {
    const place = await telling();
    const { stdout } = await place.start(['grafana-server', '-profile']).ended;
    expect(told(stdout).args).toEqual([...flagsOf(place), '-profile', ...operandsOf(place)]);
  });

  test('a first word that is another program runs that: `docker run … ldms-grafana sh`', async () => {
    const place = await makeGrafana();
    expect((await place.start(['sh', '-c', 'echo "$0 $@"', 'a', 'b c']).ended).stdout).toBe('a b c\n');
  });

  test('-v only prints, and needs nothing', async () => {
    const place = await makeGrafana({ GF_PATHS_HOME: '/no/such/place', GF_INSTALL_PLUGINS: 'missing-panel' });
    const { stdout, stderr, code } = await place.start(['-v']).ended;
    expect({ stdout, stderr, code }).toMatchObject({ stderr: '', code: 0 });
    expect(stdout).toMatch(/^Version 9\.1\.0 \(commit: .*, branch: HEAD\)\n$/);
  });

  test('a flag that grafana does not know: its own words and its own code', async () => {
    const place = await makeGrafana();
    const { stderr, code } = await place.start(['--no-such-flag']).ended;
    expect(stderr).toContain('flag provided but not defined: -no-such-flag');
    expect(code).toBe(1);
  });
});

describe('the environment', () => {
  test("is a direct start's byte for byte, but for HOME and the plugin that is allowed", async () => {
    const place = await telling();
    const { site } = place;
    const fed = `env -i A=1 NODE_UNIQUE_ID=7 "LATIN=$(printf 'caf\\351')" HOME=/root 'B= x ' GF_X_Y= PATH="$PATH" \\
      LDMS_ENTRYPOINT_ROOT=${site.root} GF_SERVER_HTTP_PORT=${place.port}`;
    const by = async (words: string) =>
      told((await run('/bin/sh', ['-c', `exec ${fed} ${words}`], { env: site.env })).stdout).environ;
    const direct = await by(site.path('bin/grafana-server'));
    const ours = await by(`${program} grafana`);
    const home = (entry: string) => entry.startsWith('HOME=');
    expect(direct).toContain('LATIN=caf\xe9');
    expect(ours.toSorted()).toEqual(
      [
        ...direct.filter((entry) => !home(entry)),
        `HOME=${site.path('usr/share/grafana')}`,
        'GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS=dsosds',
      ].toSorted(),
    );
  });

  test("a path of GF_PATHS_* that is not UTF-8, which Node cannot keep, takes no argument's place", async () => {
    const place = await telling();
    const logs = `GF_PATHS_LOGS="${place.site.root}/caf$(printf '\\351')"`;
    const script = `export ${logs}; exec "$0" grafana -profile two three`;
    const { stdout } = await run('/bin/sh', ['-c', script, program], { env: place.site.env });
    expect(told(stdout).args).toEqual([
      ...flagsOf(place),
      '-profile',
      'two',
      'three',
      ...operandsOf(place).map((word) =>
        word.includes('paths.logs=') ? expect.stringContaining(`paths.logs=${place.site.root}/caf`) : word,
      ),
    ]);
  });

  test('GF_PATHS_* of the user are used throughout', async () => {
    const place = await makeGrafana();
    const { site } = place;
    const data = site.path('elsewhere/data');
    site.write('elsewhere/grafana.ini', '[security]\nadmin_user = elsewhere\n');
    site.write('elsewhere/plugins/dsosds/plugin.json', '{"id": "dsosds"}');
    Object.assign(site.env, {
      GF_PATHS_CONFIG: site.path('elsewhere/grafana.ini'),
      GF_PATHS_DATA: data,
      GF_PATHS_PLUGINS: site.path('elsewhere/plugins'),
    });
    const grafana = await place.comeUp();
    expect(await place.setting('security.admin_user')).toBe('elsewhere');
    expect(existsSync(join(data, 'grafana.db')), 'the directory is made').toBe(true);
    expect(existsSync(join(place.data, 'grafana.db'))).toBe(false);
    expect(grafana.stdout()).toMatch(/msg="Plugin registered" pluginID=dsosds/);
  });

  test('GF_AWS_PROFILES become a file of credentials that nobody else may read', async () => {
    const place = await telling({
      GF_AWS_PROFILES: 'one two',
      GF_AWS_one_ACCESS_KEY_ID: 'id-1',
      GF_AWS_one_SECRET_ACCESS_KEY: 'the secret of one',
      GF_AWS_one_REGION: 'us-east-1',
      LDMS_ENTRYPOINT_LOG_LEVEL: 'debug',
    });
    const { code, stderr } = await place.start().ended;
    const file = place.site.path('usr/share/grafana/.aws/credentials');
    expect(code, stderr).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(
      '[one]\naws_access_key_id = id-1\naws_secret_access_key = the secret of one\nregion = us-east-1\n',
    );
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(stderr).not.toContain('the secret of one');
    expect((await place.site.run(['explain', 'grafana'])).stdout).not.toContain('the secret of one');
  });
});

describe('plugins', () => {
  test('dsosds is loaded though it is not signed, and no other; without us, neither is', async () => {
    const place = await makeGrafana();
    place.plugin('other');
    const grafana = await place.comeUp();
    expect((await place.get('/api/plugins')).body).toEqual([{ id: 'dsosds' }]);
    expect(grafana.stdout()).toMatch(/Skipping loading plugin .* pluginID=other status=unsigned/);
    // Negative control: the same, started directly.
    const port = await freePort();
    const direct = place.site.start(
      ['grafana', join(standins, 'bin/grafana-server'), ...flagsOf(place), ...operandsOf(place)],
      { env: { ...place.site.env, GF_SERVER_HTTP_PORT: String(port) } },
    );
    await isUp(direct);
    expect((await place.get('/api/plugins', port)).body).toEqual([]);
  });

  test.each([
    ['by a variable', { GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS: 'other' }, '', []],
    ['by grafana.ini', {}, '[plugins]\nallow_loading_unsigned_plugins = other\n', []],
    ['by an argument', {}, '', ['cfg:plugins.allow_loading_unsigned_plugins=other,dsosds']],
  ])('what the user allows %s is loaded beside it', async (_, settings, ini, args) => {
    const place = await makeGrafana(settings);
    if (ini) place.site.write('etc/grafana/grafana.ini', ini);
    place.plugin('other');
    await place.comeUp(args);
    expect((await place.get('/api/plugins')).body).toEqual([{ id: 'dsosds' }, { id: 'other' }]);
  });

  test('dsosds is allowed by the id that its plugin.json has', async () => {
    const place = await makeGrafana({ LDMS_ENTRYPOINT_DSOSDS_URL: 'http://ui' });
    place.plugin('nick-dsosds-datasource', 'dsosds/dist');
    place.site.write('var/lib/grafana/plugins/dsosds/plugin.json', '{"id": "nick-dsosds-datasource"}');
    await place.comeUp();
    expect((await place.get('/api/plugins')).body).toEqual([{ id: 'nick-dsosds-datasource' }]);
    expect((await place.get('/api/datasources')).body).toMatchObject([{ type: 'nick-dsosds-datasource' }]);
  });

  test("a plugins directory that hides the image's own has it linked, at each start and for good", async () => {
    const place = await makeGrafana();
    Object.assign(place.site.env, { GF_PATHS_PLUGINS: place.site.path('mine') });
    const spare = 'usr/local/share/ldms-images/dsosds';
    place.site.write(`${spare}/plugin.json`, '{"id": "sandia-dsosds"}');
    for (const _ of ['first', 'second']) {
      const grafana = await place.comeUp();
      expect((await place.get('/api/plugins')).body).toEqual([{ id: 'sandia-dsosds' }]);
      expect(grafana.stderr()).toBe('');
      expect(readlinkSync(place.site.path('mine/dsosds'))).toBe(place.site.path(spare));
      grafana.kill('SIGTERM');
      await grafana.ended;
    }
  });

  test("a plugins directory that hides the image's own is told, and grafana starts", async () => {
    const place = await makeGrafana();
    Object.assign(place.site.env, { GF_PATHS_PLUGINS: place.site.path('mine') });
    const grafana = await place.comeUp();
    expect(message(grafana.stderr())).toMatch(/^there is no plugin dsosds in .*\/mine, .*: copy it there$/);
    expect(existsSync(place.site.path('mine')), 'it is made, as by the start script').toBe(true);
  });
});

describe('the data source', () => {
  test('is there, and the default one, when LDMS_ENTRYPOINT_DSOSDS_URL is set; at the next start too', async () => {
    const place = await makeGrafana({ LDMS_ENTRYPOINT_DSOSDS_URL: 'http://cygnus-07' });
    for (const _ of ['first', 'second']) {
      const grafana = await place.comeUp();
      expect((await place.get('/api/datasources')).body).toEqual([
        {
          name: 'LDMS',
          uid: 'ldms-dsosds',
          type: 'dsosds',
          access: 'proxy',
          url: 'http://cygnus-07/grafana',
          isDefault: true,
          editable: false,
        },
      ]);
      grafana.kill('SIGTERM');
      expect((await grafana.ended).code).toBe(0);
    }
  });

  test("leaves the default to one of the user's, since grafana refuses two", async () => {
    const place = await makeGrafana({ LDMS_ENTRYPOINT_DSOSDS_URL: 'https://ui:8080/proxied/' });
    const mine = 'apiVersion: 1\ndatasources: [{ name: mine, type: prometheus, isDefault: true }]\n';
    place.site.write('etc/grafana/provisioning/datasources/mine.yaml', mine);
    await place.comeUp();
    expect((await place.get('/api/datasources')).body).toMatchObject([
      { name: 'LDMS', isDefault: false, url: 'https://ui:8080/proxied' },
      { name: 'mine', isDefault: true },
    ]);
  });

  test('where it cannot be written: 78, and what to do', async () => {
    const place = await makeGrafana({ LDMS_ENTRYPOINT_DSOSDS_URL: 'http://ui' });
    Object.assign(place.site.env, {
      GF_PATHS_PROVISIONING: `${place.site.write('a-file', '')}/provisioning`,
    });
    const { code, stdout, stderr } = await place.start().ended;
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(message(stderr)).toMatch(
      /cannot write to .*for the data source of .*a-file: .*is not a directory; free or mend/,
    );
  });

  test('a malformed URL, or one with a password, is 64', async () => {
    for (const url of ['cygnus-07', 'http://me:secret@cygnus-07']) {
      const place = await makeGrafana({ LDMS_ENTRYPOINT_DSOSDS_URL: url });
      expect((await place.start().ended).code, url).toBe(64);
    }
  });
});

describe('a port that is taken', () => {
  const listenOn = async (host: string, port: number) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, host, resolve));
    onTestFinished(() => void server.close());
  };

  test.each(['0.0.0.0', '127.0.0.1', ...(hasIpv6 ? ['::'] : [])])(
    'on %s: 78, and how another is chosen',
    async (host) => {
      const place = await makeGrafana();
      await listenOn(host, place.port);
      const { code, stdout, stderr } = await place.start().ended;
      expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
      expect(message(stderr)).toMatch(
        new RegExp(
          `^cannot listen on .*:${place.port}: somebody listens (there|on .*) already; .*GF_SERVER_HTTP_PORT=`,
        ),
      );
    },
  );

  test('by another grafana on this host (--network=host)', async () => {
    const [first, second] = [await makeGrafana(), await makeGrafana()];
    await first.comeUp();
    Object.assign(second.site.env, { GF_SERVER_HTTP_PORT: String(first.port) });
    const { code, stderr } = await second.start().ended;
    expect(message(stderr)).toMatch(/somebody listens (there|on .*) already/);
    expect(code).toBe(78);
  });

  test('on an address that we do not want is no matter', async () => {
    const place = await makeGrafana({ GF_SERVER_HTTP_ADDR: '127.0.0.1' });
    await listenOn('127.0.0.2', place.port);
    expect(await isUp(place.start())).toBe(`127.0.0.1:${place.port}`);
  });
});

test.each(['70000', 'three-thousand'])('%s, which is no port, is told by us or by grafana', async (port) => {
  const place = await makeGrafana({ GF_SERVER_HTTP_PORT: port });
  const { code, stderr } = await place.start().ended;
  expect(stderr).not.toContain('internal error');
  expect(stderr).toMatch(/cannot listen on|invalid port/);
  expect([1, 78]).toContain(code);
});

describe('explain and check', () => {
  const settings = {
    LDMS_ENTRYPOINT_DSOSDS_URL: 'http://cygnus-07',
    GF_INSTALL_PLUGINS: 'a-panel 1.2.3,https://example.org/b.zip;b-panel',
  };

  test('explain tells every step in words, in its order', async () => {
    const place = await makeGrafana(settings);
    const { root } = place.site;
    const { stdout, code } = await place.site.run(['explain', 'grafana', '-profile', 'a b']);
    expect(code).toBe(0);
    const lines = stdout.replaceAll(root, '').trimEnd().split('\n');
    expect(lines[0]).toBe('grafana:');
    const all = lines.slice(1).map((line) => line.replace(/^ +\d+\. /, ''));
    const steps = all.filter((line) => !line.includes(`:${place.port} `));
    expect(all[steps.length]).toBeDefined();
    expect(all.find((line) => line.includes(`:${place.port} `))).toMatch(
      /^see whether .* can be listened on$/,
    );
    expect(steps.join('\n')).toBe(
      `check GF_PATHS_CONFIG=/etc/grafana/grafana.ini: it can be read
check GF_PATHS_HOME=/usr/share/grafana: grafana's own files are there
check GF_PATHS_DATA=/var/lib/grafana: it can be written to
check GF_PATHS_PLUGINS=/var/lib/grafana/plugins: it can be written to
check /etc/grafana/provisioning/datasources, for the data source of LDMS_ENTRYPOINT_DSOSDS_URL=http://cygnus-07: it can be written to
write /etc/grafana/provisioning/datasources/ldms-dsosds.yaml, mode 0644
run HOME=/usr/share/grafana grafana-cli --pluginsDir /var/lib/grafana/plugins plugins install a-panel 1.2.3, at most 300 s
run HOME=/usr/share/grafana grafana-cli --pluginUrl https://example.org/b.zip --pluginsDir /var/lib/grafana/plugins plugins install b-panel, at most 300 s
become HOME=/usr/share/grafana GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS=dsosds grafana-server --homepath=/usr/share/grafana --config=/etc/grafana/grafana.ini --packaging=docker -profile 'a b' cfg:default.log.mode=console cfg:default.paths.data=/var/lib/grafana cfg:default.paths.logs=/var/log/grafana cfg:default.paths.plugins=/var/lib/grafana/plugins cfg:default.paths.provisioning=/etc/grafana/provisioning`,
    );
  });

  test('check says whether it is ready, and names the programs that are missing', async () => {
    const place = await makeGrafana(settings, ['grafana-server']);
    const { stdout, code } = await place.site.run(['check', 'grafana'], {
      env: { ...place.site.env, PATH: place.site.path('bin') },
    });
    expect(stdout).toMatch(/^ok {4}program grafana-server: /m);
    expect(stdout).toMatch(/^FAIL {2}program grafana-cli: .*it is not in PATH/m);
    expect(code).toBe(127);
  });

  for (const command of ['explain', 'check']) {
    testNeeding(['ptrace'], `${command} touches nothing and starts nothing`, async () => {
      const place = await makeGrafana(settings);
      const { site } = place;
      Object.assign(site.env, { GF_PATHS_DATA: site.path('to-be-made') });
      const traced = async (...words: string[]) => {
        const trace = `${site.root}.trace`;
        const calls = ['-f', '-o', trace, '-e', 'trace=file,process,network,desc', program];
        const { code, stderr } = await run('strace', [...calls, ...words], { env: site.env });
        const lines = readFileSync(trace, 'utf8').split('\n');
        await run('rm', [trace]);
        const changes = lines.filter(
          (line) =>
            /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|mkdir|unlink|rename|chmod|chown|symlink|link\(|execve|\bfork|connect\(|bind\(|kill\(/.test(
              line,
            ) && !/readlink|fcntl|\/dev\/null|\/dev\/tty|\/proc\/self\//.test(line),
        );
        return { code, stderr, changes };
      };
      const { code, changes, stderr } = await traced(command, 'grafana');
      expect(changes[0], stderr).toContain('execve(');
      expect(changes.slice(1)).toEqual([]);
      expect(code).toBe(0);
      // Negative control: a real start is seen to do all of that.
      site.install('grafana-server', '#!/bin/true\n');
      expect((await traced('grafana')).changes.length).toBeGreaterThan(5);
      expect(existsSync(site.path('to-be-made'))).toBe(true);
    });
  }

  test('everything that is wrong is told at once, each with a remedy', async () => {
    const place = await makeGrafana({
      GF_PATHS_CONFIG: '/no/such/grafana.ini',
      GF_PATHS_HOME: '/no/such/home',
    });
    Object.assign(place.site.env, {
      GF_PATHS_DATA: place.site.write('a-file', ''),
      GF_PATHS_PLUGINS: place.site.path('a-file/plugins'),
    });
    const { code, stdout, stderr } = await place.start().ended;
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    const lines = logLines(stderr).map(({ msg }) => String(msg));
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^cannot use \/no\/such\/grafana\.ini: it does not exist; put yours there/);
    expect(lines[1]).toMatch(/^cannot use GF_PATHS_HOME=\/no\/such\/home: it does not exist; use an image/);
    expect(lines[2]).toMatch(/^cannot write to GF_PATHS_DATA=.*a directory; /);
    expect(lines[3]).toMatch(/^cannot write to GF_PATHS_PLUGINS=.*a directory; /);
    const check = await place.site.run(['check', 'grafana']);
    expect(check.code).toBe(78);
    expect(check.stdout.match(/^FAIL/gm)).toHaveLength(4);
  });

  test("a place that an argument of the user's names is the one that is looked at", async () => {
    const place = await makeGrafana();
    const elsewhere = place.site.path('elsewhere');
    // Nothing could be written to the one that is not used.
    Object.assign(place.site.env, { GF_PATHS_DATA: place.site.write('a-file', '') });
    const { stdout } = await place.site.run(['check', 'grafana', `cfg:paths.data=${elsewhere}`]);
    expect(stdout).not.toContain('FAIL');
  });
});
