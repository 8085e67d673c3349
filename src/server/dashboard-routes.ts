import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readRegular } from '#files';
import type { InternalRoute } from './internal-routes.ts';
import { answersText } from './route-about.ts';

/** The folder of the page. It is two folders above this file, both in `src/server` and, joined with others, in `dist/start`. */
const folder = fileURLToPath(new URL('../../templates/dashboard/', import.meta.url));
const MOST_OF_FILE = 2 ** 20;

const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';
type PageFile = readonly [type: string, file: () => string];
const PAGE: PageFile = ['text/html; charset=utf-8', () => join(folder, 'index.html')];
/** The files that the page names. No other file can be asked for. */
const ASSETS: ReadonlyMap<string, PageFile> = new Map<string, PageFile>([
  ['style.css', [STYLE, () => join(folder, 'style.css')]],
  ...['main', 'api', 'figures', 'charts', 'table', 'detail'].map((name): [string, PageFile] => [
    `${name}.js`,
    [SCRIPT, () => join(folder, `${name}.js`)],
  ]),
  ['uplot.js', [SCRIPT, () => join(chartLibrary(), 'uPlot.iife.min.js')]],
  ['uplot.css', [STYLE, () => join(chartLibrary(), 'uPlot.min.css')]],
]);

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
  return [
    {
      method: 'GET',
      path: '/-/',
      about: answersText('getDashboard', 'The page of the dashboard.', 'text/html'),
      handler: () => sent(PAGE),
    },
    {
      method: 'GET',
      path: '/-/assets/:file',
      about: answersText('getDashboardFile', 'A script or a style of the dashboard.', '*/*'),
      handler: (_, { params }) => sent(ASSETS.get(params.file ?? '')),
    },
  ];
}

async function sent(found: PageFile | undefined): Promise<Response> {
  if (found === undefined) return new Response(null, { status: 404 });
  const [type, file] = found;
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
}

function chartLibrary(): string {
  const found = findPackageJSON('uplot', import.meta.url);
  if (found === undefined) throw new Error('the package uplot is not installed');
  return join(dirname(found), 'dist');
}
