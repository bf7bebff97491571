/** What a maestro container does about daemons that die. */
import { rmSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { isAlive } from '../support/machine.ts';
import { type Container, clusterOf, isUp, makePlace, type Place } from '../support/maestro.ts';
import { testNeeding } from '../support/needs.ts';
import { until } from '../support/program.ts';

/** Waits until a daemon runs under another pid. */
const isAnother = (place: Place, name: string, before: number): Promise<number> =>
  until(`there is another ${name}`, () => place.pids(name).find((pid) => pid !== before));

/** The configuration in etcd, and how it was written. */
async function revisions(place: Place): Promise<Record<string, unknown>> {
  const answer = await fetch(`${place.url}/v3/kv/range`, {
    method: 'POST',
    body: JSON.stringify({ key: btoa('/maestro/'), range_end: btoa('/maestro0') }),
  });
  const { kvs = [] } = (await answer.json()) as { kvs?: Record<string, unknown>[] };
  return Object.fromEntries(kvs.map(({ key, ...rest }) => [String(key), rest]));
}

const runsOf = (container: Container): number =>
  container.messages().match(/^maestro_ctrl is done/gm)?.length ?? 0;

describe('etcd dies', () => {
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    testNeeding(
      ['etcd'],
      `of ${signal}: it is started again, maestro after it; the configuration is as it was`,
      async () => {
        const place = await makePlace();
        const container = await place.comeUp();
        const [etcd, maestro] = [place.pid('etcd'), place.pid('maestro')];
        const before = await revisions(place);
        process.kill(etcd, signal);
        await isUp(container, 2);
        expect(place.pid('etcd')).not.toBe(etcd);
        expect(place.pid('maestro')).not.toBe(maestro);
        expect(await revisions(place)).toEqual(before);
        expect(runsOf(container), 'maestro_ctrl had no work').toBe(1);
        expect(container.messages()).toMatch(
          new RegExp(
            `^etcd: it ended with signal ${signal}; it is started again in 100 ms \\(1 of 5\\)$`,
            'm',
          ),
        );
        expect(container.errors()).toEqual([]);
        expect((await place.health()).code).toBe(0);
        // And what it is told now, maestro notices: it is one with a watch that works.
        place.configure(clusterOf(3));
        container.kill('SIGHUP');
        await container.hears(/^\[maestro\] .*configuration changed: 3 daemons/m);
        expect((await container.stop()).code).toBe(143);
      },
    );
  }

  testNeeding(['etcd'], 'and its data is gone: maestro_ctrl is run again before maestro', async () => {
    const place = await makePlace();
    const container = await place.comeUp();
    const before = await place.stored();
    // Removed once it has ended, and before the next one begins.
    place.wrap('etcd', `rm -rf ${place.site.path('var/lib/etcd')}; exec $REAL "$@"`);
    process.kill(place.pid('etcd'), 'SIGKILL');
    await isUp(container, 2);
    expect(runsOf(container)).toBe(2);
    const { '/maestro/last_updated': _, ...rest } = before;
    expect(await place.stored()).toMatchObject(rest);
    expect(container.errors()).toEqual([]);
    expect((await container.stop()).code).toBe(143);
  });

  testNeeding(['etcd'], 'and its data is gone, and maestro_ctrl fails then: 82', async () => {
    const place = await makePlace();
    const container = await place.comeUp();
    place.wrap('etcd', `rm -rf ${place.site.path('var/lib/etcd')}; exec $REAL "$@"`);
    place.ctrlMode('exit-3');
    process.kill(place.pid('etcd'), 'SIGKILL');
    expect((await container.over()).code).toBe(82);
    expect(container.errors()).toEqual([
      expect.stringMatching(/^maestro_ctrl did not put .*: it ended with exit status 3;/),
    ]);
  });

  testNeeding(['etcd'], 'and maestro with it: both are started again', async () => {
    const place = await makePlace();
    const container = await place.comeUp();
    const [etcd, maestro] = [place.pid('etcd'), place.pid('maestro')];
    process.kill(etcd, 'SIGKILL');
    process.kill(maestro, 'SIGKILL');
    await isUp(container, 2);
    expect(place.pid('maestro')).not.toBe(maestro);
    expect((await place.health()).code).toBe(0);
  });

  testNeeding(
    ['etcd'],
    'and its data is gone, of which maestro dies in its own time: it is started again',
    async () => {
      const place = await makePlace();
      const container = await place.comeUp();
      place.wrap('etcd', `rm -rf ${place.site.path('var/lib/etcd')}; exec $REAL "$@"`);
      place.ctrlMode('slow-700');
      const maestro = place.pid('maestro');
      process.kill(place.pid('etcd'), 'SIGKILL');
      // While maestro_ctrl is at work again: etcd is healthy already, and has nothing for maestro.
      await container.hears(/^\[maestro_ctrl\] maestro_ctrl \(stand-in\)$/m, 2);
      // It may have been ended already.
      if (isAlive(maestro)) process.kill(maestro, 'SIGKILL');
      await isUp(container, 2);
      expect(container.errors()).toEqual([]);
      expect((await container.stop()).code).toBe(143);
    },
  );

  testNeeding(
    ['etcd'],
    'again and again: each time the pause is longer, and each time all is well again',
    async () => {
      const place = await makePlace();
      const container = await place.comeUp();
      for (let times = 1; times <= 3; times++) {
        const etcd = place.pid('etcd');
        process.kill(etcd, 'SIGKILL');
        await isAnother(place, 'etcd', etcd);
        await isUp(container, times + 1);
      }
      const pauses = [...container.messages().matchAll(/started again in (\d+) ms \((\d) of 5\)/g)].map(
        ([, ms, of]) => [Number(ms), Number(of)],
      );
      expect(pauses).toEqual([
        [100, 1],
        [200, 2],
        [400, 3],
      ]);
      expect((await place.health()).code).toBe(0);
      expect((await container.stop()).code).toBe(143);
    },
  );

  testNeeding(
    ['etcd'],
    'again as soon as it is back: it is started once more, and then maestro',
    async () => {
      const place = await makePlace();
      const container = await place.comeUp();
      const before = await place.stored();
      // One that is healthy, and dies of the first question about what it holds.
      place.site.write(
        'short-lived.mjs',
        `import { createServer } from 'node:http';
createServer((question, answer) => {
  if (question.method === 'POST') process.exit(1);
  answer.end('{"health":"true"}');
}).listen(${place.port}, '127.0.0.1');
`,
      );
      // The next one takes its time, so that whatever is done without one is seen to fail.
      const once = place.site.write('once', '');
      place.wrap(
        'etcd',
        `rm ${once} && exec node ${place.site.path('short-lived.mjs')}; sleep 1.5; exec $REAL "$@"`,
      );
      process.kill(place.pid('etcd'), 'SIGKILL');
      await isUp(container, 2);
      expect(container.messages().match(/^etcd: .*it is started again/gm)).toHaveLength(2);
      expect(await place.stored()).toEqual(before);
      expect(container.errors()).toEqual([]);
      expect(place.pids('maestro')).toHaveLength(1);
      expect((await container.stop()).code).toBe(143);
    },
  );

  testNeeding(
    ['etcd'],
    'each time that it is started: after the last of so many times 81, with its last words',
    async () => {
      const place = await makePlace({ LDMS_ENTRYPOINT_RESTART_LIMIT: '2' });
      const container = await place.comeUp();
      place.wrap('etcd', 'echo "no more of this" >&2; exit 1');
      process.kill(place.pid('etcd'), 'SIGKILL');
      expect((await container.over()).code).toBe(81);
      const warnings = container.log().flatMap(({ level, msg }) => (level === 'warn' ? [msg] : []));
      expect(warnings).toEqual([
        'etcd: it ended with signal SIGKILL; it is started again in 100 ms (1 of 2)',
        expect.stringMatching(
          /^cannot use etcd: it ended with exit status 1.*; it is started again in 200 ms \(2 of 2\)$/,
        ),
      ]);
      expect(container.errors()).toEqual([
        expect.stringMatching(
          /^etcd has died 3 times in a row, the last time: .*exit status 1.*it said last: no more of this/,
        ),
      ]);
      expect(container.errors()[0]?.match(/no more of this/g), 'told once').toHaveLength(1);
    },
  );
});

