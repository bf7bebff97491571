/**
 * ldms-grafana as in its container: as PID 1, with the image's own paths and users, in mount, network and
 * PID namespaces of the test's own, whose /etc, /usr/share, /var and /run are made for it.
 */
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { isUp, makeGrafana } from '../support/grafana.ts';
import { testNeeding } from '../support/needs.ts';
import { asFirst, below, childOf, killAll } from '../support/probe.ts';
import { program, type Result, repository, run, type Started, start, until } from '../support/program.ts';
import { logLines, makeSite, message } from '../support/site.ts';

const needs = ['namespaces', 'root', 'ip', 'nsenter', 'setpriv'];

// What the Dockerfile of grafana-oss:9.1.0-ubuntu makes, with the plugin of ldms-grafana.
const image = `
for place in /etc /usr/share /var /run /dev/shm; do mount -t tmpfs none $place; done
chmod 1777 /dev/shm
ip link set lo up
mkdir -p /etc/grafana/provisioning/datasources /usr/share/grafana/conf /var/lib/grafana/plugins/dsosds /var/log/grafana
: > /usr/share/grafana/conf/defaults.ini
echo ';http_port = 3000' > /etc/grafana/grafana.ini
echo '{"id": "dsosds"}' > /var/lib/grafana/plugins/dsosds/plugin.json
chown -R 472:0 /etc/grafana /usr/share/grafana /var/lib/grafana /var/log/grafana
chmod -R 777 /etc/grafana /usr/share/grafana /var/lib/grafana /var/log/grafana
export GF_PATHS_CONFIG=/etc/grafana/grafana.ini GF_PATHS_DATA=/var/lib/grafana GF_PATHS_HOME=/usr/share/grafana
export GF_PATHS_LOGS=/var/log/grafana GF_PATHS_PLUGINS=/var/lib/grafana/plugins GF_PATHS_PROVISIONING=/etc/grafana/provisioning
cd /usr/share/grafana
`;
const grafanaUser = 'setpriv --reuid=472 --regid=0 --clear-groups';

interface Container extends Started {
  /** Runs words inside of it, as `docker exec` does. */
  inside(...words: string[]): Promise<Result>;
  get(path: string, port?: number): Promise<string>;
  /** Sends a signal to its PID 1. */
  signal(name: NodeJS.Signals): Promise<void>;
}

/** Starts a container: a script that ends by becoming `"$0"`, which is the program. */
function container(script: string, settings: NodeJS.ProcessEnv = {}, programs = 'two'): Container {
  const site = makeSite(settings);
  const { LDMS_ENTRYPOINT_ROOT: _, ...env } = site.env;
  for (const name of programs === 'two' ? ['grafana-server', 'grafana-cli'] : ['grafana']) {
    site.install(name, `#!/bin/sh\nexec '${join(repository, 'test/standins/bin', name)}' "$@"\n`);
  }
  const [file = '', ...words] = asFirst('/bin/sh', '-ec', `${image}\n${script}`, program);
  const started = start(file, ['--net', ...words], { env });
  // Its PID 1 by itself: with another user it has lost what ties it to unshare.
  onTestFinished(() => killAll([...below(started.pid).map(({ pid }) => pid), started.pid]));
  const inside = async (...command: string[]) => {
    const into = ['--target', String(await childOf(started)), '--mount', '--net', '--pid', '--'];
    return run('nsenter', [...into, ...command], { env });
  };
  return {
    ...started,
    inside,
    get: async (path, port = 3000) => {
      const ask = `fetch('http://127.0.0.1:${port}${path}').then((answer) => answer.text()).then(console.log)`;
      return (await inside(process.execPath, '-e', ask)).stdout.trimEnd();
    },
    signal: async (name) => {
      process.kill(await childOf(started), name);
    },
  };
}

