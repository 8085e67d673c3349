import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Makes a home of a test's own that has the secret of the run, so that what a test loads is taken from the artifact cache of the
 * run. Artifacts that another secret sealed are built again, in a child process.
 * @param name of the folder that becomes the home; `.` for `folder` itself
 */
export function homeIn(folder: string, name = 'home'): string {
  const home = join(folder, name);
  mkdirSync(home, { recursive: true });
  copyFileSync(join(process.env.VIVARIUM_TEST_FOLDER as string, 'home/machine.secret'), join(home, 'machine.secret'));
  return home;
}
