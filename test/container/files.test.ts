/** What each image has in it, and what it must not have. */
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type ImageName, imageNames } from '../../images/build/images.ts';
import { engine, imageOf, runToEnd } from '../support/containers.ts';
import { testNeeding } from '../support/needs.ts';

const needs = ['docker engine'];

/** An image as `docker image inspect` tells of it, as far as is looked at here. */
interface Config {
  readonly Entrypoint: string[];
  readonly Cmd: string[] | null;
  readonly User: string;
  readonly Env: string[];
  readonly ExposedPorts?: Record<string, unknown>;
  readonly Volumes?: Record<string, unknown> | null;
  readonly StopSignal: string;
  readonly Labels: Record<string, string>;
  readonly Healthcheck?: { readonly Test: string[]; readonly Interval: number };
}

async function configOf(image: ImageName): Promise<{ config: Config; layers: string[] }> {
  const { stdout } = await engine(['image', 'inspect', imageOf(image)]);
  const [{ Config: config, RootFS }] = JSON.parse(stdout);
  return { config, layers: RootFS.Layers };
}

/** All paths in an image, with a directory's slash behind it, as `docker export` has them. */
async function pathsIn(image: ImageName): Promise<string[]> {
  const { stdout: id } = await engine(['create', imageOf(image)]);
  try {
    const { stdout } = await execa('sh', ['-c', `docker export ${id.trim()} | tar -t`], { maxBuffer: 1e8 });
    return stdout.split('\n').map((path) => `/${path}`);
  } finally {
    await engine(['rm', '-v', id.trim()]);
  }
}

const paths = new Map<ImageName, string[]>();
const pathsOf = (image: ImageName): string[] => paths.get(image) ?? [];
let isThere = false;

beforeAll(async () => {
  isThere = (await engine(['info'])).code === 0;
  if (!isThere) return;
  for (const image of imageNames) paths.set(image, await pathsIn(image));
});
afterAll(() => paths.clear());

/** The files of OVIS in an image, without the caches that Python is given. */
const ovisFiles = (image: ImageName): string[] =>
  pathsOf(image)
    .filter((path) => path.startsWith('/opt/ovis/') && !path.endsWith('/') && !path.includes('__pycache__'))
    .map((path) => path.slice('/opt/ovis/'.length));

