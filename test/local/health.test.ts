/** ACCEPTANCE H5: `health`, of a running samp or agg. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { mungedsOf } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import { program, run, type Started, until } from '../support/program.ts';
import { ldmsdThat, makeSite, type Site } from '../support/site.ts';

/** A port of this test's own, listened on by the test in the daemon's place. */
async function listen(): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  const address = server.address();
  return { server, port: typeof address === 'object' && address ? address.port : 0 };
}

/** A running container whose daemon does nothing but live. */
async function running(site: Site, args: readonly string[]): Promise<Started> {
  site.install('ldmsd', ldmsdThat('echo running; exec sleep 300'));
  const child = site.start(args);
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  await until('the daemon runs', () => child.stdout().includes('running'));
  return child;
}

describe('health', () => {
  test('is 0 while the daemon lives and its port answers, and needs no arguments', async () => {
    const site = makeSite();
    const { port } = await listen();
    const child = await running(site, ['samp', '-x', `sock:${port}`]);
    const { code, stdout, stderr } = await site.run(['health']);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: `healthy: samp runs as process ${child.pid}, sock:${port} accepts connections\n`,
      stderr: '',
    });
  });

  test('is 1 when nobody listens on the port', async () => {
    const site = makeSite();
    const { server, port } = await listen();
    await running(site, ['agg', '-x', `sock:${port}`]);
    await new Promise((resolve) => server.close(resolve));
    const { code, stdout } = await site.run(['health']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: `unhealthy: sock:${port}: nobody listens\n` });
  });

  test('knows the ports of several -x and of listen lines in a -c file', async () => {
    const site = makeSite();
    const [a, b] = [await listen(), await listen()];
    const conf = site.write('agg.conf', `listen xprt=sock port=${b.port} host=127.0.0.1\n`);
    await running(site, ['agg', '-x', `sock:${a.port}`, '-c', conf]);
    expect((await site.run(['health'])).stdout).toContain(
      `sock:${a.port} accepts connections, sock:${b.port} accepts connections`,
    );
    await new Promise((resolve) => b.server.close(resolve));
    expect((await site.run(['health'])).stdout).toBe(`unhealthy: sock:${b.port}: nobody listens\n`);
  });

  test('says of an rdma listener that it was not asked, rather than that it answers', async () => {
    const site = makeSite();
    const child = await running(site, ['samp', '-x', 'rdma:411']);
    expect((await site.run(['health'])).stdout).toBe(
      `healthy: samp runs as process ${child.pid}, rdma:411 was not asked (only ldms_ls can)\n`,
    );
  });

  test('is 1 when the daemon is gone', async () => {
    const site = makeSite();
    const child = await running(site, ['samp', '-F']);
    expect((await site.run(['health'])).code).toBe(0);
    child.kill('SIGKILL');
    await child.ended;
    const { code, stdout } = await site.run(['health']);
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: 'unhealthy: no daemon that ldms-entrypoint has started is running here\n',
    });
  });

  test("stays the first daemon's when a second one is tried beside it", async () => {
    const site = makeSite();
    const first = await running(site, ['samp', '-F']);
    const second = await running(site, ['samp', '-F', '-n', 'second']);
    second.kill('SIGKILL');
    await second.ended;
    expect((await site.run(['health'])).stdout).toBe(`healthy: samp runs as process ${first.pid}\n`);
  });

  test('is not deceived by another process with the pid of the dead daemon', async () => {
    const site = makeSite();
    await running(site, ['samp', '-F']);
    const [name = ''] = readdirSync(site.path('run/ldms-entrypoint')).filter((file) =>
      file.startsWith('plan.'),
    );
    const record = site.path(`run/ldms-entrypoint/${name}`);
    const written = JSON.parse(readFileSync(record, 'utf8')) as Record<string, unknown>;
    writeFileSync(record, JSON.stringify({ ...written, startTime: '1' }));
    expect((await site.run(['health'])).code).toBe(1);
    // A broken one neither: the answer is 1, and no crash.
    const { listeners: _, ...broken } = written;
    writeFileSync(record, JSON.stringify(broken));
    expect((await site.run(['health'])).code).toBe(1);
    // Negative control: the record as it was.
    writeFileSync(record, JSON.stringify(written));
    expect((await site.run(['health'])).code).toBe(0);
  });

  testNeeding(['munged'], 'is 1 when munge cannot encode any more', async () => {
    const site = makeSite();
    site.key();
    await running(site, ['samp', '-a', 'munge']);
    expect((await site.run(['health'])).stdout).toMatch(/^healthy: .*, munge answers$/m);
    const [munged] = mungedsOf(site.root);
    process.kill(munged ?? 0, 'SIGTERM');
    await until('munged is gone', () => mungedsOf(site.root).length === 0);
    const { code, stdout } = await site.run(['health']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^unhealthy: munge: Failed to access ".*": No such file or directory/);
  });

  test('gives up on what does not answer, after its time limit', async () => {
    const site = makeSite({ LDMS_ENTRYPOINT_HEALTH: 'deep', LDMS_ENTRYPOINT_HEALTH_TIMEOUT: '300ms' });
    const { port } = await listen();
    await running(site, ['samp', '-x', `sock:${port}`]);
    site.install('ldms_ls', '#!/bin/sh\nexec sleep 300\n');
    const { code, stdout } = await site.run(['health']);
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: `unhealthy: ldms_ls of sock:${port}: no answer within 0.3 s\n`,
    });
  });

  test("deep: ldms_ls is asked with the listener's transport, port and authentication", async () => {
    const site = makeSite({ LDMS_ENTRYPOINT_HEALTH: 'deep' });
    const { port } = await listen();
    await running(site, ['samp', '-x', `sock:${port}`, '-a', 'ovis', '-A', 'conf=/a b']);
    site.install(
      'ldms_ls',
      `#!/bin/sh\nprintf '<%s>' "$@" > ${site.path('asked')}\nexit $(cat ${site.path('status')})\n`,
    );
    site.write('status', '0');
    expect((await site.run(['health'])).stdout).toContain(`ldms_ls of sock:${port} answers`);
    expect(readFileSync(site.path('asked'), 'utf8')).toBe(
      `<-h><localhost><-x><sock><-p><${port}><-a><ovis><-A><conf=/a b>`,
    );
    site.write('status', '1');
    const { code, stdout } = await site.run(['health']);
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: `unhealthy: ldms_ls of sock:${port}: ldms_ls ended with 1\n`,
    });
  });

  test('deep: a listener with an authentication domain of its own is asked with that', async () => {
    const site = makeSite({ LDMS_ENTRYPOINT_HEALTH: 'deep' });
    const lines = 'auth_add name=secure plugin=ovis conf=/x\nlisten xprt=rdma port=10602 auth=secure\n';
    await running(site, ['samp', '-c', site.write('samp.conf', lines)]);
    site.install('ldms_ls', `#!/bin/sh\nprintf '<%s>' "$@" > ${site.path('asked')}\n`);
    await site.run(['health']);
    expect(readFileSync(site.path('asked'), 'utf8')).toContain(
      '<-x><rdma><-p><10602><-a><ovis><-A><conf=/x>',
    );
  });

  test('answers only 0 or 1, also to a wrong setting or argument', async () => {
    const site = makeSite();
    expect((await site.run(['health', 'now'])).code).toBe(1);
    expect((await site.run(['health'], { env: { ...site.env, LDMS_ENTRYPOINT_HEALTH: 'yes' } })).code).toBe(
      1,
    );
    expect((await site.run(['health'])).code).toBe(1);
  });

  testNeeding(['ptrace', 'munged'], 'writes no file and sends no signal', async () => {
    const site = makeSite();
    site.key();
    const { port } = await listen();
    await running(site, ['samp', '-x', `sock:${port}`, '-a', 'munge']);
    const trace = site.path('trace');
    const calls = 'trace=openat,open,creat,mkdir,unlink,rename,chmod,chown,kill,tgkill,tkill';
    await run('strace', ['-f', '-o', trace, '-e', calls, program, 'health'], { env: site.env });
    const lines = readFileSync(trace, 'utf8').split('\n');
    expect(lines.length, 'the trace saw something').toBeGreaterThan(10);
    const changes = lines.filter(
      (line) =>
        /O_WRONLY|O_RDWR|O_CREAT|mkdir|unlink|rename|chmod|chown|kill/.test(line) &&
        !/\/dev\/null/.test(line),
    );
    // munge's own clients lock nothing and write nothing; the trace includes them.
    expect(changes).toEqual([]);
  });
});
