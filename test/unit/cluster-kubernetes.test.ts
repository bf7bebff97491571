/** What `ldms-cluster render --as kubernetes` writes: which files there are, and which objects. */
import { describe, expect, test } from 'vitest';
import { kubernetes } from '../../src/cluster/render/kubernetes.ts';
import { cygnus } from '../support/clusters.ts';
import { byKubelet, documents, samplers, textsOf, workload } from '../support/manifests.ts';

describe('the files', () => {
  test('are a kustomization, what it names, the labels, and the configuration', async () => {
    const rendered = kubernetes.render(await cygnus());
    expect(rendered.map(({ path }) => path)).toEqual([
      'kustomization.yaml',
      'namespace.yaml',
      'samp.yaml',
      'agg.yaml',
      'agg-2.yaml',
      'maestro.yaml',
      'ui.yaml',
      'grafana.yaml',
      'label-nodes.sh',
      'dsosd.json',
      'ldms_cfg.yaml',
      'dsosd.conf',
      'settings.py',
    ]);
    expect(rendered.filter(({ executable }) => executable).map(({ path }) => path)).toEqual([
      'label-nodes.sh',
    ]);
  });

  test('say where they come from, and have no trailing blanks', async () => {
    for (const [path, text] of textsOf(await cygnus())) {
      if (/^(ldms_cfg|dsosd|settings)/.test(path)) continue;
      expect(text.split('\n').slice(0, 4).join('\n'), path).toContain('# Made by ldms-cluster');
      expect(text, path).not.toMatch(/[ \t]$/m);
      expect(text, path).toMatch(/[^\n]\n$/);
    }
  });

  test('have no munge key in them, whose place is told', async () => {
    const site = { mungeKey: '/root/the key' };
    const rendering = await cygnus(site);
    const [kustomization] = await documents('kustomization.yaml', site);
    expect(kustomization?.['secretGenerator']).toEqual([{ name: 'munge-key', files: ['munge.key'] }]);
    expect([...textsOf(rendering).keys()]).not.toContain('munge.key');
    expect(kubernetes.next('out', rendering)).toBe(
      `cp '/root/the key' out/munge.key && sh out/label-nodes.sh && kubectl apply -k out`,
    );
  });

  test('need no key with the munge of the hosts', async () => {
    const [kustomization] = await documents('kustomization.yaml');
    expect(kustomization).not.toHaveProperty('secretGenerator');
    expect(kubernetes.next('my dir', await cygnus())).toBe(
      `sh 'my dir/label-nodes.sh' && kubectl apply -k 'my dir'`,
    );
  });

  test('are mounted from the hosts, if they lie there', async () => {
    const site = { files: '/etc/ldms $(x) #' };
    const [kustomization] = await documents('kustomization.yaml', site);
    expect(kustomization).not.toHaveProperty('configMapGenerator');
    expect((await workload('maestro.yaml', site)).volume('/etc/ldms_cfg.yaml').hostPath).toEqual({
      path: '/etc/ldms $(x) #/ldms_cfg.yaml',
      type: 'File',
    });
  });
});

describe('the objects', () => {
  test('samplers are a DaemonSet, of which a tenth is replaced at a time', async () => {
    const { object, pod } = await workload('samp.yaml');
    expect(object).toMatchObject({ kind: 'DaemonSet', metadata: { name: 'samp' } });
    expect(object['spec'].updateStrategy.rollingUpdate.maxUnavailable).toBe('10%');
    expect(pod['nodeSelector']).toEqual({ 'ldms.ovis-hpc.org/samp': 'true' });
    expect(pod['hostPID']).toBe(true);
  });

  test('aggregators are a StatefulSet, with one pod on each node, and its Service', async () => {
    const [service] = await documents('agg.yaml');
    const { object, pod } = await workload('agg.yaml');
    expect(service).toMatchObject({ kind: 'Service', spec: { clusterIP: 'None' } });
    expect(object).toMatchObject({ kind: 'StatefulSet', metadata: { name: 'agg' } });
    expect(object['spec']).toMatchObject({
      serviceName: service?.['metadata'].name,
      replicas: 2,
      podManagementPolicy: 'Parallel',
    });
    expect(pod['affinity'].podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution).toEqual([
      {
        labelSelector: { matchLabels: { 'app.kubernetes.io/name': 'agg' } },
        topologyKey: 'kubernetes.io/hostname',
      },
    ]);
    expect(pod).not.toHaveProperty('hostPID');
  });

  test.each(['maestro', 'ui', 'grafana'])(
    '%s is a Deployment that stops before it starts again',
    async (role) => {
      const { object, container } = await workload(`${role}.yaml`);
      expect(object).toMatchObject({
        kind: 'Deployment',
        spec: { replicas: 1, strategy: { type: 'Recreate' } },
      });
      expect(container['image']).toBe(`docker.io/ovishpc/ldms-${role}:latest`);
    },
  );

  test('nodes whose names have no numbers get theirs, and an object each', async () => {
    const rendering = await samplers('login,Admin', 'samp-[1-2]');
    expect(rendering.mistakes).toEqual([]);
    expect([...textsOf(rendering).keys()]).toEqual(
      expect.arrayContaining(['samp-login.yaml', 'samp-admin.yaml']),
    );
    const { container, pod } = await workload('samp-admin.yaml', {}, rendering);
    expect(container['env']).toEqual([{ name: 'COMPONENT_ID', value: '2' }]);
    expect(pod['nodeSelector']).toEqual({ 'ldms.ovis-hpc.org/samp-admin': 'true' });
    expect(textsOf(rendering).get('label-nodes.sh')).toContain(' admin ldms.ovis-hpc.org/samp-admin=true ');
  });

  test('nodes whose names have them find theirs by themselves', async () => {
    expect((await workload('samp.yaml')).container['env']).toEqual([
      { name: 'LDMS_ENTRYPOINT_COMPONENT_ID', value: 'COMPONENT_ID' },
    ]);
  });

  test('daemons that listen on one address have it from their nodes', async () => {
    const { container } = await workload('samp.yaml', { bind: true });
    expect(container['args']).toEqual(['-x', 'rdma:411:$(LDMS_NODE)-iw', '-a', 'munge']);
    expect(container['env'][0]).toEqual({
      name: 'LDMS_NODE',
      valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } },
    });
    const [, address = ''] = container['args'];
    expect(byKubelet(address, { LDMS_NODE: 'cygnus-03' })).toBe('rdma:411:cygnus-03-iw');
  });
});
