/** ldms-cluster as people use it: the built program, its exit codes, and what it leaves in the file system. */
import {
  appendFileSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recordName } from '../../src/cluster/record.ts';
import { type Way, ways } from '../../src/cluster/render/index.ts';
import { usage } from '../../src/cluster/usage.ts';
import { editedBy, newerYaml } from '../support/cluster-newer.ts';
import { cygnusYaml } from '../support/clusters.ts';
import { testNeeding } from '../support/needs.ts';
import { program, type Result, repository, run } from '../support/program.ts';
import { temporary } from '../support/rendered.ts';
import { makeSite } from '../support/site.ts';

const cluster = join(repository, 'dist/ldms-cluster');

/** A directory of a user's, with an ldms_cfg.yaml in it. */
interface Place {
  readonly directory: string;
  path(name: string): string;
  write(name: string, content: string | Buffer): void;
  read(name: string): string;
  cluster(...words: string[]): Promise<Result>;
}

function makePlace(text: string = newerYaml): Place {
  const directory = temporary();
  const path = (name: string) => join(directory, name);
  const write = (name: string, content: string | Buffer) => {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), content);
  };
  write('ldms_cfg.yaml', text);
  // Whatever it writes beside its output, by habit or by accident, is here.
  const env = { ...process.env, HOME: directory, TMPDIR: directory };
  return {
    directory,
    path,
    write,
    read: (name) => readFileSync(path(name), 'utf8'),
    cluster: (...words) => run(cluster, words, { cwd: directory, env }),
  };
}

/** All that is in a directory: content, mode, time. */
const snapshot = (directory: string, without = ''): unknown =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => without === '' || !path.startsWith(without))
    .sort()
    .map((path) => {
      const found = lstatSync(join(directory, path));
      const content = found.isFile() ? readFileSync(join(directory, path), 'utf8') : '';
      const target = found.isSymbolicLink() ? readlinkSync(join(directory, path)) : '';
      return [path, found.mode, found.mtimeMs, content, target];
    });

/** All files but the record, which is written each time. */
const filesOf = ({ directory }: Place): unknown =>
  (snapshot(directory) as [path: string, mode: number][]).filter(
    ([path, mode]) => (mode & 0o170_000) === 0o100_000 && !path.endsWith(recordName),
  );

const mistakes = (text: string) =>
  editedBy(text, [
    ['reconnect: 20s', 'reconect: 20s'],
    ['plugins: [meminfo1]', 'plugins: [meminfo2]'],
    ['"nid10"', '"nid1[0"'],
  ]);
const toldOfMistakes = `ldms_cfg.yaml:7:12: error: hosts: "nid1[0" has an unclosed bracket; write nid1[0]
ldms_cfg.yaml:15:9: error: peers entry has no reconnect; is reconect meant to be it?
ldms_cfg.yaml:21:15: error: plugins: no entry of plugins is called "meminfo2"; did you mean meminfo1?
ldms_cfg.yaml:23:3: warning: plugins: "meminfo1" is used by no sampler, store or aggregator
`;

