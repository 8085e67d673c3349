/** Codes of version 0.2 that version 0.3 has no case for, or another one. */
const OTHERS: Readonly<Record<string, { readonly tag: string; readonly val?: string }>> = {
  'new-socket-limit': { tag: 'other', val: 'too many sockets' },
  'name-unresolvable': { tag: 'remote-unreachable' },
  // Of a write to a connection that is gone, which version 0.2 has no case for.
  'connection-aborted': { tag: 'connection-broken' },
  unknown: { tag: 'other' },
};

/** The case of version 0.3's `error-code`, a variant, for a code of version 0.2, an enum. */
export function caseOf(code: string): { readonly tag: string; readonly val?: string } {
  return OTHERS[code] ?? { tag: code };
}

/** Runs an operation of version 0.2. Throws the case for the code that it throws. */
export function inCases<T>(operation: () => T): T {
  try {
    return operation();
  } catch (thrown) {
    throw typeof thrown === 'string' ? caseOf(thrown) : thrown;
  }
}
