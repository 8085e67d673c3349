/** The reader of components is loaded on use: a start from the cache needs none. @throws `RUNTIME_INVALID_COMPONENT` */
export async function validateBytes(bytes: Uint8Array): Promise<void> {
  const { validateComponent } = await import('../validate.ts');
  validateComponent(bytes);
}