describe('from ldms_cfg.yaml to running containers', () => {
  test('it is two commands: render, and what that says to type next', async () => {
    const place = makePlace(cygnusYaml);
    const rendered = await place.cluster('render', '--as', 'pdsh', '--suffix=-iw');
    expect(rendered).toMatchObject({ code: 0, stderr: '' });
    expect(rendered.stdout).toMatch(/^6 files written to ldms-pdsh\nnext: /);
    const [, next = ''] = /next: .*: (sh .*)\n$/.exec(rendered.stdout) ?? [];
    // Stand-ins for pdsh and scp, which write down what they are given.
    for (const name of ['pdsh', 'scp']) {
      place.write(`bin/${name}`, `#!/bin/sh\necho ${name} "$@" >> ${place.path('calls')}\n`);
    }
    expect((await run('chmod', ['-R', '+x', place.path('bin')])).code).toBe(0);
    const env = { ...process.env, PATH: `${place.path('bin')}:${process.env['PATH']}` };
    const started = await run('/bin/sh', ['-c', next], { cwd: place.directory, env });
    expect(started).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(place.read('calls')).toMatch(
      /^pdsh -S -w cygnus-0\[1-4\] docker run -d .* -x rdma:411 -a munge$/m,
    );
  });

  test('plan and check tell before what it will be', async () => {
    const place = makePlace(cygnusYaml);
    const plan = await place.cluster('plan', '--suffix=-iw');
    expect(plan).toMatchObject({ code: 0, stderr: '' });
    expect(plan.stdout).toMatch(
      /^cygnus-0\[1-4\] {2}samp +ovishpc\/ldms-samp:latest +rdma:411 +munge +1-4 +/m,
    );
    expect(plan.stdout).toMatch(/\n\n7 hosts, 10 containers\n$/);
    expect(await place.cluster('check', '--suffix=-iw')).toEqual({
      code: 0,
      stdout: 'ldms_cfg.yaml: no mistakes; 7 hosts, 10 containers\n',
      stderr: '',
    });
  });

  test('plan has a line for each host, and data for programs', async () => {
    const place = makePlace(cygnusYaml);
    const each = await place.cluster('plan', '--suffix=-iw', '--each');
    expect(each.stdout.match(/^cygnus-\d\d +\S+ +ovishpc/gm)).toHaveLength(10);
    const { hosts } = JSON.parse((await place.cluster('plan', '--suffix=-iw', '--json')).stdout);
    expect(hosts).toHaveLength(7);
    expect(hosts[0]).toEqual({
      host: 'cygnus-01',
      containers: [
        {
          name: 'samp',
          image: 'ovishpc/ldms-samp:latest',
          daemon: 'samp-1',
          args: ['-x', 'rdma:411', '-a', 'munge'],
          env: { COMPONENT_ID: '1' },
          listens: [{ xprt: 'rdma', port: 411, auth: 'munge' }],
          mounts: [{ kind: 'directory', from: '/run/munge', to: '/run/munge', readOnly: true }],
          hostPid: true,
          capabilities: ['NET_BIND_SERVICE'],
          tmpfs: [],
          rdma: true,
        },
      ],
    });
  });
});

describe('its names', () => {
  test('ldms-cluster through PATH, and ldms-entrypoint cluster, are one', async () => {
    const { directory } = makePlace();
    const env = { ...process.env, PATH: `${dirname(cluster)}:${process.env['PATH']}` };
    const byName = await run('/bin/sh', ['-c', 'ldms-cluster plan'], { cwd: directory, env });
    expect(byName).toMatchObject({ code: 0, stderr: '' });
    expect(byName.stdout).toContain('3 hosts, 6 containers');
    expect(await run(program, ['cluster', 'plan'], { cwd: directory })).toEqual(byName);
  });

  test.each([[['--help']], [['-h']], [[]], [['plan', '--help']]])('%j is the help', async (words) => {
    const help = { code: 0, stdout: usage(), stderr: '' };
    expect(await run(cluster, words)).toEqual(help);
    expect(await run(program, ['cluster', ...words])).toEqual(help);
  });

  test('under another name it is the entrypoint', async () => {
    expect(await run(program, ['plan'])).toMatchObject({ code: 64 });
  });
});

describe('a wrong command line', () => {
  test('is told in one pass, and ends with 64', async () => {
    expect(await makePlace().cluster('rendr', '--as=dokcer', '--bnid')).toEqual({
      code: 64,
      stdout: '',
      stderr: `ldms-cluster: there is no option --bnid; did you mean --bind?
ldms-cluster: --as=dokcer is none of ${ways.join(', ')}; did you mean docker?
ldms-cluster: there is no command rendr; did you mean render?
ldms-cluster: ldms-cluster --help tells more
`,
    });
  });

  test.each([
    [
      ['render'],
      'render needs --as, such as --as docker; or --output=DIR with a directory that it has written before',
    ],
    [['render', '--output=out'], 'out was not written by ldms-cluster; say how to render: --as=WAY'],
    [['diff'], 'diff needs the directory that render has written'],
  ])('%j', async (words, told) => {
    const { code, stderr } = await makePlace().cluster(...words);
    expect(stderr).toContain(`ldms-cluster: ${told}\n`);
    expect(code).toBe(64);
  });
});

