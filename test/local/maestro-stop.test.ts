/** A maestro container is stopped: in which order, at any moment, and with what left behind. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { isHealthy } from '../support/etcd.ts';
import { isAlive } from '../support/machine.ts';
import { clusterOf, isUp, makePlace } from '../support/maestro.ts';
import { testNeeding } from '../support/needs.ts';
import { until } from '../support/program.ts';

// Of any stop in here, what a loaded machine may need; the time that a stop may take is 8 s.
const soonMs = 5000;

describe('TERM', () => {
  testNeeding(
    ['etcd', 'munged'],
    'stops maestro first, then etcd and munged, and ends with 143',
    async () => {
      const place = await makePlace({}, clusterOf(2, 'munge'));
      place.site.key();
      const { site } = place;
      // Each writes down when it is told to stop, in the order in which that happens.
      site.write('order', '', 0o666);
      const order = site.path('order');
      const noting = (name: string) => `
$REAL "$@" & real=$!
trap 'echo ${name} is told >> ${order}; kill $real' TERM
wait $real; wait $real`;
      place.wrap('etcd', noting('etcd'));
      place.wrap('munged', noting('munged'));
      site.install(
        'maestro',
        `#!/bin/sh
trap 'echo maestro is told >> ${order}; sleep 0.3; echo maestro has ended >> ${order}; trap - TERM; kill $$' TERM
echo ready
while :; do sleep 1 & wait $!; done
`,
      );
      const container = place.start();
      await container.hears(/^\[maestro\] ready$/m);
      expect((await container.stop()).code).toBe(143);
      const told = readFileSync(order, 'utf8').trimEnd().split('\n');
      expect(told.slice(0, 2)).toEqual(['maestro is told', 'maestro has ended']);
      expect(told.slice(2).sort()).toEqual(['etcd is told', 'munged is told']);
    },
  );

  testNeeding(['etcd'], 'etcd serves as long as maestro lives, though that ignores TERM', async () => {
    const place = await makePlace({ LDMS_ENTRYPOINT_STOP_TIMEOUT: '3s' });
    place.maestroMode('ignore-term');
    const container = await place.comeUp();
    const maestro = place.pid('maestro');
    const begun = Date.now();
    container.kill('SIGTERM');
    await container.hears(/SIGTERM ignored/);
    // Asked first, so that what it says holds for the moment in which maestro was still seen alive.
    const served: boolean[] = [];
    do {
      const isServed = await isHealthy(place.url);
      if (isAlive(maestro)) served.push(isServed);
    } while (isAlive(maestro));
    expect(served.length).toBeGreaterThan(3);
    expect(new Set(served)).toEqual(new Set([true]));
    const { code } = await container.over();
    expect(code, 'maestro had to be killed').toBe(137);
    expect(Date.now() - begun).toBeLessThan(3000 + soonMs);
  });

  testNeeding(['etcd'], 'a second one hurries what ignores the first; a hundred do no harm', async () => {
    const place = await makePlace({ LDMS_ENTRYPOINT_STOP_TIMEOUT: '60s' });
    place.maestroMode('ignore-term');
    const container = await place.comeUp();
    container.kill('SIGTERM');
    await container.hears(/SIGTERM ignored/);
    const begun = Date.now();
    for (let times = 0; times < 100; times++) container.kill('SIGTERM');
    expect((await container.over()).code).toBe(137);
    expect(Date.now() - begun, 'the 60 s were waited for').toBeLessThan(30_000);
  });

  testNeeding(
    ['etcd'],
    'that etcd dies of signal 15 by design is a clean stop: no warning, no error',
    async () => {
      const place = await makePlace({ LDMS_ENTRYPOINT_LOG_LEVEL: 'debug' });
      const container = await place.comeUp();
      const begun = Date.now();
      expect((await container.stop()).code).toBe(143);
      expect(Date.now() - begun).toBeLessThan(soonMs);
      expect(container.log().filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
      expect(container.messages()).toMatch(/^SIGTERM: stopping$/m);
      expect(container.messages()).not.toContain('started again');
    },
  );

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGQUIT', 131],
    ['SIGUSR1', 138],
  ] as const) {
    testNeeding(['etcd'], `${signal} reaches maestro, whose end is the container's: ${code}`, async () => {
      const place = await makePlace();
      const container = await place.comeUp();
      expect((await container.stop(signal)).code).toBe(code);
    });
  }
});

describe("maestro's own end is the container's", () => {
  for (const [mode, code] of [
    ['exit-3-after-0', 3],
    ['exit-0-after-100', 0],
    ['exit-255-after-0', 255],
  ] as const) {
    testNeeding(['etcd'], `${mode}: all is stopped, ${code}`, async () => {
      const place = await makePlace();
      place.maestroMode(mode);
      const container = place.start();
      expect((await container.over()).code).toBe(code);
      expect(container.messages()).toContain(`maestro ended with exit status ${code}; stopping`);
    });
  }

  testNeeding(['etcd'], 'killed: all is stopped, 137', async () => {
    const place = await makePlace();
    const container = await place.comeUp();
    process.kill(place.pid('maestro'), 'SIGKILL');
    expect((await container.over()).code).toBe(137);
    expect(container.messages()).toContain('maestro ended with signal SIGKILL; stopping');
  });

  testNeeding(
    ['etcd'],
    'what it has left in a session of its own, ignoring TERM, is gone as well',
    async () => {
      const place = await makePlace({ LDMS_ENTRYPOINT_STOP_TIMEOUT: '60s' });
      place.maestroMode('escapee');
      const container = await place.comeUp();
      const [, pid] = await until(
        'it tells its pid',
        () => /escapee (\d+)\n/.exec(container.stdout()) ?? undefined,
      );
      expect(isAlive(Number(pid))).toBe(true);
      const begun = Date.now();
      expect((await container.stop()).code).toBe(143);
      expect(isAlive(Number(pid))).toBe(false);
      expect(Date.now() - begun, 'its minute was waited for').toBeLessThan(30_000);
    },
  );
});

describe('TERM while preparing', () => {
  testNeeding(['etcd', 'munged'], 'at any moment of a start: 143, soon, and nothing is left', async () => {
    const place = await makePlace({}, clusterOf(2, 'munge'));
    place.site.key();
    const begun = Date.now();
    await (await place.comeUp()).stop();
    const wholeMs = Date.now() - begun;
    const seen = new Set<string>();
    const steps = 14;
    for (let step = 0; step <= steps; step++) {
      const container = place.start();
      await new Promise((resolve) => setTimeout(resolve, (step / steps) * wholeMs));
      const asked = Date.now();
      expect((await container.stop()).code, `after ${step} of ${steps} steps`).toBe(143);
      expect(Date.now() - asked).toBeLessThan(soonMs);
      seen.add(
        container.messages().match(/^stopped by SIGTERM while preparing|^SIGTERM: stopping/m)?.[0] ?? 'early',
      );
    }
    // The sweep has met a start in more than one of its stages.
    expect(seen.size, [...seen].join()).toBeGreaterThan(1);
  });

  const waits: [string, (place: Awaited<ReturnType<typeof makePlace>>) => RegExp][] = [
    [
      'an etcd that does not begin',
      (place) => {
        place.wrap('etcd', 'echo sleeps; sleep 300; exec $REAL "$@"');
        return /^\[etcd\] sleeps$/m;
      },
    ],
    [
      'an etcd that does not begin and ignores TERM',
      (place) => {
        place.wrap('etcd', `trap '' TERM; echo sleeps; sleep 300; exec $REAL "$@"`);
        return /^\[etcd\] sleeps$/m;
      },
    ],
    [
      'a munged that does not begin',
      (place) => {
        place.configure(clusterOf(2, 'munge'));
        place.site.key();
        place.wrap('munged', 'echo sleeps; sleep 300; exec $REAL "$@"');
        return /^\[munged\] sleeps$/m;
      },
    ],
    [
      'a maestro_ctrl that hangs',
      (place) => {
        place.ctrlMode('hang');
        return /hangs$/m;
      },
    ],
    [
      'a maestro_ctrl that hangs and ignores TERM',
      (place) => {
        place.ctrlMode('hang-hard');
        return /hangs$/m;
      },
    ],
  ];
  for (const [what, prepare] of waits) {
    testNeeding(['etcd', 'munged'], `${what} is stopped: 143`, async () => {
      const place = await makePlace();
      const waiting = prepare(place);
      const container = place.start();
      await container.hears(waiting);
      const begun = Date.now();
      const { code } = await container.stop();
      expect(code).toBe(143);
      expect(Date.now() - begun).toBeLessThan(soonMs);
      expect(container.messages()).toMatch(/^stopped by SIGTERM while preparing/m);
      expect(container.errors()).toEqual([]);
      expect(container.messages()).not.toContain('maestro runs');
    });
  }

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGQUIT', 131],
  ] as const) {
    testNeeding(['etcd'], `${signal} does the same: ${code}`, async () => {
      const place = await makePlace();
      place.ctrlMode('hang');
      const container = place.start();
      await container.hears(/hangs$/m);
      expect((await container.stop(signal)).code).toBe(code);
      expect(container.errors()).toEqual([]);
    });
  }

  testNeeding(['etcd'], 'a half-written configuration is written whole at the next start', async () => {
    const place = await makePlace();
    place.ctrlMode('hang');
    const container = place.start();
    await container.hears(/hangs$/m);
    expect(await place.stored()).not.toHaveProperty('/maestro/last_updated');
    expect((await container.stop()).code).toBe(143);
    place.ctrlMode('');
    await place.comeUp();
    expect(await place.stored()).toHaveProperty('/maestro/last_updated');
  });
});

describe('TERM while something is started again', () => {
  testNeeding(['etcd'], 'etcd is not back yet: 143', async () => {
    const place = await makePlace();
    const container = await place.comeUp();
    place.wrap('etcd', 'echo sleeps; sleep 300; exec $REAL "$@"');
    process.kill(place.pid('etcd'), 'SIGKILL');
    await container.hears(/^\[etcd\] sleeps$/m);
    expect((await container.stop()).code).toBe(143);
  });

  testNeeding(['etcd'], 'etcd is not back yet, and maestro has gone with it: 143 still', async () => {
    const place = await makePlace();
    const container = await place.comeUp();
    place.wrap('etcd', 'echo sleeps; sleep 300; exec $REAL "$@"');
    process.kill(place.pid('etcd'), 'SIGKILL');
    await container.hears(/^\[etcd\] sleeps$/m);
    process.kill(place.pid('maestro'), 'SIGKILL');
    await container.says(/^maestro ended with signal SIGKILL; it is started again/m);
    expect((await container.stop()).code, "an end of maestro's before the TERM is not the container's").toBe(
      143,
    );
  });

  testNeeding(['etcd'], 'a reload under way is broken off: 143', async () => {
    const place = await makePlace();
    const container = await place.comeUp();
    place.ctrlMode('hang');
    container.kill('SIGHUP');
    await container.hears(/hangs$/m);
    expect((await container.stop()).code).toBe(143);
    expect(existsSync(place.site.path('run/ldms-entrypoint/cluster.yaml'))).toBe(true);
    place.ctrlMode('');
    await isUp(place.start());
    expect(await place.stored()).toHaveProperty('/maestro/last_updated');
  });
});
