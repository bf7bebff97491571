/** `health` of ldms-grafana: /api/health, at its own listener. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type GrafanaPlace, isUp, makeGrafana } from '../support/grafana.ts';
import { until } from '../support/program.ts';

const health = async ({ site }: GrafanaPlace) => {
  const { code, stdout, stderr } = await site.run(['health']);
  expect(stderr).toBe('');
  return { code, text: stdout.trimEnd() };
};

describe('health', () => {
  test('is 0 while it is well, 1 while its database fails, and 1 when it is gone', async () => {
    const place = await makeGrafana();
    const grafana = await place.comeUp();
    const where = `http at 0.0.0.0:${place.port}`;
    expect(await health(place)).toEqual({
      code: 0,
      text: `healthy: grafana runs as process ${grafana.pid}, ${where} answers /api/health`,
    });
    writeFileSync(join(place.data, 'failing'), '');
    expect(await health(place)).toEqual({
      code: 1,
      text: `unhealthy: ${where}: it answers /api/health with HTTP status 503`,
    });
    rmSync(join(place.data, 'failing'));
    expect((await health(place)).code).toBe(0);
    grafana.kill('SIGKILL');
    await grafana.ended;
    expect(await health(place)).toMatchObject({
      code: 1,
      text: expect.stringMatching(/^unhealthy: no daemon/),
    });
  });

  test('is 1 while it does not listen yet, and after its time limit when it hangs', async () => {
    const place = await makeGrafana({ LDMS_ENTRYPOINT_HEALTH_TIMEOUT: '300ms' });
    place.site.install('grafana-server', '#!/bin/sh\necho running; exec sleep 300\n');
    const grafana = place.start();
    await until('it runs', () => grafana.stdout().includes('running'));
    const where = `http at 0.0.0.0:${place.port}`;
    expect(await health(place)).toEqual({ code: 1, text: `unhealthy: ${where}: nobody listens` });
    grafana.kill('SIGKILL');
    await grafana.ended;
    const other = await makeGrafana({ LDMS_ENTRYPOINT_HEALTH_TIMEOUT: '300ms' });
    const stopped = await other.comeUp();
    stopped.kill('SIGSTOP');
    expect(await health(other)).toEqual({
      code: 1,
      text: `unhealthy: http at 0.0.0.0:${other.port}: no answer within 0.3 s`,
    });
    stopped.kill('SIGCONT');
    expect((await health(other)).code).toBe(0);
  });

  test('asks through a Unix socket where grafana listens on one', async () => {
    const place = await makeGrafana({ GF_SERVER_PROTOCOL: 'socket' });
    const socket = place.site.path('grafana.sock');
    place.site.write('etc/grafana/grafana.ini', `[server]\nsocket = ${socket}\n`);
    const grafana = place.start();
    expect(await isUp(grafana)).toBe(socket);
    expect(await health(place)).toEqual({
      code: 0,
      text: `healthy: grafana runs as process ${grafana.pid}, http at ${socket} answers /api/health`,
    });
    writeFileSync(join(place.data, 'failing'), '');
    expect((await health(place)).code).toBe(1);
    rmSync(socket);
    expect(await health(place)).toEqual({ code: 1, text: `unhealthy: http at ${socket}: nobody listens` });
  });

  test('asks the server that is supervised', async () => {
    const place = await makeGrafana({ LDMS_ENTRYPOINT_SUPERVISE: '1' });
    const grafana = await place.comeUp();
    expect((await health(place)).text).toMatch(
      new RegExp(`^healthy: grafana runs as process ${grafana.pid}, grafana's process \\d+ runs, http at `),
    );
  });

  test('is asked behind a first-time start only when there is one: -v leaves no record', async () => {
    const place = await makeGrafana();
    await place.start(['-v']).ended;
    expect((await health(place)).code).toBe(1);
  });

  test('answers in well under a second', async () => {
    const place = await makeGrafana();
    await place.comeUp();
    const times: number[] = [];
    for (let count = 0; count < 5; count++) {
      const begun = performance.now();
      await health(place);
      times.push(performance.now() - begun);
    }
    // It takes some 40 ms where nothing else runs.
    expect(Math.min(...times)).toBeLessThan(500);
  });
});
