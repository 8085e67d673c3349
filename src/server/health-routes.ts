import type { InternalRoute } from './internal-routes.ts';
import { answersText } from './route-about.ts';

/**
 * The routes that an orchestrator asks: `/-/health` answers 200 while the process can answer at all, and `/-/ready` answers 503
 * while the server should get no requests. They say nothing else, because anybody may ask them.
 */
export function healthRoutes(isReady: () => boolean): readonly InternalRoute[] {
  return [
    {
      method: 'GET',
      path: '/-/health',
      about: answersText('getHealth', 'Answers while the process can answer at all.'),
      handler: () => said(true, 'ok'),
    },
    {
      method: 'GET',
      path: '/-/ready',
      about: answersText('getReadiness', 'Answers 200 while the server should get requests, and 503 otherwise.'),
      handler: () => (isReady() ? said(true, 'ready') : said(false, 'not ready')),
    },
  ];
}

function said(isWell: boolean, text: string): Response {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
  return new Response(`${text}\n`, { status: isWell ? 200 : 503, headers });
}
