import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readRegular } from '#files';
import type { InternalRoute } from './internal-routes.ts';

/** The folder of the page. It is two folders above this file, both in `src/server` and, joined with others, in `dist/start`. */
const folder = fileURLToPath(new URL('../../templates/dashboard/', import.meta.url));
const MOST_OF_FILE = 2 ** 20;

const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';
/** The files of the page. No other file can be asked for. */
const FILES: Readonly<Record<string, readonly [type: string, file: () => string]>> = {
  '/-/': ['text/html; charset=utf-8', () => join(folder, 'index.html')],
  '/-/assets/style.css': [STYLE, () => join(folder, 'style.css')],
  ...Object.fromEntries(
    ['main', 'api', 'figures', 'charts', 'table', 'detail'].map((name) => [
      `/-/assets/${name}.js`,
      [SCRIPT, () => join(folder, `${name}.js`)] as const,
    ]),
  ),
  '/-/assets/uplot.js': [SCRIPT, () => join(chartLibrary(), 'uPlot.iife.min.js')],
  '/-/assets/uplot.css': [STYLE, () => join(chartLibrary(), 'uPlot.min.css')],
};

/**
 * Nothing but scripts, styles and answers of this server. No script can make markup of a text (Trusted Types), so that what
 * components say stays text even if the page has a mistake.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** The routes of the dashboard. Its files hold no secret, and say nothing of the server; what they show, they ask the management API for. */
export function dashboardRoutes(): readonly InternalRoute[] {
  return Object.entries(FILES).map(([path, [type, file]]) => ({
    method: 'GET',
    path,
    handler: async () => {
      const bytes = await readRegular(file(), MOST_OF_FILE, { links: 'follow' });
      return new Response(new Uint8Array(bytes), {
        headers: {
          'content-type': type,
          'content-security-policy': POLICY,
          'cache-control': 'no-cache',
          'x-content-type-options': 'nosniff',
          'referrer-policy': 'no-referrer',
          'cross-origin-opener-policy': 'same-origin',
          'cross-origin-resource-policy': 'same-origin',
        },
      });
    },
  }));
}

function chartLibrary(): string {
  const found = findPackageJSON('uplot', import.meta.url);
  if (found === undefined) throw new Error('the package uplot is not installed');
  return join(dirname(found), 'dist');
}