describe('files of the wrong kind', () => {
  const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(newerYaml, 'utf16le')]);
  const notYaml = 'daemons: [a\nb: {c\n';
  test.each<[string, string | Buffer, string]>([
    [
      'binary data',
      Buffer.from('\x7fELF\0\0\0'),
      'ldms-cluster: cannot use x.yaml: it is no text, but binary data\n',
    ],
    ['UTF-16', utf16, 'ldms-cluster: cannot use x.yaml: it is UTF-16; save it as UTF-8\n'],
    [
      'Latin-1',
      Buffer.from('# gr\xfcn\n', 'latin1'),
      'ldms-cluster: cannot use x.yaml: it is not UTF-8; save it as UTF-8\n',
    ],
    ['nothing', '', 'x.yaml:1:1: error: the file is empty; write daemons: with a list of groups\n'],
    [
      'a JSON list',
      '[1, 2]\n',
      'x.yaml:1:1: error: the file must be a mapping, and is a list; begin it with daemons:\n',
    ],
    [
      'a word',
      'hello\n',
      'x.yaml:1:1: error: the file must be a mapping, and is "hello"; begin it with daemons:\n',
    ],
  ])('%s', async (_, content, told) => {
    const place = makePlace();
    place.write('x.yaml', content);
    for (const words of [['plan'], ['check'], ['render', '--as=docker']]) {
      const { code, stdout, stderr } = await place.cluster(...words, 'x.yaml');
      expect(stdout + stderr).toContain(told);
      expect(code).toBe(78);
    }
    expect(readdirSync(place.directory).sort()).toEqual(['ldms_cfg.yaml', 'x.yaml']);
  });

  test('a text that is no YAML has its places', async () => {
    const { code, stdout } = await makePlace(notYaml).cluster('check');
    expect(stdout).toMatch(/^ldms_cfg\.yaml:\d+:\d+: error: .+\n/);
    expect(code).toBe(78);
  });

  test('a directory, and nothing at all', async () => {
    const place = makePlace();
    mkdirSync(place.path('d'));
    expect(await place.cluster('check', 'd')).toEqual({
      code: 78,
      stdout: '',
      stderr: 'ldms-cluster: cannot read d: it is a directory\n',
    });
    expect(await place.cluster('check', 'no.yaml')).toEqual({
      code: 78,
      stdout: '',
      stderr: "ldms-cluster: cannot read no.yaml: it does not exist; name the cluster's ldms_cfg.yaml\n",
    });
  });

  test('each of several beside it is told', async () => {
    const place = makePlace();
    mkdirSync(place.path('dsosd.conf'));
    place.write('settings.py', Buffer.from([0xff, 0x41]));
    const { code, stderr } = await place.cluster('render', '--as=docker');
    expect(stderr).toBe(`ldms-cluster: cannot read dsosd.conf: it is a directory
ldms-cluster: cannot use settings.py: it is not UTF-8; save it as UTF-8
`);
    expect(code).toBe(78);
  });
});

