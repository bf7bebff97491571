/** What is wrong with Kubernetes manifests, by the schemas of Kubernetes' own OpenAPI description. */

import { validate as daemonSet } from 'kubernetes-models/_schemas/IoK8sApiAppsV1DaemonSet';
import { validate as deployment } from 'kubernetes-models/_schemas/IoK8sApiAppsV1Deployment';
import { validate as statefulSet } from 'kubernetes-models/_schemas/IoK8sApiAppsV1StatefulSet';
import { validate as configMap } from 'kubernetes-models/_schemas/IoK8sApiCoreV1ConfigMap';
import { validate as namespace } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Namespace';
import { validate as claim } from 'kubernetes-models/_schemas/IoK8sApiCoreV1PersistentVolumeClaim';
import { validate as secret } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Secret';
import { validate as service } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Service';
import { validate as disruptionBudget } from 'kubernetes-models/_schemas/IoK8sApiPolicyV1PodDisruptionBudget';
import { parseAllDocuments } from 'yaml';

/** An object of Kubernetes', or a part of one. */
// biome-ignore lint/suspicious/noExplicitAny: a test looks deep into it, and a part that is not there fails it.
export type Manifest = Record<string, any>;

const schemas: Readonly<Record<string, (data: unknown) => boolean>> = {
  'apps/v1 DaemonSet': daemonSet,
  'apps/v1 StatefulSet': statefulSet,
  'apps/v1 Deployment': deployment,
  'policy/v1 PodDisruptionBudget': disruptionBudget,
  'v1 ConfigMap': configMap,
  'v1 Namespace': namespace,
  'v1 PersistentVolumeClaim': claim,
  'v1 Secret': secret,
  'v1 Service': service,
};

/** The documents of a file, as kubectl reads them: by YAML 1.1, where `on` is no text. */
export const documentsOf = (text: string): readonly Manifest[] =>
  parseAllDocuments(text, { version: '1.1' }).map((document) => {
    const [error] = document.errors;
    if (error) throw error;
    return document.toJS();
  });

/**
 * What is wrong with an object: what its schema says, and the keys that are unknown to it. The schemas pass
 * over those; so they are the ones that a validator has not looked at when it is done.
 */
export function complaintsOf(object: Manifest): readonly string[] {
  const kind = `${object['apiVersion']} ${object['kind']}`;
  const validate = schemas[kind];
  if (!validate) return [`no schema for ${kind}`];
  const unread = new Set<string>();
  const valid = validate(watched(object, '', unread));
  const errors: readonly { instancePath: string; keyword: string }[] = valid
    ? []
    : ((validate as { errors?: readonly { instancePath: string; keyword: string }[] }).errors ?? []);
  return [
    ...errors.map(({ instancePath, keyword }) => `${instancePath}: ${keyword}`),
    ...[...unread].map((path) => `${path}: unknown`),
  ];
}

/** A value whose parts take their paths out of `unread` when they are read. */
function watched(value: unknown, path: string, unread: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const parts: Record<string, unknown> = Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, watched(part, `${path}/${key}`, unread)]),
  );
  for (const key of Object.keys(parts)) unread.add(`${path}/${key}`);
  return new Proxy(value, {
    get: (target, key) => {
      unread.delete(`${path}/${String(key)}`);
      return typeof key === 'string' && key in parts ? parts[key] : Reflect.get(target, key);
    },
  });
}
