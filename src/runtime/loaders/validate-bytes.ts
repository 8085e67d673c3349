/** Imports the reader of components only on use, because a start from the cache needs none. @throws `RUNTIME_INVALID_COMPONENT` */
export async function validateBytes(bytes: Uint8Array): Promise<void> {
  const { validateComponent } = await import('../validate.ts');
  validateComponent(bytes);
}
