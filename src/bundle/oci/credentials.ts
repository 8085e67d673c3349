import { allow } from '#core/options';
import { shownPath } from '#core/text';
import { readRegular } from '#files';
import { BundleError } from '../errors.ts';
import { checkBundleOptions } from '../option-rules.ts';

/** The credentials for a registry: a token alone, or a user's name and password. */
export type Credentials =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'basic'; readonly user: string; readonly password: string };

export interface CredentialOptions {
  readonly tokenFile?: string;
  readonly token?: string;
  /** The user's name, which makes the token a password. */
  readonly user?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const CREDENTIALS: allow.OptionRules<CredentialOptions> = {
  tokenFile: allow.path,
  token: allow.secret('a token'),
  user: allow.text,
  environment: allow.anything,
};
const RULE = allow.required(CREDENTIALS, 'environment');

const VARIABLES = ['VIVARIUM_CACHE_TOKEN', 'MACHE_CACHE_TOKEN'] as const;
const MAX_TOKEN = 64 * 2 ** 10;

/**
 * Returns the token of the file, or the given one, or that of the environment, or `undefined`. Only the first line
 * counts. The token never appears in a message.
 *
 * @throws {BundleError} `BUNDLE_INVALID_OPTION`
 */
export async function findCredentials(options: CredentialOptions): Promise<Credentials | undefined> {
  checkBundleOptions(options, RULE);
  const { tokenFile, token, user, environment } = options;
  if (tokenFile !== undefined) return toCredentials(await readTokenFile(tokenFile), `the file ${tokenFile}`, user);
  if (token !== undefined) return toCredentials(token, '--token', user);
  for (const name of VARIABLES) {
    const value = environment[name];
    if (value !== undefined && value !== '') return toCredentials(value, name, user);
  }
  if (user !== undefined)
    throw new BundleError('BUNDLE_INVALID_OPTION', 'a user is named, but no token; give one with --token-file');
  return undefined;
}

async function readTokenFile(path: string): Promise<string> {
  const bytes = await readRegular(path, MAX_TOKEN, { links: 'follow' }).catch((cause: unknown) => {
    throw new BundleError('BUNDLE_INVALID_OPTION', `the token file ${shownPath(path)} cannot be read`, { cause });
  });
  return bytes.toString('utf8');
}

function toCredentials(text: string, from: string, user: string | undefined): Credentials {
  const token = (text.split('\n', 1)[0] as string).trim();
  if (token === '') throw new BundleError('BUNDLE_INVALID_OPTION', `${from} holds no token in its first line`);
  // Refuse a character that a header cannot contain, because the error of a later request would show the token.
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new BundleError('BUNDLE_INVALID_OPTION', `${from} holds a token with characters that a token cannot have`);
  }
  return user === undefined ? { kind: 'token', token } : { kind: 'basic', user, password: token };
}

export function basicHeader({ user, password }: { readonly user: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
