/** How ldms-grafana ends: grafana's own signals and codes, as its exec or below the leader process. */
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ask, isUp, makeGrafana } from '../support/grafana.ts';
import { isAlive, processesNaming } from '../support/machine.ts';
import { below } from '../support/probe.ts';
import { until } from '../support/program.ts';

for (const supervise of ['0', '1']) {
  const settings = { LDMS_ENTRYPOINT_SUPERVISE: supervise };

  describe(supervise === '1' ? 'supervised' : 'with our pid', () => {
    test.each(['SIGTERM', 'SIGINT'] as const)(
      '%s: the request in flight is answered, nobody else is let in, and the code is 0',
      async (signal) => {
        const place = await makeGrafana(settings);
        const grafana = await place.comeUp();
        const answer = place.get('/standin/slow');
        await until('it has the request', () => grafana.stdout().includes('in flight'));
        grafana.kill(signal);
        await until('it stops', () => grafana.stdout().includes('Shutdown started'));
        await expect(place.get('/api/health')).rejects.toThrow();
        expect(isAlive(grafana.pid)).toBe(true);
        place.site.write('var/lib/grafana/release', '');
        expect(await answer).toEqual({ status: 200, body: 'finished\n' });
        expect((await grafana.ended).code).toBe(0);
        await until('nothing is left', () => processesNaming(place.site.root).length === 0, 5000);
        expect((await place.site.run(['health'])).code).toBe(1);
      },
    );

    test('HUP has it reopen its log, and it keeps running', async () => {
      const place = await makeGrafana({ ...settings, GF_LOG_MODE: 'console file' });
      const grafana = await place.comeUp();
      const file = place.site.path('var/log/grafana/grafana.log');
      renameSync(file, `${file}.1`);
      grafana.kill('SIGHUP');
      await until('there is a new one', () => existsSync(file) && readFileSync(file, 'utf8') !== '');
      expect((await place.get('/api/health')).status).toBe(200);
    });

    test('a start of its own that fails: its code and its words', async () => {
      const place = await makeGrafana(settings);
      for (const id of ['a', 'b']) {
        const text = `datasources: [{ name: ${id}, isDefault: true }]\n`;
        place.site.write(`etc/grafana/provisioning/datasources/${id}.yaml`, text);
      }
      const { code, stdout, stderr } = await place.start().ended;
      expect(code).toBe(1);
      expect(stdout).toMatch(/level=error .*Only one datasource per organization/);
      expect(stderr).toMatch(/^Failed to start grafana\. error: Datasource provisioning error/);
    });

    test('a death by a signal is 128 + its number', async () => {
      const place = await makeGrafana(settings);
      const grafana = await place.comeUp();
      const [pid = grafana.pid] = below(grafana.pid).map((one) => one.pid);
      process.kill(pid, 'SIGKILL');
      expect((await grafana.ended).code).toBe(137);
    });
  });
}

describe('supervised', () => {
  const settings = { LDMS_ENTRYPOINT_SUPERVISE: '1' };

  test('has its environment, its secrets and its output as without us', async () => {
    const place = await makeGrafana(settings);
    const { site } = place;
    Object.assign(site.env, {
      GF_SECURITY_ADMIN_PASSWORD__FILE: site.write('password', 'from the file\n'),
      GF_INSTALL_PLUGINS: 'a-panel',
      LDMS_ENTRYPOINT_DSOSDS_URL: 'http://ui',
      TRICKY: ' a\nb ',
    });
    const grafana = await place.comeUp(['cfg:security.admin_user=a b']);
    expect(await place.setting('security.admin_password')).toBe('from the file');
    expect(await place.setting('security.admin_user')).toBe('a b');
    expect((await place.get('/api/datasources')).body).toMatchObject([{ name: 'LDMS' }]);
    expect((await place.get('/api/plugins')).body).toEqual([{ id: 'a-panel' }, { id: 'dsosds' }]);
    const [server] = below(grafana.pid);
    const environ = readFileSync(`/proc/${server?.pid}/environ`, 'utf8').split('\0');
    expect(environ).toContain('TRICKY= a\nb ');
    expect(environ).toContain(`HOME=${site.path('usr/share/grafana')}`);
    expect(environ.filter((entry) => entry.includes('__FILE'))).toEqual([]);
    expect(grafana.stdout()).toMatch(/^(Grafana server is|logger=)/);
    expect(readFileSync(`/proc/${grafana.pid}/comm`, 'utf8')).not.toBe('grafana-server\n');
  });

  test('one that does not finish its requests is ended in time', async () => {
    const place = await makeGrafana({ ...settings, LDMS_ENTRYPOINT_STOP_TIMEOUT: '500ms' });
    const grafana = await place.comeUp();
    const lost = ask(`http://127.0.0.1:${place.port}/standin/slow`).catch(() => 'lost');
    await until('it has the request', () => grafana.stdout().includes('in flight'));
    const begun = Date.now();
    grafana.kill('SIGTERM');
    expect((await grafana.ended).code).toBe(137);
    expect(Date.now() - begun).toBeLessThan(3000);
    expect(await lost).toBe('lost');
  });

  test('a port that is taken is told before anything is started', async () => {
    const [first, second] = [
      await makeGrafana({ GF_SERVER_HTTP_ADDR: '127.0.0.1' }),
      await makeGrafana(settings),
    ];
    await first.comeUp();
    Object.assign(second.site.env, { GF_SERVER_HTTP_PORT: String(first.port) });
    const { code, stdout } = await second.start().ended;
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(existsSync(join(second.data, 'grafana.db'))).toBe(false);
  });

  test('the one program of 9.4 and later', async () => {
    const place = await makeGrafana(settings, ['grafana']);
    const grafana = place.start();
    await isUp(grafana);
    grafana.kill('SIGTERM');
    expect((await grafana.ended).code).toBe(0);
  });
});
