import { describe, expect, test } from 'vitest';
import { nothingFound, readConfig } from '../../src/ldmsd/config.ts';
import { type FakeWorld, fakeHost } from '../support/fake-host.ts';

const file = '/etc/ldms/samp.conf';

async function found(
  content: string,
  { language = 'commands', ...world }: FakeWorld & { language?: 'commands' | 'yaml' } = {},
) {
  const host = fakeHost({ ...world, files: { ...world.files, [file]: { content } } });
  const all = nothingFound(host.env);
  const errno = await readConfig(file, language, host, all);
  if (errno !== undefined) throw new Error(`${file}: ${errno}`);
  return { ...all, listeners: all.listeners.map(({ listener }) => listener) };
}

/** The plugins that a file of commands asks for, in order, and then the domains that its commands use. */
async function plugins(content: string, world?: FakeWorld) {
  const { auths, used } = await found(content, world);
  return [...auths, ...used].map(({ plugin }) => plugin);
}

describe('a file of commands (-c) asks for munge', () => {
  test.each([
    ['default_auth plugin=munge'],
    ['default_auth   plugin=munge\tsocket=/run/munge/munge.socket.2'],
    ['  default_auth plugin=munge  '],
    ['default_auth plugin=munge\r'],
    ['auth_add name=munge'],
    ['auth_add name=site plugin=munge'],
    ['auth_add plugin=munge name=site'],
    ['option -a munge'],
    ['option -amunge'],
    ['option --default_auth munge'],
    ['option --default_auth=munge'],
    ['option -v DEBUG -a munge -A socket=/run/munge/munge.socket.2'],
    ['listen xprt=sock port=411 auth=munge'],
    ['prdcr_add name=p1 host=n1 type=active xprt=sock port=411 auth=munge'],
    ['auth_add \\\n  name=site \\\n  plugin=munge'],
    ['auth_add name=site plugin=munge \\'],
    ['# munge it is\n\n   # indented\ndefault_auth plugin=munge'],
  ])('%j', async (content) => {
    expect(await plugins(content)).toEqual(['munge']);
  });
});

describe('a file of commands (-c) does not ask for munge', () => {
  test.each([
    [''],
    ['\n\n'],
    ['munge'],
    ['# default_auth plugin=munge'],
    ['   # default_auth plugin=munge'],
    ['#default_auth plugin=munge'],
    ['option -n munge'],
    ['option -c munge -n -amunge'],
    ['load name=munge'],
    ['load name=meminfo producer=munge instance=munge/meminfo'],
    ['config name=meminfo plugin=munge'],
    ['prdcr_add name=munge host=munge type=active xprt=sock port=411'],
    ['env AUTH=munge'],
    ['daemon_name name=munge'],
    ['default_auth munge'],
    ['default_auth'],
    ['auth_add'],
    ['option'],
    ['option -A socket=/run/munge/munge.socket.2'],
    ['include'],
    ['listen xprt=sock port=411 auth='],
  ])('%j', async (content) => {
    expect(await plugins(content)).toEqual([]);
  });
});

test.each(['listen xprt=', 'default_auth', 'nonsense: [', '\t"'])(
  "whether commands are valid is ldmsd's to judge: %j is not warned of",
  async (content) => {
    expect((await found(content)).warnings).toEqual([]);
  },
);

describe('comments', () => {
  // ldmsd_config.c, find_comment: a "#" at the beginning of a word makes the rest of the line a comment.
  test.each([
    ['default_auth plugin=ovis # not plugin=munge', ['ovis']],
    ['default_auth plugin=ovis #plugin=munge', ['ovis']],
    ['listen xprt=sock port=411 # auth=munge', []],
    ['option -n samp # -a munge', []],
  ])('begin anywhere in a line, with a # of its own: %j', async (content, asked) => {
    expect(await plugins(content)).toEqual(asked);
  });

  test('a # inside a word is a part of it', async () => {
    const { auths } = await found('default_auth plugin=munge socket=/run/a#b');
    expect(auths).toMatchObject([{ plugin: 'munge', args: ['socket=/run/a#b'] }]);
  });

  test('a commented line is not a part of a command that is continued over it', async () => {
    expect(await plugins('auth_add name=site \\\n#  plugin=munge\n')).toEqual(['site']);
  });

  test('a comment that ends with a backslash does not continue', async () => {
    expect(await plugins('# see below \\\ndefault_auth plugin=munge')).toEqual(['munge']);
  });
});