describe('a file with mistakes', () => {
  test('has all of them told in one pass, each with its place, and nothing is written', async () => {
    const place = makePlace(mistakes(newerYaml));
    const before = snapshot(place.directory);
    const count = 'ldms_cfg.yaml has 3 mistakes, 1 warning';
    expect(await place.cluster('check')).toEqual({
      code: 78,
      stdout: `${toldOfMistakes}ldms_cfg.yaml: 3 mistakes, 1 warning\n`,
      stderr: '',
    });
    expect(await place.cluster('plan')).toEqual({
      code: 78,
      stdout: '',
      stderr: `${toldOfMistakes}ldms-cluster: ${count}\n`,
    });
    for (const way of ways) {
      expect(await place.cluster('render', `--as=${way}`)).toEqual({
        code: 78,
        stdout: '',
        stderr: `${toldOfMistakes}ldms-cluster: ${count}; nothing was written\n`,
      });
    }
    expect(snapshot(place.directory)).toEqual(before);
  });

  test('leaves what was rendered before as it is', async () => {
    const place = makePlace();
    expect((await place.cluster('render', '--as=docker')).code).toBe(0);
    place.write('ldms_cfg.yaml', mistakes(newerYaml));
    const before = snapshot(place.directory);
    expect((await place.cluster('render', '--output=ldms-docker', '--force')).code).toBe(78);
    expect(await place.cluster('diff', 'ldms-docker')).toMatchObject({ code: 78, stdout: '' });
    expect(snapshot(place.directory)).toEqual(before);
  });

  test('as data has the same places', async () => {
    const { code, stdout, stderr } = await makePlace(mistakes(newerYaml)).cluster('check', '--json');
    const told = JSON.parse(stdout);
    expect(told.file).toBe('ldms_cfg.yaml');
    expect(told.mistakes).toHaveLength(3);
    expect(told.mistakes[0]).toEqual({
      line: 7,
      column: 12,
      text: 'hosts: "nid1[0" has an unclosed bracket; write nid1[0]',
    });
    expect(told.warnings).toHaveLength(1);
    expect([code, stderr]).toEqual([78, '']);
  });

  test('is told of anchors that there are not', async () => {
    const place = makePlace(editedBy(newerYaml, [['endpoints: *node-eps', 'endpoints: *node-ep']]));
    const { code, stdout } = await place.cluster('check');
    expect(stdout).toMatch(/^ldms_cfg\.yaml:14:20: error: \*node-ep has no anchor before it; .+\n/);
    expect(code).toBe(78);
  });

  test('that is something else altogether has its first hundred told', async () => {
    const groups = Array.from({ length: 150 }, (_, at) => `  - {names: n${at}}\n`).join('');
    const { code, stdout } = await makePlace(`daemons:\n${groups}`).cluster('check');
    expect(stdout.match(/: error: /g)).toHaveLength(100);
    expect(stdout).toMatch(/\n… and \d+ more\nldms_cfg\.yaml: \d+ mistakes, 0 warnings\n$/);
    expect(code).toBe(78);
  });
});

describe('a file with warnings', () => {
  const doubtful = editedBy(newerYaml, [
    ['samplers:\n', 'colour: red\nsamplers:\n'],
    ['reconnect: 20s\n', 'reconnect: 20s\n        recconect: 1s\n'],
  ]);
  const warnings = `ldms_cfg.yaml:16:9: warning: peers entry has the unknown key "recconect"; it has no effect
ldms_cfg.yaml:20:1: warning: unknown key "colour"; it has no effect
`;
  test('is rendered, and they are told', async () => {
    const { code, stdout, stderr } = await makePlace(doubtful).cluster('render', '--as=docker');
    expect(stderr).toBe(warnings);
    expect(stdout).toContain('files written to ldms-docker');
    expect(code).toBe(0);
  });

  test('with --strict is not, and check ends with 78', async () => {
    const place = makePlace(doubtful);
    expect(await place.cluster('render', '--as=docker', '--strict')).toEqual({
      code: 78,
      stdout: '',
      stderr: `${warnings}ldms-cluster: ldms_cfg.yaml has 0 mistakes, 2 warnings; nothing was written\n`,
    });
    expect(readdirSync(place.directory)).toEqual(['ldms_cfg.yaml']);
    expect((await place.cluster('check', '--strict')).code).toBe(78);
    expect((await place.cluster('check')).code).toBe(0);
  });

  test('names the known key that is nearest', async () => {
    const text = editedBy(newerYaml, [['offset: 100ms}', 'offset: 100ms, intervall: 1s}']]);
    const { stdout } = await makePlace(text).cluster('check');
    expect(stdout).toMatch(/^ldms_cfg\.yaml:18:\d+: warning: .*unknown key "intervall"/);
    const { stdout: misspelt } = await makePlace(editedBy(newerYaml, [['xprt: sock', 'xptr: sock']])).cluster(
      'check',
    );
    expect(misspelt).toMatch(/^ldms_cfg\.yaml:5:\d+: warning: .*unknown key "xptr"; did you mean xprt\?\n/);
  });
});

