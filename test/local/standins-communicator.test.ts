/** The connections that the stand-in for maestro keeps, against the stand-ins' own protocol and a real etcd. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { type Auth, ask, serve } from '../standins/peer.ts';
import { clusterYaml, freePort, startEtcd } from '../support/etcd.ts';
import { startMunged } from '../support/munged.ts';
import { testNeeding } from '../support/needs.ts';
import { repository, type Started, start, until } from '../support/program.ts';
import { makeSite } from '../support/site.ts';

const bin = join(repository, 'test/standins/bin');
const open: Auth = { plugin: 'none' };

/** What speaks as a stand-in ldmsd does. */
interface Daemon {
  readonly port: number;
  /** How many clients are connected. */
  clients(): number;
  /** How many have ever been. */
  met(): number;
  /** Ends as a daemon that dies. */
  end(): Promise<void>;
}

async function listenAs(auth: Auth, port = 0): Promise<Daemon> {
  const sockets = new Set<Socket>();
  let met = 0;
  const server = createServer((socket) => {
    met++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(socket, auth, () => [{ name: 'set', values: ['metric=1'] }]);
  });
  await once(server.listen(port, '127.0.0.1'), 'listening');
  const end = async () => {
    if (!server.listening) return;
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  };
  onTestFinished(end);
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('no port');
  return { port: bound.port, clients: () => sockets.size, met: () => met, end };
}

/** An entry of `daemons` with one endpoint. */
const daemon = (name: string, port: number, more: string): string =>
  `  - { names: ${name}, hosts: 127.0.0.1, endpoints: [{ names: ${name}-ep, ports: ${port}, ${more} }] }\n`;
const none = 'maestro_comm: True, xprt: sock, auth: { name: none, plugin: none }';
const munge = (conf = '') =>
  `maestro_comm: True, xprt: sock, auth: { name: munge, plugin: munge${conf && `, conf: ${conf}`} }`;

/** A site with an etcd, and what saves a configuration in it. */
async function makePlace() {
  const site = makeSite();
  const etcd = await startEtcd(site);
  const cluster = ['--prefix', 'm', '--cluster', site.write('cluster.yaml', clusterYaml(etcd.port))];
  const begin = (name: string, words: readonly string[]): Started => {
    const started = start(join(bin, name), words, { env: site.env });
    onTestFinished(() => started.kill('SIGKILL'));
    return started;
  };
  return {
    site,
    save: async (...daemons: string[]) => {
      const file = site.write('ldms.yaml', `daemons:\n${daemons.join('')}`);
      const { stdout } = await begin('maestro_ctrl', [...cluster, '--ldms_config', file]).ended;
      expect(stdout).toContain('saved to etcd');
    },
    maestro: () => begin('maestro', cluster),
  };
}

/** The lines about connections. */
const told = (maestro: Started): string[] =>
  maestro
    .stdout()
    .split('\n')
    .slice(0, -1)
    .filter((line) => !line.includes('daemons configured'))
    .map((line) => line.replace('maestro (stand-in): ', ''));

const says = (maestro: Started, line: string, times = 1): Promise<boolean> =>
  until(`maestro says "${line}"`, () => told(maestro).filter((one) => one === line).length === times);

testNeeding(['etcd'], 'one connection to each endpoint of maestro_comm, which stays', async () => {
  const { save, maestro } = await makePlace();
  const [one, two, other] = [await listenAs(open), await listenAs(open), await listenAs(open)];
  await save(
    daemon('one', one.port, none),
    daemon('two', two.port, none),
    daemon('other', other.port, none.replace('maestro_comm: True, ', '')),
    daemon('fast', 411, none.replace('sock', 'rdma')),
  );
  const child = maestro();
  await says(child, `connected to one-ep at 127.0.0.1:${one.port}`);
  await says(child, `connected to two-ep at 127.0.0.1:${two.port}`);
  await says(child, 'fast-ep is passed over: only sock with auth munge or none is played');
  // A client that only asks is served beside it, and leaves.
  expect(await ask('127.0.0.1', one.port, open)).toEqual({ sets: [{ name: 'set', values: ['metric=1'] }] });
  await until('the other client has left', () => one.clients() === 1);
  expect({ two: two.clients(), met: two.met(), other: other.met() }).toEqual({ two: 1, met: 1, other: 0 });
  expect(told(child)).toHaveLength(3);
  expect(child.stderr()).toBe('');
});

