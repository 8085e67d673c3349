import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

/** Answers a request in place of the registry; `true` if it did. */
export type Fault = (
  request: IncomingMessage,
  response: ServerResponse,
  seen: SeenRequest,
) => boolean | Promise<boolean>;

export interface OciRegistryOptions {
  /** The hash that stands behind `sha256:` digests, in hex. */
  readonly hash?: (bytes: Uint8Array) => string | Promise<string>;
  readonly maxBlobBytes?: number;
  readonly host?: string;
  /** Says at a refused manifest all that it does not have, as distribution does, and not only that there is something. */
  readonly listsUnknown?: boolean;
  /** Takes manifests whatever they name. */
  readonly takesAll?: boolean;
  /** Takes manifests of bundles and no others, as providers of build-cache/v1 do. */
  readonly bundlesOnly?: boolean;
  /** Keeps what refers to a manifest, as the distribution specification 1.1 has it: this many entries on a page. */
  readonly referrersPerPage?: number;
  /** What comes before `/v2/`. */
  readonly base?: string;
  /** What stands in the query of an upload's place. */
  readonly uploadQuery?: string;
  /** Said as `OCI-Chunk-Min-Length`, and kept: a piece that is shorter, and not the last one, is refused. */
  readonly chunkMinLength?: number;
}

/**
 * The distribution protocol in memory, for what a real registry does not do on request: faults, lies and attacks, and
 * the digests of build-cache/v1. Real registries are met in test/servers/bundle.
 */
export class OciRegistry implements AsyncDisposable {
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, Buffer>();
  /** What refers to a manifest, by `<name>@<digest>`. */
  readonly referrers = new Map<string, readonly object[]>();
  readonly seen: SeenRequest[] = [];
  readonly faults: Fault[] = [];
  offersRange = true;
  offersMount = true;
  /** Tags that another push holds. */
  readonly heldTags = new Set<string>();
  readonly #uploads = new Map<string, Buffer>();
  readonly #server: Server;
  readonly #options: OciRegistryOptions;
  #count = 0;

  private constructor(options: OciRegistryOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  static async start(options: OciRegistryOptions = {}): Promise<OciRegistry> {
    const registry = new OciRegistry(options);
    registry.#server.listen(0, options.host ?? '127.0.0.1');
    await new Promise((resolve) => registry.#server.once('listening', resolve));
    return registry;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  count(method: string, part: string): number {
    return this.seen.filter((request) => request.method === method && request.path.includes(part)).length;
  }

  async hash(bytes: Uint8Array): Promise<string> {
    const hash = this.#options.hash ?? ((input) => createHash('sha256').update(input).digest('hex'));
    return `sha256:${await hash(bytes)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    const seen = { method, path: url, authorization: headers.authorization, range: headers.range };
    this.seen.push(seen);
    for (const fault of this.faults) if (await fault(request, response, seen)) return;
    const body = await bodyOf(request);
    const { pathname, searchParams } = new URL(request.url ?? '', this.url);
    const base = this.#options.base ?? '';
    const path = pathname.startsWith(base) ? pathname.slice(base.length) : '';
    const [, name, kind, rest = ''] = /^\/v2\/(.+)\/(manifests|blobs|referrers)\/(.*)$/.exec(path) ?? [];
    if (name === undefined) response.writeHead(404).end();
    else if (kind === 'referrers') this.#referrers(name, rest, searchParams, response);
    else if (kind === 'manifests') await this.#manifest(method, name, rest, headers['content-type'], body, response);
    else if (rest.startsWith('uploads/')) await this.#upload(method, name, rest, searchParams, body, response);
    else this.#blob(method, name, rest, headers.range, response);
  }

  async #manifest(
    method: string,
    name: string,
    reference: string,
    type: string | undefined,
    body: Buffer,
    response: ServerResponse,
  ): Promise<void> {
    const found = this.manifests.get(`${name}:${reference}`);
    if (method === 'DELETE') {
      response.writeHead(this.manifests.delete(`${name}:${reference}`) ? 202 : 404).end();
      return;
    }
    if (method === 'GET') {
      if (found === undefined) response.writeHead(404).end();
      else response.writeHead(200, { 'content-type': MANIFEST }).end(found);
      return;
    }
    if (type !== MANIFEST && (type !== INDEX || this.#options.bundlesOnly === true)) {
      return fail(response, 415, 'MANIFEST_MEDIATYPE_REFUSED');
    }
    if (this.heldTags.has(reference)) return fail(response, 409, 'TAG_CONFLICT');
    const manifest = JSON.parse(body.toString());
    const isBundle = manifest.config?.mediaType === 'application/vnd.cloister.build-cache.v1.config+json';
    if (!isBundle && this.#options.bundlesOnly === true) return fail(response, 415, 'MANIFEST_MEDIATYPE_REFUSED');
    const { config, layers = [], manifests = [] } = manifest;
    for (const { digest } of manifests) {
      if (!this.manifests.has(`${name}:${digest}`)) return fail(response, 400, 'MANIFEST_BLOB_UNKNOWN');
    }
    const named = (type === INDEX ? [] : [config, ...layers]).map(({ digest }) => digest as string);
    const unknown = named.filter((digest) => !this.blobs.has(`${name}@${digest}`));
    if (this.#options.listsUnknown === true && unknown.length > 0) {
      const errors = unknown.map((detail) => ({ code: 'MANIFEST_BLOB_UNKNOWN', message: 'blob unknown', detail }));
      response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ errors }));
      return;
    }
    if (unknown.length > 0 && this.#options.takesAll !== true) {
      return fail(response, 400, unknown[0] === config.digest ? 'MANIFEST_CONFIG_MISSING' : 'MANIFEST_LAYER_MISSING');
    }
    const digest = await this.hash(body);
    if (reference.startsWith('sha256:') && reference !== digest) return fail(response, 400, 'DIGEST_INVALID');
    this.manifests.set(`${name}:${reference}`, body);
    this.manifests.set(`${name}:${digest}`, body);
    const subject = this.#options.referrersPerPage === undefined ? undefined : manifest.subject?.digest;
    if (subject !== undefined) {
      const entry = { mediaType: MANIFEST, digest, size: body.length, artifactType: manifest.artifactType };
      this.refer(`${name}@${subject}`, entry);
    }
    const location = `/v2/${name}/manifests/${digest}`;
    response.writeHead(201, { location, ...(subject !== undefined && { 'oci-subject': subject }) }).end();
  }

  /** Adds to the list of what refers to a manifest, whatever it says. */
  refer(subject: string, entry: object): void {
    this.referrers.set(subject, [...(this.referrers.get(subject) ?? []), entry]);
  }

  #referrers(name: string, subject: string, parameters: URLSearchParams, response: ServerResponse): void {
    const size = this.#options.referrersPerPage;
    if (size === undefined) {
      response.writeHead(404).end();
      return;
    }
    const from = Number(parameters.get('from') ?? 0);
    const all = this.referrers.get(`${name}@${subject}`) ?? [];
    const next = `${this.#options.base ?? ''}/v2/${name}/referrers/${subject}?from=${from + size}`;
    response.writeHead(200, {
      'content-type': INDEX,
      ...(from + size < all.length && { link: `<${next}>; rel="next"` }),
    });
    response.end(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: all.slice(from, from + size) }));
  }

  #blob(method: string, name: string, digest: string, range: string | undefined, response: ServerResponse): void {
    const found = this.blobs.get(`${name}@${digest}`);
    if (found === undefined) {
      fail(response, 404, 'BLOB_UNKNOWN');
      return;
    }
    const start = this.offersRange ? Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0) : 0;
    const part = found.subarray(start);
    const headers: Record<string, string> = { 'content-length': String(part.length) };
    if (start > 0) headers['content-range'] = `bytes ${start}-${found.length - 1}/${found.length}`;
    response.writeHead(start > 0 ? 206 : 200, headers).end(method === 'HEAD' ? undefined : part);
  }

