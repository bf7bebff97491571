/** What the user sees of maestro_ctrl: an ldms_cfg.yaml that it would not take, and its own failures. */
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { clusterOf, makePlace } from '../support/maestro.ts';
import { testNeeding } from '../support/needs.ts';

describe('maestro_ctrl fails: 82, its own words are in our error, and all is stopped', () => {
  const failures: [mode: string, says: RegExp][] = [
    [
      'exit-3',
      /: it ended with exit status 3; it said last: maestro_ctrl \(stand-in\); see what it said in the lines above$/,
    ],
    ['crash', /: it ended with signal SIGSEGV; it said last: maestro_ctrl \(stand-in\);/],
    ['refuse', /: it said: Error parsing ldms_config yaml file;/],
    ['put-error', /: it said: Error the stand-in was told to fail setting \/maestro\/daemons\/\S+ : \S+;/],
    ['not-saved', /: etcd has no \/maestro\/last_updated;/],
    [
      'midway',
      /: it ended with exit status 1; it said last: .*RuntimeError: half of the configuration is written;/,
    ],
    ['hang', /: it did not end within 1 s; it said last: .*maestro_ctrl \(stand-in\): hangs;/],
    [
      'hang-hard',
      /: it did not end within 1 s; it said last: .*maestro_ctrl \(stand-in\): (hangs|SIGTERM ignored);/,
    ],
  ];
  for (const [mode, says] of failures) {
    testNeeding(['etcd'], mode, async () => {
      const place = await makePlace({ LDMS_ENTRYPOINT_MAESTRO_CTRL_TIMEOUT: '1s' });
      // What may take long on a loaded machine is its start, which is none of what may take one second.
      if (!mode.startsWith('hang')) place.site.env['LDMS_ENTRYPOINT_MAESTRO_CTRL_TIMEOUT'] = '30s';
      place.ctrlMode(mode);
      const container = place.start();
      const { code, stderr, stdout } = await container.over();
      expect(container.errors(), stderr).toEqual([expect.stringMatching(says)]);
      expect(container.errors()[0]).toMatch(/^maestro_ctrl did not put \S+\/etc\/ldms_cfg\.yaml into etcd: /);
      expect(code).toBe(82);
      expect(stdout, 'maestro was started all the same').not.toMatch(/^\[maestro\]/m);
    });
  }

  testNeeding(['etcd'], 'with etcd dying under it', async () => {
    const place = await makePlace();
    place.ctrlMode('hang');
    place.site.env['LDMS_ENTRYPOINT_MAESTRO_CTRL_TIMEOUT'] = '2s';
    const container = place.start();
    await container.hears(/hangs$/m);
    process.kill(place.pid('etcd'), 'SIGKILL');
    expect((await container.over()).code).toBe(82);
  });

  testNeeding(['etcd'], 'a first configuration that fails leaves the one of the run before', async () => {
    const place = await makePlace();
    await (await place.comeUp()).stop();
    place.configure(clusterOf(3));
    place.ctrlMode('midway');
    const container = place.start();
    expect((await container.over()).code).toBe(82);
    expect(container.errors()).toEqual([
      expect.stringMatching(/; the configuration of before was put back into etcd; see what it said/),
    ]);
  });

  testNeeding(['etcd'], 'one that takes its time is waited for', async () => {
    const place = await makePlace();
    place.ctrlMode('slow-1500');
    const container = await place.comeUp();
    expect(
      Number(/^maestro_ctrl is done, after (\d+) ms$/m.exec(container.messages())?.[1]),
    ).toBeGreaterThanOrEqual(1500);
  });

  for (const name of ['maestro', 'maestro_ctrl']) {
    test(`${name} is not in this image: 127, and nothing is started`, async () => {
      const place = await makePlace();
      rmSync(place.site.path(`bin/${name}`));
      const container = place.start();
      expect((await container.over()).code).toBe(127);
      expect(container.errors()).toEqual([expect.stringContaining(`${name}`)]);
      expect(existsSync(place.site.path('var/lib/etcd'))).toBe(false);
    });
  }
});