describe('continuation lines', () => {
  test("a trailing \\ joins the next line, and the first line's number is told", async () => {
    const { auths } = await found('\n# one\nauth_add \\\n  name=site \\\n  plugin=munge\n');
    expect(auths).toEqual([{ plugin: 'munge', args: [], from: `line 3 of ${file}` }]);
  });

  test('the joined lines are separate words', async () => {
    expect(await plugins('auth_add name=site\\\nplugin=munge')).toEqual(['munge']);
  });

  // ldmsd takes trailing space away before it looks for the backslash (__process_config_file).
  test('blanks behind the \\ do no harm', async () => {
    expect(await plugins('auth_add name=site \\ \t\n  plugin=munge')).toEqual(['munge']);
  });

  test('with Windows line ends too', async () => {
    expect(await plugins('auth_add name=site \\\r\n  plugin=munge\r\n')).toEqual(['munge']);
  });
});

describe(`\${NAME} is replaced from the environment`, () => {
  test("from the container's environment", async () => {
    const { auths } = await found(`default_auth plugin=\${AUTH} socket=\${DIR}/munge.socket.2`, {
      env: { AUTH: 'munge', DIR: '/run/munge' },
    });
    expect(auths).toMatchObject([{ plugin: 'munge', args: ['socket=/run/munge/munge.socket.2'] }]);
  });

  test("from an env command above it, which wins over the container's", async () => {
    expect(await plugins(`env AUTH=munge\ndefault_auth plugin=\${AUTH}`, { env: { AUTH: 'ovis' } })).toEqual([
      'munge',
    ]);
  });

  test('an env command may set several, and use earlier ones', async () => {
    expect(await plugins(`env A=mun B=ge\nenv C=\${A}\${B}\nauth_add name=x plugin=\${C}`)).toEqual([
      'munge',
    ]);
  });

  test('a variable that is not set is replaced by nothing', async () => {
    expect(await plugins(`auth_add name=munge\${NONE}`)).toEqual(['munge']);
    expect(await plugins(`default_auth plugin=\${NONE}`)).toEqual([]);
  });

  test.each([['$AUTH'], ['$(AUTH)'], [`\${A-B}`], [`\${A.B}`], [`\${}`], [`\${AUTH`]])(
    '%s is not replaced',
    async (word) => {
      const env = { AUTH: 'munge', 'A-B': 'munge', 'A.B': 'munge', '': 'munge' };
      expect(await plugins(`default_auth plugin=${word}`, { env })).toEqual([word]);
    },
  );

  test('reading a file does not change the environment that the daemon gets', async () => {
    const env = { AUTH: 'ovis' };
    await found('env AUTH=munge', { env });
    expect(env).toEqual({ AUTH: 'ovis' });
  });
});

describe('authentication domains', () => {
  test('arguments of the plugin are kept; name and plugin are none of them', async () => {
    const { auths } = await found('auth_add name=site plugin=munge socket=/srv/munge.sock\n');
    expect(auths).toEqual([{ plugin: 'munge', args: ['socket=/srv/munge.sock'], from: `line 1 of ${file}` }]);
  });

  // What a used domain means is known when every file has been read: see ldmsd-auth.test.ts.
  test('what is defined and what is used are kept apart', async () => {
    const content = 'prdcr_add name=p auth=munge\nauth_add name=munge plugin=ovis\nauth_add name=site\n';
    const { auths, domains, used } = await found(content);
    expect(auths).toMatchObject([{ plugin: 'ovis' }, { plugin: 'site' }]);
    expect([...domains.keys()]).toEqual(['munge', 'site']);
    expect(used).toEqual([{ plugin: 'munge', args: [], from: `line 1 of ${file}` }]);
  });

  test('defining one does not use it', async () => {
    expect((await found('auth_add name=site plugin=ovis auth=munge')).used).toEqual([]);
  });

  test('the first default is the one that counts', async () => {
    const { defaultAuth } = await found('default_auth plugin=ovis\noption -a munge\n');
    expect(defaultAuth).toEqual({ plugin: 'ovis', args: [], from: `line 1 of ${file}` });
  });

  test('a domain of a peer is not the default', async () => {
    expect((await found('auth_add name=site plugin=munge')).defaultAuth).toBeUndefined();
  });

  test('of several -A in an option command ldmsd takes one', async () => {
    const { defaultAuth } = await found('option -a munge -A socket=/a -A socket=/b');
    expect(defaultAuth?.args).toEqual(['socket=/a']);
  });
});

