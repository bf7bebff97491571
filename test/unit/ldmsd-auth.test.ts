import { describe, expect, test } from 'vitest';
import { whatLdmsdWants } from '../../src/ldmsd/auth.ts';
import { parseOptions } from '../../src/ldmsd/options.ts';
import { type FakeWorld, fakeHost } from '../support/fake-host.ts';

const wants = (args: readonly string[], world: FakeWorld = {}) =>
  whatLdmsdWants(parseOptions(args), fakeHost(world));

const files = {
  '/etc/ldms/samp.conf': { content: 'listen xprt=rdma port=412\ndefault_auth plugin=munge socket=/srv/m\n' },
  '/etc/ldms/ovis.conf': { content: 'auth_add name=peers plugin=ovis conf=/etc/secret\n' },
  '/etc/ldms/ldms.yaml': { content: 'daemons:\n  - endpoints:\n      - auth: { plugin: munge }\n' },
};

describe('what the arguments ask for', () => {
  test('nothing', async () => {
    expect(await wants([])).toEqual({ auths: [], listeners: [], problems: [] });
  });

  test('-a munge -x sock:411 -x rdma:412:node-1', async () => {
    const munge = { plugin: 'munge', args: [], from: '-a munge' };
    expect(await wants(['-x', 'sock:411', '-a', 'munge', '-x', 'rdma:412:node-1'])).toEqual({
      auths: [munge],
      defaultAuth: munge,
      listeners: [
        { xprt: 'sock', port: 411 },
        { xprt: 'rdma', port: 412, host: 'node-1' },
      ],
      problems: [],
    });
  });

  test('`-n munge` is a name', async () => {
    expect(await wants(['-n', 'munge'])).toMatchObject({ auths: [] });
  });

  test('of several -a, ldmsd takes the first', async () => {
    expect((await wants(['-a', 'ovis', '-a', 'munge'])).auths).toMatchObject([{ plugin: 'ovis' }]);
  });

  test('of several -A, ldmsd takes the first', async () => {
    const { defaultAuth } = await wants(['-a', 'munge', '-A', 'socket=/a', '-A', 'socket=/b']);
    expect(defaultAuth?.args).toEqual(['socket=/a']);
  });

  test('an -A in front of -a belongs to it', async () => {
    expect((await wants(['-A', 'socket=/a', '-a', 'munge'])).defaultAuth?.args).toEqual(['socket=/a']);
  });

  // ldmsd.c marks the options as taken (count = -1) when it refuses the second -a.
  test('a second -a makes ldmsd ignore every -A that follows it', async () => {
    const { defaultAuth } = await wants(['-a', 'munge', '-a', 'ovis', '-A', 'socket=/a']);
    expect(defaultAuth).toMatchObject({ plugin: 'munge', args: [] });
  });

  test('a listener that ldmsd will refuse is left for it to tell', async () => {
    expect(await wants(['-x', 'sock', '-x', 'sock:411'])).toMatchObject({
      listeners: [{ xprt: 'sock', port: 411 }],
      problems: [],
    });
  });
});

describe('what the files ask for', () => {
  test('a file given with -c', async () => {
    const munge = { plugin: 'munge', args: ['socket=/srv/m'], from: 'line 2 of /etc/ldms/samp.conf' };
    expect(await wants(['-c', '/etc/ldms/samp.conf'], { files })).toEqual({
      auths: [munge],
      defaultAuth: munge,
      listeners: [{ xprt: 'rdma', port: 412 }],
      problems: [],
    });
  });

  test('several, in their order, behind what the arguments ask for', async () => {
    const args = [
      '-c/etc/ldms/ovis.conf',
      '-y',
      '/etc/ldms/ldms.yaml',
      '-a',
      'naive',
      '-c',
      '/etc/ldms/samp.conf',
    ];
    const { auths, defaultAuth } = await wants(args, { files });
    expect(auths.map(({ plugin, from }) => `${plugin}: ${from}`)).toEqual([
      'naive: -a naive',
      'ovis: line 1 of /etc/ldms/ovis.conf',
      'munge: line 3 of /etc/ldms/ldms.yaml',
      'munge: line 2 of /etc/ldms/samp.conf',
    ]);
    expect(defaultAuth?.plugin).toBe('naive');
  });

  test('a -y file is not read as commands, nor a -c file as YAML', async () => {
    expect((await wants(['-y', '/etc/ldms/samp.conf'], { files })).auths).toEqual([]);
    expect((await wants(['-c', '/etc/ldms/ldms.yaml'], { files })).auths).toEqual([]);
  });

  test('a file behind -- is not read', async () => {
    expect(await wants(['--', '-c', '/etc/ldms/none.conf'])).toMatchObject({ problems: [] });
  });

  test("a file of the user's own is not moved below LDMS_ENTRYPOINT_ROOT", async () => {
    const { auths } = await wants(['-c', '/etc/ldms/samp.conf'], { files, root: '/site' });
    expect(auths).toMatchObject([{ plugin: 'munge' }]);
  });
});

describe('files that cannot be read are told with what to do', () => {
  test('one that does not exist', async () => {
    const { problems } = await wants(['-c', '/etc/none.conf', '-c', '/etc/ldms/samp.conf'], { files });
    expect(problems).toEqual([
      {
        kind: 'configuration',
        what: "cannot read ldmsd's configuration file /etc/none.conf (-c /etc/none.conf): it does not exist",
        remedy: 'mount it into the container: -v /on-host/file:/etc/none.conf:ro',
      },
    ]);
  });

  test('one that we may not read: for whom, is told', async () => {
    const secret = { '/etc/secret.yaml': { unreadable: 'EACCES' } };
    const { problems } = await wants(['-y', '/etc/secret.yaml'], { files: secret, uid: 4321 });
    expect(problems).toEqual([
      {
        kind: 'configuration',
        what: "cannot read ldmsd's configuration file /etc/secret.yaml (-y /etc/secret.yaml): permission denied",
        remedy: 'make it readable for uid 4321',
      },
    ]);
  });

  test('one that another file includes', async () => {
    const including = { '/etc/ldms/a.conf': { content: 'include /etc/ldms/b.conf' } };
    const { problems } = await wants(['-c', '/etc/ldms/a.conf'], { files: including });
    expect(problems).toMatchObject([
      {
        what: "cannot read ldmsd's configuration file /etc/ldms/b.conf (an include in /etc/ldms/a.conf): it does not exist",
      },
    ]);
  });
});
