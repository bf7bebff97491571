/** Names of images, as podman takes them too. */

/**
 * The name of an image with its registry: docker's own, unless the name has one. docker adds it by
 * itself; podman takes a name without one only where the host's registries.conf says what is meant.
 */
export function withRegistry(image: string): string {
  const [first = '', ...rest] = image.split('/');
  // docker's rule: a registry is known by a dot or a port in its name.
  const named = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return named ? image : `docker.io/${image}`;
}
