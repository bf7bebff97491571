/**
 * Reads words that apptainer was given, as it would by its own list of options (cmd/internal/cli/*_flags.go,
 * and the manual pages apptainer-run, apptainer-instance-run, apptainer-instance-stop and apptainer-pull, 1.2
 * to 1.4). Apptainer itself is in neither Debian 12 nor the npm registry: nobody has run these lines here.
 */

/** What one run of apptainer is for. */
export interface ApptainerCall {
  /** `run`, `instance run`, `instance stop` or `pull`. */
  readonly command: string;
  /** By name, the values in order; an option without one has ''. */
  readonly options: ReadonlyMap<string, readonly string[]>;
  /** The image, and what stands behind it. */
  readonly words: readonly string[];
}

const flags = [
  ...[
    'allow-setuid',
    'boot',
    'cleanenv',
    'compat',
    'contain',
    'containall',
    'disable-cache',
    'fakeroot',
    'ipc',
  ],
  ...['keep-privs', 'net', 'no-eval', 'no-home', 'no-init', 'no-privs', 'no-umask', 'nv', 'nvccli', 'rocm'],
  ...['underlay', 'unsquash', 'userns', 'uts', 'writable', 'writable-tmpfs'],
];
const valued = [
  ...[
    'add-caps',
    'app',
    'apply-cgroups',
    'bind',
    'cpus',
    'dns',
    'drop-caps',
    'env',
    'env-file',
    'home',
    'hostname',
  ],
  ...[
    'memory',
    'mount',
    'network',
    'network-args',
    'no-mount',
    'overlay',
    'pids-limit',
    'scratch',
    'security',
  ],
  ...['workdir'],
];
const known: Readonly<Record<string, { flags: readonly string[]; valued: readonly string[] }>> = {
  // --pid is run's alone: an instance always has a PID namespace of its own.
  run: { flags: [...flags, 'pid', 'no-pid'], valued: [...valued, 'cwd'] },
  'instance run': { flags, valued: [...valued, 'pid-file'] },
  'instance stop': { flags: ['all', 'force'], valued: ['signal', 'timeout', 'user'] },
  pull: { flags: ['disable-cache', 'force', 'no-cleanup'], valued: ['arch', 'dir', 'name'] },
};

/** Throws for an option that apptainer does not have. */
export function apptainerCall(args: readonly string[]): ApptainerCall {
  const [first = '', second = ''] = args;
  const command = first === 'instance' ? `${first} ${second}` : first;
  const has = known[command];
  if (!has) throw new Error(`apptainer has no command ${command}`);
  const rest = args.slice(command.split(' ').length);
  const options = new Map<string, string[]>();
  // Options end at the first word that is none (SetInterspersed(false)).
  while (rest[0]?.startsWith('-')) {
    const [, name = '', equals, value = ''] = /^--([a-z-]+)(=?)(.*)$/s.exec(rest.shift() ?? '') ?? [];
    const takes = has.valued.includes(name);
    if (!takes && !has.flags.includes(name)) throw new Error(`apptainer ${command} has no option --${name}`);
    options.set(name, [...(options.get(name) ?? []), takes && !equals ? (rest.shift() ?? '') : value]);
  }
  return { command, options, words: rest };
}
