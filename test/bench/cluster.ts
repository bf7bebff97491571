/** ldms-cluster with ten thousand hosts: how long it takes, and how much memory at the most. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installed } from '../support/needs.ts';
import { repository } from '../support/program.ts';
import { leftOut, median, now, type Part, progress, table } from './table.ts';

const hosts = 10_000;
const limitMs = 2_000;
const limitMb = 300;

// The kernel keeps the peak for whoever waits for a child, which Node does not tell.
const peak = `import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)`;

/** One table: files of different make, each planned and checked. */
export function cluster(rounds: number): Part {
  if (!installed('python3')) return leftOut('ldms-cluster', 'python3');
  const directory = mkdtempSync(join(tmpdir(), 'ldms-bench-'));
  try {
    const files = [
      { what: 'one range', text: clusterOf(1), limited: true },
      { what: '100 ranges', text: clusterOf(100), limited: true },
      { what: '10,000 entries', text: clusterOf(hosts), limited: false },
    ];
    const lines = files.flatMap((file) =>
      (['plan', 'check'] as const).map((command) => ({
        ...file,
        command,
        ...measured(directory, file.text, command, rounds),
      })),
    );
    const rows = lines.map(({ what, text, limited, command, ms, mb }) => [
      `${command}, ${what}`,
      `${(text.length / 1e6).toFixed(1)} MB`,
      limited ? '2 s' : '',
      `${(ms / 1000).toFixed(2)} s`,
      limited ? `${limitMb} MB` : '',
      `${mb.toFixed(0)} MB`,
    ]);
    const over = lines.filter(({ limited, ms, mb }) => limited && (ms > limitMs || mb > limitMb));
    return {
      text: `${table(['ldms-cluster, 10,000 hosts as', 'file', 'limit', 'median', 'limit', 'peak memory'], rows)}
Of a file with an entry of its own for each of 10,000 hosts, most is the YAML parser's.
`,
      over: over.map(({ command, what }) => `ldms-cluster ${command}, ${what}`),
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function measured(
  directory: string,
  text: string,
  command: string,
  rounds: number,
): { ms: number; mb: number } {
  const file = join(directory, 'ldms_cfg.yaml');
  writeFileSync(file, text);
  const times: number[] = [];
  const peaks: number[] = [];
  const count = Math.min(rounds, 5);
  for (let round = 0; round < count; round++) {
    const begun = now();
    const words = [join(repository, 'dist/ldms-cluster'), command, '--suffix=-iw', file];
    const { status, stdout, stderr } = spawnSync('python3', ['-c', peak, ...words], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`ldms-cluster ${command} failed: ${stderr}`);
    times.push(now() - begun);
    peaks.push(Number(stdout) / 1000);
    progress(`ldms-cluster ${command}, round ${round + 1} of ${count} `);
  }
  progress('');
  return { ms: median(times), mb: Math.max(...peaks) };
}

const entry = (names: string, hosts: string) => `  - names : "${names}"
    hosts : "${hosts}-iw"
    endpoints :
      - names : "${names}-ep"
        ports : 411
        xprt : rdma
        maestro_comm : True
        auth : { name : munge, plugin : munge }
`;
const peer = (names: string) => `      - daemons : "${names}"
        endpoints : "${names}-ep"
        reconnect : 1s
        type : active
        updaters :
          - { mode : pull, interval : "1.0s", offset : "200ms" }
`;
const sampler = (names: string) => `  - daemons : "${names}"
    plugins :
      - name : meminfo
        interval : "1s"
        offset : "0s"
        config : { component_id : "\${COMPONENT_ID}", perm : "0777" }
`;

/** A cluster of 10,000 samplers and one aggregator: the samplers in so many entries of `daemons`, each with its peer. */
function clusterOf(groups: number): string {
  const size = hosts / groups;
  const pad = (number: number) => String(number).padStart(5, '0');
  const ranges = Array.from({ length: groups }, (_, at) =>
    size === 1 ? pad(at + 1) : `[${pad(at * size + 1)}-${pad((at + 1) * size)}]`,
  );
  const each = (write: (range: string) => string) => ranges.map(write).join('');
  return `daemons:
${each((range) => entry(`samp-${range}`, `node-${range}`))}${entry('agg-1', 'agg-1')}
aggregators:
  - daemons : "agg-1"
    peers :
${each((range) => peer(`samp-${range}`))}
samplers:
${each((range) => sampler(`samp-${range}`))}`;
}