describe('the checker is the one that maestro has', () => {
  /** The findings of `ldms-entrypoint check maestro`, by place. */
  async function ofMaestro(text: string): Promise<string[]> {
    const site = makeSite();
    const path = site.write('etc/ldms_cfg.yaml', text);
    const { stdout } = await site.run(['check', 'maestro']);
    return stdout.split('\n').flatMap((line) => {
      const [, word, place, told] = /^(FAIL|warn) {2}(.*:\d+:\d+): (.*)$/.exec(line) ?? [];
      return place?.startsWith(`${path}:`)
        ? [`${place.slice(path.length + 1)}: ${word === 'FAIL' ? 'error' : 'warning'}: ${told}`]
        : [];
    });
  }
  const ofCluster = async (text: string): Promise<string[]> =>
    (await makePlace(text).cluster('check')).stdout
      .split('\n')
      .flatMap((line) => /^ldms_cfg\.yaml:(\d+:\d+: .*)$/.exec(line)?.[1] ?? []);

  test.each<[string, string, number]>([
    ['nothing for a good file', newerYaml, 0],
    ['mistakes', mistakes(newerYaml), 4],
    ['anchors that there are not', editedBy(newerYaml, [['endpoints: *node-eps', 'endpoints: *node-ep']]), 1],
    ['doubts about the cluster', editedBy(newerYaml, [['offset: 100ms', 'offset: 0s']]), 1],
    [
      'a port twice on one host',
      editedBy(newerYaml, [
        ['"nid10"', '"nid01"'],
        ['ports: 412', 'ports: 411'],
      ]),
      1,
    ],
    ['an empty file', '', 1],
    ['a list', '- a\n', 1],
  ])('%s', async (_, text, count) => {
    const findings = await ofCluster(text);
    expect(findings).toHaveLength(count);
    expect((await ofMaestro(text)).sort()).toEqual(findings.sort());
  });

  test('what ldms-cluster has beyond it is about the containers', async () => {
    const text = editedBy(newerYaml, [
      ['ports: 412', 'ports: 80'],
      ['offset: 100ms', 'offset: 0s'],
    ]);
    const common = await ofMaestro(text);
    expect(common).toEqual([expect.stringContaining('18:13: warning: this offset, 0us')]);
    expect(await ofCluster(text)).toEqual([
      "9:9: error: port 80 of nid10 is both agg's and ldms-ui's; give --ui-port PORT, or --ui HOST",
      ...common,
    ]);
  });
});

