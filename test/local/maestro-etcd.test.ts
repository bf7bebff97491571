/** What is told, and what is left, when a maestro container's etcd cannot be had. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startEtcd } from '../support/etcd.ts';
import { type Container, clusterOf, makePlace, type Place } from '../support/maestro.ts';
import { testNeeding } from '../support/needs.ts';
import { until } from '../support/program.ts';

const data = 'var/lib/etcd';

/** Sees that a start was refused with one line, before anything was started or made. */
async function isRefused(container: Container, { site }: Place, words: RegExp, code = 81): Promise<void> {
  const result = await container.over();
  expect(container.errors(), result.stderr).toEqual([expect.stringMatching(words)]);
  expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: '' });
  expect(result.stderr, 'a daemon was started').not.toMatch(/^\[/m);
  expect(existsSync(site.path('run/ldms-entrypoint'))).toBe(false);
}

/** Sees that etcd was tried, and that the container has ended with one line that says what is wrong. */
async function hasFailed(container: Container, words: RegExp): Promise<void> {
  const result = await container.over();
  expect(container.errors(), result.stderr).toEqual([expect.stringMatching(words)]);
  expect(result.code).toBe(81);
  expect(result.stdout, 'something was started without etcd').not.toMatch(/^\[maestro/m);
}

describe('the port is taken', () => {
  for (const address of ['127.0.0.1', '0.0.0.0']) {
    test(`by a listener on ${address}: one line names the port, nothing is started, 81`, async () => {
      const place = await makePlace();
      const server = createServer();
      onTestFinished(() => void server.close());
      await new Promise<void>((resolve) => server.listen(place.port, address, resolve));
      const words = new RegExp(
        `^cannot start etcd: somebody listens on ${address}:${place.port} already; stop the other`,
      );
      await isRefused(place.start(), place, words);
      expect(existsSync(place.site.path(data))).toBe(false);
      // Negative control.
      await new Promise((resolve) => server.close(resolve));
      expect((await place.site.run(['check', 'maestro'])).stdout).toContain(`for etcd: free`);
    });
  }

  testNeeding(
    ['etcd'],
    'between the look and the start: what etcd said is told, with the remedy',
    async () => {
      const place = await makePlace();
      // As if somebody else had been quicker.
      place.wrap('etcd', 'exec $REAL "$@" --listen-peer-urls=$ETCD_LISTEN_CLIENT_URLS');
      await hasFailed(
        place.start(),
        /^cannot use etcd: it ended with exit status 1 before it was ready; it said last: .*address already in use.*; stop what has the port/,
      );
    },
  );
});

describe('the data directory', () => {
  testNeeding(
    ['etcd', 'root', 'setpriv'],
    'that our user may not write to: said before anything is started',
    async () => {
      const place = await makePlace();
      mkdirSync(place.site.path('run'));
      chmodSync(place.site.path('run'), 0o777);
      const as = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];
      const words =
        /^cannot use etcd's data directory \S+\/var\/lib\/etcd: \S+: permission denied; give the container a writable one: .*, which uid 65534 may write to$/;
      await isRefused(place.start([], as), place, words);
    },
  );

  testNeeding(
    ['etcd', 'namespaces', 'root'],
    'that is mounted read-only: said before anything is started',
    async () => {
      const place = await makePlace();
      mkdirSync(place.site.path(data), { recursive: true });
      const at = place.site.path(data);
      const container = place.startInNamespaces(`mount --bind ${at} ${at}; mount -o remount,bind,ro ${at}`);
      await isRefused(
        container,
        place,
        /^cannot use etcd's data directory \S+: \S+: the file system is read-only; give the container a writable one/,
      );
    },
  );

  testNeeding(
    ['etcd', 'namespaces', 'root'],
    'on a full disk: what etcd said is told, with the remedy',
    async () => {
      const place = await makePlace();
      mkdirSync(place.site.path(data), { recursive: true });
      const container = place.startInNamespaces(`mount -t tmpfs -o size=100k none ${place.site.path(data)}`);
      await hasFailed(
        container,
        /^cannot use etcd: it ended with .*; it said last: .*; free some space for \S+\/var\/lib\/etcd$/,
      );
    },
  );

  testNeeding(['etcd'], 'that is a file: said before anything is started', async () => {
    const place = await makePlace();
    place.site.write(data, '');
    await isRefused(
      place.start(),
      place,
      /^cannot use etcd's data directory \S+: \S+ is not a directory; name another with LDMS_ENTRYPOINT_ETCD_DATA_DIR$/,
    );
  });

  /** Starts on a copy of good data of which the file that `find` names has `bytes` at `offset`. */
  async function onDamaged(find: (member: string) => string, offset: number, bytes: Buffer): Promise<void> {
    const place = await makePlace();
    expect((await (await place.comeUp()).stop()).code).toBe(143);
    cpSync(place.site.path(data), place.site.path('damaged'), { recursive: true });
    const file = find(place.site.path('damaged/member'));
    writeSync(openSync(file, 'r+'), bytes, 0, bytes.length, offset);
    place.site.env['LDMS_ENTRYPOINT_ETCD_DATA_DIR'] = '/damaged';
    await hasFailed(
      place.start(),
      /^cannot use etcd: it ended with .*; it said last: .+; the data in \S+\/damaged is damaged: move it away/,
    );
    // Negative control: the good ones still are.
    place.site.env['LDMS_ENTRYPOINT_ETCD_DATA_DIR'] = '/var/lib/etcd';
    await place.comeUp();
  }

  testNeeding(['etcd'], 'with a damaged log: said, with what to do', () =>
    onDamaged(
      (member) =>
        join(member, 'wal', readdirSync(join(member, 'wal')).find((name) => name.endsWith('.wal')) ?? ''),
      0,
      Buffer.alloc(4096, 0xff),
    ),
  );

  testNeeding(['etcd'], 'with a damaged database: said, with what to do', async () => {
    let size = 0;
    await onDamaged(
      (member) => {
        const db = join(member, 'snap/db');
        size = statSync(db).size;
        return db;
      },
      0,
      Buffer.alloc(16_384, 0xff),
    );
    expect(size).toBeGreaterThan(0);
  });

  testNeeding(
    ['etcd'],
    'whose lock another etcd holds: said before anything is started, with its pid',
    async () => {
      const place = await makePlace();
      const other = await startEtcd(place.site);
      place.site.env['LDMS_ENTRYPOINT_ETCD_DATA_DIR'] = `/etcd-${other.port}`;
      const words = new RegExp(
        `^cannot use etcd's data directory \\S+: process ${other.pid()} uses it, and holds its lock; stop that one`,
      );
      await isRefused(place.start(), place, words);
      // Negative control.
      await other.stop();
      await place.comeUp();
    },
  );

  testNeeding(
    ['etcd', 'namespaces', 'root'],
    'whose lock another etcd holds that we cannot see: said at the deadline',
    async () => {
      const place = await makePlace({ LDMS_ENTRYPOINT_ETCD_TIMEOUT: '700ms' });
      const other = await startEtcd(place.site);
      place.site.env['LDMS_ENTRYPOINT_ETCD_DATA_DIR'] = `/etcd-${other.port}`;
      await hasFailed(
        place.startInNamespaces(),
        /^cannot use etcd: it was not healthy within 0\.7 s: .+; see that no other etcd uses \S+, whose lock it would wait for without a word/,
      );
    },
  );

  testNeeding(
    ['etcd', 'namespaces', 'root', 'flock'],
    'is not taken for locked since a file elsewhere, of the same inode number, is',
    async () => {
      const place = await makePlace();
      const [at, elsewhere] = [place.site.path(data), place.site.path('elsewhere')];
      for (const directory of [at, elsewhere]) mkdirSync(directory, { recursive: true });
      const make = (directory: string) =>
        `mount -t tmpfs none ${directory}; mkdir -p ${directory}/member/snap; : > ${directory}/member/snap/db; stat -c 'inode %i' ${directory}/member/snap/db`;
      const container = place.startInNamespaces(
        `${make(at)}; ${make(elsewhere)}; flock ${elsewhere}/member/snap/db sh -c 'echo locked; exec sleep 300' & until [ -n "$(grep FLOCK /proc/locks)" ]; do sleep 0.02; done`,
      );
      await until(
        'it has looked',
        () => container.stdout().includes('daemons configured') || container.errors().length > 0,
      );
      const [one, two] = container.stdout().match(/^inode \d+$/gm) ?? [];
      expect(one, 'the test needs two of the same number').toBe(two);
      expect(container.errors()).toEqual([]);
    },
  );
});

