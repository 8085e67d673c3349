import type { Action, Area } from '#core/ports/authority';
import { shownText, shownValue } from '#core/text';
import { SecurityError } from '../errors.ts';
import { ACTIONS, isAction, isArea } from './areas.ts';
import { parseResolution } from './clock-resolution.ts';
import { parseEndpointPattern } from './network-address.ts';
import { coversSegments, normalizeSegments, type PatternSegment } from './segment-pattern.ts';
import { ADDRESS_PART, mayStandFor, PATH_PART } from './segment-rule.ts';

/** A grant as written: `area:action:pattern`, or an object with these parts, which may have an end. */
export type GrantInput =
  | string
  | {
      readonly area: string;
      readonly action: string;
      readonly pattern: string;
      /** Milliseconds since 1970, or a date. */
      readonly expiresAt?: number | Date | undefined;
    };

/** A parsed grant: one action on everything that the pattern matches. */
export interface Grant {
  /** The normal form: equal texts mean the same grant. */
  readonly text: string;
  readonly area: Area;
  readonly action: Action;
  readonly segments: readonly PatternSegment[];
  readonly expiresAt?: number | undefined;
  /** Whether a network grant names an address. */
  readonly namesAddress: boolean;
  /** The finest resolution of a clock grant, in nanoseconds. */
  readonly resolutionNs?: number | undefined;
}

const MAX_PATTERN = 1_024;
const MAX_SEGMENTS = 64;
const PRINTABLE = /^[\x21-\x7e]+$/;

/**
 * Parses a grant. The result is a list, because the action `*` stands for every action of the area.
 * @throws {SecurityError} `SECURITY_INVALID_GRANT`
 */
export function parseGrant(input: GrantInput): readonly Grant[] {
  const { area, action, pattern, expiresAt } = typeof input === 'string' ? splitText(input) : checkObject(input);
  if (!isArea(area))
    throw invalid(input, `there is no area ${shownText(area)}; there are ${Object.keys(ACTIONS).join(', ')}`);
  if (pattern.length > MAX_PATTERN) throw invalid(input, `its pattern is longer than ${MAX_PATTERN} characters`);
  const actions = action === '*' ? ACTIONS[area] : isAction(area, action) ? [action] : undefined;
  if (actions === undefined) {
    throw invalid(input, `${area} has no action ${shownText(action)}; it has ${ACTIONS[area].join(', ')}`);
  }
  const parsed = parsePattern(area, pattern, (why) => invalid(input, why));
  return actions.map((each) => ({ area, action: each, ...parsed, text: `${area}:${each}:${parsed.text}`, expiresAt }));
}

/** Whether `wide` allows everything that `narrow` allows. Their times are not compared. */
export function covers(wide: Grant, narrow: Grant): boolean {
  if (wide.area !== narrow.area || wide.action !== narrow.action) return false;
  if (wide.resolutionNs !== undefined) return wide.resolutionNs <= (narrow.resolutionNs ?? 0);
  // A pattern that names no address never covers addresses that are not public; one that names an address may.
  if (narrow.namesAddress && !wide.namesAddress) return false;
  return coversSegments(wide.segments, narrow.segments);
}

type ParsedPattern = Pick<Grant, 'text' | 'segments' | 'namesAddress' | 'resolutionNs'>;

function parsePattern(area: Area, pattern: string, refuse: (why: string) => SecurityError): ParsedPattern {
  if (area === 'network') {
    const parsed = parseEndpointPattern(pattern);
    if (parsed === undefined) throw refuse('a network pattern is scheme://host:port, with an ASCII host and no path');
    return { ...parsed, segments: normalizeSegments(parsed.segments) };
  }
  if (area === 'clock') {
    const resolutionNs = parseResolution(pattern);
    if (resolutionNs === undefined) throw refuse('a clock pattern is a time such as 1ms, 10us or 100ns');
    return { text: pattern, segments: ['*'], namesAddress: false, resolutionNs };
  }
  if (!PRINTABLE.test(pattern)) throw refuse('its pattern must be printable ASCII without spaces, and not empty');
  const segments = pattern.split('/');
  if (segments.length > MAX_SEGMENTS) throw refuse(`its pattern has more than ${MAX_SEGMENTS} segments`);
  for (const segment of segments) {
    if (segment === '*' || segment === '**') continue;
    if (segment.includes('*')) throw refuse(`* stands for a whole segment; ${shownText(segment)} mixes it with text`);
    if (area === 'messaging' && !mayStandFor(ADDRESS_PART, segment))
      throw refuse(`${shownText(segment)} cannot be a part of an id or topic`);
  }
  if (area === 'environment' && !(segments.length === 1 && /^\*\*?$|^[A-Za-z_][A-Za-z0-9_]*$/.test(pattern))) {
    throw refuse('an environment pattern is a variable name, or *');
  }
  if (area === 'filesystem' && !(pattern === '**' || isAbsolutePattern(segments))) {
    throw refuse('a file pattern is an absolute path without empty, . and .. segments');
  }
  const normal = normalizeSegments(segments);
  return { text: normal.join('/'), segments: normal, namesAddress: false };
}

function isAbsolutePattern([root, ...rest]: readonly string[]): boolean {
  return root === '' && rest.length > 0 && rest.every((segment) => mayStandFor(PATH_PART, segment));
}

function splitText(text: string): { area: string; action: string; pattern: string; expiresAt?: number } {
  const [, area, action, pattern] = /^([^:]*):([^:]*):(.*)$/s.exec(text) ?? [];
  if (area === undefined || action === undefined || pattern === undefined) {
    throw invalid(text, 'it is not area:action:pattern, such as storage:read:counts/**');
  }
  return { area, action, pattern };
}

/** Checks the fields of an object, which may come from a manifest or a policy and need not have the declared type. */
function checkObject(input: Exclude<GrantInput, string>): {
  area: string;
  action: string;
  pattern: string;
  expiresAt?: number | undefined;
} {
  if (typeof input !== 'object' || input === null)
    throw invalid(shownValue(input), 'it is neither a text nor an object');
  const unknown = Object.keys(input).find((key) => !['area', 'action', 'pattern', 'expiresAt'].includes(key));
  if (unknown !== undefined) throw invalid(input, `it has an unknown field ${shownText(unknown)}`);
  const { area, action, pattern } = input;
  if (typeof area !== 'string' || typeof action !== 'string' || typeof pattern !== 'string') {
    throw invalid(input, 'area, action and pattern must be text');
  }
  if (input.expiresAt === undefined) return { area, action, pattern };
  const { expiresAt: end } = input;
  const expiresAt = end instanceof Date || typeof end === 'number' ? Number(end) : Number.NaN;
  if (!Number.isFinite(expiresAt)) throw invalid(input, 'expiresAt must be a date or milliseconds since 1970');
  return { area, action, pattern, expiresAt };
}

function invalid(input: GrantInput, why: string): SecurityError {
  const text = typeof input === 'string' ? input : [input.area, input.action, input.pattern].map(textOf).join(':');
  return new SecurityError('SECURITY_INVALID_GRANT', `${shownText(text)} is not a grant: ${why}`);
}

function textOf(part: unknown): string {
  return typeof part === 'string' ? part : shownValue(part);
}