describe('render', () => {
  test('takes the options of the directory, and tells which', async () => {
    const place = makePlace(cygnusYaml);
    expect((await place.cluster('render', '--as=docker', '--suffix=-iw', '--privileged')).code).toBe(0);
    const before = filesOf(place);
    expect(await place.cluster('diff', 'ldms-docker')).toEqual({
      code: 0,
      stdout: 'ldms-docker is what ldms_cfg.yaml says\n',
      stderr: '',
    });
    const again = await place.cluster('render', '--output=ldms-docker');
    expect(again).toMatchObject({
      code: 0,
      stderr: 'ldms-cluster: with the options of ldms-docker/ldms-cluster.json: --suffix=-iw --privileged\n',
    });
    expect(again.stdout).toMatch(/^0 files written to ldms-docker, 18 unchanged\n/);
    expect(filesOf(place)).toEqual(before);
  });

  test('does not put another way in the place of one, unless it is told to', async () => {
    const place = makePlace(cygnusYaml);
    await place.cluster('render', '--as=docker', '--suffix=-iw');
    const before = filesOf(place);
    const other = await place.cluster('render', '--as=compose', '--output=ldms-docker');
    expect(other).toMatchObject({
      code: 73,
      stderr: expect.stringContaining('ldms-docker has what was rendered for docker; name another directory'),
    });
    expect(filesOf(place)).toEqual(before);
    expect((await place.cluster('render', '--as=compose', '--output=ldms-docker', '--force')).code).toBe(0);
    expect(place.read('ldms-docker/cygnus-01/compose.yaml')).toContain('services:');
  });

  test('lays others over them', async () => {
    const place = makePlace(cygnusYaml);
    await place.cluster('render', '--as=docker', '--suffix=-iw', '--tag=1');
    const { stderr } = await place.cluster('render', '--as=docker', '--tag=2');
    expect(stderr).toBe('ldms-cluster: with the options of ldms-docker/ldms-cluster.json: --suffix=-iw\n');
    expect(place.read('ldms-docker/cygnus-01/start.sh')).toContain('ldms-samp:2');
  });

  test('leaves them out with --anew', async () => {
    const place = makePlace(cygnusYaml);
    await place.cluster('render', '--as=docker', '--suffix=-iw', '--tag=1');
    const { stderr } = await place.cluster('render', '--output=ldms-docker', '--anew', '--suffix=-iw');
    expect(stderr).toBe('');
    expect(place.read('ldms-docker/cygnus-01/start.sh')).toContain('ldms-samp:latest');
  });

  test('takes the file of the directory, wherever it is called', async () => {
    const place = makePlace(cygnusYaml);
    await place.cluster('render', '--as=docker', '--suffix=-iw', '--output=out/here');
    const elsewhere = await run(cluster, ['render', `--output=${place.path('out/here')}`], {
      cwd: temporary(),
    });
    expect(elsewhere.code, elsewhere.stderr).toBe(0);
    expect(elsewhere.stdout).toMatch(/^0 files written to .*\/out\/here, 18 unchanged\n/);
  });

  test('does not overwrite what was changed by hand, writes nothing else either, and does with --force', async () => {
    const place = makePlace();
    await place.cluster('render', '--as=docker');
    appendFileSync(place.path('ldms-docker/nid01/start.sh'), '# mine\n');
    place.write('ldms_cfg.yaml', editedBy(newerYaml, [['ports: 411', 'ports: 10411']]));
    const before = snapshot(place.directory);
    expect(await place.cluster('render', '--as=docker')).toEqual({
      code: 73,
      stdout: '',
      stderr: `ldms-cluster: ldms-docker/nid01/start.sh was changed by hand; see the changes with ldms-cluster diff, or let --force overwrite them
ldms-cluster: nothing was written
`,
    });
    expect(snapshot(place.directory)).toEqual(before);
    expect((await place.cluster('render', '--as=docker', '--force')).code).toBe(0);
    expect(place.read('ldms-docker/nid01/start.sh')).not.toContain('# mine');
    expect((await place.cluster('diff', 'ldms-docker')).code).toBe(0);
  });

  test('removes what is no longer wanted, and goes from one way to another when it is told to', async () => {
    const place = makePlace();
    await place.cluster('render', '--as=docker', '--output=out');
    expect(await place.cluster('render', '--as=pdsh', '--output=out', '--force')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^6 files written to out, 10 removed\nnext: /),
    });
    expect(readdirSync(place.path('out')).sort()).toEqual([
      'dsosd.conf',
      'dsosd.json',
      recordName,
      'ldms_cfg.yaml',
      'settings.py',
      'start.sh',
      'stop.sh',
    ]);
  });

  test('writes over nothing that it reads, and removes nothing of that', async () => {
    const place = makePlace();
    mkdirSync(place.path('in'));
    symlinkSync('..', place.path('in/link'));
    for (const output of ['.', 'in/link']) {
      const refused = await place.cluster('render', '--as=pdsh', `--output=${output}`, '--force');
      expect(refused).toEqual({
        code: 73,
        stdout: '',
        stderr: `ldms-cluster: cannot write to ${output}: ldms_cfg.yaml, which is read, is one of the files there; name another directory: --output=DIR\n`,
      });
    }
    // Each host has a directory of its own there.
    expect((await place.cluster('render', '--as=docker', '--output=.')).code).toBe(0);
    expect((await place.cluster('render', '--as=docker', '--output=.')).code).toBe(0);
    expect(place.read('ldms_cfg.yaml')).toBe(newerYaml);
    const own = 'nid10/ldms_cfg.yaml';
    expect((await place.cluster('render', own, '--as=docker', '--output=.')).code).toBe(73);
    expect((await place.cluster('render', own, '--as=compose', '--output=.', '--maestro=none')).code).toBe(
      73,
    );
    expect(place.read(own)).toBe(newerYaml);
  });

  test('takes the files that lie beside ldms_cfg.yaml', async () => {
    const place = makePlace();
    place.write('settings.py', '# mine\n');
    await place.cluster('render', '--as=docker');
    expect(place.read('ldms-docker/nid10/settings.py')).toBe('# mine\n');
  });

  test.each(ways.map((way) => [way] as const))(
    'of %s is the same bytes each time and everywhere',
    async (way: Way) => {
      const place = makePlace(cygnusYaml);
      const words = [cluster, 'render', `--as=${way}`, '--suffix=-iw', '--output=out'];
      const inShell = (umask: string, env: NodeJS.ProcessEnv, cwd: string) =>
        run('/bin/sh', ['-c', `umask ${umask}; exec "$@"`, 'sh', ...words], {
          cwd,
          env: { ...process.env, ...env },
        });
      const other = makePlace(cygnusYaml);
      await inShell('022', { TZ: 'UTC', LC_ALL: 'C.UTF-8' }, place.directory);
      await inShell('077', { TZ: 'Asia/Kolkata', LC_ALL: 'tr_TR.UTF-8' }, other.directory);
      const texts = ({ directory }: Place) =>
        (snapshot(join(directory, 'out')) as unknown[][]).map(([path, , , text]) => [path, text]);
      expect(texts(place).length).toBeGreaterThan(3);
      expect(texts(other)).toEqual(texts(place));
    },
  );

  test('changes nothing but its output directory, and plan, check and diff nothing at all', async () => {
    const place = makePlace();
    place.write('settings.py', '# mine\n');
    const outside = snapshot(place.directory);
    await place.cluster('render', '--as=docker');
    expect(snapshot(place.directory, 'ldms-docker')).toEqual(outside);
    const all = snapshot(place.directory);
    for (const words of [['plan'], ['plan', '--json'], ['check'], ['diff', 'ldms-docker']])
      expect((await place.cluster(...words)).code).toBe(0);
    expect(snapshot(place.directory)).toEqual(all);
  });
});