/** The example of the images' README. */
const example = `# ldms_cfg.yaml
xprt: &xprt "rdma"
daemons:
  - names : &samp-names "samp-[1-4]"
    hosts : &samp-hosts "cygnus-0[1-4]-iw"
    endpoints :
      - names : &samp-eps "cygnus-0[1-4]-iw-ep"
        ports : 411
        xprt : *xprt
        maestro_comm : True
        auth :
          name : munge
          plugin : munge
  - names : &L1-names "agg-[11-12]"
    hosts : &L1-hosts "cygnus-0[5-6]-iw"
    endpoints :
      - names : &L1-eps "agg-[11-12]-ep"
        ports : 411
        xprt : *xprt
        maestro_comm : True
        auth :
          name : munge
          plugin : munge
  - names : &L2-name "agg-2"
    hosts : &L2-host "cygnus-07-iw"
    endpoints :
      - names : &L2-ep "agg-2-ep"
        ports : 411
        xprt : *xprt
        maestro_comm : True
        auth :
          name : munge
          plugin : munge

aggregators:
  - daemons   : *L1-names
    peers     :
      - daemons   : *samp-names
        endpoints : *samp-eps
        reconnect : 1s
        type      : active
        updaters  :
          - mode     : pull
            interval : "1.0s"
            offset   : "200ms"
            sets     :
              - regex : .*
                field : inst
  - daemons : *L2-name
    peers:
      - daemons : *L1-names
        endpoints : *L1-eps
        reconnect : 1s
        type      : active
        updaters  :
          - mode     : pull
            interval : "1.0s"
            offset   : "400ms"
            sets     :
              - regex : .*
                field : inst

samplers:
  - daemons : *samp-names
    plugins :
      - name        : meminfo # Variables can be specific to plugin
        interval    : "1s" # Used when starting the sampler plugin
        offset      : "0s"
        config : &simple_samp_config
            component_id : "\${COMPONENT_ID}"
            perm : "0777"

stores:
  - name      : sos-meminfo
    daemons   : *L2-name
    container : meminfo
    schema    : meminfo
    flush     : 10s
    plugin :
      name   : store_sos
      config :
        path : /store
`;

