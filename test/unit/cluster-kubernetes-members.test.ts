/** Several maestros in Kubernetes: how they are found, kept apart, asked for their health, and drained. */
import { describe, expect, test } from 'vitest';
import type { Site } from '../../src/cluster/site.ts';
import { cygnus } from '../support/clusters.ts';
import { documentsOf, type Manifest } from '../support/kubernetes.ts';
import { documents, textsOf } from '../support/manifests.ts';

const several = { maestro: 'Cygnus-0[5-7]' };

/** The objects of maestro.yaml by their kind, and the container of its pods. */
async function maestro(site: Partial<Site> = several) {
  const objects = await documents('maestro.yaml', site);
  const ofKind = (kind: string): Manifest => objects.find((object) => object['kind'] === kind) ?? {};
  const set = objects.find(({ spec }) => spec.template) ?? {};
  const pod: Manifest = set['spec'].template.spec;
  return { objects, ofKind, set, pod, container: pod['containers'][0] as Manifest };
}

const named = (list: Manifest[], name: string) => list.find((each) => each['name'] === name);

test('are a StatefulSet, all of whose pods start together, with its Service and a budget', async () => {
  const { objects, ofKind } = await maestro();
  expect(objects.map(({ kind }) => kind)).toEqual(['Service', 'StatefulSet', 'PodDisruptionBudget']);
  expect(ofKind('Service')['spec'].clusterIP).toBe('None');
  // They wait for each other: one that is started when the one before is ready would never be.
  expect(ofKind('StatefulSet')['spec']).toMatchObject({
    serviceName: 'maestro',
    replicas: 3,
    podManagementPolicy: 'Parallel',
  });
});

test('one alone is what it was', async () => {
  const { objects, container } = await maestro({ maestro: 'cygnus-07' });
  expect(objects.map(({ kind }) => kind)).toEqual(['Deployment']);
  expect(container).not.toHaveProperty('env');
  expect(Object.keys(container).filter((key) => key.endsWith('Probe'))).toHaveLength(3);
  expect(objects).toEqual((await maestro({})).objects);
});

describe('where they are', () => {
  test('one on each of the nodes with the label, on the network of these', async () => {
    const { pod } = await maestro();
    expect(pod['nodeSelector']).toEqual({ 'ldms.ovis-hpc.org/maestro': 'true' });
    expect(pod).toMatchObject({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' });
    expect(pod['affinity'].podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution).toEqual([
      {
        labelSelector: { matchLabels: { 'app.kubernetes.io/name': 'maestro' } },
        topologyKey: 'kubernetes.io/hostname',
      },
    ]);
    const script = textsOf(await cygnus(several)).get('label-nodes.sh') ?? '';
    expect([...script.matchAll(/cygnus-\d+(?=.*\/maestro=true)/g)].map(([node]) => node)).toEqual([
      'cygnus-05',
      'cygnus-06',
      'cygnus-07',
    ]);
  });

  test('they know each other by their nodes, and each itself by its own', async () => {
    const { container } = await maestro();
    const members = named(container['env'], 'LDMS_ENTRYPOINT_MAESTRO_MEMBERS')?.['value'];
    // As kubelet registers them, since spec.nodeName is compared with these.
    expect(members).toBe('cygnus-05,cygnus-06,cygnus-07');
    expect(named(container['env'], 'LDMS_ENTRYPOINT_MAESTRO_MEMBER')?.['valueFrom']).toEqual({
      fieldRef: { fieldPath: 'spec.nodeName' },
    });
  });

  test('a node is drained only while the others are ready', async () => {
    const { ofKind, set } = await maestro();
    const budget = ofKind('PodDisruptionBudget');
    expect(budget).toMatchObject({ apiVersion: 'policy/v1', spec: { maxUnavailable: 1 } });
    expect(budget['spec'].selector).toEqual(set['spec'].selector);
  });
});

test('health says whether they are ready, and starts none anew, since that brings no majority', async () => {
  const { container } = await maestro();
  const probes = Object.keys(container).filter((key) => key.endsWith('Probe'));
  expect(probes).toEqual(['readinessProbe']);
  expect(container['readinessProbe'].exec.command).toEqual(['ldms-entrypoint', 'health']);
  expect(container['imagePullPolicy']).toBe('IfNotPresent');
});

test('etcd has a directory that ends with the pod: the storage class is for others', async () => {
  const { set, pod, container } = await maestro({ ...several, storageClass: 'fast' });
  expect(set['spec']).not.toHaveProperty('volumeClaimTemplates');
  const { name } = container['volumeMounts'].find((each: Manifest) => each['mountPath'] === '/var/lib/etcd');
  expect(named(pod['volumes'], name)?.['emptyDir']).toEqual({});
  const grafana = documentsOf(
    textsOf(await cygnus({ ...several, storageClass: 'fast' })).get('grafana.yaml') ?? '',
  );
  expect(grafana.map(({ kind }) => kind)).toContain('PersistentVolumeClaim');
});

test('the comments stand where they belong', async () => {
  const text = textsOf(await cygnus(several)).get('maestro.yaml') ?? '';
  const above = (line: string) => text.split('\n').at(text.split('\n').indexOf(line) - 1);
  expect(above('          imagePullPolicy: IfNotPresent')).toMatch(/# Else the tag latest/);
  expect(above('            exec:')).toMatch(/# Unready without a majority\./);
  expect(above('          emptyDir: {}')).toMatch(/# The others make a member anew/);
});