describe('diff', () => {
  test('ends with 1 where something differs, and tells what', async () => {
    const place = makePlace();
    await place.cluster('render', '--as=docker');
    place.write('ldms_cfg.yaml', editedBy(newerYaml, [['ports: 411', 'ports: 10411']]));
    rmSync(place.path('ldms-docker/nid02'), { recursive: true });
    const { code, stdout, stderr } = await place.cluster('diff', 'ldms-docker');
    expect(stdout).toContain('ldms-docker/nid01/start.sh is older than the file\n');
    expect(stdout).toMatch(/^- {4}ovishpc\/ldms-samp:latest -x sock:411 -a munge$/m);
    expect(stdout).toMatch(/^\+ {4}ovishpc\/ldms-samp:latest -x sock:10411 -a munge$/m);
    expect(stdout).toContain('ldms-docker/nid02/start.sh is not there\n');
    expect([code, stderr]).toEqual([1, '']);
  });

  test('is of a directory that render has written', async () => {
    const place = makePlace();
    const told = (why: string) => ({ code: 78, stdout: '', stderr: `ldms-cluster: ${why}\n` });
    expect(await place.cluster('diff', 'no')).toEqual(
      told(`no was not written by ldms-cluster render: it has no ${recordName}`),
    );
    place.write(`out/${recordName}`, '{}');
    const why = `cannot use out/${recordName}: it is not what ldms-cluster has written`;
    expect(await place.cluster('diff', 'out')).toEqual(told(why));
    expect(await place.cluster('render', '--as=docker', '--output=out')).toEqual(told(why));
  });

  test('tells where its ldms_cfg.yaml has gone', async () => {
    const place = makePlace();
    await place.cluster('render', '--as=docker');
    rmSync(place.path('ldms_cfg.yaml'));
    const { code, stderr } = await place.cluster('diff', 'ldms-docker');
    expect(stderr).toMatch(/^ldms-cluster: cannot read ldms_cfg\.yaml: it does not exist; /);
    expect(code).toBe(78);
  });
});

