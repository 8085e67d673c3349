export * from '#core';
export * from '#system';