  async #upload(
    method: string,
    name: string,
    rest: string,
    parameters: URLSearchParams,
    body: Buffer,
    response: ServerResponse,
  ): Promise<void> {
    const id = rest.slice('uploads/'.length);
    const query = this.#options.uploadQuery ?? 'state=x';
    const location = {
      location: `${this.#options.base ?? ''}/v2/${name}/blobs/uploads/${id === '' ? ++this.#count : id}?${query}`,
      ...(this.#options.chunkMinLength !== undefined && {
        'oci-chunk-min-length': String(this.#options.chunkMinLength),
      }),
    };
    if (method === 'POST') {
      const [mount, from] = [parameters.get('mount'), parameters.get('from')];
      const blob = this.blobs.get(`${from}@${mount}`);
      if (mount !== null && this.offersMount && blob !== undefined) {
        this.blobs.set(`${name}@${mount}`, blob);
        response.writeHead(201, { location: `/v2/${name}/blobs/${mount}` }).end();
        return;
      }
      this.#uploads.set(`${this.#count}`, Buffer.alloc(0));
      response.writeHead(202, location).end();
      return;
    }
    const sofar = this.#uploads.get(id);
    if (sofar === undefined) return fail(response, 404, 'BLOB_UPLOAD_UNKNOWN');
    const whole = Buffer.concat([sofar, body]);
    if (whole.length > (this.#options.maxBlobBytes ?? Number.POSITIVE_INFINITY))
      return fail(response, 413, 'BLOB_TOO_LARGE');
    if (method === 'PATCH' || method === 'GET') {
      this.#uploads.set(id, whole);
      const range = `0-${Math.max(0, whole.length - 1)}`;
      response.writeHead(method === 'GET' ? 204 : 202, { ...location, range }).end();
      return;
    }
    const digest = parameters.get('digest') ?? '';
    if ((await this.hash(whole)) !== digest) return fail(response, 400, 'BLOB_DIGEST_MISMATCH');
    this.#uploads.delete(id);
    this.blobs.set(`${name}@${digest}`, whole);
    response.writeHead(201, { location: `/v2/${name}/blobs/${digest}` }).end();
  }
}

export function fail(response: ServerResponse, status: number, code: string): void {
  const body = JSON.stringify({ errors: [{ code, message: `refused: ${code}`, detail: {} }] });
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces);
}
