/**
 * ldmsd's command line, read as its own getopt_long(3) reads it.
 *
 * The grammar is the union of what ldmsd 4.3, 4.4 and 4.5 take; no letter means a flag in one of
 * them and takes an argument in another (ldmsd.c, short_opts and long_opts).
 */

/** Short options that take an argument. */
const withArgument = new Set('ABCHILMPRSZaclmnpqrsuvxyz');
/** Short options that are flags. */
const flags = new Set('FVkt');

/** Long options and the short ones that they stand for. Only publish_kernel's argument is optional. */
const longOptions: Readonly<Record<string, string>> = {
  default_auth_args: 'A',
  default_auth: 'a',
  banner: 'B',
  quota: 'C',
  host_name: 'H',
  publish_kernel: 'k',
  log_file: 'l',
  log_config: 'L',
  set_memory: 'm',
  daemon_name: 'n',
  worker_threads: 'P',
  pid_file: 'r',
  kernel_file: 's',
  log_level: 'v',
};

/** One option of a command line. */
export interface Option {
  /** Its letter, for long options the letter of the short form. */
  readonly letter: string;
  readonly value?: string;
}

/** A command line after getopt_long. */
export interface Parsed {
  readonly options: readonly Option[];
  /** Options that no ldmsd we know of takes, as they were written. */
  readonly unknown: readonly string[];
}

/**
 * Splits ldmsd's arguments into options.
 *
 * Joined (`-amunge`), clustered (`-Famunge`), `--opt=value`, `--opt value` and unique prefixes of
 * long options are understood; operands may stand anywhere, unless POSIXLY_CORRECT is set; `--`
 * ends the options.
 *
 * @param posixlyCorrect whether the first operand ends the options, as POSIXLY_CORRECT asks of getopt
 */
export function parseOptions(args: readonly string[], posixlyCorrect = false): Parsed {
  const options: Option[] = [];
  const unknown: string[] = [];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--') break;
    if (arg.startsWith('--')) {
      parseLong(arg, rest, options, unknown);
    } else if (arg.startsWith('-') && arg !== '-') {
      parseShort(arg, rest, options, unknown);
    } else if (posixlyCorrect) {
      break;
    }
  }
  return { options, unknown };
}

function parseLong(arg: string, rest: string[], options: Option[], unknown: string[]): void {
  const equals = arg.indexOf('=');
  const name = arg.slice(2, equals < 0 ? undefined : equals);
  const given = equals < 0 ? undefined : arg.slice(equals + 1);
  const matches = Object.keys(longOptions).filter((long) => long.startsWith(name));
  const long = matches.includes(name) ? name : matches.length === 1 ? matches[0] : undefined;
  const letter = long === undefined ? undefined : longOptions[long];
  if (letter === undefined) {
    unknown.push(arg);
    return;
  }
  const value = given ?? (letter === 'k' ? undefined : rest.shift());
  options.push(value === undefined ? { letter } : { letter, value });
}

function parseShort(arg: string, rest: string[], options: Option[], unknown: string[]): void {
  for (let at = 1; at < arg.length; at++) {
    const letter = arg.charAt(at);
    if (withArgument.has(letter)) {
      const value = arg.slice(at + 1) || rest.shift();
      options.push(value === undefined ? { letter } : { letter, value });
      return;
    }
    if (flags.has(letter)) options.push({ letter });
    else unknown.push(`-${letter}`);
  }
}

/**
 * Whether ldmsd only prints something and ends: its version, a plugin's usage, or its own usage
 * (which is what `-h` and `--help` lead to, being options that it does not have). Nothing needs to
 * be prepared for that.
 */
export function onlyPrints({ options, unknown }: Parsed): boolean {
  return (
    options.some(({ letter }) => letter === 'V' || letter === 'u') ||
    unknown.some((option) => /^(-[h?]|--h(e(lp?)?)?|--version)$/.test(option))
  );
}

/** All values of an option, in the order given. */
export function valuesOf({ options }: Parsed, letter: string): string[] {
  return options.flatMap((option) =>
    option.letter === letter && option.value !== undefined ? [option.value] : [],
  );
}
