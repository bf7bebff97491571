/** What `build` can do, and in which order. */
import { type ImageName, imageNames } from './images.ts';

/** What `build all` does, in this order: the tools, what is built with them, and the images of that. */
export const pipelineSteps = ['dev', 'ovis', 'dsosds', 'samp', 'agg', 'maestro', 'ui', 'grafana'] as const;
export type PipelineStep = (typeof pipelineSteps)[number];

/** Whether a step makes an image. */
export const isImage = (step: PipelineStep): step is ImageName => imageNames.some((image) => image === step);

/** What the words behind `build` ask for. */
interface Asked {
  /** The words; without one, every image is built from the trees that are there. */
  readonly names: readonly string[];
  /** `--only` and `--from`. */
  readonly only: string | undefined;
  readonly from: string | undefined;
  readonly clean: boolean;
}

/** The steps that are asked for, in their order; what is wrong is told in `wrong`. */
export function stepsOf({ names, only, from, clean }: Asked, wrong: string[]): readonly PipelineStep[] {
  const isAll = names.includes('all');
  const known = [...imageNames, 'ovis', 'dsosds'] as const;
  const strange = names.filter((name) => name !== 'all' && !known.some((step) => step === stepName(name)));
  if (strange.length > 0) {
    wrong.push(`build makes no ${strange.map(stepName).join(', ')}; there are ${known.join(', ')} and all`);
  } else if (isAll && names.length > 1) {
    wrong.push('build all is everything: leave out the other words, or choose with --only');
  }
  if (only !== undefined && from !== undefined) wrong.push('--only and --from exclude each other');
  const chosen = only?.split(',').map(stepName);
  const wanted = pipelineSteps.filter((step) => names.some((name) => stepName(name) === step));
  for (const [option, value] of Object.entries({ only, from })) {
    if (value === undefined) continue;
    if (!isAll) wrong.push(`--${option} chooses of all steps: build all --${option} ${value}`);
    const unknown = value.split(option === 'only' ? ',' : /(?!)/).filter((step) => !isStep(stepName(step)));
    if (unknown.length > 0) {
      wrong.push(
        `--${option} ${value}: there is no step ${unknown.join(', ')}; there are ${pipelineSteps.join(', ')}`,
      );
    }
  }
  const steps = isAll ? pipelineSteps : names.length > 0 ? wanted : imageNames;
  if (clean && !steps.some((step) => !isImage(step)) && strange.length === 0) {
    wrong.push('--clean is about what is built from sources: build ovis, build dsosds or build all');
  }
  if (chosen) return steps.filter((step) => chosen.includes(step));
  const first = from === undefined ? 0 : pipelineSteps.indexOf(stepName(from) as PipelineStep);
  return isAll ? steps.slice(first) : steps;
}

const isStep = (name: string): name is PipelineStep => pipelineSteps.some((step) => step === name);

/** `ovishpc/ldms-samp` is `samp`. */
export const stepName = (name: string): string => name.replace(/^.*ldms-/, '');
