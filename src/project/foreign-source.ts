import { dirname, join, sep } from 'node:path';
import { messageOf } from '#core/errors';
import { loadEsbuild, loadQuickJs } from './build-tools.ts';
import { ProjectError } from './errors.ts';

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
 * @throws {ProjectError} `PROJECT_BUILD_FAILED` if QuickJS is not installed
 */
export async function componentizeBundle(bundle: string, witPath: string, world?: string): Promise<Uint8Array> {
  const qjs = await loadQuickJs();
  const named = world === undefined ? {} : { world };
  // `sync` is set because the default is the asynchronous ABI, which is of no use to a turn on one thread.
  const { component } = await qjs.componentize({ witPath, jsSource: bundle, sync: true, optSize: true, ...named });
  return component;
}

/** Whether an import has the form `ns:pkg/interface@version`. It becomes an import of the component, so that no file is read for it. */
function isInterface(path: string): boolean {
  return /^[a-z][a-z0-9-]{0,62}:[a-z]/.test(path) && !path.startsWith('node:');
}

function failed(why: string, cause?: unknown): ProjectError {
  return new ProjectError('PROJECT_BUILD_FAILED', `the source cannot be made a component: ${why}`, { cause });
}
