/** A maestro container whose leader process is PID 1, and what is orphaned below one. */
import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { commandLine, isAlive } from '../support/machine.ts';
import {
  type Container,
  clusterOf,
  innerPid,
  isUp,
  makePlace,
  nameOf,
  type Place,
  processesOf,
  zombiesOf,
} from '../support/maestro.ts';
import { testNeeding } from '../support/needs.ts';
import { until } from '../support/program.ts';

const shapes = ['PID 1', 'another PID'] as const;
type Shape = (typeof shapes)[number];

/** What the launch shape needs. */
const needsOf = (shape: Shape): string[] => ['etcd', 'setpriv', ...(shape === 'PID 1' ? ['namespaces'] : [])];

/** Starts a container in a launch shape, and finds its leader process. */
async function launch(place: Place, shape: Shape): Promise<{ container: Container; leader: number }> {
  if (shape === 'another PID') {
    const container = place.start();
    return { container, leader: container.pid };
  }
  const container = place.startInNamespaces();
  const isLeader = (pid: number) => innerPid(pid) === 1 && commandLine(pid)[1] === 'maestro';
  return { container, leader: await until('the leader runs', () => processesOf(place.site).find(isLeader)) };
}

for (const shape of shapes) {
  describe(`as ${shape}`, () => {
    testNeeding(
      [...needsOf(shape), 'munged'],
      'comes up, takes HUP, starts etcd again, and ends with 143 at TERM',
      async () => {
        const place = await makePlace({}, clusterOf(2, 'munge'));
        place.site.key();
        const { container, leader } = await launch(place, shape);
        await isUp(container);
        const { ppid } = statOf(place.pid('etcd'));
        expect(ppid, 'etcd is a child of the leader').toBe(leader);
        place.configure(clusterOf(3, 'munge'));
        process.kill(leader, 'SIGHUP');
        await container.says(/^SIGHUP: the new configuration is in force$/m);
        await container.hears(/^\[maestro\] .*configuration changed: 3 daemons/m);
        process.kill(place.pid('etcd'), 'SIGKILL');
        await isUp(container, 2);
        expect(container.errors()).toEqual([]);
        process.kill(leader, 'SIGTERM');
        expect((await container.over()).code).toBe(143);
        expect(container.messages()).toMatch(/^SIGTERM: stopping$/m);
      },
    );

    testNeeding(needsOf(shape), 'TERM while preparing: 143', async () => {
      const place = await makePlace();
      place.ctrlMode('hang');
      const { container, leader } = await launch(place, shape);
      await container.hears(/hangs$/m);
      process.kill(leader, 'SIGTERM');
      expect((await container.over()).code).toBe(143);
    });

    testNeeding(needsOf(shape), 'orphans that end leave no zombies', async () => {
      const place = await makePlace();
      place.maestroMode('orphans-50');
      const { container, leader } = await launch(place, shape);
      await isUp(container);
      const orphans = () =>
        processesOf(place.site).filter(
          (pid) =>
            commandLine(pid).some((word) => word.startsWith('standin-orphan-of')) &&
            statOf(pid).ppid === leader,
        );
      const seen = new Set<number>();
      await until('all have been ours', () => {
        for (const pid of orphans()) seen.add(pid);
        return seen.size >= 50;
      });
      await until('all have ended', () => orphans().length === 0);
      await until('none is a zombie', () => zombiesOf(leader).length === 0);
      process.kill(leader, 'SIGTERM');
      expect((await container.over()).code).toBe(143);
    });

    testNeeding(
      needsOf(shape),
      'a grandchild in a session of its own that ignores TERM is gone with it',
      async () => {
        const place = await makePlace();
        place.maestroMode('escapee');
        const { container, leader } = await launch(place, shape);
        await container.hears(/escapee \d+$/m);
        const escapee = await until('it sleeps', () =>
          processesOf(place.site).find(
            (pid) => nameOf(pid) === 'sleep' && commandLine(pid).join(' ') === 'sleep 60',
          ),
        );
        process.kill(leader, 'SIGTERM');
        expect((await container.over()).code).toBe(143);
        expect(isAlive(escapee)).toBe(false);
      },
    );

    testNeeding(
      needsOf(shape),
      'a thousand orphans during the stop: no exit status is lost, nothing is left',
      async () => {
        const place = await makePlace({ LDMS_ENTRYPOINT_STOP_TIMEOUT: '60s' });
        place.site.install(
          'maestro',
          `#!/bin/sh
storm() {
  at=0
  while [ $at -lt 1000 ]; do
    (sleep 0.2 &)
    at=$((at + 1))
  done
  exit 9
}
trap storm TERM
echo ready
while :; do sleep 1 & wait $!; done
`,
        );
        const { container, leader } = await launch(place, shape);
        await container.hears(/^\[maestro\] ready$/m);
        process.kill(leader, 'SIGTERM');
        let most = 0;
        while (isAlive(leader)) {
          most = Math.max(most, zombiesOf(leader).length);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        expect((await container.over()).code, "maestro's own").toBe(9);
        // All of them, if nobody reaped; they may come faster than they are reaped for a while.
        expect(most, 'zombies gathered').toBeLessThan(900);
      },
    );
  });
}

testNeeding(
  ['etcd', 'setpriv'],
  'that is killed takes etcd, munged and maestro with it, also where it is no PID 1',
  async () => {
    const place = await makePlace();
    const container = await place.comeUp();
    container.kill('SIGKILL');
    expect((await container.over()).code).toBe(137);
  },
);

function statOf(pid: number): { ppid: number } {
  try {
    const [, ppid] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return { ppid: Number(ppid) };
  } catch {
    return { ppid: 0 };
  }
}
