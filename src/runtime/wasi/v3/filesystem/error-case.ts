/** The case of version 0.3's `error-code`, a variant, for a code of version 0.2, an enum. All codes that we use are in both. */
export function caseOf(code: string): { readonly tag: string } {
  return { tag: code };
}

/** Runs an operation of version 0.2. Throws the case for the code that it throws. */
export function inCases<T>(operation: () => T): T {
  try {
    return operation();
  } catch (thrown) {
    throw typeof thrown === 'string' ? caseOf(thrown) : thrown;
  }
}

/** Like `inCases`, for an operation that takes time. */
export async function inCasesLater<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (thrown) {
    throw typeof thrown === 'string' ? caseOf(thrown) : thrown;
  }
}