describe('etcd itself', () => {
  test('is not in PATH: one line, nothing is started, 81', async () => {
    const place = await makePlace();
    rmSync(place.site.path('bin/etcd'));
    place.site.env['PATH'] = place.site.path('bin');
    await isRefused(
      place.start(),
      place,
      /^cannot start etcd: it is not in this image; install it in the image: apt-get install etcd-server$/,
    );
  });

  test('ends early: its last words are told, 81', async () => {
    const place = await makePlace();
    place.wrap('etcd', 'echo first; echo some words >&2; exit 3');
    await hasFailed(
      place.start(),
      /^cannot use etcd: it ended with exit status 3 before it was ready; it said last: (first \| )?some words( \| first)?;/,
    );
  });

  test('has its last words told in words, though they are JSON, and though there are quotes in them', async () => {
    const place = await makePlace();
    const words = { level: 'fatal', msg: 'cannot open "here"', error: 'a "bad" file, \\ and all' };
    place.wrap('etcd', `cat <<'END' >&2\n${JSON.stringify(words)}\nEND\nexit 1`);
    await hasFailed(
      place.start(),
      /; it said last: cannot open \\?"here\\?": a \\?"bad\\?" file, \\+ and all;/,
    );
  });

  test('does not begin: said at the deadline, and it is stopped', async () => {
    const place = await makePlace({ LDMS_ENTRYPOINT_ETCD_TIMEOUT: '500ms' });
    place.wrap('etcd', 'echo waiting; sleep 300');
    await hasFailed(
      place.start(),
      /^cannot use etcd: it was not healthy within 0\.5 s: nobody listens there; it said last: waiting; .*LDMS_ENTRYPOINT_ETCD_TIMEOUT allows more time$/,
    );
  });

  testNeeding(
    ['etcd'],
    'begins late: it is waited for, with few questions, and the log says how long it took',
    async () => {
      const place = await makePlace();
      // Until it begins, somebody counts who asks.
      place.site.write(
        'late.mjs',
        `import { createServer } from 'node:http';
import { writeFileSync } from 'node:fs';
let asked = 0;
const server = createServer((_, answer) => {
  asked++;
  answer.writeHead(503, { connection: 'close' }).end('{"health":"false"}');
}).listen(${place.port}, '127.0.0.1');
setTimeout(() => {
  writeFileSync('${place.site.path('asked')}', String(asked));
  process.exit();
}, 3000);
`,
      );
      place.wrap('etcd', `node ${place.site.path('late.mjs')}; exec $REAL "$@"`);
      const container = await place.comeUp();
      const [, ms] = /^etcd is ready, after (\d+) ms$/m.exec(container.messages()) ?? [];
      expect(Number(ms)).toBeGreaterThanOrEqual(3000);
      const asked = Number(readFileSync(place.site.path('asked'), 'utf8'));
      // Once a millisecond would be a storm.
      expect(asked).toBeGreaterThan(2);
      expect(asked).toBeLessThan(100);
    },
  );

  test('has an address that maestro cannot speak to: 78', async () => {
    const place = await makePlace();
    place.site.env['ETCD_LISTEN_CLIENT_URLS'] = `https://127.0.0.1:${place.port}`;
    await isRefused(
      place.start(),
      place,
      /^cannot use ETCD_LISTEN_CLIENT_URLS=https:.*maestro speaks no TLS to etcd; add http:/,
      78,
    );
  });
});

