import { dirname, isAbsolute, resolve } from 'node:path';
import { parse as parseToml, TomlError } from 'smol-toml';
import { parseComponentId } from '#core';
import { messageOf } from '#core/errors';
import { resolveLimits } from '#core/limits';
import { type Fields, fields, parseAddress } from '#core/options';
import { parseForeignToml } from '#core/text';
import { isTokenHash, SCOPES, type Scope, type TokenSettings } from '#server/management';
import type { LoadOptions } from '#system';
import { missingGrants } from '#system/operations';
import { ServerError } from '../errors.ts';
import { isRoutedHost, type Places, routesOf, SelectedOnce } from '../routes.ts';
import { chainProblems } from './chains.ts';
import type { RouteSettings, ServerSettings, SocketRouteSettings } from './config.ts';
import { keyLines } from './key-lines.ts';

const MAX_BYTES = 1024 * 1024;
const MAX_DEPTH = 8;
/** More mistakes than anybody corrects at a time. */
const MAX_PROBLEMS = 50;
const METHOD = /^[A-Z]{1,20}$/;

/** Where the value of a secret is. */
export interface SecretSource {
  readonly file?: string | undefined;
  readonly env?: string | undefined;
}

/** What a file says, before its secrets and manifests are read. */
export interface ParsedConfig {
  readonly server: ServerSettings;
  readonly tls: TlsPaths | undefined;
  readonly components: readonly ParsedComponent[];
  readonly actors: readonly ParsedActor[];
  readonly routes: readonly RouteSettings[];
  readonly sockets: readonly SocketRouteSettings[];
  readonly management: ParsedManagement | undefined;
  readonly tokens: readonly TokenSettings[];
}

export interface ParsedManagement {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsPaths | undefined;
}

/** Files in PEM form. */
export interface TlsPaths {
  readonly certificate: string;
  readonly key: string;
}

export interface ParsedComponent {
  readonly name: string;
  readonly source: string;
  /** The name of the component to which it passes requests on. */
  readonly next: string | undefined;
  readonly options: LoadOptions;
  readonly drainTimeoutMs: number | undefined;
  readonly secrets: ReadonlyMap<string, SecretSource>;
}

export interface ParsedActor {
  /** The absolute path of an `actor.toml`. */
  readonly manifest: string;
  readonly grants: readonly string[];
  readonly preopens: Readonly<Record<string, string>>;
  readonly secrets: ReadonlyMap<string, SecretSource>;
}

/** One mistake in a file. */
export interface ConfigProblem {
  readonly key: string;
  readonly line: number | undefined;
  readonly message: string;
}

/**
 * Reads the text of a `vivarium.toml` and finds all its mistakes.
 * @param file names the file in messages; paths are relative to its folder
 * @throws {ServerError} `SERVER_INVALID_CONFIG` with all problems in its message, and the first one's place in its details
 */
export function parseConfig(text: string, file: string): ParsedConfig {
  const problems: ConfigProblem[] = [];
  const lineOf = keyLines(text);
  const complain = (key: string, message: string): void => {
    if (problems.length < MAX_PROBLEMS) problems.push({ key, line: lineOf(key), message });
  };
  const root = fields(tableOf(text, file), '', complain);
  const at = (path: string): string => resolve(dirname(file), path);
  const server = root.table('server');
  const config: ParsedConfig = {
    server: server === undefined ? {} : serverOf(server),
    tls: tlsOf(server?.table('tls'), at),
    components: [...root.named('components')].map(([name, table]) => componentOf(name, table, at)),
    actors: root.tables('actors').map((table) => ({
      manifest: at(table.requiredText('manifest')),
      grants: grantsOf(table),
      preopens: preopensOf(table, at),
      secrets: secretsOf(table, at),
    })),
    routes: root.tables('routes').map(routeOf),
    sockets: root.tables('sockets').map(socketOf),
    management: managementOf(root.table('management'), at),
    tokens: root.tables('tokens').map(tokenOf),
  };
  root.refuseOthers();
  const names = new Set(config.components.map(({ name }) => name));
  for (const [index, { component }] of config.routes.entries()) {
    if (component === '' || names.has(component)) continue;
    const key = `routes[${index}].component`;
    complain(key, `${key}: there is no [components.${component.slice(0, 80)}]`);
  }
  refuseTwice(config.routes, 'routes', complain);
  refuseTwice(config.sockets, 'sockets', complain);
  for (const { key, message } of chainProblems(config.components)) complain(key, message);
  if (problems.length > 0) throw invalid(file, problems);
  return config;
}

/** Complains about the first route that selects the same requests as one before it. */
function refuseTwice(
  places: readonly Places[],
  kind: 'routes' | 'sockets',
  complain: (key: string, message: string) => void,
): void {
  const once = new SelectedOnce();
  for (const [index, place] of places.entries()) {
    const key = `${kind}[${index}]`;
    try {
      for (const { route } of routesOf(place, undefined)) once.add(route);
    } catch (error) {
      complain(key, `${key}: ${messageOf(error)}`);
      return;
    }
  }
}

