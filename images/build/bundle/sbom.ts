/** What is in an image, as a CycloneDX document (https://cyclonedx.org/specification/overview). */
import { createHash } from 'node:crypto';
import { Contrib, Enums, Models, Serialize, SPDX, Spec } from '@cyclonedx/cyclonedx-library';
import { PackageURL } from 'packageurl-js';
import type { Arch } from '../arch.ts';
import type { DebianPackage, Release } from './debian.ts';
import type { Origin, Source } from './origin.ts';
import { type NpmPackage, type Program, runtimeOf } from './program.ts';

/** An image, and what was found in it. */
export interface Inventory {
  /** For instance ovishpc/ldms-samp. */
  readonly name: string;
  readonly tag: string;
  readonly arch: Arch;
  /** The digest of its configuration, `sha256:…`: the same wherever it is loaded. */
  readonly digest: string;
  /** When it was made: ISO 8601. */
  readonly created: string;
  readonly origin: Origin;
  readonly release: Release;
  readonly packages: readonly DebianPackage[];
  readonly program: Program;
}

const { Component, ExternalReference, Property } = Models;

/** The document, as JSON of CycloneDX 1.6. The same image gives the same one. */
export function sbomOf(inventory: Inventory): string {
  const { created, digest, program, origin, packages, release } = inventory;
  const parts = [
    systemOf(release),
    ...packages.map((each) => debianComponent(each, release)),
    ...(origin.sources ?? []).map(sourceComponent),
  ];
  const image = imageComponent(inventory);
  const entrypoint = programComponent(program);
  const bundled = bundledComponents(inventory, entrypoint);
  for (const part of [...parts, entrypoint]) image.dependencies.add(part.bomRef);
  const bom = new Models.Bom({
    serialNumber: `urn:uuid:${uuidOf(digest)}`,
    metadata: new Models.Metadata({ timestamp: new Date(created), component: image }),
    components: new Models.ComponentRepository([...parts, entrypoint, ...bundled]),
  });
  const normalizers = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  return `${new Serialize.JsonSerializer(normalizers).serialize(bom, { sortLists: true, space: 1 })}\n`;
}

