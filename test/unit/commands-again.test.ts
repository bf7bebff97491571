/** `check --again`, and how check and explain ask for the addresses of members: by the command line. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { command } from '../../src/commands/index.ts';
import { exitCodes } from '../../src/problem.ts';

const said = vi.hoisted(() => ({ 1: '', 2: '' }));
vi.mock('../../src/say.ts', () => ({
  say: (to: 1 | 2, text: string) => {
    said[to] += text;
  },
}));
beforeEach(() => {
  said[1] = '';
  said[2] = '';
});

const good = `daemons:
  - names: &nodes "node-[1-3]"
    hosts: "host-[1-3]"
    endpoints:
      - {names: "node-[1-3]-ep", ports: 10001, maestro_comm: True, auth: {name: none, plugin: none}}
samplers:
  - daemons: *nodes
    plugins: [meminfo1]
plugins:
  meminfo1:
    name: meminfo
    interval: 1s
    config:
      - {schema: meminfo}
`;

/** A root with an ldms_cfg.yaml, and a directory of programs that do nothing. */
function site(config: string): NodeJS.ProcessEnv {
  const root = mkdtempSync(join(tmpdir(), 'again-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const directory of ['etc', 'bin', 'run', 'var/lib']) {
    mkdirSync(join(root, directory), { recursive: true });
  }
  writeFileSync(join(root, 'etc/ldms_cfg.yaml'), config);
  for (const name of ['etcd', 'maestro', 'maestro_ctrl']) {
    writeFileSync(join(root, 'bin', name), '#!/bin/sh\n', { mode: 0o755 });
  }
  return { PATH: join(root, 'bin'), LDMS_ENTRYPOINT_ROOT: root };
}

/** A port of loopback that somebody has, as the running etcd has its own. */
async function takenPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe('check --again maestro', () => {
  test('takes a good file while etcd runs, where a first start would not begin', async () => {
    const env = { ...site(good), LDMS_ENTRYPOINT_ETCD_PORT: `${await takenPort()}` };
    expect(await command('check', ['--again', 'maestro'], env)).toBe(0);
    expect(said[1]).toMatch(/ldms_cfg\.yaml: 3 daemons\n(.*\n)*maestro takes it at a HUP\n$/);
    said[1] = '';
    expect(await command('check', ['maestro'], env)).toBe(exitCodes.etcd.code);
    expect(said[1]).toContain('cannot start etcd: somebody listens on');
  });

  test('does not take one with a mistake, which is told', async () => {
    const env = site(good.replace('ports: 10001', 'ports: many'));
    expect(await command('check', ['--again', 'maestro'], env)).toBe(exitCodes.configuration.code);
    expect(said[1]).toMatch(/^FAIL .*ldms_cfg\.yaml:5:\d+: .*many/m);
    expect(said[1]).toMatch(/maestro does not take it at a HUP: 1 of 3 checks failed\n$/);
  });

  test.each([[['--again', '--json']], [['--json', '--again']]])('as data with %j', async (options) => {
    expect(await command('check', [...options, 'maestro'], site(good))).toBe(0);
    expect(JSON.parse(said[1])).toMatchObject({ mode: 'maestro', again: true, exit: 0 });
  });

  test('of several members, nobody is asked for his address', async () => {
    const env = { ...site(good), LDMS_ENTRYPOINT_MAESTRO_MEMBERS: 'a.invalid,b.invalid,c.invalid' };
    expect(await command('check', ['--again', 'maestro'], env)).toBe(0);
    expect(said[1]).not.toContain('invalid');
  });

  test('of a mode that reads nothing again it is a wrong command line', async () => {
    expect(await command('check', ['--again', 'samp'], {})).toBe(exitCodes.usage.code);
    expect(said[2]).toBe(
      'ldms-entrypoint: cannot check samp again: a HUP does not have it read anything again; of the modes, maestro does (see ldms-entrypoint --help)\n',
    );
  });

  test('it is an option of check alone, and stands before the mode', async () => {
    expect(await command('explain', ['--again', 'maestro'], {})).toBe(exitCodes.usage.code);
    expect(said[2]).toContain('cannot explain: there is no option --again; the only one is --json');
    said[2] = '';
    expect(await command('check', ['--again', '--agian', 'maestro'], {})).toBe(exitCodes.usage.code);
    expect(said[2]).toContain('cannot check: there is no option --agian; there are --json and --again');
    await command('check', ['maestro', '--again'], site(good));
    expect(said[1]).toContain('the arguments "--again" are ignored');
  });
});

describe('of several members', () => {
  const list = { LDMS_ENTRYPOINT_MAESTRO_MEMBERS: 'localhost,b.invalid,c.invalid' };

  test('explain has the whole command line of etcd, as a start has', async () => {
    const env = { ...site(good), LDMS_ENTRYPOINT_MAESTRO_MEMBERS: '127.0.0.1,127.0.0.2,127.0.0.3' };
    const self = { LDMS_ENTRYPOINT_MAESTRO_MEMBER: '127.0.0.2' };
    expect(await command('explain', ['maestro'], { ...env, ...self })).toBe(0);
    expect(said[1]).toContain('--listen-peer-urls=http://127.0.0.2:2380');
    expect(said[1]).toContain('until 127.0.0.2 is elected among 127.0.0.1, 127.0.0.2, 127.0.0.3');
  });

  test('check and explain ask for their addresses', async () => {
    const env = { ...site(good), ...list };
    for (const word of ['check', 'explain']) {
      said[1] = '';
      await command(word, ['maestro'], env);
      expect(said[1], word).toMatch(/the member b\.invalid of maestro has no address yet|cannot listen as/);
      expect(said[1], word).not.toContain('ask for the addresses');
    }
  });
});
