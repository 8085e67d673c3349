import { createSecureContext } from 'node:tls';
import { messageOf } from '#core/errors';
import { readRegular } from '#files';
import { missingGrants, readManifest } from '#system/operations';
import type { ComponentSettings, ServeConfig, ServerSettings } from './config.ts';
import { invalid, type ParsedActor, parseConfig, type SecretSource, type TlsPaths } from './parse.ts';

const MAX_CONFIG_BYTES = 1024 * 1024;
const MAX_SECRET_BYTES = 64 * 1024;

/** Reads a `vivarium.toml` with the manifests and secrets that it names. @throws {ServerError} `SERVER_INVALID_CONFIG` */
export async function readConfig(file: string, env: NodeJS.ProcessEnv = process.env): Promise<ServeConfig> {
  const text = await readRegular(file, MAX_CONFIG_BYTES, { links: 'follow' }).catch((cause: unknown) => {
    throw problem(file, `it cannot be read: ${messageOf(cause)}`, cause);
  });
  const { server, tls, components, actors, routes, sockets, management, tokens } = parseConfig(
    text.toString('utf8'),
    file,
  );
  const secretsOf = (secrets: ReadonlyMap<string, SecretSource>) => readSecrets(file, secrets, env);
  const loaded: ComponentSettings[] = [];
  for (const { secrets, options, ...rest } of components) {
    const values = await secretsOf(secrets);
    loaded.push({
      ...rest,
      options: { ...options, env: { ...options.env, ...values } },
      secrets: Object.keys(values),
    });
  }
  for (const actor of actors) loaded.push(await actorOf(file, actor, await secretsOf(actor.secrets)));
  const ids = new Set<string>();
  for (const { options } of loaded) {
    if (options.id === undefined) continue;
    if (ids.has(options.id)) throw problem(file, `two components have the id ${options.id}; give one of them another`);
    ids.add(options.id);
  }
  for (const { component } of sockets) {
    if (loaded.some(({ name }) => name === component)) continue;
    throw problem(
      file,
      `sockets: there is no component ${JSON.stringify(component.slice(0, 80))}, and no actor with this id`,
    );
  }
  return {
    server: { ...server, ...(await tlsOf(file, 'server.tls', tls)) },
    components: loaded,
    routes,
    sockets,
    management: management && {
      host: management.host,
      port: management.port,
      ...(await tlsOf(file, 'management.tls', management.tls)),
    },
    tokens,
  };
}

async function tlsOf(file: string, key: string, paths: TlsPaths | undefined): Promise<Pick<ServerSettings, 'tls'>> {
  if (paths === undefined) return { tls: undefined };
  const read = (path: string): Promise<Buffer> =>
    readRegular(path, MAX_SECRET_BYTES, { links: 'follow' }).catch((cause: unknown) => {
      throw problem(file, `${key}: ${path} cannot be read: ${messageOf(cause)}`, cause);
    });
  const tls = { cert: await read(paths.certificate), key: await read(paths.key) };
  try {
    createSecureContext(tls);
  } catch (cause) {
    throw problem(file, `${key}: the certificate or its key cannot be used: ${messageOf(cause)}`, cause);
  }
  return { tls };
}

async function actorOf(
  file: string,
  { manifest, grants, preopens }: ParsedActor,
  secrets: Readonly<Record<string, string>>,
): Promise<ComponentSettings> {
  const found = await readManifest(manifest).catch((cause: unknown) => {
    throw problem(file, messageOf(cause), cause);
  });
  const [missing] = missingGrants(found.grants, grants);
  if (missing !== undefined) {
    throw problem(
      file,
      `${found.id} asks for ${missing}, which its entry in [[actors]] does not grant; add it to grants`,
    );
  }
  const { id, component, limits, env, mailbox, supervision } = found;
  return {
    name: id,
    source: component,
    options: {
      id,
      limits,
      env: { ...env, ...secrets },
      mailbox,
      // As with `viv start`, an actor gets what it asks for and no more.
      grants: found.grants,
      preopens,
      ...(supervision === undefined ? {} : { supervision }),
    },
    secrets: Object.keys(secrets),
  };
}

/** Messages name where a secret should be, and never contain anything of it. */
async function readSecrets(
  config: string,
  secrets: ReadonlyMap<string, SecretSource>,
  environment: NodeJS.ProcessEnv,
): Promise<Readonly<Record<string, string>>> {
  const values: Record<string, string> = Object.create(null);
  for (const [name, { file, env }] of secrets) {
    if (env !== undefined) {
      const value = environment[env];
      if (value === undefined) throw problem(config, `secrets.${name}: no variable ${env} is set here`);
      values[name] = value;
    } else if (file !== undefined) {
      const bytes = await readRegular(file, MAX_SECRET_BYTES, { links: 'follow' }).catch((cause: unknown) => {
        throw problem(config, `secrets.${name}: ${file} cannot be read: ${messageOf(cause)}`, cause);
      });
      // Editors and `echo` end a file with a line feed, which is not part of the secret.
      values[name] = bytes.toString('utf8').replace(/\r?\n$/, '');
    }
    if (values[name]?.includes('\0')) throw problem(config, `secrets.${name} contains a NUL, which no variable may`);
  }
  return values;
}

function problem(file: string, message: string, cause?: unknown): Error {
  return invalid(file, [{ key: '', line: undefined, message }], cause);
}
