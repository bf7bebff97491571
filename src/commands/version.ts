/** The version that `--version` prints: package.json's, put in by build.mjs. */

declare const LDMS_ENTRYPOINT_BUILD_VERSION: string | undefined;

/** For instance "0.1.0"; "unbuilt" when the source is run without having been built. */
export const version =
  typeof LDMS_ENTRYPOINT_BUILD_VERSION === 'string' ? LDMS_ENTRYPOINT_BUILD_VERSION : 'unbuilt';