describe('munged dies', () => {
  testNeeding(
    ['etcd', 'munged'],
    'it is started again, though it has left its files; maestro and etcd stay',
    async () => {
      const place = await makePlace({}, clusterOf(2, 'munge'));
      place.site.key();
      const container = await place.comeUp();
      const [etcd, maestro, munged] = [place.pid('etcd'), place.pid('maestro'), place.pid('munged')];
      place.wrap('munged', `until [ -e ${place.site.path('go')} ]; do sleep 0.02; done; exec $REAL "$@"`);
      process.kill(munged, 'SIGKILL');
      await until('health says so', async () => (await place.health()).code === 1);
      place.site.write('go', '');
      await container.says(/^munged is ready/m, 2);
      expect(place.pid('munged')).not.toBe(munged);
      expect([place.pid('etcd'), place.pid('maestro')]).toEqual([etcd, maestro]);
      expect(await place.health()).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('munge answers'),
      });
      expect((await container.stop()).code).toBe(143);
    },
  );

  testNeeding(
    ['etcd', 'munged'],
    'and its key is gone: 80 after the last of so many times, with its last words',
    async () => {
      const place = await makePlace(
        { LDMS_ENTRYPOINT_RESTART_LIMIT: '1', LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '2s' },
        clusterOf(2, 'munge'),
      );
      place.site.key();
      const container = await place.comeUp();
      place.wrap('munged', 'echo "no more of this" >&2; exit 1');
      rmSync(place.site.path('etc/munge/munge.key'));
      process.kill(place.pid('munged'), 'SIGKILL');
      expect((await container.over()).code).toBe(80);
      expect(container.errors()).toHaveLength(1);
    },
  );
});