describe('listeners', () => {
  test.each([
    ['listen xprt=sock port=411', [{ xprt: 'sock', port: 411 }]],
    ['listen port=10001 xprt=rdma host=node-1', [{ xprt: 'rdma', port: 10_001, host: 'node-1' }]],
    [`listen xprt=sock port=\${PORT}`, [{ xprt: 'sock', port: 412 }]],
    [
      'listen xprt=sock port=411\nlisten xprt=rdma port=412',
      [
        { xprt: 'sock', port: 411 },
        { xprt: 'rdma', port: 412 },
      ],
    ],
    ['listen xprt=sock port=no', []],
    ['listen', []],
    // ldmsd refuses one without a transport, and has no -x in an option command.
    ['listen port=411', []],
    ['listen port=411 host=node-1', []],
    ['option -x sock:411', []],
    ['# listen xprt=sock port=411', []],
    ['prdcr_add name=p xprt=sock port=411', []],
  ])('%j', async (content, listeners) => {
    expect((await found(content, { env: { PORT: '412' } })).listeners).toEqual(listeners);
  });
});

describe('include', () => {
  const files = {
    '/etc/ldms/auth.conf': { content: `\nauth_add name=site plugin=\${AUTH}\nlisten xprt=sock port=411\n` },
    '/etc/ldms/deeper.conf': { content: 'include /etc/ldms/auth.conf' },
  };

  test.each([
    ['include /etc/ldms/auth.conf'],
    ['include path=/etc/ldms/auth.conf'],
    [`include \${DIR}/auth.conf`],
    ['include /etc/ldms/deeper.conf'],
  ])('%s: what the file says counts, with its own line numbers', async (content) => {
    const read = await found(content, { files, env: { AUTH: 'munge', DIR: '/etc/ldms' } });
    expect(read.auths).toEqual([{ plugin: 'munge', args: [], from: 'line 2 of /etc/ldms/auth.conf' }]);
    expect(read.listeners).toEqual([{ xprt: 'sock', port: 411 }]);
    expect(read.missing).toEqual([]);
  });

  test('an env command above the include counts in the included file', async () => {
    expect(await plugins('env AUTH=munge\ninclude /etc/ldms/auth.conf', { files })).toEqual(['munge']);
  });

  test('a file that cannot be read is told, and the rest is read', async () => {
    const secret = { '/etc/ldms/secret.conf': { unreadable: 'EACCES' } };
    const content = 'include /etc/none.conf\ninclude /etc/ldms/secret.conf\ndefault_auth plugin=munge';
    const read = await found(content, { files: secret });
    expect(read.missing).toEqual([
      { file: '/etc/none.conf', errno: 'ENOENT' },
      { file: '/etc/ldms/secret.conf', errno: 'EACCES' },
    ]);
    expect(read.auths).toMatchObject([{ plugin: 'munge' }]);
  });

  test('a file that includes itself is read once', async () => {
    const read = await found(`default_auth plugin=munge\ninclude ${file}\n`);
    expect(read.auths).toMatchObject([{ plugin: 'munge' }]);
  });

  test('one that cannot be read is told once', async () => {
    const read = await found('include /etc/none.conf\ninclude /etc/none.conf');
    expect(read.missing).toEqual([{ file: '/etc/none.conf', errno: 'ENOENT' }]);
  });

  // Three includes each were 43 million reads when the depth alone was bounded.
  test('two files that include each other many times are read once each', async () => {
    const [a, b] = ['/etc/ldms/a.conf', '/etc/ldms/b.conf'];
    const world = {
      [a]: { content: `auth_add name=munge\n${`include ${b}\n`.repeat(20)}listen xprt=sock port=411\n` },
      [b]: { content: `auth_add name=ovis\n${`include ${a}\n`.repeat(20)}listen xprt=sock port=412\n` },
    };
    const host = fakeHost({ files: world });
    const reads: string[] = [];
    const read = (path: string) => {
      reads.push(path);
      if (reads.length > 100) throw new Error(`read again and again: ${path}`);
      return host.read(path);
    };
    const all = nothingFound(host.env);
    expect(await readConfig(a, 'commands', { ...host, read }, all)).toBeUndefined();
    expect(reads).toEqual([a, b]);
    expect(all.auths).toMatchObject([{ plugin: 'munge' }, { plugin: 'ovis' }]);
    expect(all.listeners).toMatchObject([{ listener: { port: 412 } }, { listener: { port: 411 } }]);
  });
});

