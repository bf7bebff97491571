/** Whether Kubernetes takes what `ldms-cluster render --as kubernetes` writes, as far as one can tell without one. */
import { describe, expect, test } from 'vitest';
import type { Rendering } from '../../src/cluster/render/rendering.ts';
import type { Site } from '../../src/cluster/site.ts';
import { cygnus } from '../support/clusters.ts';
import { complaintsOf, documentsOf, type Manifest } from '../support/kubernetes.ts';
import { documents, samplers, textsOf } from '../support/manifests.ts';

const sites: Readonly<Record<string, Partial<Site>>> = {
  'that decides nothing': {},
  'with a key for munge': { mungeKey: '/etc/munge/munge.key' },
  'with a storage class': { storageClass: 'fast', uiPort: 8080, grafanaPort: 3001 },
  'whose daemons listen on one address': { bind: true },
  'with several maestros': { maestro: 'Cygnus-0[5-7]' },
  'with several maestros, and all else': {
    maestro: 'cygnus-0[5-7]',
    mungeKey: '/k',
    storageClass: 'fast',
    bind: true,
  },
  'with every privilege, and files on the hosts': { privileged: true, files: '/etc/ldms' },
};

const objectsIn = (rendering: Rendering): readonly Manifest[] =>
  [...textsOf(rendering)]
    .filter(([path]) => path.endsWith('.yaml') && !['kustomization.yaml', 'ldms_cfg.yaml'].includes(path))
    .flatMap(([, text]) => documentsOf(text));

/** What the API server refuses and the schemas let pass, of what could happen to us. */
function* refusals(object: Manifest): Generator<string> {
  const name: string = object['metadata'].name;
  if (!/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) yield `${name} is no name`;
  const template: Manifest | undefined = object['spec']?.template;
  if (!template) return;
  const labels = Object.entries(template['metadata'].labels as Record<string, string>);
  for (const [key, value] of Object.entries(object['spec'].selector.matchLabels)) {
    if (!labels.some(([k, v]) => k === key && v === value)) yield `${name} does not select its own pods`;
  }
  for (const [key, value] of [...labels, ...Object.entries(template['spec'].nodeSelector as object)]) {
    if (!/^([a-z0-9.-]+\/)?[\w.-]{1,63}$/.test(key) || !/^[\w.-]{0,63}$/.test(value))
      yield `${key} is no label`;
  }
  const claims: Manifest[] = object['spec'].volumeClaimTemplates ?? [];
  const volumes: string[] = [
    ...(template['spec'].volumes ?? []).map((volume: Manifest) => volume['name']),
    ...claims.map(({ metadata }) => metadata.name),
  ];
  if (new Set(volumes).size < volumes.length) yield `${name} has two volumes of one name`;
  for (const volume of volumes) if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(volume)) yield `${volume} is no name`;
  for (const { volumeMounts = [], securityContext } of template['spec'].containers) {
    const places = volumeMounts.map(({ mountPath }: Manifest) => mountPath);
    if (new Set(places).size < places.length) yield `${name} mounts twice at one place`;
    for (const mount of volumeMounts) if (!volumes.includes(mount.name)) yield `${name} has no ${mount.name}`;
    if (securityContext.privileged && securityContext.allowPrivilegeEscalation === false) {
      yield `${name} is privileged and may not become it`;
    }
  }
}

describe.each(Object.entries(sites))('for a site %s', (_, site) => {
  test('every object is as the schemas have it, and has no unknown key', async () => {
    const objects = objectsIn(await cygnus(site));
    expect(objects.length).toBeGreaterThanOrEqual(9);
    for (const object of objects) expect(complaintsOf(object), object['metadata'].name).toEqual([]);
  });

  test('the API server has no reason to refuse one', async () => {
    const objects = objectsIn(await cygnus(site));
    expect(objects.flatMap((object) => [...refusals(object)])).toEqual([]);
    const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
  });
});

test('names of groups become names of objects, whatever they are', async () => {
  for (const names of [
    'Samp_Ä.[1-2]',
    '[1-2]',
    '1st-[1-2]',
    `${'long-'.repeat(20)}[1-2]`,
    'kustomization[1-2]',
  ]) {
    const objects = objectsIn(await samplers('nid[1-2]', names));
    expect(objects.map(({ kind }) => kind)).toEqual(['Namespace', 'DaemonSet']);
    expect(objects.flatMap((object) => [...refusals(object), ...complaintsOf(object)])).toEqual([]);
  }
});

describe('what is wrong is noticed', () => {
  const pod = (object: Manifest): Manifest => object['spec'].template.spec;
  test.each<[string, (object: Manifest) => void, string]>([
    ['a misspelt key', (o) => Object.assign(pod(o), { hostNetwrok: true }), '/hostNetwrok: unknown'],
    [
      'one in a list',
      (o) => Object.assign(pod(o)['volumes'][0], { hostpath: {} }),
      '/volumes/0/hostpath: unknown',
    ],
    ['a text for a list', (o) => Object.assign(pod(o)['containers'][0], { args: '-x' }), '/args: type'],
    ['a number for a text', (o) => Object.assign(pod(o)['nodeSelector'], { a: 1 }), '/nodeSelector/a: type'],
    ['what is left out', (o) => Reflect.deleteProperty(o['spec'], 'selector'), '/spec: required'],
  ])('by the schemas: %s', async (_, break_, complaint) => {
    const [object = {}] = await documents('samp.yaml');
    break_(object);
    expect(complaintsOf(object)).toEqual([expect.stringContaining(complaint)]);
  });

  test("by the schemas: a budget's misspelt key", async () => {
    const objects = await documents('maestro.yaml', { maestro: 'cygnus-0[5-7]' });
    const budget = objects.find(({ kind }) => kind === 'PodDisruptionBudget') ?? {};
    Object.assign(budget['spec'], { maxUnavailabel: 1 });
    expect(complaintsOf(budget)).toEqual(['/spec/maxUnavailabel: unknown']);
  });

  test('a kind that there is no schema for', () => {
    expect(complaintsOf({ apiVersion: 'apps/v1', kind: 'Daemonset' })).toEqual([
      'no schema for apps/v1 Daemonset',
    ]);
  });

  test.each<[string, (object: Manifest) => void, string]>([
    [
      'a selector',
      (o) => Object.assign(o['spec'].selector.matchLabels, { a: 'b' }),
      'does not select its own pods',
    ],
    ['a name', (o) => Object.assign(o['metadata'], { name: 'samp_1' }), 'is no name'],
    ['a label', (o) => Object.assign(pod(o)['nodeSelector'], { [`a/${'x'.repeat(64)}`]: '' }), 'is no label'],
    ['two volumes', (o) => pod(o)['volumes'].push(pod(o)['volumes'][0]), 'two volumes of one name'],
    ['no volume', (o) => pod(o)['volumes'].pop(), 'has no infiniband'],
    [
      'privileges',
      (o) => Object.assign(pod(o)['containers'][0].securityContext, { allowPrivilegeEscalation: false }),
      'is privileged and may not become it',
    ],
  ])('by the rules: %s', async (_, break_, complaint) => {
    const [object = {}] = await documents('samp.yaml');
    break_(object);
    expect([...refusals(object)].join('\n')).toContain(complaint);
  });
});
