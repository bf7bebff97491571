/** Kubernetes manifests, for `kubectl apply -k`: pods on the hosts' network, on nodes that have labels. */
import { objectsOf } from './kubernetes/controller.ts';
import { labelNodes } from './kubernetes/label-nodes.ts';
import { configMapOf, mungeSecret } from './kubernetes/volumes.ts';
import { type Workload, workloadsOf } from './kubernetes/workload.ts';
import { type YamlMap, yamlFile } from './kubernetes/yaml.ts';
import { filesFor, origin, type Renderer, type Rendering } from './rendering.ts';
import { quoted } from './shell.ts';

/** `kustomization.yaml`, what it names, and `label-nodes.sh`. */
export const kubernetes: Renderer = {
  render: (rendering) => {
    const workloads = workloadsOf(rendering.containers);
    return [
      { path: 'kustomization.yaml', text: yamlFile(origin, [kustomization(workloads, rendering)]) },
      { path: 'namespace.yaml', text: yamlFile(origin, [namespace]) },
      ...workloads.map((workload) => ({
        path: manifestOf(workload),
        text: yamlFile(origin, objectsOf(workload, rendering.site)),
      })),
      { path: 'label-nodes.sh', text: labelNodes(workloads), executable: true },
      ...filesFor(rendering.containers, rendering),
    ];
  },
  next: (directory, rendering) => {
    const key = keyOf(rendering);
    return [
      ...(key === undefined ? [] : [`cp ${quoted(key)} ${quoted(`${directory}/${mungeSecret.file}`)}`]),
      `sh ${quoted(`${directory}/label-nodes.sh`)}`,
      `kubectl apply -k ${quoted(directory)}`,
    ].join(' && ');
  },
};

const inNamespace = 'ldms';

const manifestOf = ({ name }: Workload): string => `${name}.yaml`;

/** The munge key, if a container has one of its own. */
const keyOf = ({ site, containers }: Rendering): string | undefined =>
  containers.some(({ mounts }) => mounts.some(({ kind, from }) => kind === 'file' && from === site.mungeKey))
    ? site.mungeKey
    : undefined;

function kustomization(workloads: readonly Workload[], rendering: Rendering): YamlMap {
  const { site, containers } = rendering;
  const files = site.files === undefined ? filesFor(containers, rendering) : [];
  return {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    namespace: inNamespace,
    resources: ['namespace.yaml', ...workloads.map(manifestOf)],
    configMapGenerator: files.map(({ path }) => ({ name: configMapOf(path), files: [path] })),
    secretGenerator: keyOf(rendering) === undefined ? [] : [mungeKey],
  };
}

const mungeKey: YamlMap = {
  '#': "The cluster's key, to be copied here before this is applied.",
  name: mungeSecret.name,
  files: [mungeSecret.file],
};

const namespace: YamlMap = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: inNamespace,
    labels: {
      'app.kubernetes.io/part-of': 'ldms',
      '#': "Pods on the hosts' network need it where pod security is enforced.",
      'pod-security.kubernetes.io/enforce': 'privileged',
    },
  },
};