test('`env` in one file holds for the files after it', async () => {
  const files = { '/a': { content: 'env AUTH=munge' }, '/b': { content: 'default_auth plugin=${AUTH}' } };
  const host = fakeHost({ files });
  const all = nothingFound(host.env);
  for (const path of ['/a', '/b']) await readConfig(path, 'commands', host, all);
  expect(all.auths).toMatchObject([{ plugin: 'munge' }]);
});

test('`${constructor}` is an unset variable like any other', async () => {
  expect(await plugins('default_auth plugin=${constructor}munge')).toEqual(['munge']);
});

test('`auth=` of a command that connects nothing is no authentication', async () => {
  expect(await plugins('config name=store_x auth=munge')).toEqual([]);
});

test.each(['ENOENT', 'EACCES', 'EISDIR'])(
  'a file that cannot be read is told with its errno: %s',
  async (errno) => {
    const files = errno === 'ENOENT' ? {} : { [file]: { unreadable: errno } };
    for (const language of ['commands', 'yaml'] as const) {
      const all = nothingFound({});
      expect(await readConfig(file, language, fakeHost({ files }), all)).toBe(errno);
      expect(all, 'what was found').toEqual({ ...nothingFound({}), seen: new Set([file]) });
    }
  },
);

test.each(['commands', 'yaml'] as const)(
  'a file of %s that is named twice counts once, beside what was found before',
  async (language) => {
    const content = language === 'yaml' ? 'auth: munge' : 'default_auth plugin=munge';
    const host = fakeHost({ files: { [file]: { content } } });
    const earlier = { plugin: 'ovis', args: [], from: '-a ovis' };
    const all = { ...nothingFound(host.env), auths: [earlier] };
    for (const _ of [1, 2]) expect(await readConfig(file, language, host, all)).toBeUndefined();
    expect(all.auths).toEqual([earlier, { plugin: 'munge', args: [], from: `line 1 of ${file}` }]);
  },
);

test('a YAML file may merge an anchor into its auth mapping', async () => {
  const { auths } = await found('site: &site { plugin: munge }\nauth: { <<: *site }\n', { language: 'yaml' });
  expect(auths).toMatchObject([{ plugin: 'munge' }]);
});

