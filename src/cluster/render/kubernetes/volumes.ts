/** What a pod mounts, and where it comes from. */
import type { Container, Mount } from '../../container.ts';
import { isMember } from '../../members.ts';
import type { Site } from '../../site.ts';
import { dnsLabel, uniqueNames } from './names.ts';
import type { YamlMap } from './yaml.ts';

/** The Secret of the munge key, and the file that it is made of. */
export const mungeSecret = { name: 'munge-key', file: 'munge.key' } as const;

/** The ConfigMap of a configuration file. */
export const configMapOf = (file: string): string => dnsLabel(file, 'file');

/** Something that a pod mounts. */
export interface Volume {
  /** Of its container's volumeMounts. */
  readonly mount: YamlMap;
  /** Of its volumes; undefined for what is claimed for each pod. */
  readonly volume: YamlMap | undefined;
  /** Of its StatefulSet's volumeClaimTemplates. */
  readonly template: YamlMap | undefined;
}

/** Where something comes from: in the words of a pod's volumes, or claimed for each pod. */
type Source = { readonly volume: YamlMap; readonly subPath?: string } | 'template';

/** What a container has mounted, as Kubernetes has it. */
export function volumesOf(container: Container, site: Site): readonly Volume[] {
  const { mounts, scratch, rdma } = container;
  const unique = uniqueNames();
  const add = (to: string, source: Source, readOnly?: true): Volume => {
    const name = unique(dnsLabel(to.split('/').at(-1) ?? '', 'at'));
    const claimed = source === 'template';
    return {
      mount: { name, mountPath: to, subPath: claimed ? undefined : source.subPath, readOnly },
      volume: claimed ? undefined : { name, ...source.volume },
      template: claimed ? { metadata: { name }, spec: claimSpec(site) } : undefined,
    };
  };
  return [
    // With every privilege, the whole file system is writable.
    ...(site.privileged ? [] : scratch).map((to) => add(to, { volume: { emptyDir: { medium: 'Memory' } } })),
    ...mounts.map((mount) => add(mount.to, sourceOf(mount, container, site), mount.readOnly || undefined)),
    ...(rdma ? [add('/dev/infiniband', hostPath('/dev/infiniband', 'Directory'))] : []),
  ];
}

/** The claims that a workload is to have beside it, since a Deployment makes none. */
export const claimsOf = ({ mounts, role }: Container, site: Site): readonly YamlMap[] =>
  mounts
    .filter(({ kind }) => kind === 'volume' && keeps(role, site))
    .map(({ from }) => ({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: from },
      spec: claimSpec(site),
    }));

function sourceOf({ kind, from, readOnly }: Mount, container: Container, site: Site): Source {
  const { role } = container;
  switch (kind) {
    case 'directory':
      if (readOnly) return hostPath(from, 'Directory');
      return role === 'agg' && site.storageClass !== undefined
        ? 'template'
        : hostPath(from, 'DirectoryOrCreate');
    case 'file':
      if (from !== site.mungeKey) return hostPath(from, 'File');
      return {
        subPath: mungeSecret.file,
        volume: {
          secret: {
            secretName: mungeSecret.name,
            // YAML 1.1 and 1.2 read 0400 differently.
            '#': '0400 in octal',
            defaultMode: 0o400,
          },
        },
      };
    case 'config':
      return site.files === undefined
        ? { subPath: from, volume: { configMap: { name: configMapOf(from) } } }
        : hostPath(`${site.files}/${from}`, 'File');
    case 'volume':
      if (keeps(role, site)) return { volume: { persistentVolumeClaim: { claimName: from } } };
      return { volume: { '#': isMember(container) ? unkeptOfMember : unkept(role), emptyDir: {} } };
  }
}

const hostPath = (path: string, type: string): Source => ({ volume: { hostPath: { path, type } } });

/** Whether what a container writes into its volume is worth to be kept, and can be. */
const keeps = (role: string, { storageClass }: Site): boolean =>
  role !== 'maestro' && storageClass !== undefined;

const unkeptOfMember =
  'The others make a member anew that has lost its data; of a claim, another node might get it.';

const unkept = (role: string): string =>
  role === 'maestro'
    ? 'maestro writes the configuration into etcd anew at each start: there is nothing to keep.'
    : 'Ends with the pod. With --storage-class, ldms-cluster claims a volume that stays.';

const claimSpec = ({ storageClass, storageSize }: Site): YamlMap => ({
  accessModes: ['ReadWriteOnce'],
  storageClassName: storageClass,
  resources: { requests: { storage: storageSize } },
});