/** A UUID that stands for a digest and nothing else: RFC 9562, version 8. */
function uuidOf(digest: string): string {
  const bytes = createHash('sha256').update(`ldms-images SBOM of ${digest}`).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function imageComponent({ name, tag, digest, origin }: Inventory): Models.Component {
  const { changedByHand, description, licenses, revision, version } = origin;
  const properties = {
    'ldms:digest': digest,
    'ldms:revision': revision,
    'ldms:version': version,
    'ldms:changedByHand': changedByHand?.toString(),
  };
  return new Component(Enums.ComponentType.Container, name, {
    version: tag,
    bomRef: `image:${name}`,
    purl: dockerUrl(name, digest),
    ...(description === undefined ? {} : { description }),
    ...licensesOf(licenses),
    properties: new Models.PropertyRepository(
      Object.entries(properties).flatMap(([key, value]) => (value ? [new Property(key, value)] : [])),
    ),
  });
}

/** The name of an image, by its id; a registry stands apart from what it has. */
function dockerUrl(name: string, digest: string): string {
  const parts = name.split('/');
  const registry = /[.:]|^localhost$/.test(parts[0] ?? '') ? parts.shift() : undefined;
  const last = parts.pop() ?? '';
  return purl('docker', parts.join('/'), last, digest, registry ? { repository_url: registry } : {});
}

/** What scanners tell the distribution by. */
const systemOf = ({ id, version }: Release): Models.Component =>
  new Component(Enums.ComponentType.OperatingSystem, id, {
    bomRef: `os:${id}`,
    ...(version === undefined ? {} : { version }),
  });

function debianComponent({ name, version, arch }: DebianPackage, release: Release): Models.Component {
  const distro = release.version === undefined ? release.id : `${release.id}-${release.version}`;
  return withUrl(
    Enums.ComponentType.Library,
    name,
    version,
    purl('deb', release.id, name, version, { arch, distro }),
  );
}

function sourceComponent({ name, repository, ref, commit }: Source): Models.Component {
  const component = withUrl(
    Enums.ComponentType.Application,
    name,
    commit,
    sourceUrl(name, repository, commit),
  );
  component.externalReferences.add(new ExternalReference(repository, Enums.ExternalReferenceType.VCS));
  component.properties.add(new Property('ldms:ref', ref));
  return component;
}

/** The package URL of a commit: GitHub has a type of its own. */
function sourceUrl(name: string, repository: string, commit: string): string {
  const [, owner, project] =
    /^\w+:\/\/(?:[^/@]*@)?github\.com\/([^/]+)\/([^/]+?)(?:\.git)?\/?$/.exec(repository) ?? [];
  if (owner && project) return purl('github', owner, project, commit);
  return purl('generic', undefined, name, commit, { vcs_url: `git+${repository}@${commit}` });
}

const programComponent = ({ name, version, license }: Program): Models.Component =>
  new Component(Enums.ComponentType.Application, name, {
    version,
    bomRef: `program:${name}`,
    ...licensesOf(license),
  });

/** Node and the npm packages that are sealed into the program, which is made to depend on them. */
function bundledComponents({ program, arch }: Inventory, entrypoint: Models.Component): Models.Component[] {
  const places = new Map(
    Object.entries(program.packages).map(([place, each]) => [place, npmComponent(each)] as const),
  );
  const link = (from: Models.Component, needs: readonly string[]) => {
    for (const place of needs) {
      const to = places.get(place);
      if (to) from.dependencies.add(to.bomRef);
    }
  };
  for (const [place, component] of places) link(component, program.packages[place]?.needs ?? []);
  link(entrypoint, program.needs);
  const node = nodeComponent(program, arch);
  entrypoint.dependencies.add(node.bomRef);
  return [node, ...places.values()];
}

function npmComponent({ name, version, integrity, license }: NpmPackage): Models.Component {
  const component = withUrl(Enums.ComponentType.Library, name, version, npmUrl(name, version));
  addHash(component, integrity);
  for (const each of licensesOf(license).licenses ?? []) component.licenses.add(each);
  return component;
}

/** Node is taken from its npm package; advisories know it by its name in the CPE dictionary. */
function nodeComponent(program: Program, arch: Arch): Models.Component {
  const { version } = program.node;
  const { name, integrity } = runtimeOf(program, arch);
  const component = withUrl(Enums.ComponentType.Platform, 'node', version, npmUrl(name, version));
  component.cpe = `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`;
  addHash(component, integrity);
  return component;
}

function npmUrl(name: string, version: string): string {
  const [last = '', scope] = name.split('/').reverse();
  return purl('npm', scope, last, version);
}

/** A component that its package URL tells from the others. */
const withUrl = (type: Enums.ComponentType, name: string, version: string, url: string): Models.Component =>
  new Component(type, name, { version, purl: url, bomRef: url });

const purl = (
  type: string,
  namespace: string | undefined,
  name: string,
  version: string,
  qualifiers: Record<string, string> = {},
): string => new PackageURL(type, namespace || undefined, name, version, qualifiers, undefined).toString();

/** npm writes a hash as its name and base64. */
function addHash(component: Models.Component, integrity: string | undefined): void {
  const [, base64] = /^sha512-(\S+)$/.exec(integrity ?? '') ?? [];
  if (base64)
    component.hashes.set(Enums.HashAlgorithm['SHA-512'], Buffer.from(base64, 'base64').toString('hex'));
}

/** A licence that SPDX knows, an expression of such, or a name. */
function licensesOf(text: string | undefined): { licenses?: Models.LicenseRepository } {
  if (!text) return {};
  return { licenses: new Models.LicenseRepository([licenseFactory.makeFromString(text)]) };
}

const licenseFactory = new Contrib.License.Factories.LicenseFactory((expression) => {
  const words = expression.split(/[\s()]+/).filter((word) => word && !/^(AND|OR|WITH)$/.test(word));
  if (words.length < 2 || !words.every(SPDX.isSupportedSpdxId)) throw new Error('no expression of SPDX');
});
