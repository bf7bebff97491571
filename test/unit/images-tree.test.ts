/** What is told of an OVIS tree, or a plugin folder, that will not do. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type ImageName, imageNames } from '../../images/build/images.ts';
import { filesBelow, machineOf, wrongWithDsosds, wrongWithOvis } from '../../images/build/tree.ts';

/** A directory that goes when its test has finished. */
function makeDirectory(): string {
  const made = realpathSync(mkdtempSync(join(tmpdir(), 'ldms-images-tree-')));
  chmodSync(made, 0o755);
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** Puts a file into a tree, and the directories that it is in. */
function put(tree: string, file: string, content: string | Buffer = ''): string {
  const path = join(tree, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** The first 20 bytes of an ELF program, as elf(5) has them. */
function elfFor(machine: number): Buffer {
  const head = Buffer.alloc(20);
  head.write('\x7fELF', 'latin1');
  // 64 bits, little-endian, version 1; a shared object.
  head.set([2, 1, 1], 4);
  head.writeUInt16LE(3, 16);
  head.writeUInt16LE(machine, 18);
  return head;
}

const machines = { amd64: 62, arm64: 183, ppc64le: 21 } as const;

/** A tree that has all that the images need, for amd64. */
function makeTree(): string {
  const tree = makeDirectory();
  for (const file of ['sbin/ldmsd', 'lib/libldms.so.0.0.0', 'lib/libsos.so.0.0.0']) {
    put(tree, file, elfFor(machines.amd64));
  }
  for (const plugin of ['libzap_sock', 'libmeminfo', 'libstore_csv']) put(tree, `lib/ovis-ldms/${plugin}.so`);
  for (const file of ['bin/maestro', 'bin/maestro_ctrl', 'ui/sosgui/wsgi.py', 'etc/ldms/ldms.cfg'])
    put(tree, file);
  symlinkSync('libldms.so.0.0.0', join(tree, 'lib/libldms.so'));
  return tree;
}

const all = (tree: string): string[] => wrongWithOvis(tree, imageNames, 'amd64');

/** Runs something as a user who has no rights of root's, on the process's files only. */
function asAnybody<T>(body: () => T): T {
  if (process.getuid?.() !== 0) return body();
  process.seteuid?.(65_534);
  try {
    return body();
  } finally {
    process.seteuid?.(0);
  }
}

test('nothing is told of a whole tree', () => {
  const tree = makeTree();
  expect(all(tree)).toEqual([]);
  expect(asAnybody(() => all(tree))).toEqual([]);
});

test('images that have nothing of OVIS need no tree', () => {
  expect(wrongWithOvis('/nonexistent', ['dev', 'grafana'], 'amd64')).toEqual([]);
  expect(wrongWithOvis('/nonexistent', ['dev', 'samp'], 'amd64')).toHaveLength(1);
});

describe('no tree at all', () => {
  test('it does not exist', () => {
    expect(all('/nonexistent/ovis')).toEqual([
      'cannot read the OVIS tree /nonexistent/ovis: it does not exist; give another: --ovis DIR',
    ]);
  });

  test('it is a file', () => {
    const file = put(makeDirectory(), 'ovis.tar.gz');
    expect(all(file)).toEqual([
      `cannot read the OVIS tree ${file}: it is not a directory; give another: --ovis DIR`,
    ]);
  });

  test('it is empty', () => {
    const tree = makeDirectory();
    mkdirSync(join(tree, 'lib'));
    expect(all(tree)).toEqual([
      `the OVIS tree ${tree} is empty; build OVIS into it, or give another: --ovis DIR`,
    ]);
  });

  test.each(['opt/ovis', 'ovis', 'usr/local'])('it is the directory above: it has %s', (inner) => {
    const above = makeDirectory();
    mkdirSync(dirname(join(above, inner)), { recursive: true });
    renameSync(makeTree(), join(above, inner));
    expect(all(above)).toEqual([
      `the OVIS tree ${above} has neither bin nor lib, but ${inner} in it has: --ovis ${join(above, inner)}`,
    ]);
    expect(all(join(above, inner))).toEqual([]);
  });
});

describe('a tree that may not be read', () => {
  test('none of it', () => {
    const tree = makeTree();
    chmodSync(tree, 0o700);
    chmodSync(join(tree, 'lib'), 0);
    // Where we are root, what is closed is the tree; else what is ours in it.
    const closed = process.getuid?.() === 0 ? `the OVIS tree ${tree}` : join(tree, 'lib');
    const [sentence, ...others] = asAnybody(() => all(tree));
    chmodSync(join(tree, 'lib'), 0o755);
    expect(sentence).toContain(`cannot read ${closed}: permission denied; `);
    expect(others).toEqual([]);
  });

  test('a directory in it', () => {
    const tree = makeTree();
    const closed = join(tree, 'lib/python3.11');
    mkdirSync(closed, { mode: 0 });
    const told = asAnybody(() => all(tree));
    chmodSync(closed, 0o700);
    expect(told).toEqual([
      `cannot read ${closed}: permission denied; let yourself read all of it: sudo chmod -R a+rX ${tree}`,
    ]);
  });

  test('files in it, beside what is lacking', () => {
    const tree = makeTree();
    for (const file of ['bin/maestro', 'bin/maestro_ctrl']) chmodSync(join(tree, file), 0);
    rmSync(join(tree, 'ui'), { recursive: true });
    expect(asAnybody(() => all(tree))).toEqual([
      expect.stringContaining('lacks the web back-end'),
      `cannot read ${tree}/bin/maestro: permission denied (and 1 more in the OVIS tree ${tree}); let yourself read all of it: sudo chmod -R a+rX ${tree}`,
    ]);
    // Those two are in maestro's image alone.
    expect(asAnybody(() => wrongWithOvis(tree, ['samp'], 'amd64'))).toEqual([]);
  });

  test('a shared secret as `make install` leaves it: no image takes it', () => {
    const tree = makeTree();
    chmodSync(put(tree, 'etc/ldms/ldmsauth.conf', 'secretword=example\n'), 0);
    expect(asAnybody(() => all(tree))).toEqual([]);
  });
});

describe('a tree that lacks something tells which images need it', () => {
  const ldmsd = 'ldms-samp and ldms-agg need';
  test.each<[string, string[], string]>([
    ['ldmsd', ['sbin/ldmsd'], `ldmsd (sbin/ldmsd), which ${ldmsd}`],
    [
      'the library',
      ['lib/libldms.so', 'lib/libldms.so.0.0.0'],
      `the LDMS library (lib/libldms.so*), which ${ldmsd}`,
    ],
    [
      'transports',
      ['lib/ovis-ldms/libzap_sock.so'],
      `a transport (lib/ovis-ldms/libzap_*.so* or lib/libzap_*.so*), which ${ldmsd}`,
    ],
    [
      'samplers',
      ['lib/ovis-ldms/libmeminfo.so'],
      `a sampler plugin (lib/ovis-ldms/libmeminfo.so* or lib/ovis-ldms/lib*stat*.so*), which ${ldmsd}`,
    ],
    [
      'stores',
      ['lib/ovis-ldms/libstore_csv.so'],
      'a store plugin (lib/ovis-ldms/libstore*.so*), which ldms-agg needs',
    ],
    ['SOS', ['lib/libsos.so.0.0.0'], 'the SOS library (lib/libsos.so*), which ldms-agg and ldms-ui need'],
    ['maestro', ['bin/maestro'], 'maestro (bin/maestro), which ldms-maestro needs'],
    ['maestro_ctrl', ['bin/maestro_ctrl'], 'maestro_ctrl (bin/maestro_ctrl), which ldms-maestro needs'],
    [
      'the UI',
      ['ui/sosgui/wsgi.py'],
      "the web back-end's Django project (ui/sosgui/wsgi.py), which ldms-ui needs",
    ],
  ])('%s', (_, files, lacking) => {
    const tree = makeTree();
    for (const file of files) rmSync(join(tree, file));
    expect(all(tree)).toEqual([`the OVIS tree ${tree} lacks ${lacking}`]);
  });

  test('the images that are built, and no others', () => {
    const tree = makeTree();
    for (const file of ['sbin/ldmsd', 'bin/maestro', 'lib/libsos.so.0.0.0']) rmSync(join(tree, file));
    const told = (images: readonly ImageName[]) => wrongWithOvis(tree, images, 'amd64').join('\n');
    expect(told(['samp'])).toBe(`the OVIS tree ${tree} lacks ldmsd (sbin/ldmsd), which ldms-samp needs`);
    expect(told(['maestro'])).toContain('which ldms-maestro needs');
    expect(told(['maestro'])).not.toContain('ldmsd');
    expect(told(['ui', 'dev'])).toContain('the SOS library (lib/libsos.so*), which ldms-ui needs');
    expect(told(imageNames).split('\n')).toHaveLength(3);
  });

  test('another transport or sampler than the usual ones will do', () => {
    const tree = makeTree();
    renameSync(join(tree, 'lib/ovis-ldms/libzap_sock.so'), join(tree, 'lib/libzap_rdma.so.0'));
    renameSync(join(tree, 'lib/ovis-ldms/libmeminfo.so'), join(tree, 'lib/ovis-ldms/libprocstat2.so.0'));
    expect(all(tree)).toEqual([]);
  });

  test('a tree with lib64 was built elsewhere', () => {
    const tree = makeTree();
    renameSync(join(tree, 'lib'), join(tree, 'lib64'));
    const told = wrongWithOvis(tree, ['samp'], 'amd64');
    expect(told).toHaveLength(3);
    for (const sentence of told) {
      expect(sentence).toMatch(
        /, which ldms-samp needs; it has lib64: OVIS was built on another distribution$/,
      );
    }
  });

  test('lib64 alone is no reason to complain', () => {
    const tree = makeTree();
    symlinkSync('lib', join(tree, 'lib64'));
    put(tree, 'lib64/libother.so');
    expect(all(tree)).toEqual([]);
  });
});

describe('a tree for another machine', () => {
  test.each([
    ['arm64', 'amd64', 'is for arm64, and the images are for amd64; --arch arm64'],
    ['amd64', 'arm64', 'is for amd64, and the images are for arm64; --arch amd64'],
    [
      'ppc64le',
      'amd64',
      'is for another machine (ELF machine 21), and the images are for amd64; build OVIS for it',
    ],
  ] as const)('an ldmsd for %s, images for %s', (machine, arch, told) => {
    const tree = makeTree();
    for (const file of ['sbin/ldmsd', 'lib/libldms.so.0.0.0']) put(tree, file, elfFor(machines[machine]));
    // Once, though ldmsd is the same.
    expect(wrongWithOvis(tree, imageNames, arch)).toEqual([`${tree}/lib/libldms.so ${told}`]);
  });

  test('a library alone, where ldmsd is a script', () => {
    const tree = makeTree();
    put(tree, 'sbin/ldmsd', '#!/bin/sh\n');
    expect(all(tree)).toEqual([]);
    put(tree, 'lib/libldms.so.0.0.0', elfFor(machines.arm64));
    expect(all(tree)).toEqual([
      `${tree}/lib/libldms.so is for arm64, and the images are for amd64; --arch arm64`,
    ]);
  });

  test('the machine of a real program, and of what is none', () => {
    const directory = makeDirectory();
    expect(machineOf(process.execPath)).toBe({ x64: 62, arm64: 183 }[process.arch as string]);
    expect(machineOf(put(directory, 'elf', elfFor(7)))).toBe(7);
    expect(machineOf(put(directory, 'short', elfFor(62).subarray(0, 19)))).toBeUndefined();
    expect(machineOf(put(directory, 'script', '#!/bin/sh\nexec sleep inf\n'))).toBeUndefined();
    expect(machineOf(join(directory, 'missing'))).toBeUndefined();
  });
});

describe('symbolic links', () => {
  const outside = 'which is outside of the OVIS tree; put the file there';
  test.each([
    ['lib/libx.so', '../../build/libx.so', outside],
    ['sbin/tool', '../../tool', outside],
    // A neighbour whose name begins like the prefix's own.
    ['bin/x', '../../ovis-other/x', outside],
    ['lib/libx.so', 'TREE/lib/libx.so.0', 'which is at /opt/ovis in a container; make it relative'],
  ])('%s → %s', (file, target, why) => {
    const tree = makeTree();
    const to = target.replace('TREE', tree);
    symlinkSync(to, join(tree, file));
    expect(all(tree)).toEqual([`${tree}/${file} is a link to ${to}, ${why}`]);
  });

  test.each([
    ['lib/libx.so', 'libldms.so.0.0.0'],
    ['bin/ldmsd', '../sbin/ldmsd'],
    ['bin/up', '..'],
    // Files of the image's, or of the tree where it is in an image.
    ['bin/python', '/usr/bin/python3'],
    ['bin/ldmsd', '/opt/ovis/sbin/ldmsd'],
    // No image has that.
    ['share/doc/x', '../../../x'],
  ])('nothing is told of %s → %s', (file, target) => {
    const tree = makeTree();
    mkdirSync(dirname(join(tree, file)), { recursive: true });
    symlinkSync(target, join(tree, file));
    expect(all(tree)).toEqual([]);
  });
});

describe('private keys', () => {
  const pem = '-----BEGIN OPENSSH PRIVATE KEY-----\nbm90IGEga2V5\n-----END OPENSSH PRIVATE KEY-----\n';
  test.each([
    ['etc/munge/munge.key', 'any bytes'],
    ['etc/munge.key', ''],
    ['etc/ldms/tls.conf', `# ours\n${pem}`],
    ['etc/ssl/server.pem', '-----BEGIN RSA PRIVATE KEY-----\n'],
    ['bin/id_ed25519', pem],
    ['ui/sosgui/server.key', '-----BEGIN PRIVATE KEY-----\n'],
  ])('%s', (file, content) => {
    const tree = makeTree();
    put(tree, file, content);
    expect(all(tree)).toEqual([
      `${tree}/${file} is a private key, which everybody with the image would have; remove it`,
    ]);
  });

  test.each([
    ['etc/ssl/ca.pem', '-----BEGIN CERTIFICATE-----\n'],
    ['etc/ldms/id_rsa.pub', 'ssh-ed25519 AAAA\n'],
    // No image has that.
    ['share/doc/munge.key', 'an example'],
    ['include/ldms/key.pem', pem],
    // Code that deals with keys is none.
    ['lib/python3.11/site-packages/ldmsd/tls.py', `MARK = '${pem.slice(0, 35)}'\n`],
  ])('nothing is told of %s', (file, content) => {
    const tree = makeTree();
    put(tree, file, content);
    expect(all(tree)).toEqual([]);
  });
});

test('everything that is wrong is told at once', () => {
  const tree = makeTree();
  rmSync(join(tree, 'bin/maestro'));
  put(tree, 'sbin/ldmsd', elfFor(machines.arm64));
  symlinkSync('../../x', join(tree, 'bin/x'));
  put(tree, 'etc/munge.key');
  expect(all(tree)).toEqual([
    expect.stringContaining('lacks maestro'),
    expect.stringContaining('is for arm64'),
    expect.stringContaining('is a link to ../../x'),
    expect.stringContaining('is a private key'),
  ]);
});

test('the files of a tree: sorted, links as themselves, no directories', () => {
  const tree = makeDirectory();
  for (const file of ['b/c', 'a', 'b/a/x', 'b-c']) put(tree, file);
  mkdirSync(join(tree, 'empty'));
  symlinkSync('b', join(tree, 'link'));
  symlinkSync('..', join(tree, 'b/up'));
  symlinkSync('nowhere', join(tree, 'gone'));
  expect(filesBelow(tree)).toEqual(['a', 'b-c', 'b/a/x', 'b/c', 'b/up', 'gone', 'link']);
});

describe('the plugin folder', () => {
  const plugin = '{"type": "datasource", "id": "dsosds"}';

  test.each(['plugin.json', 'dist/plugin.json'])('nothing is told of one with %s', (file) => {
    const folder = makeDirectory();
    put(folder, file, plugin);
    expect(wrongWithDsosds(folder)).toEqual([]);
  });

  test('it does not exist, or is a file', () => {
    const file = put(makeDirectory(), 'dsosds');
    expect(wrongWithDsosds('/nonexistent')).toEqual([
      'cannot read the plugin folder /nonexistent: it does not exist; give another: --dsosds DIR',
    ]);
    expect(wrongWithDsosds(file)).toEqual([
      `cannot read the plugin folder ${file}: it is not a directory; give another: --dsosds DIR`,
    ]);
  });

  test('it has no plugin.json', () => {
    const folder = makeDirectory();
    put(folder, 'src/plugin.json', plugin);
    expect(wrongWithDsosds(folder)).toEqual([
      `the plugin folder ${folder} has no plugin.json; build dsosds into it, or give another: --dsosds DIR`,
    ]);
  });

  test.each(['{}', '{"id": 7}', 'null', '[]', '"dsosds"'])('a plugin.json without an id: %s', (text) => {
    const folder = makeDirectory();
    const file = put(folder, 'plugin.json', text);
    expect(wrongWithDsosds(folder)).toEqual([`${file} has no id, without which grafana does not load it`]);
  });

  test.each(['', '{"id": "dsosds"', 'id: dsosds'])('a plugin.json that is no JSON: %j', (text) => {
    const folder = makeDirectory();
    const file = put(folder, 'dist/plugin.json', text);
    expect(wrongWithDsosds(folder)).toEqual([expect.stringContaining(`${file} is no JSON: `)]);
  });

  test('of two, the one in dist is looked at: that is what grafana gets', () => {
    const folder = makeDirectory();
    put(folder, 'plugin.json', plugin);
    const file = put(folder, 'dist/plugin.json', '{}');
    expect(wrongWithDsosds(folder)).toEqual([`${file} has no id, without which grafana does not load it`]);
    put(folder, 'plugin.json', '{}');
    put(folder, 'dist/plugin.json', plugin);
    expect(wrongWithDsosds(folder)).toEqual([]);
  });

  test('a plugin.json that may not be read', () => {
    const folder = makeDirectory();
    const file = put(folder, 'plugin.json', plugin);
    chmodSync(file, 0);
    expect(asAnybody(() => wrongWithDsosds(folder))).toEqual([
      `cannot read ${file}: permission denied; let yourself read all of it: sudo chmod -R a+rX ${folder}`,
    ]);
  });
});
