/**
 * The images: which of OVIS' files each has, and what an OVIS tree must have for it. The Dockerfiles
 * beside say what else is in them.
 */

/** The images that are built for users, in the order in which they are told. */
export const imageNames = ['dev', 'samp', 'agg', 'maestro', 'ui', 'grafana'] as const;
export type ImageName = (typeof imageNames)[number];

/** The image that the Debian ones are built from: their shared layers. */
export const commonImage = 'common';
export type StepName = ImageName | typeof commonImage;

/** A file, or one of several, that an image is nothing without. */
export interface Need {
  /** For people: "a sampler plugin". */
  readonly what: string;
  /** Globs, one of which has to match a file. */
  readonly anyOf: readonly string[];
}

/** What an image takes from the OVIS tree: paths relative to it, as globs. */
export interface Contents {
  readonly include: readonly string[];
  readonly except: readonly string[];
  readonly needs: readonly Need[];
}

/**
 * What no image has: what only a compiler or linker reads, Python's caches, which are made anew, and the
 * shared secret of the authentication `ovis`, of which OVIS installs an example: whoever uses it mounts one.
 */
const never = ['**/*.a', '**/*.la', '**/pkgconfig/**', '**/__pycache__/**', 'etc/**/ldmsauth.conf'];

/** SOS and DSOS: their tools, libraries and Python modules (numsos' work on SOS containers only). */
const sos = [
  'bin/{sos,ods,dsos}*',
  'bin/rpcgen',
  'lib/lib{key,sos,dsos,ods,idx,tirpc}*',
  'lib/python*/*-packages/{sos,sosdb,numsos,graf_analysis}*',
  'lib/python*/*-packages/{sos,sosdb,numsos,graf_analysis}*/**',
];

const maestro = [
  'bin/maestro*',
  'lib/python*/*-packages/{maestro,ovis_maestro}*',
  'lib/python*/*-packages/{maestro,ovis_maestro}*/**',
];

const python = 'lib/python*/{site,dist}-packages/**';
const plugins = 'lib/ovis-ldms';
/** The store plugins, and the library that those for CSV share. */
const stores = [`${plugins}/libstore*`, 'lib/libldms_store*'];
/** The transports, and the authentication plugins, which both ends of a connection need. */
const transports = [`${plugins}/libzap*`, `${plugins}/libldms_auth*`];

const ldmsd: readonly Need[] = [
  { what: 'ldmsd', anyOf: ['sbin/ldmsd'] },
  { what: 'the LDMS library', anyOf: ['lib/libldms.so*'] },
  { what: 'a transport', anyOf: ['lib/ovis-ldms/libzap_*.so*', 'lib/libzap_*.so*'] },
  { what: 'a sampler plugin', anyOf: ['lib/ovis-ldms/libmeminfo.so*', 'lib/ovis-ldms/lib*stat*.so*'] },
];
const sosLibrary: Need = { what: 'the SOS library', anyOf: ['lib/libsos.so*'] };

/** By image; those that are not here have nothing of OVIS. */
export const ovisContents: Readonly<Partial<Record<ImageName, Contents>>> = {
  samp: {
    include: ['bin/**', 'sbin/**', 'etc/**', 'lib/lib*', python, `${plugins}/**`],
    except: [...never, ...sos, ...maestro, ...stores],
    needs: ldmsd,
  },
  agg: {
    include: ['bin/**', 'sbin/**', 'etc/**', 'lib/lib*', python, `${plugins}/**`],
    except: [...never, ...maestro],
    needs: [...ldmsd, sosLibrary, { what: 'a store plugin', anyOf: ['lib/ovis-ldms/libstore*.so*'] }],
  },
  maestro: {
    include: ['bin/maestro*', 'etc/**', 'lib/lib*', python, ...transports],
    except: [...never, ...sos, ...stores, 'lib/libldmsd*'],
    needs: [
      { what: 'maestro', anyOf: ['bin/maestro'] },
      { what: 'maestro_ctrl', anyOf: ['bin/maestro_ctrl'] },
    ],
  },
  ui: {
    include: ['bin/{sos,ods,dsos}*', 'etc/**', 'lib/lib*', python, ...transports, 'ui/**'],
    except: [...never, ...maestro, ...stores, 'lib/libldmsd*'],
    needs: [{ what: "the web back-end's Django project", anyOf: ['ui/sosgui/wsgi.py'] }, sosLibrary],
  },
};