describe('files of OVIS', () => {
  const stores = /libstore/;
  const sos =
    /(^|\/)(lib(sos|dsos|ods|idx|key|tirpc)[^/]*|(sos|dsos|ods)[^/]*|rpcgen|numsos[^/]*)$|\/(sosdb|numsos)\//;
  const maestro = /bin\/maestro|\/maestro\//;
  const sampler = /libmeminfo/;
  const has: Record<ImageName, { some: RegExp[]; none: RegExp[] }> = {
    dev: { some: [], none: [/./] },
    samp: {
      some: [
        /^sbin\/ldmsd$/,
        /^bin\/ldms_ls$|^sbin\/ldms_ls$/,
        sampler,
        /libzap_rdma/,
        /libldms_auth_munge/,
        /\/ldmsd\//,
      ],
      none: [stores, sos, maestro, /^ui\//],
    },
    agg: {
      some: [/^sbin\/ldmsd$/, sampler, stores, /libsos/, /libdsos/, /\/sosdb\//, /bin\/dsosd$/],
      none: [maestro, /^ui\//],
    },
    maestro: {
      some: [/^bin\/maestro$/, /^bin\/maestro_ctrl$/, /libzap_sock/, maestro],
      none: [stores, sos, sampler, /^sbin\//, /^ui\//],
    },
    ui: {
      some: [/^ui\/sosgui\/wsgi\.py$/, /libsos/, /\/sosdb\//, /\/numsos\//],
      none: [stores, sampler, maestro, /^sbin\/ldmsd/],
    },
    grafana: { some: [], none: [/./] },
  };
  for (const image of imageNames) {
    testNeeding(needs, `ldms-${image} has what it is for, and nothing else`, () => {
      const files = ovisFiles(image);
      for (const pattern of has[image].some) {
        expect(
          files.some((file) => pattern.test(file)),
          `${pattern} is in ldms-${image}`,
        ).toBe(true);
      }
      for (const pattern of has[image].none) {
        expect(
          files.filter((file) => pattern.test(file)),
          `${pattern} in ldms-${image}`,
        ).toEqual([]);
      }
      expect(files.filter((file) => /\.(a|la|h)$|pkgconfig|^(include|share)\//.test(file))).toEqual([]);
    });
  }
});

describe('every image', () => {
  for (const image of imageNames) {
    testNeeding(needs, `ldms-${image}: no key, no package cache, no log`, async () => {
      const all = pathsOf(image);
      const keys = /munge\.key$|munge\.seed$|\/id_(rsa|dsa|ecdsa|ed25519)|ssh_host_|authorized_keys/;
      expect(all.filter((path) => keys.test(path))).toEqual([]);
      const caches =
        /^\/var\/(lib\/apt\/lists|cache\/apt|log\/apt|cache\/ldconfig)\/.|^\/var\/log\/(dpkg|alternatives)|\/root\/\.(npm|cache)/;
      const left = all.filter((path) => caches.test(path) && !path.endsWith('/'));
      // What the base has of them is there, without any content.
      const full = ['--entrypoint=find', '--user=0'];
      const { stdout: found } = await runToEnd(full, imageOf(image), ['/dev/null', ...left, '-size', '+0']);
      expect(found).toBe('');
      // A private key under any name, among files that could be one.
      const script =
        "find / -xdev -type f -size -64k -not -path '/proc/*' -not -path '*/python3*' -exec grep -lI -e '-----BEGIN [A-Z ]*PRIVATE KEY-----' {} + || true";
      const { stdout } = await runToEnd(['--entrypoint=sh', '--user=0'], imageOf(image), ['-c', script]);
      const examples = /\/(doc|node_modules|share)\//;
      expect(stdout.split('\n').filter((path) => path && !examples.test(path))).toEqual([]);
    });

    testNeeding(needs, `ldms-${image}: labels, signal, health check, entrypoint`, async () => {
      const { config } = await configOf(image);
      expect(config.Entrypoint).toEqual(['/usr/local/bin/ldms-entrypoint', image]);
      expect(config.StopSignal).toBe(image === 'dev' ? 'SIGHUP' : 'SIGTERM');
      expect(config.Volumes ?? {}).toEqual({});
      for (const name of ['title', 'description', 'source', 'version', 'revision', 'created', 'licenses']) {
        const label = config.Labels[`org.opencontainers.image.${name}`];
        expect(label, name).toMatch(/^(?!unknown|1970).+/);
      }
      expect(config.Labels['org.opencontainers.image.created']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      if (image === 'dev') expect(config.Healthcheck).toBeUndefined();
      else expect(config.Healthcheck?.Test).toEqual(['CMD', '/usr/local/bin/ldms-entrypoint', 'health']);
    });
  }

  testNeeding(
    needs,
    'compute nodes are asked for their health once a minute, and users are who they were',
    async () => {
      const samp = await configOf('samp');
      expect(samp.config.Healthcheck?.Interval).toBe(60e9);
      expect((await configOf('grafana')).config.User).toBe('472');
      for (const image of ['dev', 'samp', 'agg', 'maestro', 'ui'] as const) {
        expect((await configOf(image)).config.User, image).toBe('');
      }
    },
  );

  testNeeding(needs, 'the ports that images tell', async () => {
    const ports = async (image: ImageName) => Object.keys((await configOf(image)).config.ExposedPorts ?? {});
    expect(await ports('samp')).toEqual(['411/tcp']);
    expect(await ports('agg')).toEqual(['411/tcp']);
    expect(await ports('maestro')).toEqual([]);
    expect(await ports('ui')).toEqual(['80/tcp']);
    expect(await ports('grafana')).toEqual(['3000/tcp']);
  });
});

describe('the Debian images', () => {
  const debian = ['dev', 'samp', 'agg', 'maestro', 'ui'] as const;

  testNeeding(needs, 'share their lowest layers, among them the one with the program', async () => {
    const { stdout } = await engine(['image', 'inspect', imageOf('common')]);
    const [{ RootFS }] = JSON.parse(stdout) as [{ RootFS: { Layers: string[] } }];
    for (const image of debian) {
      const { layers } = await configOf(image);
      expect(layers.slice(0, RootFS.Layers.length), image).toEqual(RootFS.Layers);
    }
    const { stdout: history } = await engine([
      'history',
      '--no-trunc',
      '--human=false',
      '--format',
      '{{.Size}} {{.CreatedBy}}',
      imageOf('samp'),
    ]);
    // What else is copied is of some kilobytes.
    expect(history.match(/^\d{8,} .*COPY .*$/gm)).toHaveLength(1);
  });

  for (const image of debian) {
    testNeeding(
      needs,
      `ldms-${image}: munge is 101:101, and the versions of all packages are recorded`,
      async () => {
        const script =
          'id -u munge; id -g munge; stat -c %u:%g /etc/munge; dpkg-query -W -f "\\${Package} \\${Version} \\${Architecture}\\n" | diff - /usr/local/share/ldms-images/packages.txt && echo recorded';
        const { stdout } = await runToEnd(['--entrypoint=sh'], imageOf(image), ['-c', script]);
        expect(stdout).toBe('101\n101\n101:101\nrecorded\n');
      },
    );
  }

  testNeeding(
    needs,
    'nothing is hard-coded to a Python version, and the modules of OVIS are found',
    async () => {
      for (const image of debian) {
        const { config } = await configOf(image);
        expect(
          config.Env.filter((entry) => /python3\.|python\d/.test(entry)),
          image,
        ).toEqual([]);
        for (const name of ['LDMSD_PLUGIN_LIBPATH', 'ZAP_LIBPATH']) {
          expect(config.Env).toContain(`${name}=/opt/ovis/lib/ovis-ldms`);
        }
      }
      const modules: Partial<Record<ImageName, string>> = {
        agg: 'sosdb, numpy, pandas, ldmsd',
        maestro: 'maestro, etcd3, yaml, ldmsd',
        ui: 'sosdb, numsos, numpy, pandas, django, corsheaders',
      };
      for (const [image, names] of Object.entries(modules)) {
        const script = `import ${names}`;
        const ran = await runToEnd(['--entrypoint=python3'], imageOf(image as ImageName), ['-c', script]);
        expect(ran, `${script} in ldms-${image}`).toMatchObject({ code: 0, stderr: '' });
      }
      // The negative: what samp does not have cannot be imported there.
      expect((await runToEnd(['--entrypoint=python3'], imageOf('samp'), ['-c', 'import sosdb'])).code).toBe(
        1,
      );
    },
  );

  testNeeding(
    needs,
    'the modules of OVIS are compiled, so that a read-only container need not do it at each start',
    async () => {
      const compiled = (image: ImageName) =>
        pathsOf(image).filter((path) => /^\/opt\/ovis\/.*\.pyc$/.test(path));
      expect(compiled('maestro').some((path) => path.includes('/maestro/'))).toBe(true);
      expect(compiled('ui').some((path) => path.startsWith('/opt/ovis/ui/'))).toBe(true);
      expect((await configOf('ui')).config.Env).toContain('LANG=C.UTF-8');
    },
  );

  testNeeding(needs, 'login shells and the loader know OVIS', async () => {
    for (const image of ['samp', 'agg', 'maestro', 'ui'] as const) {
      const script =
        'cat /etc/ld.so.conf.d/z-ovis-ld-so.conf && bash -lc "command -v ldmsd || command -v maestro || command -v sos_cmd" && test -e /etc/profile.d/set-ovis-variables.sh';
      const { code, stdout } = await runToEnd(['--entrypoint=sh'], imageOf(image), ['-c', script]);
      expect({ code, stdout }, image).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^\/opt\/ovis\/lib\n\/opt\/ovis\/s?bin\/\w+\n$/),
      });
    }
  });

  testNeeding(
    needs,
    'whether ldmsd needs -F is recorded, of the very ldmsd that is in the image',
    async () => {
      for (const image of ['samp', 'agg'] as const) {
        const script =
          'stat -Lc "%s %Y" /opt/ovis/sbin/ldmsd; cat /usr/local/share/ldms-entrypoint/ldmsd-version';
        const { stdout } = await runToEnd(['--entrypoint=sh'], imageOf(image), ['-c', script]);
        const [size, record] = stdout.trim().split('\n');
        expect(record, image).toBe(`${size} LDMSD Version: 4.4.4`);
      }
    },
  );

  testNeeding(needs, 'agg can load what the Kafka and avro stores need', async () => {
    const { stdout } = await runToEnd(['--entrypoint=ldconfig'], imageOf('agg'), ['-p']);
    expect(stdout).toMatch(/librdkafka\.so\.1 /);
    expect(stdout).toMatch(/libavro\.so\.23/);
    const samp = await runToEnd(['--entrypoint=ldconfig'], imageOf('samp'), ['-p']);
    expect(samp.stdout).not.toMatch(/librdkafka|libavro/);
  });
});

testNeeding(needs, 'the program is the same in all images, and the one that was built', async () => {
  const { stdout: ours } = await execa('sha256sum', ['dist/ldms-entrypoint']);
  for (const image of imageNames) {
    const { stdout } = await runToEnd(['--entrypoint=sha256sum'], imageOf(image), [
      '/usr/local/bin/ldms-entrypoint',
    ]);
    expect(stdout.split(' ')[0], image).toBe(ours.split(' ')[0]);
  }
});