describe("the README's example, without a word behind the image's name", () => {
  for (const [what, as] of [
    ["the image's user 472", grafanaUser],
    ['root', ''],
  ]) {
    testNeeding(needs, `serves on port 3000 as ${what}, is PID 1, healthy, and ends at TERM`, async () => {
      const grafana = container(`exec ${as} "$0" grafana`);
      expect(await isUp(grafana)).toMatch(/^(\[::\]|0\.0\.0\.0):3000$/);
      expect(JSON.parse(await grafana.get('/api/health'))).toMatchObject({ database: 'ok' });
      expect(JSON.parse(await grafana.get('/api/plugins'))).toEqual([{ id: 'dsosds' }]);
      const health = await grafana.inside(program, 'health');
      expect(health.stdout).toMatch(/^healthy: grafana runs as process 1, .*:3000 answers \/api\/health$/m);
      expect(health.code).toBe(0);
      expect((await grafana.inside('cat', '/proc/1/comm')).stdout).toBe('grafana-server\n');
      const user = as === '' ? '0' : '472';
      expect((await grafana.inside('stat', '-c', '%u', '/var/lib/grafana/grafana.db')).stdout).toBe(
        `${user}\n`,
      );
      expect(grafana.stderr()).toBe('');
      for (const line of grafana.stdout().trimEnd().split('\n')) {
        expect(line).toMatch(/^logger=|^Grafana server is running with elevated privileges/);
      }
      await grafana.signal('SIGTERM');
      expect((await grafana.ended).code).toBe(0);
    });
  }

  testNeeding(needs, 'with each line of its SYNOPSIS: grafana.ini, address, port, options', async () => {
    const grafana = container(
      `echo '[security]
admin_user = from-the-ini' > /run/grafana.ini
mount --bind /run/grafana.ini /etc/grafana/grafana.ini
mount -o remount,bind,ro /etc/grafana/grafana.ini
exec ${grafanaUser} "$0" grafana --pidfile=/var/lib/grafana/pid 'cfg:smtp.password=a b'`,
      { GF_SERVER_HTTP_ADDR: '127.0.0.1', GF_SERVER_HTTP_PORT: '3333' },
    );
    expect(await isUp(grafana)).toBe('127.0.0.1:3333');
    expect(JSON.parse(await grafana.get('/api/admin/settings', 3333))).toMatchObject({
      'security.admin_user': 'from-the-ini',
      'smtp.password': 'a b',
      'paths.data': '/var/lib/grafana',
    });
    expect((await grafana.inside('cat', '/var/lib/grafana/pid')).stdout).toBe('1');
  });

  testNeeding(needs, 'with the data source, a secret and a plugin to install', async () => {
    const grafana = container(
      `mkdir /run/secrets; echo s3cret > /run/secrets/admin; chmod 0444 /run/secrets/admin
exec ${grafanaUser} "$0" grafana`,
      {
        LDMS_ENTRYPOINT_DSOSDS_URL: 'http://cygnus-07',
        GF_SECURITY_ADMIN_PASSWORD__FILE: '/run/secrets/admin',
        GF_INSTALL_PLUGINS: 'a-panel',
      },
      'one',
    );
    await isUp(grafana);
    expect(JSON.parse(await grafana.get('/api/datasources'))).toMatchObject([
      { name: 'LDMS', type: 'dsosds', url: 'http://cygnus-07/grafana' },
    ]);
    expect(JSON.parse(await grafana.get('/api/admin/settings'))).toMatchObject({
      'security.admin_password': 's3cret',
    });
    expect(JSON.parse(await grafana.get('/api/plugins'))).toEqual([{ id: 'a-panel' }, { id: 'dsosds' }]);
  });

  testNeeding(needs, 'on a port below 1024 as user 472: 78, and which ports it may take', async () => {
    const settings = { GF_SERVER_HTTP_PORT: '80' };
    const grafana = container(`exec ${grafanaUser} "$0" grafana`, settings);
    const { code, stdout, stderr } = await grafana.ended;
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(message(stderr)).toMatch(
      /:80: uid 472 may only take ports from 1024 on; .*GF_SERVER_HTTP_PORT=3000/,
    );
  });
});

