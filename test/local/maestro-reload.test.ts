/** HUP to a maestro container: ldms_cfg.yaml is read again. */
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { isAlive } from '../support/machine.ts';
import { clusterOf, isUp, makePlace } from '../support/maestro.ts';
import { startMunged } from '../support/munged.ts';
import { testNeeding } from '../support/needs.ts';
import { until } from '../support/program.ts';

describe('HUP', () => {
  testNeeding(
    ['etcd'],
    'with a new file: it is in etcd, and maestro notices, without being started again',
    async () => {
      const place = await makePlace();
      const container = await place.comeUp();
      const pids = ['etcd', 'maestro'].map((name) => place.pid(name));
      place.configure(clusterOf(3));
      container.kill('SIGHUP');
      await container.says(/^SIGHUP: the new configuration is in force$/m);
      await container.hears(/^\[maestro\] .*configuration changed: 3 daemons/m);
      const stored = await place.stored();
      expect(stored).toHaveProperty(['/maestro/daemons/samp-[1-3]/samp-3/addr'], 'node-3');
      expect(Object.keys(stored).filter((key) => key.includes('[1-2]'))).toEqual([]);
      expect(['etcd', 'maestro'].map((name) => place.pid(name))).toEqual(pids);
      expect(container.errors()).toEqual([]);
      expect((await container.stop()).code).toBe(143);
    },
  );

  testNeeding(
    ['etcd'],
    'with a broken file: each mistake with line and column, and all stays as it was',
    async () => {
      const place = await makePlace();
      const container = await place.comeUp();
      const before = await place.stored();
      const maestro = place.pid('maestro');
      place.configure(
        clusterOf(3).replace('{ name: none, plugin: none }', 'munge').replace('"node-[1-3]"', '"node-[1-"'),
      );
      container.kill('SIGHUP');
      await container.says(/^SIGHUP: the configuration is left as it was$/m);
      expect(container.errors()).toEqual([
        expect.stringMatching(/\/etc\/ldms_cfg\.yaml:3:12: /),
        expect.stringMatching(/\/etc\/ldms_cfg\.yaml:9:15: auth: must be a mapping/),
        'SIGHUP: the configuration is left as it was',
      ]);
      expect(await place.stored()).toEqual(before);
      expect(place.pid('maestro')).toBe(maestro);
      expect(container.stdout()).not.toContain('configuration changed');
      expect((await place.health()).code).toBe(0);
      // Mended, it is taken.
      place.configure(clusterOf(3));
      container.kill('SIGHUP');
      await container.hears(/configuration changed: 3 daemons/m);
    },
  );

  for (const mode of ['midway', 'put-error', 'hang-hard', 'exit-3'] as const) {
    testNeeding(
      ['etcd'],
      `with a good file, and maestro_ctrl fails (${mode}): what was in etcd is put back`,
      async () => {
        const place = await makePlace({
          LDMS_ENTRYPOINT_MAESTRO_CTRL_TIMEOUT: mode.startsWith('hang') ? '1500ms' : '30s',
        });
        const container = await place.comeUp();
        const before = await place.stored();
        const maestro = place.pid('maestro');
        place.configure(clusterOf(3));
        place.ctrlMode(mode);
        container.kill('SIGHUP');
        await container.says(/^SIGHUP: the new configuration is not in force$/m);
        expect(await place.stored()).toEqual(before);
        expect(container.errors()).toHaveLength(2);
        expect(container.errors()[0]).toMatch(/^maestro_ctrl did not put .* into etcd: /);
        const changedSomething = mode !== 'exit-3';
        expect(container.errors()[0]?.includes('; the configuration of before was put back into etcd')).toBe(
          changedSomething,
        );
        expect(place.pid('maestro')).toBe(maestro);
        // What was put back is told to maestro as well, which may have seen half of the other.
        if (changedSomething) await container.hears(/^\[maestro\] .*configuration changed: 2 daemons/m);
        // And the next attempt is one with the new file.
        place.ctrlMode('');
        container.kill('SIGHUP');
        await container.hears(/^\[maestro\] .*configuration changed: 3 daemons/m);
        expect((await container.stop()).code).toBe(143);
      },
    );
  }

  testNeeding(['etcd'], 'with a file that needs munge now: refused, with what to do', async () => {
    const place = await makePlace();
    const container = await place.comeUp();
    place.site.key();
    const before = await place.stored();
    place.configure(clusterOf(3, 'munge'));
    container.kill('SIGHUP');
    await container.says(/^SIGHUP: the configuration is left as it was$/m);
    expect(container.errors()[0]).toBe(
      'the new configuration needs munged, which this container was not started with; restart the container',
    );
    expect(await place.stored()).toEqual(before);
    expect(place.pids('munged')).toEqual([]);
  });

  testNeeding(['etcd', 'munged'], "with munge in use, the container's own: taken", async () => {
    const place = await makePlace({}, clusterOf(2, 'munge'));
    place.site.key();
    const container = await place.comeUp();
    place.configure(clusterOf(3, 'munge'));
    container.kill('SIGHUP');
    await container.says(/^SIGHUP: /m);
    expect(container.errors()).toEqual([]);
    await container.hears(/configuration changed: 3 daemons/m);
  });

  testNeeding(
    ['etcd', 'munged'],
    'with munge in use, that of a munged which was there already: taken',
    async () => {
      const place = await makePlace({}, clusterOf(2, 'munge'));
      await startMunged(place.site);
      const container = await place.comeUp();
      expect(container.messages()).toMatch(/^the host's munged is ready/m);
      place.configure(clusterOf(3, 'munge'));
      container.kill('SIGHUP');
      await container.says(/^SIGHUP: /m);
      expect(container.errors()).toEqual([]);
      await container.hears(/configuration changed: 3 daemons/m);
    },
  );

  testNeeding(
    ['etcd'],
    'that many times in a row: no two runs at once, and the last content is what is there',
    async () => {
      const place = await makePlace();
      const { site } = place;
      // A lock that only one can hold at a time tells of two at once.
      const ctrl = site.path('bin/maestro_ctrl');
      renameSync(ctrl, site.path('bin/real_ctrl'));
      site.install(
        'maestro_ctrl',
        `#!/bin/sh
mkdir ${site.path('busy')} || echo >> ${site.path('overlap')}
echo run >> ${site.path('runs')}
${site.path('bin/real_ctrl')} "$@"
status=$?
rmdir ${site.path('busy')}
exit $status
`,
      );
      const container = await place.comeUp();
      for (let count = 3; count <= 22; count++) {
        place.configure(clusterOf(count));
        container.kill('SIGHUP');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await container.hears(/^\[maestro\] .*configuration changed: 22 daemons/m);
      await until('the last run has ended', () => !existsSync(site.path('busy')));
      expect(existsSync(site.path('overlap')), 'two ran at once').toBe(false);
      const stored = await place.stored();
      expect(stored).toHaveProperty(['/maestro/daemons/samp-[1-22]/samp-22/addr']);
      expect(new Set(Object.keys(stored).map((key) => /samp-\[1-\d+\]/.exec(key)?.[0]))).toEqual(
        new Set(['samp-[1-22]', undefined]),
      );
      expect(container.errors()).toEqual([]);
      // Negative control of the lock, and of what is asked for: more than one run, and not one for each.
      const runs = readFileSync(site.path('runs'), 'utf8').split('\n').length - 1;
      expect(runs).toBeGreaterThan(1);
      expect(runs).toBeLessThanOrEqual(21);
      expect((await container.stop()).code).toBe(143);
    },
  );

  testNeeding(
    ['etcd'],
    'during the start: not fatal, and the file of that moment is the one in force',
    async () => {
      const place = await makePlace();
      place.ctrlMode('slow-700');
      const container = place.start(['say something']);
      await container.hears(/^\[maestro_ctrl\] maestro_ctrl \(stand-in\)$/m);
      container.kill('SIGHUP');
      place.ctrlMode('');
      place.configure(clusterOf(3));
      container.kill('SIGHUP');
      await container.says(/^SIGHUP: the new configuration is in force$/m);
      expect(await place.stored()).toHaveProperty(['/maestro/daemons/samp-[1-3]/samp-3/addr']);
      expect((await place.health()).code).toBe(0);
    },
  );

  for (const [moment, words] of [
    ['during the start', /^etcd is ready/m],
    ['as soon as maestro has been started', /^maestro runs/m],
  ] as const) {
    testNeeding(
      ['etcd'],
      `${moment}: not fatal, though maestro finds nothing in etcd while that is written anew`,
      async () => {
        const place = await makePlace();
        const { site } = place;
        const [deleted, found] = [site.path('deleted'), site.path('found')];
        for (const name of ['maestro', 'maestro_ctrl']) {
          renameSync(site.path(`bin/${name}`), site.path(`bin/real-${name}`));
        }
        // The second run stands still between deleting and writing, until maestro has looked.
        site.write(
          'delete.mjs',
          `const [key, range_end] = ['/maestro/', '/maestro0'].map((text) => btoa(text));
await fetch('${place.url}/v3/kv/deleterange', { method: 'POST', body: JSON.stringify({ key, range_end }) });
`,
        );
        site.install(
          'maestro_ctrl',
          `#!/bin/sh
if [ -e ${site.path('first')} ] && [ ! -e ${deleted} ]; then
  node ${site.path('delete.mjs')}
  : > ${deleted}
  at=0
  until [ -e ${found} ] || [ $at -ge 50 ]; do sleep 0.02; at=$((at + 1)); done
fi
: > ${site.path('first')}
exec ${site.path('bin/real-maestro_ctrl')} "$@"
`,
        );
        // Its first start looks at the worst moment.
        site.install(
          'maestro',
          `#!/bin/sh
if [ ! -e ${site.path('tried')} ]; then
  : > ${site.path('tried')}
  until [ -e ${deleted} ]; do sleep 0.02; done
  ${site.path('bin/real-maestro')} "$@"
  status=$?
  : > ${found}
  exit $status
fi
exec ${site.path('bin/real-maestro')} "$@"
`,
        );
        const container = place.start();
        await container.says(words);
        container.kill('SIGHUP');
        await isUp(container);
        await container.says(/^SIGHUP: the new configuration is in force$/m);
        await until('all is well', async () => (await place.health()).code === 0);
        expect((await container.stop()).code).toBe(143);
      },
    );
  }

  testNeeding(['etcd'], 'at any moment after our first line: never fatal', async () => {
    const place = await makePlace();
    for (let step = 0; step < 4; step++) {
      const container = place.start(['say something']);
      await container.says(/are ignored/);
      await new Promise((resolve) => setTimeout(resolve, step * 60));
      container.kill('SIGHUP');
      await isUp(container);
      expect((await container.stop()).code).toBe(143);
    }
  });

  testNeeding(['etcd'], 'while etcd is being started again: said, and not fatal', async () => {
    const place = await makePlace();
    const container = await place.comeUp();
    const before = await place.stored();
    place.wrap('etcd', `until [ -e ${place.site.path('go')} ]; do sleep 0.02; done; exec $REAL "$@"`);
    process.kill(place.pid('etcd'), 'SIGKILL');
    await container.says(/it is started again/);
    place.configure(clusterOf(3));
    container.kill('SIGHUP');
    await container.says(/^SIGHUP: /m);
    place.site.write('go', '');
    await isUp(container, 2);
    // Whichever it was: what is there is whole, and what we said.
    const isTaken = container.messages().includes('SIGHUP: the new configuration is in force');
    if (isTaken) expect(await place.stored()).toHaveProperty(['/maestro/daemons/samp-[1-3]/samp-3/addr']);
    else expect(await place.stored()).toEqual(before);
    expect((await place.health()).code).toBe(0);
  });

  testNeeding(['etcd'], 'and TERM while maestro_ctrl ignores it: 143', async () => {
    const place = await makePlace();
    const container = await place.comeUp();
    place.ctrlMode('hang-hard');
    container.kill('SIGHUP');
    await container.hears(/hangs$/m);
    const [ctrl] = place.pids('maestro_ctrl');
    expect((await container.stop()).code).toBe(143);
    expect(isAlive(ctrl ?? 0)).toBe(false);
  });
});