testNeeding(
  ['etcd', 'munged'],
  'munged fails while etcd is still on its way: that is what is told, with its last words; 80',
  async () => {
    const place = await makePlace({}, clusterOf(2, 'munge'));
    place.site.key();
    place.wrap('etcd', 'sleep 300');
    place.wrap('munged', 'echo "no munge today" >&2; exit 1');
    const container = place.start();
    const { code, stderr } = await container.over();
    expect(container.errors(), stderr).toEqual([expect.stringMatching(/munged.*no munge today/)]);
    expect(code).toBe(80);
  },
);

testNeeding(
  ['etcd'],
  'several things are wrong: each is told on a line of its own, and none is started',
  async () => {
    const place = await makePlace();
    place.site.write(data, '');
    rmSync(place.site.path('etc/ldms_cfg.yaml'));
    const server = createServer();
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(place.port, '127.0.0.1', resolve));
    const container = place.start();
    expect((await container.over()).code).toBe(78);
    expect(container.errors()).toEqual([
      expect.stringMatching(
        /^cannot use \S+\/etc\/ldms_cfg\.yaml: it does not exist; put yours there: cp ldms_cfg\.yaml /,
      ),
      expect.stringMatching(/^cannot start etcd: somebody listens on/),
      expect.stringMatching(/^cannot use etcd's data directory/),
    ]);
  },
);