describe('a YAML file (-y)', () => {
  const yaml = (content: string) => found(content, { language: 'yaml' });
  const asked = async (content: string) => (await yaml(content)).auths.map(({ plugin }) => plugin);

  const endpoints = (auth: string) => `
daemons:
  - names: &samplers "sampler-[1-8]"
    hosts: "node-[1-8]"
    endpoints:
      - names: "sampler-[1-8]-[411]"
        ports: "[411]"
        xprt: sock
${auth}
`;

  test("munge under an endpoint's auth key, with its line", async () => {
    const content = endpoints('        auth:\n          name: munge1\n          plugin: munge');
    expect((await yaml(content)).auths).toEqual([{ plugin: 'munge', args: [], from: `line 9 of ${file}` }]);
  });

  test.each([
    ['plugin before name', '        auth: { plugin: munge, name: site }', ['munge']],
    ["a name alone is the plugin's", '        auth: { name: munge }', ['munge']],
    ['a single word', '        auth: munge', ['munge']],
    ['another plugin', '        auth: { name: munge, plugin: ovis }', ['ovis']],
    ['a quoted key', '        "auth": "munge"', ['munge']],
    ['no auth', '', []],
    ['an empty auth', '        auth:', []],
    ['an auth without a name', '        auth: { conf: /x }', []],
    ['a commented auth', '        # auth: munge', []],
    ['munge under another key', '        label: munge', []],
  ])('%s', async (_, auth, plugins) => {
    expect(await asked(endpoints(auth))).toEqual(plugins);
  });

  test('no other word is taken for it', async () => {
    expect(
      await asked('munge: munge\nsamplers:\n  - plugin: munge\n    name: munge\n    authority: munge\n'),
    ).toEqual([]);
  });

  // Anchors are what the files that maestro reads are full of.
  test.each([
    ['an anchor outside of any auth', 'site: &site { name: site, plugin: munge }\n', '        auth: *site'],
    ['an anchored word', 'site: &site munge\n', '        auth: *site'],
    ['an anchored plugin', 'site: &site munge\n', '        auth: { name: x, plugin: *site }'],
  ])('an alias stands for what it names: %s', async (_, head, auth) => {
    expect(await asked(head + endpoints(auth))).toEqual(['munge']);
  });

  test('several', async () => {
    const content = 'a: { auth: { plugin: ovis } }\nb: [{ auth: { plugin: munge } }]\n';
    expect(await asked(content)).toEqual(['ovis', 'munge']);
  });

  test.each([
    '',
    '- just\n- a list',
    'a word',
    'bad: [',
    'a: 1\na: 2',
    '\tauth: munge',
    '--- \na: 1\n---\nb: 2',
  ])("whether it is valid is ldmsd's to judge: %j is no error", async (content) => {
    await expect(yaml(content)).resolves.toMatchObject({ missing: [], listeners: [] });
  });

  test.each([
    ['a bracket that is not closed', 'bad: [\n', [], 2, 'BAD_INDENT'],
    ['a quote that is not closed', 'ok: 1\nauth: munge\nbad: "x', ['munge'], 3, 'MISSING_CHAR'],
    ['a tab that indents', '\n\tauth: munge', ['munge'], 2, 'TAB_AS_INDENT'],
    ['a word that cannot begin one', 'a: 1\nb: @x\nc: 2', [], 2, 'BAD_SCALAR_START'],
  ])('broken YAML is warned of, once, with its line, and read as far as it goes: %s', async (...row) => {
    const [, content, plugins, line, code] = row;
    const { auths, warnings } = await yaml(content);
    expect(auths.map(({ plugin }) => plugin)).toEqual(plugins);
    expect(warnings).toEqual([
      `line ${line} of ${file} is no clean YAML (${code}): munge is made ready if what can be read asks for it; LDMS_ENTRYPOINT_MUNGE decides otherwise`,
    ]);
  });

  test('of several mistakes the first is told', async () => {
    const { warnings } = await yaml('a: @x\nb: @y\n');
    expect(warnings).toEqual([expect.stringMatching(/^line 1 of /)]);
  });

  test.each(['auth: *none', 'auth: { plugin: *none }'])(
    'an alias of nothing asks for nothing, and is no mistake of ours: %s',
    async (content) => {
      expect((await yaml(content)).auths).toEqual([]);
    },
  );

  test.each(['', '- a\n- b', 'a word', endpoints('        auth: munge'), 'a: &a 1\nb: *a\n'])(
    'what is YAML is not warned of: %j',
    async (content) => {
      expect((await yaml(content)).warnings).toEqual([]);
    },
  );
});
