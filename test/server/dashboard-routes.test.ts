import { readdirSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { HttpServer, InternalRoutes } from '#server';
import { dashboardRoutes } from '../../src/server/dashboard-routes.ts';

async function served(): Promise<string> {
  const server = new HttpServer(() => ({ web: () => new Response('a component') }), {
    port: 0,
    internal: new InternalRoutes({ routes: dashboardRoutes() }),
  });
  onTestFinished(() => server.drain(0));
  return (await server.listen()).url;
}

it('the dashboard is served with all files that it names, under a policy that lets in nothing else', async () => {
  const url = await served();
  const page = await fetch(`${url}/-/`);
  const html = await page.text();
  const named = [...html.matchAll(/(?:src|href)="(\/-\/[^"]+)"/g)].map(([, path]) => path);
  const modules = readdirSync('templates/dashboard').filter((name) => name.endsWith('.js'));
  for (const path of ['/-/', ...named, ...modules.map((name) => `/-/assets/${name}`)]) {
    const response = await fetch(`${url}${path}`);
    expect([path, response.status]).toEqual([path, 200]);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).not.toContain('unsafe');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    await response.body?.cancel();
  }
  // Scripts and styles within the page would need an exception in the policy.
  expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?! src=)/);
});

it.each(['/-/assets/', '/-/assets/x.js', '/-/assets/..%2f..%2fpackage.json', '/-/assets/%2e%2e/main.js'])(
  'no other file is served: %s',
  async (path) => {
    const response = await fetch(`${await served()}${path}`);
    expect(response.status).toBe(404);
    await response.body?.cancel();
  },
);
