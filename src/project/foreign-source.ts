import { dirname, join, sep } from 'node:path';
import { messageOf } from '#core/errors';
import { loadEsbuild, loadQuickJs } from './build-tools.ts';
import { ProjectError } from './errors.ts';
import { asynchronousImport, refuseStreams } from './not-in-javascript.ts';

/** The largest source that is built, in characters. */
const MAX_SOURCE = 2 ** 20;

/**
 * Bundles source that nobody has reviewed. It may import only the guest library and WIT interfaces. Any other file that it names
 * would be read with this process's rights and would become part of a component that others may load.
 * @throws {ProjectError} `PROJECT_BUILD_FAILED`
 */
export async function bundleForeignSource(source: string, guestLibrary: string): Promise<string> {
  if (source.length > MAX_SOURCE) throw failed(`it has ${source.length} characters, more than ${MAX_SOURCE}`);
  const esbuild = await loadEsbuild();
  try {
    const { outputFiles } = await esbuild.build({
      stdin: { contents: source, sourcefile: 'source.ts', loader: 'ts' },
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'neutral',
      target: 'es2022',
      logLevel: 'silent',
      tsconfigRaw: '{}',
      plugins: [
        {
          name: 'nothing-of-the-host',
          setup: ({ onResolve }) => {
            onResolve({ filter: /^/ }, ({ path, importer }) => {
              if (isInterface(path)) return { path, external: true };
              // The guest library may import its own files. Every other importer is the foreign source.
              if (importer.startsWith(join(dirname(guestLibrary), sep))) return undefined;
              if (path === 'vivarium/guest') return { path: guestLibrary };
              return { errors: [{ text: 'only vivarium/guest and WIT interfaces may be imported' }] };
            });
          },
        },
      ],
    });
    return outputFiles[0]?.text ?? '';
  } catch (cause) {
    throw failed(messageOf(cause), cause);
  }
}

/**
 * Puts a bundle into a component together with QuickJS, which runs its top level: in a process that may be killed, since that may never
 * end.
 * @param streamsOf returns where the functions of a component's world have streams and futures
 * @throws {ProjectError} `PROJECT_BUILD_FAILED` if QuickJS is not installed, or where the world has what QuickJS has not
 */
export async function componentizeBundle(
  bundle: string,
  { witPath, world }: { readonly witPath: string; readonly world?: string | undefined },
  streamsOf: (component: Uint8Array) => readonly string[],
): Promise<Uint8Array> {
  const qjs = await loadQuickJs();
  const named = world === undefined ? {} : { world };
  // `sync` is set because a bundle has an event loop of its own, and the asynchronous runtime has another one.
  const { component } = await qjs
    .componentize({ witPath, jsSource: bundle, sync: true, optSize: true, ...named })
    .catch((cause: unknown) => {
      const why = asynchronousImport(messageOf(cause));
      throw why === undefined ? cause : new ProjectError('PROJECT_BUILD_FAILED', why, { cause });
    });
  refuseStreams('its world', streamsOf(component));
  return component;
}

/** Whether an import has the form `ns:pkg/interface@version`. It becomes an import of the component, so that no file is read for it. */
function isInterface(path: string): boolean {
  return /^[a-z][a-z0-9-]{0,62}:[a-z]/.test(path) && !path.startsWith('node:');
}

function failed(why: string, cause?: unknown): ProjectError {
  return new ProjectError('PROJECT_BUILD_FAILED', `the source cannot be made a component: ${why}`, { cause });
}
