/** Whether `kubectl kustomize` builds what `ldms-cluster render --as kubernetes` writes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { kubernetes } from '../../src/cluster/render/kubernetes.ts';
import type { Site } from '../../src/cluster/site.ts';
import { cygnus } from '../support/clusters.ts';
import { complaintsOf, documentsOf, type Manifest } from '../support/kubernetes.ts';
import { testNeeding } from '../support/needs.ts';
import { run } from '../support/program.ts';

/** Writes the cygnus example into a directory. */
async function rendered(site: Partial<Site>) {
  const rendering = await cygnus(site);
  const directory = mkdtempSync(join(tmpdir(), 'ldms-kustomize-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  for (const { path, text } of kubernetes.render(rendering)) writeFileSync(join(directory, path), text);
  return { directory, files: rendering.files };
}

const kustomize = (directory: string) => run('kubectl', ['kustomize', directory]);

/** The objects that kustomize builds, none of which Kubernetes' schemas may complain of. */
async function built(directory: string): Promise<readonly Manifest[]> {
  const { code, stdout, stderr } = await kustomize(directory);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const objects = documentsOf(stdout);
  for (const object of objects) expect(complaintsOf(object), object['metadata'].name).toEqual([]);
  return objects;
}

const ofKind = (objects: readonly Manifest[], kind: string) =>
  objects.filter((object) => object['kind'] === kind);
const volumesIn = (objects: readonly Manifest[]): readonly Manifest[] =>
  objects.flatMap((object) => object['spec']?.template?.spec.volumes ?? []);

testNeeding(
  ['kubectl'],
  'pods mount the ConfigMaps of the files, by names that change with these',
  async () => {
    const { directory, files } = await rendered({});
    const objects = await built(directory);
    const maps = ofKind(objects, 'ConfigMap');
    expect(Object.assign({}, ...maps.map(({ data }) => data))).toEqual(Object.fromEntries(files));
    const names = maps.map(({ metadata }) => metadata.name);
    const mounted = volumesIn(objects).flatMap(({ configMap }) => (configMap ? [configMap.name] : []));
    expect(mounted.toSorted()).toEqual(names.toSorted());
    writeFileSync(join(directory, 'settings.py'), '# changed\n');
    const after = ofKind(await built(directory), 'ConfigMap').map(({ metadata }) => metadata.name);
    const changed = after.filter((name) => !names.includes(name));
    expect(changed).toEqual([expect.stringMatching(/^settings-py-\w+$/)]);
  },
);

testNeeding(['kubectl'], 'everything is in the namespace that comes with it', async () => {
  const objects = await built((await rendered({})).directory);
  expect(ofKind(objects, 'Namespace').map(({ metadata }) => metadata.name)).toEqual(['ldms']);
  const others = objects.filter(({ kind }) => kind !== 'Namespace');
  expect(others).toHaveLength(4 + 2 + 1 + 2 + 3);
  expect(new Set(others.map(({ metadata }) => metadata.namespace))).toEqual(new Set(['ldms']));
});

testNeeding(['kubectl'], 'the munge key that was copied becomes the Secret that pods mount', async () => {
  const { directory } = await rendered({ mungeKey: '/etc/munge/munge.key' });
  const before = await kustomize(directory);
  expect(before.code, 'without the key').not.toBe(0);
  expect(before.stderr).toContain('munge.key');
  // A longer one is written in lines, which the API server reads and the schema refuses.
  const key = Buffer.alloc(32, 'no real key ');
  writeFileSync(join(directory, 'munge.key'), key);
  const objects = await built(directory);
  const [secret] = ofKind(objects, 'Secret');
  expect(secret?.['data']).toEqual({ 'munge.key': key.toString('base64') });
  const mounted = volumesIn(objects).flatMap((volume) => (volume['secret'] ? [volume['secret']] : []));
  // Samplers, two levels of aggregators, and maestro.
  expect(mounted).toEqual(Array(4).fill({ secretName: secret?.['metadata'].name, defaultMode: 0o400 }));
});

testNeeding(
  ['kubectl'],
  'several maestros have their budget, Service and file in the namespace',
  async () => {
    const objects = await built((await rendered({ maestro: 'cygnus-0[5-7]' })).directory);
    const ours = objects.filter(({ metadata }) => metadata.name === 'maestro');
    expect(ours.map(({ kind }) => kind).toSorted()).toEqual([
      'PodDisruptionBudget',
      'Service',
      'StatefulSet',
    ]);
    for (const { metadata } of ours) expect(metadata.namespace).toBe('ldms');
    const [set] = ours.filter(({ kind }) => kind === 'StatefulSet');
    expect(set?.['spec'].serviceName).toBe('maestro');
    // A changed file gives the map another name, by which the pods are replaced, one at a time.
    const maps = volumesIn(set ? [set] : []).flatMap(({ configMap }) => (configMap ? [configMap.name] : []));
    expect(maps).toEqual([expect.stringMatching(/^ldms-cfg-yaml-\w+$/)]);
  },
);

testNeeding(['kubectl'], 'claims are left as they are', async () => {
  const objects = await built((await rendered({ storageClass: 'fast' })).directory);
  const [claim] = ofKind(objects, 'PersistentVolumeClaim');
  expect(volumesIn(objects)).toContainEqual({
    name: 'grafana',
    persistentVolumeClaim: { claimName: claim?.['metadata'].name },
  });
  const sets = ofKind(objects, 'StatefulSet').flatMap(({ spec }) => spec.volumeClaimTemplates ?? []);
  expect(sets.map(({ spec }) => spec.storageClassName)).toEqual(['fast']);
});

testNeeding(['kubectl'], 'kustomize refuses a kustomization with a key that it does not know', async () => {
  const { directory } = await rendered({});
  const path = join(directory, 'kustomization.yaml');
  const [kustomization] = documentsOf(kubernetes.render(await cygnus())[0]?.text ?? '');
  writeFileSync(path, JSON.stringify({ ...kustomization, resuorces: [] }));
  const { code, stderr } = await kustomize(directory);
  expect(code).not.toBe(0);
  expect(stderr).toContain('resuorces');
});