describe('where it cannot write', () => {
  test('a file in the place of the directory is told, and ends with 73', async () => {
    const place = makePlace();
    place.write('ldms-docker', 'mine\n');
    expect(await place.cluster('render', '--as=docker')).toEqual({
      code: 73,
      stdout: '',
      stderr: `ldms-cluster: cannot write to ldms-docker: it is not a directory
ldms-cluster: nothing was written
`,
    });
  });

  const inNamespace = (place: Place, script: string) =>
    run('unshare', ['--mount', '--propagation', 'private', '/bin/sh', '-c', script, 'sh', cluster], {
      cwd: place.directory,
    });

  testNeeding(['root', 'namespaces'], 'a read-only directory is told, and ends with 73', async () => {
    const place = makePlace();
    mkdirSync(place.path('out'));
    const script = 'mount -t tmpfs -o ro none out && exec "$1" render --as=docker --output=out';
    expect(await inNamespace(place, script)).toEqual({
      code: 73,
      stdout: '',
      stderr: `ldms-cluster: cannot write out/nid01/start.sh: the file system is read-only
ldms-cluster: nothing was written
`,
    });
  });

  testNeeding(['root', 'namespaces'], 'a disk without room for all of it keeps what was there', async () => {
    const place = makePlace();
    mkdirSync(place.path('out'));
    const script = `mount -t tmpfs -o size=8m none out || exit
      "$1" render --as=docker --output=out >/dev/null || exit
      find out -type f | sort | xargs sha256sum >before
      dd if=/dev/zero of=out/big bs=4k 2>/dev/null
      "$1" render --as=docker --output=out --tag=other
      echo $?
      rm out/big
      find out -type f | sort | xargs sha256sum | diff before - && echo all is as it was`;
    const { stdout, stderr } = await inNamespace(place, script);
    expect(stderr).toMatch(
      /^ldms-cluster: cannot write out\/.*: no space is left\nldms-cluster: nothing was written\n$/,
    );
    expect(stdout).toBe('73\nall is as it was\n');
  });
});

test('a reader that goes away early is no matter', async () => {
  const hosts = 2000;
  const text = editedBy(newerYaml, [
    ['"samp-[1-2]"', `"samp-[1-${hosts}]"`],
    ['"samp-[1-2]-ep"', `"samp-[1-${hosts}]-ep"`],
    ['"nid[01-02]"', `"nid[1001-${1000 + hosts}]"`],
  ]);
  const place = makePlace(text);
  // More than a pipe holds, so that it is still writing when its reader is gone.
  expect((await place.cluster('plan', '--json')).stdout.length).toBeGreaterThan(200_000);
  const script = '{ "$1" plan --json; echo $? >code; } | head -1';
  expect(await run('/bin/sh', ['-c', script, 'sh', cluster], { cwd: place.directory })).toEqual({
    code: 0,
    stdout: '{\n',
    stderr: '',
  });
  expect(place.read('code')).toBe('0\n');
});

test('the example can be rendered from a copy, in any directory', async () => {
  const directory = join(temporary(), "it's a place");
  cpSync(join(repository, 'examples/cygnus'), directory, { recursive: true });
  const { code, stdout, stderr } = await run(cluster, ['diff', 'docker'], { cwd: directory });
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
});
