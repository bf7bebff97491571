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
    expect(await wants([])).toEqual({ auths: [], listeners: [], problems: [], warnings: [] });
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
      warnings: [],
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
      warnings: [],
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

  test('a file that is named twice counts once', async () => {
    const args = ['-c', '/etc/ldms/samp.conf', '-c', '/etc/ldms/samp.conf'];
    expect(await wants(args, { files })).toMatchObject({
      auths: [{ plugin: 'munge' }],
      listeners: [{ xprt: 'rdma', port: 412 }],
    });
  });

  test("the first file's default is the one that counts", async () => {
    const naive = { '/etc/naive.conf': { content: 'default_auth plugin=naive' } };
    const args = ['-c', '/etc/naive.conf', '-c', '/etc/ldms/samp.conf'];
    const { defaultAuth } = await wants(args, { files: { ...files, ...naive } });
    expect(defaultAuth?.plugin).toBe('naive');
  });

  test('a file that is no YAML is no problem, and is warned of; the others are read', async () => {
    const broken = { '/etc/ldms/broken.yaml': { content: 'daemons: [\n' } };
    const args = ['-y', '/etc/ldms/broken.yaml', '-y', '/etc/ldms/ldms.yaml'];
    const { auths, problems, warnings } = await wants(args, { files: { ...files, ...broken } });
    expect(auths).toMatchObject([{ plugin: 'munge' }]);
    expect(problems).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('of /etc/ldms/broken.yaml is no clean YAML')]);
  });

  test('a file behind -- is not read', async () => {
    expect(await wants(['--', '-c', '/etc/ldms/none.conf'])).toMatchObject({ problems: [] });
  });

  test("a file of the user's own is not moved below LDMS_ENTRYPOINT_ROOT", async () => {
    const { auths } = await wants(['-c', '/etc/ldms/samp.conf'], { files, root: '/site' });
    expect(auths).toMatchObject([{ plugin: 'munge' }]);
  });
});

describe('an authentication domain that a command uses', () => {
  const asked = async (conf: string, more: Record<string, string> = {}, args: string[] = []) => {
    const contents = Object.entries({ '/a.conf': conf, ...more });
    const world = Object.fromEntries(contents.map(([path, content]) => [path, { content }]));
    const { auths, problems } = await wants(['-c', '/a.conf', ...args], { files: world });
    expect(problems).toEqual([]);
    return auths.map(({ plugin }) => plugin);
  };

  test('and that is defined nowhere can only be the plugin of its name', async () => {
    const used = { '/a.conf': { content: '\nlisten xprt=sock port=411 auth=munge\n' } };
    const { auths, defaultAuth } = await wants(['-c', '/a.conf'], { files: used });
    expect(auths).toEqual([{ plugin: 'munge', args: [], from: 'line 2 of /a.conf' }]);
    expect(defaultAuth).toBeUndefined();
  });

  test('is not asked for again if it is defined', async () => {
    expect(await asked('auth_add name=site plugin=ovis\nprdcr_add name=p auth=site')).toEqual(['ovis']);
  });

  test('is not munge if it is called munge and its plugin is another', async () => {
    expect(await asked('auth_add name=munge plugin=ovis\nprdcr_add name=p auth=munge')).toEqual(['ovis']);
  });

  // auth_add is one of the commands that ldmsd carries out in a first pass.
  test('may be defined further down', async () => {
    expect(await asked('prdcr_add name=p auth=munge\nauth_add name=munge plugin=ovis')).toEqual(['ovis']);
  });

  const elsewhere = { '/b.conf': 'auth_add name=munge plugin=ovis' };
  test.each([
    ['included above', 'include /b.conf\nprdcr_add name=p auth=munge', []],
    ['included below', 'prdcr_add name=p auth=munge\ninclude /b.conf', []],
    ['given with a further -c', 'prdcr_add name=p auth=munge', ['-c', '/b.conf']],
  ])('may be defined in another file: %s', async (_, conf, args) => {
    expect(await asked(conf, elsewhere, args)).toEqual(['ovis']);
  });

  test('is told behind those that are defined', async () => {
    expect(await asked('prdcr_add name=p auth=munge\nauth_add name=site plugin=ovis')).toEqual([
      'ovis',
      'munge',
    ]);
  });
});

describe('files that cannot be read are told with what to do', () => {
  test('one that does not exist', async () => {
    const { problems } = await wants(['-c', '/etc/none.conf', '-c', '/etc/ldms/samp.conf'], { files });
    expect(problems).toEqual([
      {
        kind: 'configuration',
        what: "cannot read ldmsd's configuration file /etc/none.conf (-c): it does not exist",
        remedy: 'mount it into the container: -v /on-host/file:/etc/none.conf:ro',
      },
    ]);
  });

  // docker refuses a mount at a relative path, and the working directory is the image's.
  test.each([
    ['-c', 'samp.conf'],
    ['-c', './samp.conf'],
    ['-y', '../ldms.yaml'],
  ])('one with a relative path: %s %s', async (option, file) => {
    const { problems } = await wants([option, file]);
    expect(problems).toEqual([
      {
        kind: 'configuration',
        what: `cannot read ldmsd's configuration file ${file} (${option}): it does not exist`,
        remedy: 'give its absolute path in the container, and mount it there',
      },
    ]);
  });

  test('a relative one that is there and that we may not read: for whom, is told', async () => {
    const { problems } = await wants(['-c', 'a.conf'], {
      files: { 'a.conf': { unreadable: 'EACCES' } },
      uid: 7,
    });
    expect(problems).toMatchObject([{ remedy: 'make it a file that uid 7 can read' }]);
  });

  test('one that we may not read: for whom, is told', async () => {
    const secret = { '/etc/secret.yaml': { unreadable: 'EACCES' } };
    const { problems } = await wants(['-y', '/etc/secret.yaml'], { files: secret, uid: 4321 });
    expect(problems).toEqual([
      {
        kind: 'configuration',
        what: "cannot read ldmsd's configuration file /etc/secret.yaml (-y): permission denied",
        remedy: 'make it a file that uid 4321 can read',
      },
    ]);
  });

  test('one that another file includes', async () => {
    const including = { '/etc/ldms/a.conf': { content: 'include /etc/ldms/b.conf' } };
    const { problems } = await wants(['-c', '/etc/ldms/a.conf'], { files: including });
    expect(problems).toMatchObject([
      {
        what: "cannot read ldmsd's configuration file /etc/ldms/b.conf (included): it does not exist",
        remedy: 'mount it into the container: -v /on-host/file:/etc/ldms/b.conf:ro',
      },
    ]);
  });
});