testNeeding(
  ['etcd', 'munged'],
  "the README's ldms_cfg.yaml is accepted without a word, and configured",
  async () => {
    const place = await makePlace({}, example);
    place.site.key();
    const container = await place.comeUp();
    expect(container.log().filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
    expect(container.stdout()).toMatch(/^\[maestro\] .* 7 daemons configured/m);
    expect(await place.stored()).toMatchObject({ '/maestro/daemons/samp-[1-4]/samp-3/addr': 'cygnus-03-iw' });
  },
);

describe('ldms_cfg.yaml is broken', () => {
  const good = clusterOf(2);
  const edit = (from: string, to: string): string => {
    expect(good).toContain(from);
    return good.replace(from, to);
  };
  /** The file's text, and the line, column and words of each mistake. */
  const broken: [what: string, text: () => string, mistakes: RegExp[]][] = [
    ['it is empty', () => '', [/^1:1: the file is empty; write daemons:/]],
    ['it is a list', () => '- a\n- b\n', [/^1:1: the file must be a mapping, and is /]],
    ['a bracket is not closed', () => `${good}stores: [a, b\n`, [/^\d+:\d+: /]],
    ['a line is indented wrongly', () => edit('    hosts:', '     hosts:'), [/^3:\d+: /]],
    ['a tab indents', () => edit('    hosts:', '\thosts:'), [/^3:1: a tab/, /^4:1: /]],
    [
      'an alias has no anchor',
      () => edit('"node-[1-2]"', '*hosts'),
      [/^3:12: \*hosts has no anchor before it; write &hosts/],
    ],
    [
      'a key is there twice',
      () => edit('    hosts:', '    hosts: h\n    hosts:'),
      [/^4:5: "?hosts"? is already in line 3/],
    ],
    [
      'a required key is misspelt',
      () => edit('    endpoints:', '    endpoint:'),
      [/^4:5: .* has no endpoints; is endpoint meant to be it\?/],
    ],
    ['daemons are no list', () => 'daemons: { names: a }\n', [/^1:10: daemons: must be a list, and is /]],
    [
      'auth is a word',
      () => edit('{ name: none, plugin: none }', 'munge'),
      [/^9:15: auth: must be a mapping, and is "?munge"?; write auth: \{name: munge, plugin: munge\}/],
    ],
    ['a range never ends', () => edit('"node-[1-2]"', '"node-[1-"'), [/^3:12: /]],
    [
      'samplers are of daemons that there are not',
      () => edit('samplers:\n  - daemons: "samp-[1-2]"', 'samplers:\n  - daemons: "smp-[1-2]"'),
      [/^11:14: /],
    ],
    [
      'three things are wrong at once',
      () =>
        edit('{ name: none, plugin: none }', 'munge')
          .replace('    hosts: "node-[1-2]"', '    hosts: "node-[1-"')
          .replace('interval: 1s', 'interval: [1s]'),
      [/^3:12: /, /^9:15: /, /^14:\d+: /],
    ],
  ];
  for (const [what, text, mistakes] of broken) {
    test(`${what}: each mistake on a line of its own, with line and column; 78; nothing is started`, async () => {
      const place = await makePlace({}, text());
      const path = place.site.path('etc/ldms_cfg.yaml');
      const container = place.start();
      const { code, stdout, stderr } = await container.over();
      expect(container.errors(), stderr).toHaveLength(mistakes.length);
      const told = container.errors().map((error) => error.replace(`${path}:`, ''));
      expect(told).toEqual(mistakes.map((mistake) => expect.stringMatching(mistake)));
      expect(stderr.trimEnd().split('\n'), 'and no other line').toHaveLength(mistakes.length);
      expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
      for (const made of ['var', 'run']) expect(existsSync(place.site.path(made)), made).toBe(false);
      const checked = await place.site.run(['check', 'maestro']);
      expect(checked.code).toBe(78);
      for (const error of container.errors()) expect(checked.stdout).toContain(error.slice(path.length));
    });
  }

  test('of hundreds of mistakes, the first are told, and how many more there are', async () => {
    const many = Array.from({ length: 120 }, (_, at) => `  - { names: a${at}, hosts: b }\n`).join('');
    const place = await makePlace({}, `daemons:\n${many}`);
    const container = place.start();
    expect((await container.over()).code).toBe(78);
    expect(container.errors()).toHaveLength(51);
    expect(container.errors().at(-1)).toMatch(/ldms_cfg\.yaml: 70 more mistakes$/);
  });

  const unreadable: [what: string, make: (path: string) => void, words: RegExp][] = [
    [
      'it is not there',
      () => undefined,
      /: it does not exist; put yours there: cp ldms_cfg\.yaml \S+\/etc\/ldms_cfg\.yaml$/,
    ],
    [
      'it is a directory, as docker makes one',
      (path) => mkdirSync(path),
      /: it is a directory, which docker makes when the file to mount does not exist on the host; remove/,
    ],
    [
      'it is not UTF-8',
      (path) => writeFileSync(path, Buffer.from('daemons:\n  - names: \xe9\n', 'latin1')),
      /: line 2 is not valid UTF-8; save it as UTF-8$/,
    ],
  ];
  for (const [what, make, words] of unreadable) {
    test(`${what}: one line says what to do, 78`, async () => {
      const place = await makePlace();
      const path = place.site.path('etc/ldms_cfg.yaml');
      rmSync(path);
      make(path);
      const container = place.start();
      expect((await container.over()).code).toBe(78);
      expect(container.errors()).toEqual([expect.stringMatching(words)]);
      expect(container.errors()[0]).toContain(`cannot use ${path}`);
    });
  }

  testNeeding(['root', 'setpriv'], 'our user may not read it: one line names the user, 78', async () => {
    const place = await makePlace();
    chmodSync(place.site.path('etc/ldms_cfg.yaml'), 0o600);
    for (const directory of ['run', 'var']) {
      mkdirSync(place.site.path(directory));
      chmodSync(place.site.path(directory), 0o777);
    }
    const container = place.start([], ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--']);
    expect((await container.over()).code).toBe(78);
    expect(container.errors()).toEqual([
      expect.stringMatching(/: permission denied; let uid 65534 read it: chmod a\+r on the host$/),
    ]);
  });
});

testNeeding(
  ['etcd'],
  'what is only doubtful in ldms_cfg.yaml is warned of, with line and column, and does not stop',
  async () => {
    const place = await makePlace({}, clusterOf(2).replace('{ name: none, plugin: none }', '{ name: none }'));
    const container = await place.comeUp();
    expect(container.log().filter(({ level }) => level !== 'info')).toMatchObject([
      {
        level: 'warn',
        msg: expect.stringMatching(/\/etc\/ldms_cfg\.yaml:9:15: auth has no plugin/),
      },
    ]);
    expect((await place.health()).code).toBe(0);
  },
);

testNeeding(
  ['etcd', 'root', 'setpriv'],
  'as a user other than root with directories of its own: comes up, and TERM ends it',
  async () => {
    const place = await makePlace();
    for (const directory of ['run', 'var']) {
      mkdirSync(place.site.path(directory));
      chmodSync(place.site.path(directory), 0o777);
    }
    const container = place.start([], ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--']);
    await container.hears(/^\[maestro\] .* 2 daemons configured/m);
    expect((await container.stop()).code).toBe(143);
  },
);
