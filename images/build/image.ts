/** Builds one image, unless the engine has it from the same inputs. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { hostArch } from './arch.ts';
import { contextDigests, makeContext, type Sources } from './context.ts';
import { buildCommand, type Engine, inspectImage, type StoredImage } from './engine.ts';
import { commonImage, type StepName } from './images.ts';
import { tagsOf } from './names.ts';
import type { Options } from './options.ts';
import { pluginStep, treeStep } from './sources/build.ts';
import { digestOfInputs, pluginRecord, provenanceOf, treeRecord } from './sources/record.ts';
import { megabytes } from './space.ts';
import type { Step } from './steps.ts';
import { wrongWithDsosds, wrongWithOvis } from './tree.ts';

/** What all images of one build have in common. */
export interface Building {
  readonly options: Options;
  readonly engine: Engine;
  readonly sources: Sources;
  /** Undefined when no Debian image is built. */
  readonly baseImage: string | undefined;
  readonly network: string | undefined;
  /** Where contexts and logs are. */
  readonly place: string;
  /** Where this build has its contexts. */
  readonly work: string;
  readonly revision: string;
  readonly version: string;
}

/** What an image was made from, in one digest. */
export const inputsLabel = 'com.github.ovis-hpc.inputs';
/** Where its OVIS files or its plugin come from: a Provenance as JSON. */
export const sourcesLabel = 'com.github.ovis-hpc.sources';

/** The step that builds an image. */
export function imageStep(image: StepName, building: Building): Step {
  const { options, engine, sources, network, place, work } = building;
  const tags = tagsOf(image, options);
  return {
    name: image,
    title: image === commonImage ? 'what the Debian images have in common' : `ldms-${image}`,
    after: afterOf(image, options),
    log: join(place, 'log', `${image}.log`),
    run: async ({ command, say }) => {
      const wrong = wrongWithTree(image, building);
      if (wrong.length > 0) throw new Error(wrong.join('; '));
      const inputs = await inputsOf(image, building);
      const there = options.cache ? await upToDate(image, inputs, building) : undefined;
      if (there) return `is up to date, ${sizeOf(there)}`;
      const context = join(work, image);
      say(`context: ${megabytes(makeContext(image, context, sources))}`);
      await command(
        buildCommand(engine, {
          context,
          tags,
          args: argumentsOf(image, building),
          labels: { ...labelsOf(image, sources), [inputsLabel]: inputs },
          platform: options.arch === hostArch() ? undefined : `linux/${options.arch}`,
          network,
          noCache: !options.cache,
          created: sources.created,
        }),
      );
      // What was sent is not needed any more, and would be as much again.
      rmSync(context, { recursive: true });
      const made = await inspectImage(engine, tags[0]);
      if (!made) throw new Error(notKept(engine, tags[0]));
      return sizeOf(made);
    },
  };
}

const sizeOf = ({ size }: StoredImage): string => (Number.isFinite(size) ? megabytes(size) : 'done');

/** The steps that an image comes after, of those that there are. */
function afterOf(image: StepName, { steps }: Options): string[] {
  return [
    'entrypoint',
    ...(image === commonImage || image === 'grafana' ? [] : [commonImage]),
    ...(takesOvis(image) && steps.includes('ovis') ? [treeStep] : []),
    ...(image === 'grafana' && steps.includes('dsosds') ? [pluginStep] : []),
  ];
}

/** What is wrong with what an image takes, where that has been made in this build and nobody has looked yet. */
function wrongWithTree(image: StepName, { options, sources }: Building): string[] {
  if (image === commonImage || image === 'dev') return [];
  if (image === 'grafana') return options.steps.includes('dsosds') ? wrongWithDsosds(sources.dsosds) : [];
  return options.steps.includes('ovis') ? wrongWithOvis(sources.ovis, [image], options.arch) : [];
}

const takesOvis = (image: StepName): boolean => !['common', 'dev', 'grafana'].includes(image);

/** The digest of everything that an image is made from. */
export async function inputsOf(image: StepName, building: Building): Promise<string> {
  const { options, engine, sources } = building;
  const args = argumentsOf(image, building);
  const from = args['BASE_IMAGE'] ?? args['COMMON_IMAGE'] ?? args['GRAFANA_IMAGE'] ?? '';
  const below = await inspectImage(engine, from);
  // Without the time that its files are given: it is another with each commit, and would have all packages
  // that come above them installed again.
  const files = contextDigests(image, sources);
  return digestOfInputs([files, args, labelsOf(image, sources), contentOf(below) ?? from, options.arch]);
}

/** What an image is, whenever it was built: of ours that is the layers and the inputs, and not the id. */
const contentOf = (image: StoredImage | undefined): unknown =>
  image?.labels[inputsLabel] === undefined ? image?.id : [image.layers, image.labels[inputsLabel]];

/** The image, if the engine has it from these inputs. */
export async function upToDate(
  image: StepName,
  inputs: string,
  { engine, options }: Building,
): Promise<StoredImage | undefined> {
  const there = await Promise.all(tagsOf(image, options).map((tag) => inspectImage(engine, tag)));
  return there.every((each) => each?.labels[inputsLabel] === inputs) ? there[0] : undefined;
}

/** What an image's labels say of where its files come from; none if the trees do not tell. */
function labelsOf(image: StepName, { ovis, dsosds }: Sources): Record<string, string> {
  const provenance = takesOvis(image)
    ? provenanceOf(ovis, treeRecord)
    : image === 'grafana'
      ? provenanceOf(dsosds, pluginRecord)
      : undefined;
  return provenance ? { [sourcesLabel]: JSON.stringify(provenance) } : {};
}

/** The ARGs of an image's Dockerfile. */
function argumentsOf(image: StepName, building: Building): Record<string, string> {
  const { options, baseImage, version, revision, sources } = building;
  if (image === commonImage) return { BASE_IMAGE: baseImage ?? '' };
  return {
    ...(image === 'grafana'
      ? { GRAFANA_IMAGE: options.grafanaImage }
      : { COMMON_IMAGE: tagsOf(commonImage, options)[0] }),
    VERSION: options.tag === 'latest' ? version : options.tag,
    REVISION: revision,
    CREATED: new Date(sources.created * 1000).toISOString().replace('.000Z', 'Z'),
  };
}

/** Without it, whatever is built from it would be built from a registry's image of that name. */
const notKept = ({ name }: Engine, image: string): string =>
  `${name} has built ${image}, and does not have it${name === 'docker' ? '; if a builder of buildx is in use: docker buildx use default' : ''}`;