testNeeding(['etcd'], 'it waits for a daemon in silence, and tells of one that it loses once', async () => {
  const { save, maestro } = await makePlace();
  const [port, witness] = [await freePort(), await listenAs(open)];
  await save(daemon('late', port, none), daemon('there', witness.port, none));
  const child = maestro();
  await says(child, `connected to there-ep at 127.0.0.1:${witness.port}`);
  expect(told(child)).toHaveLength(1);
  const late = await listenAs(open, port);
  await says(child, `connected to late-ep at 127.0.0.1:${port}`);
  await late.end();
  await says(child, `lost late-ep at 127.0.0.1:${port}`);
  await listenAs(open, port);
  await says(child, `connected to late-ep at 127.0.0.1:${port}`, 2);
  expect(told(child)).toHaveLength(4);
});

testNeeding(['etcd'], 'it follows the configuration, and leaves what has not changed alone', async () => {
  const { save, maestro } = await makePlace();
  const [stays, goes, comes] = [await listenAs(open), await listenAs(open), await listenAs(open)];
  await save(daemon('stays', stays.port, none), daemon('goes', goes.port, none));
  const child = maestro();
  await until('both are connected', () => stays.clients() === 1 && goes.clients() === 1);
  await save(daemon('stays', stays.port, none), daemon('comes', comes.port, none));
  await says(child, `connected to comes-ep at 127.0.0.1:${comes.port}`);
  await until('the daemon that was taken out is left', () => goes.clients() === 0);
  expect({ clients: stays.clients(), met: stays.met() }).toEqual({ clients: 1, met: 1 });
  expect(told(child).join()).not.toContain('lost');
});

testNeeding(['etcd', 'munged'], 'munge is real: one that cannot authenticate is told once', async () => {
  const { save, maestro, site } = await makePlace();
  const ours: Auth = { plugin: 'munge', socket: site.path('run/other/munge.socket') };
  await startMunged(site, ours.socket);
  const [one, two, three] = [await listenAs(ours), await listenAs(ours), await listenAs(ours)];
  await save(
    daemon('one', one.port, munge(`{ socket: ${ours.socket} }`)),
    daemon('two', two.port, munge(`socket=${ours.socket}`)),
    daemon('three', three.port, none),
    daemon('four', one.port, munge()),
  );
  const child = maestro();
  await says(child, `connected to one-ep at 127.0.0.1:${one.port}`);
  await says(child, `connected to two-ep at 127.0.0.1:${two.port}`);
  const failed = (name: string) => told(child).filter((line) => line.includes(`no connection to ${name}-ep`));
  // Tried again meanwhile, and told once.
  await until('three has been tried more than twice', () => three.met() > 2);
  expect(failed('three')).toEqual([
    expect.stringMatching(`^no connection to three-ep at 127.0.0.1:${three.port}: .`),
  ]);
  await until('four is told', () => failed('four').length > 0);
  // There is no munged behind the default socket.
  expect(failed('four')).toEqual([expect.stringContaining(site.socket)]);
  expect(told(child)).toHaveLength(4);
});

testNeeding(['etcd'], 'the stand-in ldmsd takes a client that stays', async () => {
  const { save, maestro, site } = await makePlace();
  const port = await freePort();
  const ldmsd = start(join(bin, 'ldmsd'), ['-F', '-x', `sock:${port}`], { env: site.env });
  onTestFinished(() => ldmsd.kill('SIGKILL'));
  await save(daemon('samp', port, none));
  const child = maestro();
  await says(child, `connected to samp-ep at 127.0.0.1:${port}`);
  ldmsd.kill('SIGTERM');
  expect((await ldmsd.ended).code).toBe(0);
  await says(child, `lost samp-ep at 127.0.0.1:${port}`);
  child.kill('SIGTERM');
  expect((await child.ended).code).toBe(143);
});
