/** What is in the pods that `ldms-cluster render --as kubernetes` writes. */
import { describe, expect, test } from 'vitest';
import { byKubelet, documents, samplers, workload } from '../support/manifests.ts';

describe('a pod', () => {
  test('is on the network of its host, knows nothing of Kubernetes, and is asked how it is', async () => {
    const { pod, container } = await workload('samp.yaml');
    expect(pod).toMatchObject({
      hostNetwork: true,
      dnsPolicy: 'ClusterFirstWithHostNet',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 10,
    });
    const health = { exec: { command: ['ldms-entrypoint', 'health'] }, timeoutSeconds: 10 };
    expect(container['startupProbe']).toMatchObject(health);
    expect(container['livenessProbe']).toMatchObject({ ...health, periodSeconds: 60 });
    expect(container['readinessProbe']).toMatchObject({ ...health, periodSeconds: 60 });
  });

  test('has the least privileges', async () => {
    const { container } = await workload('ui.yaml');
    expect(container['securityContext']).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container['ports']).toEqual([{ containerPort: 80 }]);
  });

  test('is privileged for RDMA, and may write no more than others', async () => {
    const { container, volume } = await workload('samp.yaml');
    expect(container['securityContext']).toEqual({ privileged: true, readOnlyRootFilesystem: true });
    expect(volume('/dev/infiniband').hostPath).toEqual({ path: '/dev/infiniband', type: 'Directory' });
    const plain = await workload('samp.yaml', {}, await samplers('nid[1-2]', 'samp-[1-2]'));
    expect(plain.container['securityContext'].capabilities).toEqual({ drop: ['ALL'] });
    expect(plain.container['ports']).toEqual([{ containerPort: 10411 }]);
    expect(plain.mount('/dev/infiniband')).toBeUndefined();
  });

  test('has every privilege where the site says so', async () => {
    const { container, mount } = await workload('maestro.yaml', { privileged: true });
    expect(container['securityContext']).toEqual({ privileged: true });
    expect(mount('/tmp')).toBeUndefined();
  });

  test("mounts the host's munge, or a Secret with the key that nobody else can read", async () => {
    const hosts = await workload('samp.yaml', { mungeSocket: '/var/run/munge 2' });
    expect(hosts.mount('/run/munge').readOnly).toBe(true);
    expect(hosts.volume('/run/munge').hostPath).toEqual({ path: '/var/run/munge 2', type: 'Directory' });
    const own = await workload('samp.yaml', { mungeKey: '/etc/munge/munge.key' });
    expect(own.mount('/etc/munge/munge.key')).toMatchObject({ subPath: 'munge.key', readOnly: true });
    expect(own.volume('/etc/munge/munge.key').secret).toEqual({
      secretName: 'munge-key',
      defaultMode: 0o400,
    });
    expect(own.volume('/run').emptyDir).toEqual({ medium: 'Memory' });
    expect(own.mount('/run/munge')).toBeUndefined();
  });

  test('stores in a directory of its node, or in what is claimed', async () => {
    const here = await workload('agg-2.yaml');
    expect(here.volume('/store').hostPath).toEqual({ path: '/store', type: 'DirectoryOrCreate' });
    expect(here.object['spec']).not.toHaveProperty('volumeClaimTemplates');
    const claimed = await workload('agg-2.yaml', { storageClass: 'fast', storageSize: '2Ti' });
    expect(claimed.volume('/store')).toBeUndefined();
    expect(claimed.object['spec'].volumeClaimTemplates).toEqual([
      {
        metadata: { name: claimed.mount('/store').name },
        spec: {
          accessModes: ['ReadWriteOnce'],
          storageClassName: 'fast',
          resources: { requests: { storage: '2Ti' } },
        },
      },
    ]);
  });

  test('of maestro keeps nothing, and one of grafana only what is claimed', async () => {
    const site = { storageClass: 'fast' };
    expect((await workload('maestro.yaml', site)).volume('/var/lib/etcd').emptyDir).toEqual({});
    expect((await workload('grafana.yaml')).volume('/var/lib/grafana').emptyDir).toEqual({});
    const { pod, volume } = await workload('grafana.yaml', site);
    const [claim] = await documents('grafana.yaml', site);
    expect(claim?.['kind']).toBe('PersistentVolumeClaim');
    expect(volume('/var/lib/grafana').persistentVolumeClaim.claimName).toBe(claim?.['metadata'].name);
    expect(pod['securityContext']).toEqual({ fsGroup: 472 });
  });

  test('gets arguments as they are, whatever is in them', async () => {
    const words = [
      'a b',
      "it's",
      '"',
      '$HOME',
      '$(HOME)',
      '$$',
      '$',
      '%h',
      '# no',
      'yes',
      '0x10',
      'a: b',
      '\\',
      'é\u007f',
    ];
    const { container } = await workload(
      'samp.yaml',
      {},
      await samplers('nid[1-2]', 'samp-[1-2]', { sampOptions: words }),
    );
    expect(container['args'].map((word: string) => byKubelet(word, { HOME: '/root' }))).toEqual([
      '-x',
      'sock:10411',
      ...words,
    ]);
    // Without escapes, kubelet would have changed them.
    expect(words.map((word) => byKubelet(word, { HOME: '/root' }))).not.toEqual(words);
  });
});