export function invalid(file: string, problems: readonly ConfigProblem[], cause?: unknown): ServerError {
  const lines = problems.map(({ line, message }) => `${file}${line === undefined ? '' : `:${line}`}: ${message}`);
  return new ServerError('SERVER_INVALID_CONFIG', lines.join('\n'), {
    cause,
    details: { file, line: problems[0]?.line, key: problems[0]?.key },
  });
}

function tableOf(text: string, file: string): Readonly<Record<string, unknown>> {
  try {
    return parseForeignToml(text, { maxLength: MAX_BYTES, maxDepth: MAX_DEPTH }, parseToml);
  } catch (cause) {
    const line = cause instanceof TomlError ? cause.line : undefined;
    // The rest of the parser's message quotes the file.
    throw invalid(file, [{ key: '', line, message: messageOf(cause).split('\n', 1)[0] ?? '' }], cause);
  }
}

function serverOf(table: Fields): ServerSettings {
  const listen = checked(table, 'listen', parseAddress);
  return {
    ...listen,
    headersTimeoutMs: period(table, 'header-timeout'),
    requestTimeoutMs: period(table, 'body-timeout'),
    idleTimeoutMs: period(table, 'idle-timeout'),
    drainDelayMs: table.duration('drain-delay'),
    drainTimeoutMs: table.duration('drain-timeout'),
    drainIdleMs: table.duration('drain-idle-timeout'),
    maxConnections: positive(table, 'max-connections'),
    maxConnectionsPerClient: positive(table, 'max-connections-per-client'),
    maxHeaderBytes: aboveZero(table, 'max-header-bytes', table.size('max-header-bytes')),
    maxBodyBytes: table.size('max-body-bytes'),
    expose: table.flag('expose'),
    metrics: table.oneOf('metrics', ['open', 'token']),
  };
}

function tlsOf(table: Fields | undefined, at: (path: string) => string): TlsPaths | undefined {
  return table && { certificate: at(table.requiredText('certificate')), key: at(table.requiredText('key')) };
}

function idOf(name: string, table: Fields): string {
  const said = table.text('id');
  const id = said ?? `local/${name}/1`;
  const why = said === undefined ? 'is needed, because that of the name is none: ' : '';
  attempt(table, 'id', () => parseComponentId(id), why);
  return id;
}

function componentOf(name: string, table: Fields, at: (path: string) => string): ParsedComponent {
  const source = table.requiredText('source');
  const isElsewhere = /^(registry:|https?:)/.test(source) || isAbsolute(source);
  const id = idOf(name, table);
  const supervision = table.table('supervision');
  const mailbox = table.table('mailbox');
  return {
    name,
    source: isElsewhere ? source : at(source),
    next: table.text('next'),
    drainTimeoutMs: table.duration('drain-timeout'),
    options: {
      id,
      ...given('digest', table.text('digest')),
      ...given('store', table.oneOf('store', ['per-call', 'per-actor'])),
      ...given('metering', table.oneOf('metering', ['fuel', 'deadline'])),
      ...given('cancel', table.oneOf('cancel', ['answer', 'turn'])),
      ...given('concurrency', positive(table, 'concurrency')),
      limits: limitsOf(table),
      ...given('reuse', reuseOf(table.table('reuse'))),
      grants: grantsOf(table),
      preopens: preopensOf(table, at),
      env: table.texts('env'),
      args: table.list('args'),
      requests: {
        ...given('maxConcurrent', positive(table, 'max-concurrent')),
        ...given('maxQueued', table.count('max-queued')),
      },
      ...given(
        'mailbox',
        mailbox && {
          maxMessages: mailbox.count('max-messages'),
          maxBytes: mailbox.size('max-bytes'),
          overflow: mailbox.oneOf('overflow', ['reject', 'drop-oldest', 'wait']),
        },
      ),
      ...given(
        'supervision',
        supervision && {
          restart: supervision.oneOf('restart', ['permanent', 'transient', 'temporary']),
          maxRestarts: supervision.count('max-restarts'),
          withinMs: supervision.duration('within'),
          backoffMs: supervision.duration('backoff'),
          maxBackoffMs: supervision.duration('max-backoff'),
        },
      ),
    },
    secrets: secretsOf(table, at),
  };
}

/** Returns an object with the key, or without it if there is no value: `load` takes no undefined options. */
function given<K extends string, const T>(key: K, value: T | undefined): { readonly [P in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: T });
}

function limitsOf(table: Fields): NonNullable<LoadOptions['limits']> {
  const limits = table.table('limits');
  if (limits === undefined) return {};
  const wanted = {
    maxMemoryBytes: limits.size('max-memory'),
    maxExecutionTimeMs: limits.duration('max-execution-time'),
    maxTurnTimeMs: limits.duration('max-turn-time'),
    maxStartTimeMs: limits.duration('max-start-time'),
    weight: limits.number('weight'),
    maxFuel: limits.bigint('max-fuel'),
  };
  attempt(table, 'limits', () => resolveLimits(wanted));
  return wanted;
}