describe('other users', () => {
  const other = 'setpriv --reuid=12345 --regid=12345 --clear-groups';

  testNeeding(needs, 'an arbitrary uid with a data directory of its own', async () => {
    const grafana = container(
      `mkdir /run/data; chown 12345:12345 /run/data; chmod 700 /run/data
mount --bind /run/data /var/lib/grafana
exec ${other} "$0" grafana`,
    );
    await isUp(grafana);
    expect((await grafana.inside('stat', '-c', '%u', '/var/lib/grafana/grafana.db')).stdout).toBe('12345\n');
    expect(message(grafana.stderr()), 'the volume hides the plugin').toMatch(
      /^there is no plugin dsosds in \/var\/lib\/grafana\/plugins, .*: copy it there$/,
    );
    expect((await grafana.inside(program, 'health')).code).toBe(0);
  });

  testNeeding(
    needs,
    'an arbitrary uid with group 0, as OpenShift has it, and the image as it is',
    async () => {
      const grafana = container(
        `chmod -R g=u,o= /var/lib/grafana
exec setpriv --reuid=1000680000 --regid=0 --clear-groups "$0" grafana`,
      );
      await isUp(grafana);
      expect(JSON.parse(await grafana.get('/api/plugins'))).toEqual([{ id: 'dsosds' }]);
    },
  );

  testNeeding(needs, 'whose permissions are wrong in several places: all named at once, and 78', async () => {
    const grafana = container(
      `chown -R 0:0 /etc/grafana /var/lib/grafana /var/log/grafana
chmod -R go-rwx /etc/grafana /var/log/grafana; chmod -R go-w /var/lib/grafana
mkdir /run/secrets; echo x > /run/secrets/admin; chmod 0400 /run/secrets/admin
exec ${other} "$0" grafana`,
      {
        GF_LOG_MODE: 'console file',
        GF_SECURITY_ADMIN_PASSWORD__FILE: '/run/secrets/admin',
        GF_INSTALL_PLUGINS: 'a-panel',
        LDMS_ENTRYPOINT_DSOSDS_URL: 'http://ui',
      },
    );
    const { code, stdout, stderr } = await grafana.ended;
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    const lines = logLines(stderr).map(({ msg }) => String(msg));
    const wrong = (start: string) => lines.find((line) => line.startsWith(start));
    const give = (place: string) =>
      `permission denied; give it to uid 12345: chown -R 12345 on what the host mounts at ${place}`;
    expect(wrong('cannot use /etc/grafana/grafana.ini')).toMatch(/permission denied; let uid 12345 read it/);
    for (const [name, path] of [
      ['GF_PATHS_DATA', '/var/lib/grafana'],
      ['GF_PATHS_LOGS', '/var/log/grafana'],
      ['GF_PATHS_PLUGINS', '/var/lib/grafana/plugins'],
    ]) {
      expect(wrong(`cannot write to ${name}`)).toBe(`cannot write to ${name}=${path}: ${give(path ?? '')}`);
    }
    expect(wrong('cannot read GF_SECURITY_ADMIN_PASSWORD')).toMatch(/permission denied; mount the secret/);
    expect(wrong('cannot write to /etc/grafana/provisioning/datasources')).toMatch(/chown -R 12345/);
    expect(lines).toHaveLength(6);
  });

  testNeeding(needs, 'with a database that belongs to somebody else', async () => {
    const grafana = container(
      `touch /var/lib/grafana/grafana.db; chmod 0640 /var/lib/grafana/grafana.db
exec ${other} "$0" grafana`,
    );
    const { code, stderr } = await grafana.ended;
    expect(message(stderr)).toMatch(
      /^cannot write to GF_PATHS_DATA=\/var\/lib\/grafana: \/var\/lib\/grafana\/grafana\.db: permission denied; /,
    );
    expect(code).toBe(78);
  });
});

describe('a read-only root', () => {
  const readOnly = `for place in /etc /usr/share /var /run /; do mount -o remount,bind,ro $place; done`;

  testNeeding(needs, 'with a tmpfs for the data: grafana serves, and is healthy', async () => {
    const grafana = container(
      `mount -t tmpfs -o uid=472 none /var/lib/grafana
${readOnly}
exec ${grafanaUser} "$0" grafana`,
    );
    await isUp(grafana);
    expect(JSON.parse(await grafana.get('/api/health'))).toMatchObject({ database: 'ok' });
    expect((await grafana.inside(program, 'health')).stdout).toMatch(/^healthy: /);
    expect(message(grafana.stderr())).toMatch(/^there is no plugin dsosds/);
  });

  testNeeding(needs, 'without one: 78, and how to mount it', async () => {
    const grafana = container(`${readOnly}\nexec ${grafanaUser} "$0" grafana`);
    const { code, stdout, stderr } = await grafana.ended;
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(message(stderr)).toBe(
      'cannot write to GF_PATHS_DATA=/var/lib/grafana: the file system is read-only; mount a volume there: docker run -v grafana:/var/lib/grafana, or --tmpfs /var/lib/grafana:uid=472',
    );
  });
});

describe('as PID 1', () => {
  for (const supervise of ['0', '1']) {
    testNeeding(needs, `TERM while a plugin is slow: 143 at once (supervised: ${supervise})`, async () => {
      const grafana = container(`exec ${grafanaUser} "$0" grafana`, {
        GF_INSTALL_PLUGINS: 'slow-panel',
        LDMS_ENTRYPOINT_SUPERVISE: supervise,
      });
      await until('it downloads', async () =>
        (await grafana.inside('sh', '-c', 'cat /proc/[0-9]*/cmdline')).stdout.includes('/slow-panel.part'),
      );
      const begun = Date.now();
      await grafana.signal('SIGTERM');
      expect((await grafana.ended).code).toBe(143);
      expect(Date.now() - begun).toBeLessThan(2000);
    });
  }

  testNeeding(needs, 'supervised: TERM ends grafana with its own code', async () => {
    const grafana = container(`exec ${grafanaUser} "$0" grafana`, { LDMS_ENTRYPOINT_SUPERVISE: '1' });
    await isUp(grafana);
    expect((await grafana.inside(program, 'health')).stdout).toMatch(/^healthy: /);
    await grafana.signal('SIGTERM');
    expect((await grafana.ended).code).toBe(0);
    expect(grafana.stdout()).toContain('Shutdown started');
  });
});

// The places above are made by hand, and have to be those of the program.
testNeeding(needs, 'the places of the image are those that we look at by ourselves', async () => {
  const place = await makeGrafana();
  const { stdout } = await place.site.run(['explain', 'grafana']);
  for (const [, path = ''] of image.matchAll(/GF_PATHS_\w+=(\S+)/g)) {
    expect(stdout).toContain(place.site.path(path.slice(1)));
  }
});
