/** What docs/maestro-cluster.md has people type for certificates, backups and other hosts, typed: with real etcds. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Hosts, hostNames, makeHosts } from '../support/etcd-members.ts';
import { testNeeding } from '../support/needs.ts';
import { repository, until } from '../support/program.ts';

const page = readFileSync(join(repository, 'docs/maestro-cluster.md'), 'utf8');
const three = hostNames.slice(0, 3);
const lists = { old: three, new: ['hostA', 'hostB', 'hostD'] } as const;

/** The commands of one place of the page. */
function commands(name: string): string {
  const block = new RegExp(`<!-- tried: ${name} -->\\n(.*?)<!-- /tried -->`, 's').exec(page)?.[1];
  if (block === undefined) throw new Error(`the page has no commands that are called ${name}`);
  return block.replace(/^ {4}/gm, '');
}

const membersOf = async (hosts: Hosts) =>
  (await hosts.etcdctl('hostA', 'member', 'list'))
    .trim()
    .split('\n')
    .map((line) => line.split(', ')[2])
    .toSorted();

async function startThree(certificates?: string): Promise<Hosts> {
  const hosts = await makeHosts();
  for (const name of three) hosts.start(name, certificates ? { certificates } : {});
  return hosts;
}

async function typed(hosts: Hosts, name: (typeof three)[number], text: string): Promise<string> {
  const { code, stdout, stderr } = await hosts.type(name, text);
  expect(code, stderr).toBe(0);
  return stdout;
}

test('every place that is tried has a test here', () => {
  const names = [...page.matchAll(/<!-- tried: (\w+) -->/g)].map(([, name]) => name);
  expect(names.toSorted()).toEqual(['backup', 'certificates', 'replace', 'restore']);
});

// On loopback, packets to another leave with that one's address: each certificate needs all.
const onLoopback = (text: string): string =>
  text.replaceAll(/DNS:host\w,IP:10\.1\.0\.\d/g, three.map((_, at) => `IP:127.0.0.${at + 1}`).join(','));

testNeeding(['etcd', 'openssl'], 'certificates of the page have names and addresses in them', async () => {
  const hosts = await makeHosts();
  await typed(hosts, 'hostA', commands('certificates'));
  for (const [at, name] of three.entries()) {
    const shown = await typed(
      hosts,
      'hostA',
      `openssl x509 -in ${name}.crt -noout -ext subjectAltName,extendedKeyUsage
openssl verify -CAfile ca.crt ${name}.crt`,
    );
    expect(shown).toContain(`DNS:${name}, IP Address:10.1.0.${at + 1}\n`);
    expect(shown).toMatch(/TLS Web Server Authentication, TLS Web Client Authentication\n/);
    expect(shown).toContain(`${name}.crt: OK`);
  }
});

testNeeding(['etcd', 'openssl'], 'members with them reach each other', async () => {
  const hosts = await makeHosts();
  await typed(hosts, 'hostA', onLoopback(commands('certificates')));
  for (const name of three) hosts.start(name, { certificates: hosts.directory });
  await hosts.healthy(...three);
  expect(await hosts.etcdctl('hostB', 'member', 'list')).toMatch(/https:\/\/127\.0\.0\.3:/);
});

testNeeding(['etcd', 'openssl'], 'members with certificates of servers alone do not', async () => {
  const hosts = await makeHosts();
  const one = onLoopback(commands('certificates')).replace('serverAuth,clientAuth', 'serverAuth');
  await typed(hosts, 'hostA', one);
  for (const name of three) hosts.start(name, { certificates: hosts.directory });
  await until('one is refused', () =>
    three.some((name) => /incompatible key usage|bad certificate/.test(hosts.said(name))),
  );
  for (const name of three) expect(await hosts.isHealthy(name)).toBe(false);
});

testNeeding(['etcd', 'etcdctl'], 'what was backed up is there again on all hosts', async () => {
  const hosts = await startThree();
  await hosts.healthy(...three);
  await hosts.etcdctl('hostA', 'put', 'maestro/before', '1');
  expect(await typed(hosts, 'hostB', commands('backup'))).toMatch(/^[0-9a-f]+, \d+, \d+, /);
  await hosts.etcdctl('hostA', 'put', 'maestro/after', '1');
  for (const name of three) await hosts.kill(name);
  for (const name of three) {
    await typed(hosts, name, commands('restore').replace(/' hostA$/m, `' ${name}`));
    expect(existsSync(join(hosts.directory, `volume-of-${name}`, 'restored'))).toBe(false);
    hosts.start(name);
  }
  await hosts.healthy(...three);
  expect(await hosts.etcdctl('hostC', 'get', '--prefix', 'maestro/')).toBe('maestro/before\n1\n');
  expect(await membersOf(hosts)).toEqual(three);
});

testNeeding(['etcd', 'etcdctl'], 'a backup needs no quorum', async () => {
  const hosts = await startThree();
  await hosts.healthy(...three);
  await hosts.etcdctl('hostC', 'put', 'maestro/before', '1');
  await hosts.kill('hostA');
  await hosts.kill('hostB');
  expect(await hosts.isHealthy('hostC')).toBe(false);
  expect(await typed(hosts, 'hostC', commands('backup'))).toMatch(/^[0-9a-f]+, \d+, \d+, /);
});

testNeeding(['etcd', 'etcdctl'], 'hostD comes in place of hostC', async () => {
  const hosts = await startThree();
  await hosts.healthy(...three);
  await hosts.etcdctl('hostA', 'put', 'maestro/before', '1');
  await hosts.kill('hostC');
  await hosts.healthy('hostA', 'hostB');
  const [list = '', remove = '', ...add] = commands('replace').trim().split('\n');
  expect(await typed(hosts, 'hostA', list)).toMatch(/, hostC, /);
  await again(hosts, remove, (members) => !members.includes(', hostC, '));
  await again(hosts, add.join('\n'), (members) => /, unstarted, , http:\/\/127\.0\.0\.4:/.test(members));
  hosts.start('hostD', { list: lists.new, state: 'existing' });
  await hosts.healthy('hostD');
  for (const name of ['hostA', 'hostB'] as const) {
    await hosts.kill(name);
    hosts.start(name, { list: lists.new });
    await hosts.healthy(name);
  }
  expect(await membersOf(hosts)).toEqual(lists.new);
  expect(await hosts.etcdctl('hostD', 'get', 'maestro/before')).toBe('maestro/before\n1\n');
});

testNeeding(['etcd', 'etcdctl'], 'the new list alone replaces nobody', async () => {
  const hosts = await startThree();
  await hosts.healthy(...three);
  for (const name of ['hostA', 'hostB'] as const) {
    await hosts.kill(name);
    hosts.start(name, { list: lists.new });
    await hosts.healthy(name);
  }
  expect(await membersOf(hosts)).toEqual(lists.old);
});

/**
 * Types a line until it is taken: for some seconds after a start or a change, the cluster counts as unhealthy.
 * On a slow machine, one that etcdctl has given up may have been taken all the same.
 */
const again = (hosts: Hosts, line: string, isTaken: (members: string) => boolean): Promise<true> =>
  until(
    `the line is taken: ${line}`,
    async () => {
      const { code, stderr } = await hosts.type('hostA', line);
      const members = await hosts.etcdctl('hostA', 'member', 'list');
      if (code !== 0) expect(stderr).toMatch(/unhealthy cluster|member not found|deadline exceeded/i);
      else expect(isTaken(members), members).toBe(true);
      return isTaken(members) || undefined;
    },
    40_000,
  );