function reuseOf(table: Fields | undefined): LoadOptions['reuse'] {
  return (
    table && {
      ...given('maxRequests', positive(table, 'max-requests')),
      ...given('maxAgeMs', table.duration('max-age')),
      ...given('maxIdleMs', table.duration('max-idle')),
    }
  );
}

function grantsOf(table: Fields): readonly string[] {
  const grants = table.list('grants');
  for (const grant of grants) attempt(table, 'grants', () => missingGrants([], [grant]));
  return grants;
}

function preopensOf(table: Fields, at: (path: string) => string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(table.texts('preopens')).map(([guest, host]) => [guest, at(host)]));
}

function secretsOf(table: Fields, at: (path: string) => string): ReadonlyMap<string, SecretSource> {
  const secrets = new Map<string, SecretSource>();
  for (const [name, source] of table.named('secrets')) {
    const file = source.text('file');
    const env = source.text('env');
    if ((file === undefined) === (env === undefined)) {
      table.refuse(`secrets.${name}`, 'give either file = "…" or env = "…"');
    }
    secrets.set(name, { file: file === undefined ? undefined : at(file), env });
  }
  return secrets;
}

function routeOf(table: Fields): RouteSettings {
  const methods = table.list('methods');
  const place = placeOf(table);
  for (const method of methods) {
    if (!METHOD.test(method)) table.refuse('methods', `${JSON.stringify(method)} is no method in upper case`);
  }
  return { component: table.requiredText('component'), ...place, methods };
}

function socketOf(table: Fields): SocketRouteSettings {
  const origins = table.list('origins');
  for (const origin of origins) {
    if (URL.parse(origin)?.origin !== origin) {
      table.refuse('origins', `${JSON.stringify(origin)} is no origin, as https://shop.example`);
    }
  }
  return { component: table.requiredText('component'), ...placeOf(table), origins };
}

function managementOf(table: Fields | undefined, at: (path: string) => string): ParsedManagement | undefined {
  if (table === undefined) return undefined;
  table.requiredText('listen');
  const listen = checked(table, 'listen', parseAddress);
  return { host: '127.0.0.1', port: 0, ...listen, tls: tlsOf(table.table('tls'), at) };
}

/** The hosts and the paths of a route. */
function placeOf(table: Fields): Pick<RouteSettings, 'hosts' | 'paths'> {
  const hosts = table.list('hosts');
  const paths = table.list('paths');
  for (const host of hosts) {
    if (!isRoutedHost(host))
      table.refuse(
        'hosts',
        `${JSON.stringify(host)} is no host in lower case; *.shop.example is any with one label more`,
      );
  }
  for (const path of paths) {
    const url = URL.parse(`http://host${path}`);
    if (!path.startsWith('/') || url?.pathname !== path)
      table.refuse('paths', `${JSON.stringify(path)} is no path; begin it with a slash`);
  }
  return { hosts, paths: paths.length === 0 ? ['/'] : paths };
}

function tokenOf(table: Fields): TokenSettings {
  const hash = table.requiredText('hash');
  if (hash !== '' && !isTokenHash(hash)) {
    table.refuse('hash', 'give sha256: and 64 hex digits, as viv token new prints it, and not the token itself');
  }
  const scopes = table.list('scopes').filter((scope): scope is Scope => {
    const isKnown = SCOPES.some((each) => each === scope);
    if (!isKnown)
      table.refuse('scopes', `${JSON.stringify(scope.slice(0, 80))} is no scope; there are ${SCOPES.join(', ')}`);
    return isKnown;
  });
  const expires = table.text('expires');
  const expiresAt = expires === undefined ? undefined : Date.parse(expires);
  if (Number.isNaN(expiresAt)) table.refuse('expires', 'give a time, as 2030-01-31T12:00:00Z');
  return { name: table.requiredText('name'), hash, scopes, expiresAt };
}

function positive(table: Fields, key: string): number | undefined {
  return aboveZero(table, key, table.count(key));
}

/** A time above zero. Node takes none at all for no bound. */
function period(table: Fields, key: string): number | undefined {
  return aboveZero(table, key, table.duration(key));
}

function aboveZero(table: Fields, key: string, value: number | undefined): number | undefined {
  if (value === 0) table.refuse(key, 'give a value above 0');
  return value;
}

function checked<T>(table: Fields, key: string, convert: (text: string) => T): T | undefined {
  const text = table.text(key);
  return text === undefined ? undefined : attempt(table, key, () => convert(text));
}

/** Runs a check whose error is a complaint about a key. @param why begins the complaint */
function attempt<T>(table: Fields, key: string, check: () => T, why = ''): T | undefined {
  try {
    return check();
  } catch (error) {
    table.refuse(key, `${why}${messageOf(error)}`);
    return undefined;
  }
}
